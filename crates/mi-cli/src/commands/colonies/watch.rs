//! `mi colonies watch [COLONY]`: what happens, as it happens.
//!
//! On a terminal a picture that is drawn anew, else a line for each event. Both read
//! the event stream, and go on from where they were when it breaks.

use std::time::Duration;

use clap::Args;
use mi_client::{Client, ClientError, EventStream, Told};
use mi_core::ids::OfficeId;
use mi_core::tasks::status::Status;
use mi_core::wire::events::Event;
use tokio::time::Instant;

use super::status;
use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::follow::{self, Outcome};
use crate::gather;
use crate::output::{Format, Screen, Tone, clean};
use crate::views::moment;

/// Tries in a row at which nobody answers, before the server counts as gone.
const SILENT_TRIES_MAX: u32 = 30;
/// Events under the picture.
const EVENTS_SHOWN: usize = 12;
/// To the upper left, and nothing below.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";
/// Without events, the picture is still drawn so often: durations go on.
const REDRAW_TICKS: u32 = 5;

#[derive(Args)]
pub struct WatchArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// End when no task is open any more; exit code 1 when some failed
    #[arg(long)]
    until_idle: bool,
    /// Give up after so many seconds (exit code 1)
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Lines instead of a picture, on a terminal as well
    #[arg(long)]
    lines: bool,
}

pub async fn run(desk: &mut Desk, args: WatchArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let picture = desk.out.screen.is_terminal && desk.out.format == Format::People && !args.lines;
    let until_idle = args.until_idle;
    let mut watcher = Watcher { client, office, stream: None, last: None, silent: 0, recent: Vec::new(), picture };
    let deadline = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    tokio::select! {
        ended = watcher.watch(desk, until_idle, deadline) => ended,
        // Whoever interrupts has seen enough.
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|fault| Fault::io("signals can't be heard", fault)),
    }
}

struct Watcher {
    client: Client,
    office: OfficeId,
    stream: Option<EventStream>,
    /// The last event that was seen.
    last: Option<i64>,
    silent: u32,
    recent: Vec<Event>,
    picture: bool,
}

impl Watcher {
    async fn watch(&mut self, desk: &mut Desk, until_idle: bool, deadline: Option<Instant>) -> Result<(), Fault> {
        let mut ticks = 0;
        let mut changed = true;
        let mut bad_looks = 0;
        loop {
            // The stream is open before the first look, so nothing falls between them.
            self.connect(desk).await?;
            if self.picture && (changed || ticks % REDRAW_TICKS == 0) {
                self.draw(desk).await?;
            }
            if until_idle && (changed || ticks % REDRAW_TICKS == 0) {
                match self.outcome().await? {
                    Outcome::Open => bad_looks = 0,
                    Outcome::Good => return Ok(()),
                    Outcome::Bad if bad_looks > 0 => return Err(self.failure().await?),
                    Outcome::Bad => bad_looks += 1,
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Fault::failed("there are still open tasks", "`mi tasks why` says what they wait for"));
            }
            changed = self.listen(desk).await?;
            ticks += 1;
        }
    }

    async fn connect(&mut self, desk: &Desk) -> Result<(), Fault> {
        while self.stream.is_none() {
            match self.client.events(self.office).follow(self.last).await {
                Ok(stream) => (self.stream, self.silent) = (Some(stream), 0),
                Err(fault) => self.wait_after(desk, fault).await?,
            }
        }
        Ok(())
    }

    /// A server that restarts meanwhile is waited for.
    async fn wait_after(&mut self, desk: &Desk, fault: ClientError) -> Result<(), Fault> {
        let passing = fault.is_unreachable() || fault.status() == Some(503);
        self.silent += 1;
        if !passing || self.silent > SILENT_TRIES_MAX {
            return Err(fault.into());
        }
        tokio::time::sleep(desk.pace).await;
        Ok(())
    }

    /// What comes within one pace; says whether anything came.
    async fn listen(&mut self, desk: &mut Desk) -> Result<bool, Fault> {
        let until = Instant::now() + desk.pace;
        let mut changed = false;
        while let Some(stream) = &mut self.stream {
            let next = match tokio::time::timeout_at(until, stream.next()).await {
                Err(_) => break,
                Ok(next) => next,
            };
            match next {
                Ok(Some(told)) => {
                    changed = true;
                    self.last = Some(told.event.seq);
                    self.tell(desk, told)?;
                }
                Ok(None) => self.stream = None,
                Err(fault) if fault.is_unreachable() => self.stream = None,
                Err(fault) => return Err(fault.into()),
            }
        }
        if self.stream.is_none() {
            tokio::time::sleep_until(until).await;
        }
        Ok(changed)
    }

    fn tell(&mut self, desk: &mut Desk, told: Told) -> Result<(), Fault> {
        match desk.out.format {
            Format::Json => desk.out.json(told.json.as_bytes()),
            Format::People if self.picture => {
                self.recent.push(told.event);
                let old = self.recent.len().saturating_sub(EVENTS_SHOWN);
                self.recent.drain(..old);
                Ok(())
            }
            Format::People => {
                let screen = desk.out.screen;
                desk.out.data(&line(&told.event, screen))
            }
        }
    }

    async fn draw(&mut self, desk: &mut Desk) -> Result<(), Fault> {
        let look = match status::look(desk, &self.client, self.office).await {
            Ok(look) => look,
            // The stream will say whether the server is gone.
            Err(Fault::Client(fault)) if fault.is_unreachable() => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let screen = desk.out.screen;
        let events: String = self.recent.iter().map(|event| line(event, screen) + "\n").collect();
        let head = screen.paint.tint(Tone::Strong, "events");
        desk.out.data(&format!("{CLEAR}{}\n{head}\n{events}", look.render(screen)))
    }

    async fn outcome(&self) -> Result<Outcome, Fault> {
        let open = gather::tasks(&self.client, self.office, &gather::OPEN).await?;
        if follow::outcome(&open) == Outcome::Open {
            return Ok(Outcome::Open);
        }
        // What is over is looked at only when nothing moves.
        let all = gather::tasks(&self.client, self.office, &[]).await?;
        Ok(follow::outcome(all.iter().filter(|task| task.status != Status::Cancelled)))
    }

    async fn failure(&self) -> Result<Fault, Fault> {
        Ok(follow::failed(&gather::tasks(&self.client, self.office, &[Status::Failed]).await?))
    }
}

/// `2026-04-27 09:30:00  #7  tasks.finish  task 7 done`
fn line(event: &Event, screen: Screen) -> String {
    let task = event.task_id.map(|id| format!("  #{id}")).unwrap_or_default();
    let head = format!("{}  {:<9}{task}", moment(event.created_at), event.category);
    format!("{}  {}", screen.paint.tint(Tone::Faint, &clean(&head)), clean(&event.summary).replace('\n', " "))
}
