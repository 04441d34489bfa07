//! The commands of `mi`, one file each.

mod agents;
mod api;
mod apply;
mod audit;
mod backup;
pub mod chat;
mod colonies;
pub mod completions;
mod credits;
mod env;
mod events;
pub mod files;
mod integrations;
mod invite;
mod keys;
mod link;
mod llm;
mod login;
mod logout;
mod members;
mod roles;
mod schedules;
pub mod tasks;
mod usage;
mod use_colony;
mod webhooks;
mod whoami;

pub use agents::hire;

use clap::{Parser, Subcommand};

use crate::args::{ColonyArg, ColonyPlace, Global};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::programs::{AgentRunArgs, DemoArgs, DoctorArgs, ExampleArgs, PassedOn, UpArgs};
use crate::targets::Target;
use crate::tq::TqArgs;

const FIRST_STEPS: &str = "\
First steps:
  mi demo                                     see it work, from end to end
  mi up                                       your own server; go on in a second terminal:
  mi colonies create --name review
  mi agents hire --name ada --command 'tq done \"$(wc -l /shared/files/*)\"'
  mi files push main.go
  mi tasks create --title \"Count the lines\" --assigned-agent ada
  mi tasks watch 1

A whole colony from a file:  mi apply -f colony.yaml --wait
When nothing seems to happen:  mi status, mi tasks why";

/// Hire autonomous agents, give them work, see what they did.
#[derive(Parser)]
#[command(name = "mi", version, propagate_version = true, max_term_width = 100, after_help = FIRST_STEPS)]
pub struct Mi {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub act: Act,
}

#[derive(Subcommand)]
pub enum Act {
    /// Run the whole platform here, in the foreground
    Up(UpArgs),
    /// See two agents review a file, from end to end
    Demo(DemoArgs),
    /// Get a key by a yes in the browser, or store one, for later commands
    Login(login::LoginArgs),
    /// Forget the key
    Logout(logout::LogoutArgs),
    /// Who the server takes you for
    Whoami,
    /// API keys of your own
    #[command(subcommand, alias = "key")]
    Keys(keys::Act),
    /// An address that signs a browser in as you, once
    Link,
    /// The people of a colony, and what they may do
    #[command(subcommand, alias = "member")]
    Members(members::Act),
    /// Remember a colony for commands that name none
    Use(use_colony::UseArgs),
    /// How a colony is doing
    Status(ColonyPlace),
    /// Make a colony as a file declares it: agents, files, tasks
    Apply(apply::ApplyArgs),
    /// Colonies (= offices): isolated places for agents, tasks and files
    #[command(subcommand, visible_aliases = ["offices"], aliases = ["colony", "office"])]
    Colonies(colonies::Act),
    /// Agents: who works in a colony
    #[command(subcommand, alias = "agent")]
    Agents(agents::Act),
    /// Let agents from elsewhere and colleagues in
    #[command(visible_alias = "invites")]
    Invite(invite::InviteArgs),
    /// Tasks: the colony's shared queue of work
    #[command(subcommand, alias = "task")]
    Tasks(tasks::Act),
    /// Schedules: tasks that come again and again
    #[command(subcommand, alias = "schedule")]
    Schedules(schedules::Act),
    /// Files on the colony's shared drive
    #[command(subcommand, alias = "file")]
    Files(files::Act),
    /// Environment variables of a colony and of its agents
    #[command(subcommand)]
    Env(env::Act),
    /// Services that agents may use, such as github and slack
    #[command(subcommand, alias = "integration")]
    Integrations(integrations::Act),
    /// Whether models answer
    #[command(subcommand)]
    Llm(llm::Act),
    /// The templates that an agent's role may name
    Roles(roles::NameArgs),
    /// The skills that an agent may be given
    Skills(roles::NameArgs),
    /// Talk with an agent, or with everybody in the colony
    Chat(chat::ChatArgs),
    /// What happened in a colony, and what happens
    Events(events::EventsArgs),
    /// Whether the record of a colony is as it was written, and the record to take away
    #[command(subcommand)]
    Audit(audit::Act),
    /// Tell other programs of a colony's events, by signed calls
    #[command(subcommand, alias = "webhook")]
    Webhooks(webhooks::Act),
    /// What a colony may still spend
    Credits(credits::CreditsArgs),
    /// Which models were used, and what that cost
    Usage(usage::UsageArgs),
    /// What an agent's pod wrote
    Logs(agents::logs::LogsArgs),
    /// Start an agent's pod
    Start(Target),
    /// Stop an agent's pod until it is started again
    Stop(Target),
    /// Stop and start an agent's pod
    Restart(Target),
    /// The last error that an agent met
    Error(Target),
    /// Workspaces of agents as they were
    #[command(subcommand, alias = "backups")]
    Backup(backup::Act),
    /// Bring a fired or archived agent back, with its workspace
    Restore(agents::archive::RestoreArgs),
    /// Any call of the API
    Api(api::ApiArgs),
    /// A script that completes commands in a shell
    Completions(completions::CompletionsArgs),
    /// The configuration of `mi up`
    #[command(subcommand)]
    Config(ConfigAct),
    /// What this machine can do for agents, what is wrong with it, and what to do about that
    Doctor(DoctorArgs),
    /// Small agents that need no model
    Example(ExampleArgs),
    /// The queue as agents see it in their pods
    Tq(TqArgs),
    /// The acts of a colony as tools for a model, over stdin and stdout (Model Context Protocol)
    Mcp(ColonyArg),
    #[command(hide = true)]
    Runner(PassedOn),
    #[command(hide = true)]
    PodEnter(PassedOn),
}

#[derive(Subcommand)]
pub enum ConfigAct {
    /// Every value and where it comes from, secrets starred
    Show(UpArgs),
}

/// What the binary does by itself.
pub enum OwnProgram {
    Up(UpArgs),
    Demo(DemoArgs),
    ConfigShow(UpArgs),
    Doctor(DoctorArgs),
    Runner(PassedOn),
    PodEnter(PassedOn),
    Example(ExampleArgs),
    AgentRun(AgentRunArgs),
}

impl Act {
    /// The act itself when it is one of this crate's.
    pub fn into_own_program(self) -> Result<OwnProgram, Box<Act>> {
        match self {
            Act::Up(args) => Ok(OwnProgram::Up(args)),
            Act::Demo(args) => Ok(OwnProgram::Demo(args)),
            Act::Config(ConfigAct::Show(args)) => Ok(OwnProgram::ConfigShow(args)),
            Act::Doctor(args) => Ok(OwnProgram::Doctor(args)),
            Act::Runner(args) => Ok(OwnProgram::Runner(args)),
            Act::PodEnter(args) => Ok(OwnProgram::PodEnter(args)),
            Act::Example(args) => Ok(OwnProgram::Example(args)),
            Act::Agents(agents::Act::Run(args)) => Ok(OwnProgram::AgentRun(args)),
            act => Err(Box::new(act)),
        }
    }
}

/// Runs a command that talks to a server.
pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    use mi_core::wire::agents::LifecycleAction::{Restart, Start, Stop};
    match act {
        Act::Login(args) => login::run(desk, args).await,
        Act::Logout(args) => logout::run(desk, args).await,
        Act::Keys(act) => keys::run(desk, act).await,
        Act::Link => link::run(desk).await,
        Act::Members(act) => members::run(desk, act).await,
        Act::Whoami => whoami::run(desk).await,
        Act::Use(args) => use_colony::run(desk, args).await,
        Act::Status(place) => colonies::status::run(desk, place).await,
        Act::Apply(args) => apply::run(desk, args).await,
        Act::Colonies(act) => colonies::run(desk, act).await,
        Act::Agents(act) => agents::run(desk, act).await,
        Act::Invite(args) => invite::run(desk, args).await,
        Act::Tasks(act) => tasks::run(desk, act).await,
        Act::Schedules(act) => schedules::run(desk, act).await,
        Act::Files(act) => files::run(desk, act).await,
        Act::Env(act) => env::run(desk, act).await,
        Act::Integrations(act) => integrations::run(desk, act).await,
        Act::Roles(args) => roles::run(desk, args).await,
        Act::Skills(args) => roles::run_skills(desk, args).await,
        Act::Chat(args) => chat::run(desk, args).await,
        Act::Events(args) => events::run(desk, args).await,
        Act::Audit(act) => audit::run(desk, act).await,
        Act::Webhooks(act) => webhooks::run(desk, act).await,
        Act::Llm(act) => llm::run(desk, act).await,
        Act::Credits(args) => credits::run(desk, args).await,
        Act::Usage(args) => usage::run(desk, args).await,
        Act::Logs(args) => agents::logs::run(desk, args).await,
        Act::Start(target) => agents::lifecycle::run(desk, target, Start).await,
        Act::Stop(target) => agents::lifecycle::run(desk, target, Stop).await,
        Act::Restart(target) => agents::lifecycle::run(desk, target, Restart).await,
        Act::Error(target) => agents::error::run(desk, target).await,
        Act::Backup(act) => backup::run(desk, act).await,
        Act::Restore(args) => agents::archive::restore(desk, args).await,
        Act::Api(args) => api::run(desk, args).await,
        Act::Tq(args) => crate::tq::run(desk, args).await,
        Act::Mcp(place) => crate::mcp::run(desk, place.colony).await,
        Act::Completions(args) => completions::run(&mut desk.out, args),
        Act::Up(_)
        | Act::Demo(_)
        | Act::Config(_)
        | Act::Doctor(_)
        | Act::Example(_)
        | Act::Runner(_)
        | Act::PodEnter(_) => Err(Fault::usage("this is a program of the binary `mi`", "run `mi` itself")),
    }
}
