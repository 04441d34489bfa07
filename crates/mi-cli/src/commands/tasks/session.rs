//! `mi tasks session TASK`: what an attempt said and did, to its end if wanted.

use clap::Args;
use mi_client::Stream;
use mi_core::ids::{ClaimToken, TaskId};
use mi_core::wire::sessions::Transcript;
use mi_core::wire::tasks::Session;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::targets::TaskTarget;
use crate::views::sessions as view;

#[derive(Args)]
pub struct SessionArgs {
    #[command(flatten)]
    target: TaskTarget,
    /// Which attempt [default: the last one]
    #[arg(long, value_name = "N")]
    attempt: Option<i64>,
    /// Go on until the session ends
    #[arg(short, long)]
    follow: bool,
}

pub async fn run(desk: &mut Desk, args: SessionArgs) -> Result<(), Fault> {
    let found = args.target.read::<TaskId>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let sessions = client.tasks(office).get(found.thing).await?.sessions;
    let session = choose(&sessions, found.thing, args.attempt)?;
    let of_office = client.sessions(office);
    if args.follow {
        return follow(desk, of_office.live(session).with_pause(desk.pace)).await;
    }
    let (mut part, answer) = of_office.transcript(session, 0).both().await?;
    begin(desk, &part, &answer.body)?;
    while part.more {
        let (later, answer) = of_office.transcript(session, part.next).both().await?;
        go_on(desk, &later, &answer.body)?;
        part = later;
    }
    end(desk, &part)
}

/// Part after part as the server sends them, until the session is over and all of it is told.
async fn follow(desk: &mut Desk, mut stream: Stream) -> Result<(), Fault> {
    let mut is_begun = false;
    loop {
        let message = stream.next().await?;
        let part: Transcript = message.json()?;
        match std::mem::replace(&mut is_begun, true) {
            false => begin(desk, &part, message.data.as_bytes())?,
            true => go_on(desk, &part, message.data.as_bytes())?,
        }
        if part.session.ended_at.is_some() && !part.more {
            return end(desk, &part);
        }
    }
}

/// The last session of that attempt; what comes last in a list of attempts is the newest.
fn choose(sessions: &[Session], task: TaskId, attempt: Option<i64>) -> Result<ClaimToken, Fault> {
    let wanted = sessions.iter().filter(|session| attempt.is_none() || session.attempt == attempt);
    let newest = wanted.map(|session| session.id).max_by_key(|id| id.0);
    newest.ok_or_else(|| match attempt {
        None => Fault::not_found(
            format!("nobody has attempted task {task} yet"),
            format!("`mi tasks why {task}` says what it waits for"),
        ),
        Some(attempt) => Fault::not_found(
            format!("task {task} has no attempt {attempt}"),
            format!("`mi tasks proof {task}` shows its attempts"),
        ),
    })
}

/// For programs, each part as the API gave it, one on a line.
fn begin(desk: &mut Desk, part: &Transcript, body: &[u8]) -> Result<(), Fault> {
    let screen = desk.out.screen;
    match desk.out.format {
        Format::Json => desk.out.json(body),
        Format::People => {
            desk.out.data(&view::head(&part.session, screen))?;
            desk.out.data(&view::items(&part.items, screen))
        }
    }
}

fn go_on(desk: &mut Desk, part: &Transcript, body: &[u8]) -> Result<(), Fault> {
    match desk.out.format {
        Format::Json => desk.out.json(body),
        Format::People => desk.out.data(&view::items(&part.items, desk.out.screen)),
    }
}

/// How it stands when all was told.
fn end(desk: &mut Desk, part: &Transcript) -> Result<(), Fault> {
    if desk.out.format == Format::Json {
        return Ok(());
    }
    desk.out.data(&view::end(part, (desk.now)(), desk.out.screen))
}
