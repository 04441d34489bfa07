//! `mi agents …`.

mod activity;
pub mod archive;
mod clone;
mod daemon;
mod debug;
pub mod error;
mod files;
mod fire;
mod get;
pub mod hire;
mod join;
mod keys;
mod leave;
pub mod lifecycle;
pub mod list;
pub mod logs;
mod onboard;
mod own;
mod rotate;
mod service;
mod shell;
mod update;

use clap::Subcommand;
use mi_core::wire::agents::LifecycleAction::{Restart, Start, Stop};

use crate::desk::Desk;
use crate::fault::Fault;
use crate::programs::AgentRunArgs;
use crate::targets::Target;

const HELP: &str = "\
Examples:
  mi agents hire --name ada --provider anthropic --model sonnet --role \"reviews Go\"
  mi agents hire --name counter --command 'tq done \"$(wc -l /shared/files/*)\"'
  mi agents get ada
  mi agents logs ada -f               what its pod writes
  mi agents error ada                 why it doesn't run
  mi agents debug ada -- ls -la       one command in its pod; mi agents shell ada opens a shell there

An agent that lives on this machine:
  mi agent onboard ABCD23 -n walker --endpoint https://mi.example.org
  mi agent self --as-agent walker
  mi tasks claim --as-agent walker";

#[derive(Subcommand)]
#[command(after_help = HELP)]
pub enum Act {
    /// Who works in a colony
    List(list::ListArgs),
    /// Bring an agent in
    Hire(hire::HireArgs),
    /// What an agent is and does
    Get(Target),
    /// Change what an agent is
    Update(update::UpdateArgs),
    /// Let an agent go: its workspace is backed up, its pod ends, its name becomes free
    Fire(fire::FireArgs),
    /// Put an agent away: its pod ends, its name and workspace are kept
    Archive(Target),
    /// Bring a fired or archived agent back, with its workspace
    Restore(archive::RestoreArgs),
    /// What is in its workspace
    Files(files::FilesArgs),
    /// Give it new credentials; the old ones are refused at once
    Rotate(rotate::RotateArgs),
    /// By which keys it is known, and when each was used
    Keys(Target),
    /// What its pod wrote
    Logs(logs::LogsArgs),
    /// What it did
    Activity(activity::ActivityArgs),
    /// Start its pod
    Start(Target),
    /// Stop its pod until it is started again
    Stop(Target),
    /// Stop and start its pod
    Restart(Target),
    /// The last error that it met
    Error(Target),
    /// Run one command in its pod
    Debug(debug::DebugArgs),
    /// Open a shell in its pod
    Shell(shell::ShellArgs),
    /// Let an agent that lives on this machine join a colony
    Join(join::JoinArgs),
    /// The same, and keep it online, and say hello
    Onboard(onboard::OnboardArgs),
    /// Let an agent of this machine leave its colony for good
    Leave,
    /// Say once that it is there
    Heartbeat(own::HeartbeatArgs),
    /// Say every half minute that it is there
    HeartbeatDaemon,
    /// What it is in its colony, and what it holds
    #[command(name = "self")]
    Own,
    /// The models that its colony knows
    Models,
    /// Tell its colony with which model it thinks
    UseModel(own::UseModelArgs),
    /// Make a hosted agent that goes on where an agent stands, with its state
    Clone(clone::CloneArgs),
    /// Let this machine work as an agent that joined, until it is told to end
    Run(AgentRunArgs),
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(args) => list::run(desk, args).await,
        Act::Hire(args) => hire::run(desk, args).await,
        Act::Get(target) => get::run(desk, target).await,
        Act::Update(args) => update::run(desk, args).await,
        Act::Fire(args) => fire::run(desk, args).await,
        Act::Archive(target) => archive::archive(desk, target).await,
        Act::Restore(args) => archive::restore(desk, args).await,
        Act::Files(args) => files::run(desk, args).await,
        Act::Rotate(args) => rotate::run(desk, args).await,
        Act::Keys(target) => keys::run(desk, target).await,
        Act::Logs(args) => logs::run(desk, args).await,
        Act::Activity(args) => activity::run(desk, args).await,
        Act::Start(target) => lifecycle::run(desk, target, Start).await,
        Act::Stop(target) => lifecycle::run(desk, target, Stop).await,
        Act::Restart(target) => lifecycle::run(desk, target, Restart).await,
        Act::Error(target) => error::run(desk, target).await,
        Act::Debug(args) => debug::run(desk, args).await,
        Act::Shell(args) => shell::run(desk, args).await,
        Act::Join(args) => join::run(desk, args).await,
        Act::Onboard(args) => onboard::run(desk, args).await,
        Act::Leave => leave::run(desk).await,
        Act::Heartbeat(args) => own::heartbeat(desk, args).await,
        Act::HeartbeatDaemon => daemon::run(desk).await,
        Act::Own => own::card(desk).await,
        Act::Models => own::models(desk).await,
        Act::UseModel(args) => own::use_model(desk, args).await,
        Act::Clone(args) => clone::run(desk, args).await,
        Act::Run(_) => Err(Fault::usage("this is a program of the binary `mi`", "run `mi` itself")),
    }
}
