//! `mi demo`: the guide's multi-agent code review, from an empty folder to proven results.
//!
//! A server of its own in a temporary folder, an office, two agents in their pods, a file on the drive, a parent task
//! with two subtasks. Nothing of the user's is touched, and nothing stays behind.

mod brains;
mod report;
mod stage;
mod story;
mod watch;

use std::time::Instant;

use mi_cli::exit::Exit;
use mi_cli::programs::DemoArgs;
use mi_cli::{Format, World};

use crate::failure::Failure;
use crate::up::{Signals, runtime};
use crate::{logging, voice};
use brains::Brains;
use stage::Stage;
use story::Story;

/// Only what goes wrong: the demo tells its story itself.
const LOG_FILTER: &str = "error";

pub fn run(args: &DemoArgs, format: Format, world: &World) -> Result<Exit, Failure> {
    let log = world.variable("MI_LOG").unwrap_or(LOG_FILTER);
    logging::start(log, mi_server::infra::config::LogFormat::Human)?;
    runtime()?.block_on(Box::pin(play(args, format, world)))
}

/// Whatever happens after the curtain has risen, the stage is cleared.
async fn play(args: &DemoArgs, format: Format, world: &World) -> Result<Exit, Failure> {
    let began = Instant::now();
    let mut signals = Signals::listen()?;
    let brains = Brains::find(world).await;
    let mut setting = Box::pin(Stage::set(args, world, &brains));
    let stage = tokio::select! {
        stage = &mut setting => stage?,
        // A server that is half up would go on writing into its folder while that is removed.
        () = signals.next() => {
            setting.await?.clear().await?;
            return Err(Failure::new("interrupted"));
        }
    };
    let outcome = tokio::select! {
        outcome = Box::pin(tell(&stage, args, format, &brains, began)) => outcome,
        () = signals.next() => Err(Failure::new("interrupted")),
    };
    if args.keep && outcome.is_ok() {
        voice::say(&format!("the server stays at {}; Ctrl-C ends it", stage.endpoint()));
        signals.next().await;
    }
    stage.clear().await?;
    outcome
}

async fn tell(
    stage: &Stage,
    args: &DemoArgs,
    format: Format,
    brains: &Brains,
    began: Instant,
) -> Result<Exit, Failure> {
    voice::say(&format!("server ready in {} ms at {}", stage.ready_ms, stage.endpoint()));
    voice::say(&brains.sentence());
    let story = Story::begin(stage, args, brains).await?;
    let end = watch::until_over(&story).await?;
    let report = report::Report::of(stage, &story, end, began).await?;
    match format {
        Format::Json => voice::tell(&report.json()?),
        Format::People => voice::tell(&report.text(stage, args)),
    }
    .map_err(Failure::io("write to stdout"))?;
    Ok(if report.is_good() { Exit::Done } else { Exit::Failed })
}
