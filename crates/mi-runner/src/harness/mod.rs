//! What does the work of a session: a program of the user (`command`) or our own loop over a model (`native`).
//!
//! A harness is prepared, spawned, and has an outcome. The outcome is a report (exit, summary); it never decides what
//! becomes of the task, only the queue's own acts do.

pub(crate) mod command;
mod lines;
pub(crate) mod native;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EndCause, SessionContext, SessionGrant};
use tokio_util::sync::CancellationToken;

use crate::config::Drive;
use crate::control::Desk;
use crate::outbox::Outbox;
use crate::process::Tree;
use native::model::ModelSource;

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
    /// Cancelled when the session is stopped; processes get their signals beside it.
    pub leave: CancellationToken,
}

/// What a harness needs and doesn't find.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

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
    /// Looks whether everything is there; nothing is started yet.
    fn prepare(&self, job: &Job) -> Result<(), Missing>;
    fn spawn(&self, job: Arc<Job>) -> Result<Running, Missing>;
}

/// The vendors' own programs run on the native loop until they have harnesses of their own.
pub(crate) fn harness_for(kind: HarnessKind, models: &Arc<dyn ModelSource>) -> Box<dyn Harness> {
    match kind {
        HarnessKind::Command => Box::new(command::CommandHarness),
        HarnessKind::Native | HarnessKind::ClaudeCode | HarnessKind::OpenaiCodex | HarnessKind::GeminiCli => {
            Box::new(native::NativeHarness::new(models.clone()))
        }
    }
}
