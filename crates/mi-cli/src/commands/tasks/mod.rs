//! `mi tasks …`.

pub mod artifact;
mod cancel;
mod checks;
pub mod claim;
pub mod comment;
pub mod create;
mod export;
mod get;
mod late;
pub mod list;
pub mod log;
mod proof;
mod renew;
pub mod retry;
mod session;
mod stats;
pub mod times;
mod tree;
pub mod update;
pub mod verify;
mod watch;
mod why;
mod written;

use clap::Subcommand;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::TaskTarget;

const HELP: &str = "\
Examples:
  mi tasks create --title \"Find bugs in main.go\" --assigned-agent ada
  mi tasks create --title \"Sum it up\" --depends-on 1,2
  mi tasks tree                       parts, waits and times at one look
  mi tasks why 3                      what it waits for, and the command that mends it
  mi tasks watch 3                    follow it to its end
  mi tasks session 3 -f               what it says and does while it works
  mi tasks retry 3 --reason \"the file is there now\"
  mi tasks export --format csv -o tasks.csv";

#[derive(Subcommand)]
#[command(after_help = HELP)]
pub enum Act {
    /// What is in the queue
    List(list::ListArgs),
    /// Put a task into the queue
    Create(create::CreateArgs),
    /// A task with its logs, comments, subtasks and artifacts
    Get(TaskTarget),
    /// Tasks with their parts, what each waits for and how it stands
    Tree(tree::TreeArgs),
    /// How many tasks stand where
    Stats(ColonyPlace),
    /// Follow a task to its end; fails when the task fails
    Watch(watch::WatchArgs),
    /// What a task waits for, down to the cause, and what would let it go on
    Why(why::WhyArgs),
    /// Take a task for an agent
    Claim(claim::ClaimArgs),
    /// Change a task or move it on
    Update(update::UpdateArgs),
    /// Keep a claim alive
    Renew(renew::RenewArgs),
    /// Write a line into a task's log
    Log(log::LogArgs),
    /// Say something about a task
    Comment(comment::CommentArgs),
    /// Link a file on the drive to a task
    Artifact(artifact::ArtifactArgs),
    /// What each attempt has to show for itself
    Proof(TaskTarget),
    /// What an attempt said and did: its log, its tools, its model's words
    Session(session::SessionArgs),
    /// Results that came after their claim was lost: see them, let one count, let it go
    #[command(subcommand)]
    Late(late::Act),
    /// Accept or reject what was done
    Verify(verify::VerifyArgs),
    /// Give a failed or cancelled task another chance
    Retry(retry::RetryArgs),
    /// Stop a task and its open subtasks for good
    Cancel(cancel::CancelArgs),
    /// Every task with result, artifacts and times, as a file
    Export(export::ExportArgs),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => list::run(desk, args).await,
        Act::Create(args) => create::run(desk, args).await,
        Act::Get(target) => get::run(desk, target).await,
        Act::Tree(args) => tree::run(desk, args).await,
        Act::Stats(place) => stats::run(desk, place).await,
        Act::Watch(args) => watch::run(desk, args).await,
        Act::Why(args) => why::run(desk, args).await,
        Act::Claim(args) => claim::run(desk, args).await,
        Act::Update(args) => update::run(desk, args).await,
        Act::Renew(args) => renew::run(desk, args).await,
        Act::Log(args) => log::run(desk, args).await,
        Act::Comment(args) => comment::run(desk, args).await,
        Act::Artifact(args) => artifact::run(desk, args).await,
        Act::Session(args) => session::run(desk, args).await,
        Act::Proof(target) => proof::run(desk, target).await,
        Act::Late(act) => late::run(desk, act).await,
        Act::Verify(args) => verify::run(desk, args).await,
        Act::Retry(args) => retry::run(desk, args).await,
        Act::Cancel(args) => cancel::run(desk, args).await,
        Act::Export(args) => export::run(desk, args).await,
    }
}
