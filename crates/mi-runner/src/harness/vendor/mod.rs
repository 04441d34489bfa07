//! What the harnesses of other vendors' programs have in common: one session is one run of the program.
//!
//! The program is found and asked for its version, gets a home of its own with our settings alone, the prompt on its
//! standard input, the session's credential in place of any key, and our MCP server beside `tq`. Its events become log,
//! transcript, tool calls and usage; what it says of success proves nothing, only the queue does. Deadline and kill are
//! the session's; how long it may say nothing is ours.
//!
//! Conversations aren't resumed: each session has a fresh home, and the context of a new attempt tells what the one before
//! left behind.
//!
//! Rooms: `program` (where it is, which version), `home` (its folder), `attend` (the run), `record` (what it said), `events`
//! (its lines). What differs is in each vendor's own folder.

mod attend;
mod events;
mod home;
mod program;
mod record;

use std::process::Stdio;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EndCause, ItemKind, ModelChoice};
use serde_json::Value;
use tokio::process::Command;

use super::prompt::{self, Hands};
use super::trouble::Trouble;
use super::{Harness, Job, Missing, Running};
pub(crate) use home::{Home, remove};
pub use program::Programs;

/// What every program's settings call our MCP server.
pub(crate) const MCP_NAME: &str = "mitosis";

/// What differs from vendor to vendor.
pub(crate) trait Vendor: Send + Sync + 'static {
    fn kind(&self) -> HarnessKind;
    /// Whether it can speak to this model; the error says to which it can.
    fn speaks(&self, model: &ModelChoice) -> Result<(), String>;
    /// Writes its settings into the home, which is empty.
    fn settle(&self, job: &Job, home: &Home) -> std::io::Result<()>;
    /// How it is started, beside what all have in common.
    fn line(&self, job: &Job, home: &Home) -> Line;
    /// How lines of its standard error begin that tell nobody anything.
    fn noise(&self) -> &'static [&'static str] {
        &[]
    }
    /// A new reader of its events, for one run.
    fn reader(&self) -> Box<dyn Reader>;
}

/// Arguments and environment of one run. Nothing secret stands in arguments; the prompt comes on standard input.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub args: Vec<String>,
    /// Over the session's own environment.
    pub set: Vec<(&'static str, String)>,
    pub unset: Vec<&'static str>,
}

/// Makes sense of a program's events, one after the other.
pub(crate) trait Reader: Send + Sync {
    fn read(&mut self, event: &Value) -> Vec<Said>;
    /// The program has ended, with this code: what was still held back.
    fn close(&mut self, _code: Option<i32>) -> Vec<Said> {
        Vec::new()
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// The model's own words.
    Text(String),
    Called {
        id: String,
        name: String,
        arguments: Value,
    },
    Answered {
        id: String,
        text: String,
        done: super::loops::Done,
    },
    /// Tokens of this run, all together so far for this model; the last word counts.
    Used {
        model: String,
        input: i64,
        cached: i64,
        output: i64,
    },
    /// For the log: what we don't know, or only want to be seen.
    Note(String),
    /// A model call was refused because the claim is over: the task is done, or somebody else's.
    ClaimOver,
    /// The program itself found that its model goes in circles.
    Circles(String),
    /// The program's own verdict; how it is worded doesn't matter where it is a trouble.
    Ended(Result<(), Trouble>),
}

/// A harness made of a vendor's program.
pub(crate) struct VendorHarness<V>(Arc<V>);

impl<V: Vendor> VendorHarness<V> {
    pub(crate) fn new(vendor: V) -> Self {
        Self(Arc::new(vendor))
    }
}

impl<V: Vendor> Harness for VendorHarness<V> {
    fn kind(&self) -> HarnessKind {
        self.0.kind()
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<(), Missing>> {
        Box::pin(async move {
            match &job.grant.model {
                // Its own login chooses a model by itself where the agent has none that it knows.
                _ if job.own_login.is_some() => {}
                Some(model) => self.0.speaks(model).map_err(Missing::from)?,
                None => return Err(Missing::of(EndCause::NoModelKey, "the agent has no model")),
            }
            job.programs.check(self.kind(), job).await
        })
    }

    fn spawn(&self, job: Arc<Job>) -> Result<Running, Missing> {
        let kind = self.kind();
        let home = Home::make(&job.homes, kind).map_err(|why| Missing(EndCause::Failed, why))?;
        let unsettled = |error| Missing(EndCause::Failed, format!("the settings of {kind} can't be written: {error}"));
        self.0.settle(&job, &home).map_err(unsettled)?;
        let command = command(&job, kind, self.0.line(&job, &home))?;
        let child = job.tree.spawn(command).map_err(|error| unstarted(kind, &error))?;
        let text = format!("{}\n\n{}", prompt::system(&job, Hands::Program), prompt::user(&job, Hands::Program));
        let (reader, noise) = (self.0.reader(), self.0.noise());
        job.outbox.push(ItemKind::Prompt, &text);
        let run = attend::Run { kind, child, home, prompt: text, reader, noise };
        Ok(Running::new(attend::attend(run, job)))
    }
}

fn unstarted(kind: HarnessKind, error: &std::io::Error) -> Missing {
    Missing(EndCause::HarnessMissing, format!("{kind} can't be started: {error}"))
}

fn command(job: &Job, kind: HarnessKind, line: Line) -> Result<Command, Missing> {
    let mut command = job.programs.command(kind)?;
    command.args(&line.args).env_clear().current_dir(&job.workspace);
    match &job.own_login {
        None => command.envs(&job.environment),
        // The office may name no other place for a person's key to go to.
        Some(login) => {
            let harmless = job.environment.iter().filter(|(name, _)| !leads_elsewhere(name));
            command.envs(harmless).envs(&login.variables)
        }
    };
    command.envs(line.set);
    for name in line.unset {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Whether vendors' programs or their runtime are led by this variable: to an address, a proxy, a certificate, a home.
fn leads_elsewhere(name: &str) -> bool {
    const STARTS: [&str; 8] = ["ANTHROPIC_", "CLAUDE", "CODEX_", "GEMINI_", "GOOGLE_", "NODE_", "OPENAI_", "SSL_"];
    let name = name.to_ascii_uppercase();
    name.ends_with("_PROXY") || STARTS.iter().any(|start| name.starts_with(start))
}

/// Where the gateway answers for this model, with or without the version that a client adds by itself.
pub(crate) fn base_url(job: &Job, model: &ModelChoice) -> String {
    format!("{}/{}", job.endpoint.trim_end_matches('/'), model.base_path.trim_matches('/'))
}

/// The same without the last part, which is the version.
pub(crate) fn unversioned_base_url(job: &Job, model: &ModelChoice) -> String {
    let whole = base_url(job, model);
    let is_version = |part: &str| part.starts_with('v') && part[1..].starts_with(|c: char| c.is_ascii_digit());
    match whole.rsplit_once('/') {
        Some((base, last)) if is_version(last) => base.to_owned(),
        _ => whole,
    }
}
