//! Hands: the acts of an office as tools that a model can call.
//!
//! One table holds every tool: its name, what it is for, its inputs, and the request
//! of the public API that it stands for. So a tool can do nothing that the API can't,
//! and is judged by the same rules. Nothing here sends anything: a call becomes a
//! `Request`, and an answer becomes the text that the model reads.
//!
//! Elsewhere: over stdio it is `mi mcp`, over HTTP `/mcp` of the server; the native
//! harness has tools of its own.

pub mod answer;
pub mod call;
pub mod rpc;
pub mod schema;
pub mod table;
#[cfg(test)]
mod tests;

pub use answer::Outcome;
pub use call::{Refusal, Request, request, take_colony};
pub use schema::Scope;
pub use table::TOOLS;

use crate::ids::{AgentName, TaskId};

/// Who calls, where that is known: inputs that are left out mean this agent and its task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    pub agent: Option<AgentName>,
    pub task: Option<TaskId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Patch,
}

impl Verb {
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
        }
    }
}

/// What a model may call.
#[derive(Debug)]
pub struct Tool {
    pub name: &'static str,
    /// For the model: what it does, when to use it.
    pub about: &'static str,
    pub inputs: &'static [Input],
    pub effect: Effect,
    verb: Verb,
    /// Below the office; `{name}` is the input of that name.
    path: &'static str,
    /// Fields of the body that the tool itself decides.
    fixed: &'static [(&'static str, &'static str)],
    /// What an empty answer means.
    nothing: &'static str,
}

impl Tool {
    /// A claim's token goes with every write but the one that asks for a new claim.
    pub fn begins_an_attempt(&self) -> bool {
        self.path == CLAIMING
    }
}

const CLAIMING: &str = "/tasks/claim";

/// What a call leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Looks,
    Adds,
    /// It ends or decides something.
    Decides,
}

#[derive(Debug)]
pub struct Input {
    pub name: &'static str,
    pub kind: Kind,
    pub need: Need,
    place: Place,
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Words,
    Number,
    Flag,
    Name,
    Task,
    Tasks,
    /// A file on the drive, in any way that agents write it.
    File,
    OneOf(fn() -> Vec<&'static str>),
    SomeOf(fn() -> Vec<&'static str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    /// The task being worked on, unless another one is named.
    OwnTask,
    /// The caller, unless somebody is named.
    Caller,
    /// The caller where it is known; else the server decides.
    CallerIfKnown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query(&'static str),
    Body(&'static str),
}

/// The tool of this name.
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// What a model is told before its first call.
pub const fn instructions(scope: Scope) -> &'static str {
    match scope {
        Scope::OwnOffice => {
            "You are an agent of an office and work on one task of its queue. A `task` that you leave out is the one \
             you work on. A task is finished only by task_done, task_fail or task_block; saying that you are done \
             finishes nothing. Put files that others need below /shared/files and link them with task_artifact first. \
             Split large work with subtask_add and end your turn: the task comes back to you when its subtasks are \
             done. If a tool tells you to stop working, stop at once: somebody else has the task."
        }
        Scope::AnyOffice => {
            "You act for the owner of offices (colonies) in which autonomous agents work through a shared queue of \
             tasks. Create work with task_add, look with tasks_list and task_show, judge it with task_verify, talk \
             with message_send and group_send. `colony` names the office; it may be left out where there is only one."
        }
    }
}
