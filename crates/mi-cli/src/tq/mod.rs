//! `tq`: the queue as an agent sees it in its pod.
//!
//! Already authenticated; writes carry the claim of the attempt, and a task that is
//! not named is the one being worked on.

mod acts;
mod here;
mod integrations;

use clap::{Args, Parser, Subcommand};
use mi_core::ids::TaskId;

use crate::args::Global;
use crate::commands::hire::Profile;
use crate::commands::tasks::artifact::About;
use crate::commands::tasks::claim::Wish;
use crate::commands::tasks::create::Details;
use crate::commands::tasks::list::FilterArgs;
use crate::commands::tasks::retry::Again;
use crate::commands::tasks::times::Once;
use crate::commands::tasks::update::Changes;
use crate::commands::tasks::verify::Judgement;
use crate::desk::Desk;
use crate::fault::Fault;

/// The office's queue of work, for agents.
#[derive(Parser)]
#[command(name = "tq", version, max_term_width = 100)]
pub struct TqProgram {
    #[command(flatten)]
    pub global: Global,
    #[command(flatten)]
    pub args: TqArgs,
}

// The description is the program's or the command's.
#[derive(Args)]
pub struct TqArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// What is in the queue
    List(FilterArgs),
    /// What is assigned to you
    Mine(FilterArgs),
    /// A task with its logs, comments, subtasks and artifacts
    Show {
        #[arg(value_name = "TASK")]
        id: Option<TaskId>,
    },
    /// Put a task into the queue
    Add {
        #[arg(allow_hyphen_values = true)]
        title: String,
        #[command(flatten)]
        details: Details,
        #[command(flatten)]
        once: Once,
    },
    /// Take a task
    Claim(Wish),
    /// Change a task or move it on
    Update {
        /// [default: the task you work on]
        #[arg(value_name = "TASK")]
        id: Option<TaskId>,
        #[command(flatten)]
        changes: Changes,
    },
    /// Give your task back: it is offered again, for example when its subtasks are finished
    Release {
        /// [default: the task you work on]
        #[arg(value_name = "TASK")]
        id: Option<TaskId>,
        /// Why, for whoever takes it next
        #[arg(long, allow_hyphen_values = true)]
        reason: Option<String>,
    },
    /// Finish your task with what was accomplished; `-` reads it from stdin
    Done {
        #[command(flatten)]
        words: Words,
    },
    /// Write a line into your task's log
    Log {
        #[command(flatten)]
        words: Words,
    },
    /// Say something about a task
    Comment {
        #[command(flatten)]
        words: Words,
    },
    /// Link a file of /shared/files to your task
    Artifact {
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        about: About,
    },
    /// Put a part of your task into the queue
    Subtask {
        #[command(flatten)]
        words: Words,
        #[command(flatten)]
        details: Details,
        #[command(flatten)]
        once: Once,
    },
    /// Who works here
    Agents,
    /// Bring an agent in
    Hire {
        name: String,
        #[command(flatten)]
        profile: Profile,
    },
    /// Give a failed or cancelled task another chance
    Retry {
        #[arg(value_name = "TASK")]
        id: TaskId,
        #[command(flatten)]
        again: Again,
    },
    /// Accept or reject what somebody else has done
    Verify {
        #[arg(value_name = "TASK")]
        id: TaskId,
        #[command(flatten)]
        judgement: Judgement,
    },
    /// Why a task isn't running
    Why {
        #[arg(value_name = "TASK")]
        id: Option<TaskId>,
    },
    /// What is on the shared drive
    Files {
        /// Only names that begin so
        prefix: Option<String>,
    },
    /// The integrations that you may use
    Integrations,
    /// Ask the owner for an integration
    Request {
        #[arg(value_name = "INTEGRATION")]
        id: String,
        /// What you need it for
        #[arg(long, allow_hyphen_values = true)]
        reason: String,
    },
    /// Tell the office what you did, what comes next, what holds you up
    Standup {
        #[arg(allow_hyphen_values = true)]
        message: String,
    },
    /// Write to the group of the office; `@name` wakes that agent
    Group {
        #[arg(allow_hyphen_values = true)]
        message: String,
    },
    /// Write to an agent or to `owner`
    Send {
        name: String,
        #[arg(allow_hyphen_values = true)]
        message: String,
    },
    /// Your unread messages, of everybody and of the group; they are read then
    Inbox {
        /// Everything that you and this agent (or `owner`) wrote to each other instead
        peer: Option<String>,
    },
}

/// `[TASK] TEXT`: with two words the first is the task. A text may begin with a dash, as lists do.
#[derive(Args)]
pub struct Words {
    /// The text, perhaps after the task's number [default: the task you work on]
    #[arg(value_name = "[TASK] TEXT", allow_hyphen_values = true)]
    first: String,
    #[arg(hide = true, allow_hyphen_values = true)]
    second: Option<String>,
}

impl Words {
    fn read(self) -> Result<(Option<TaskId>, String), Fault> {
        let Some(text) = self.second else { return Ok((None, self.first)) };
        let quoted = "the first word is the task; put the text in quotes";
        let id = self.first.parse().map_err(|fault| bad_id(fault, quoted))?;
        Ok((Some(id), text))
    }
}

fn bad_id(fault: mi_core::ids::BadId, hint: &str) -> Fault {
    Fault::usage(fault.to_string(), hint)
}

pub async fn run(desk: &mut Desk, args: TqArgs) -> Result<(), Fault> {
    acts::run(desk, args.act).await
}
