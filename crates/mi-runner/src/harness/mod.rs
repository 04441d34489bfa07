//! What does the work of a session: a program of the user (`command`), our own loop over a model (`native`), or another
//! vendor's program (`claude-code`, `gemini-cli`).
//!
//! A harness is prepared, spawned, and has an outcome. The outcome is a report (exit, cause, summary); it never decides
//! what becomes of the task, only the queue's own acts do.
//!
//! Rooms: a folder for each harness, `vendor` (what those of other vendors have in common), `prompt` (what a model is told),
//! `loops` (when it goes in circles), `trouble` (the names of what goes wrong), `reply` (what a chat session answers).

mod claude_code;
pub(crate) mod command;
mod gemini_cli;
mod lines;
mod loops;
pub(crate) mod native;
mod openai_codex;
mod prompt;
mod reply;
mod trouble;
pub(crate) mod vendor;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EndCause, SessionContext, SessionGrant};
use tokio_util::sync::CancellationToken;

use crate::config::{Drive, OwnLogin};
use crate::control::Desk;
use crate::outbox::Outbox;
use crate::process::Tree;
use native::model::ModelSource;
use vendor::{Programs, VendorHarness};

/// Calls of a model for one turn, until it has an answer: whatever the harness, and nobody on the way asks again.
const MODEL_TRIES_MAX: u32 = 4;

/// What a harness gets: the work, its place, and the ways back to the queue.
pub(crate) struct Job {
    pub grant: SessionGrant,
    pub context: SessionContext,
    /// Complete: children start with exactly this.
    pub environment: BTreeMap<String, String>,
    pub workspace: PathBuf,
    pub drive: Drive,
    pub endpoint: String,
    pub desk: Arc<dyn Desk>,
    pub tree: Arc<Tree>,
    pub outbox: Arc<Outbox>,
    /// The vendors' programs that are there.
    pub programs: Arc<Programs>,
    /// Where a program gets its home for the session.
    pub homes: PathBuf,
    /// On somebody's own machine: they pay their model themselves, and the gateway isn't asked.
    pub own_login: Option<OwnLogin>,
    /// How long a program may say nothing while it waits for its model.
    pub silence_max: Duration,
    /// Cancelled when the session is stopped; processes get their signals beside it.
    pub leave: CancellationToken,
}

/// What a harness needs and doesn't find: under which name the session ends, and a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{1}")]
pub struct Missing(pub EndCause, pub String);

impl Missing {
    pub(crate) fn of(cause: EndCause, sentence: impl Into<String>) -> Self {
        Self(cause, sentence.into())
    }

    /// Whether another harness may do the work instead.
    pub(crate) fn is_of_the_program(&self) -> bool {
        matches!(self.0, EndCause::HarnessMissing | EndCause::HarnessTooOld)
    }
}

impl From<String> for Missing {
    fn from(sentence: String) -> Self {
        Self(EndCause::HarnessMissing, sentence)
    }
}

impl From<&str> for Missing {
    fn from(sentence: &str) -> Self {
        Self::from(sentence.to_owned())
    }
}

/// How a harness ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub exit: Option<i32>,
    pub signal: Option<i32>,
    pub cause: EndCause,
    pub summary: String,
}

impl Outcome {
    pub(crate) fn of(cause: EndCause, summary: impl Into<String>) -> Self {
        Self { exit: None, signal: None, cause, summary: summary.into() }
    }
}

/// A harness at work.
pub(crate) struct Running(BoxFuture<'static, Outcome>);

impl Running {
    pub(crate) fn new(work: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }

    /// Ends when the harness has ended; soon after `Job::leave` or the death of its processes.
    pub(crate) async fn outcome(self) -> Outcome {
        self.0.await
    }
}

pub(crate) trait Harness: Send + Sync {
    /// What really runs; may differ from what was asked for.
    fn kind(&self) -> HarnessKind;
    /// Looks whether everything is there; nothing of the work is started yet.
    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<(), Missing>>;
    fn spawn(&self, job: Arc<Job>) -> Result<Running, Missing>;
}

pub(crate) fn harness_for(kind: HarnessKind, models: &Arc<dyn ModelSource>) -> Box<dyn Harness> {
    match kind {
        HarnessKind::Command => Box::new(command::CommandHarness),
        HarnessKind::ClaudeCode => Box::new(VendorHarness::new(claude_code::ClaudeCode)),
        HarnessKind::GeminiCli => Box::new(VendorHarness::new(gemini_cli::GeminiCli)),
        HarnessKind::OpenaiCodex => Box::new(VendorHarness::new(openai_codex::OpenaiCodex)),
        HarnessKind::Native => native(models),
    }
}

/// Our own loop, which needs no program.
pub(crate) fn native(models: &Arc<dyn ModelSource>) -> Box<dyn Harness> {
    Box::new(native::NativeHarness::new(models.clone()))
}

/// Shows a text's beginning and end when the whole would be too much for a model.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let head = &text[..text.floor_char_boundary(bytes_max / 2)];
    let tail = &text[text.ceil_char_boundary(text.len() - bytes_max / 2)..];
    let left_out = text.len() - head.len() - tail.len();
    format!("{head}\n[… {left_out} bytes left out …]\n{tail}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_texts_keep_both_ends() {
        assert_eq!(super::shortened("short", 5), "short");
        assert_eq!(super::shortened("äbcdefghij", 4), "ä\n[… 7 bytes left out …]\nij");
    }
}
