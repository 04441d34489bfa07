//! `mi tasks session TASK`: what an attempt said and did, to its end if wanted.

use clap::Args;
use mi_client::Client;
use mi_core::ids::{ClaimToken, OfficeId, TaskId};
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
    let part_from = |from| client.sessions(office).transcript(session, from).both();
    let (mut part, answer) = part_from(0).await?;
    begin(desk, &part, &answer.body)?;
    loop {
        let is_over = part.session.ended_at.is_some();
        match (part.more, args.follow && !is_over) {
            (true, _) => {}
            (false, true) => tokio::time::sleep(desk.pace).await,
            (false, false) => return end(desk, &client, office, session).await,
        }
        let (later, answer) = part_from(part.next).await?;
        go_on(desk, &later, &answer.body)?;
        part = later;
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
        Format::Json if part.items.is_empty() => Ok(()),
        Format::Json => desk.out.json(body),
        Format::People => desk.out.data(&view::items(&part.items, desk.out.screen)),
    }
}

/// How it stands when all was told.
async fn end(desk: &mut Desk, client: &Client, office: OfficeId, session: ClaimToken) -> Result<(), Fault> {
    if desk.out.format == Format::Json {
        return Ok(());
    }
    let now = client.sessions(office).transcript(session, i64::MAX).await?.session;
    desk.out.data(&view::end(&now, (desk.now)(), desk.out.screen))
}
