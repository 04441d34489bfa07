//! Harness `native`: our own loop between a model and its tools.
//!
//! The model works with tools until the queue accepts the end of the task (`finish`, `fail`, `block`). A model that
//! merely says that it is done is reminded, then the session ends as failed and the server counts the attempt.
//!
//! Rooms: `talk` (the loop), `tools` (what it may do), `files` and `shell` (tools at
//! the workspace), `model` (what we want of a model), `gateway` (a real one, through the server).

mod files;
pub mod gateway;
pub mod model;
mod shell;
mod specs;
mod talk;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::EndCause;

use super::{Harness, Job, Missing, Outcome, Running};
use model::ModelSource;

/// The first pause before a model call is repeated; each further one is twice as long.
const MODEL_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct NativeHarness {
    models: Arc<dyn ModelSource>,
}

impl NativeHarness {
    pub(super) fn new(models: Arc<dyn ModelSource>) -> Self {
        Self { models }
    }
}

impl Harness for NativeHarness {
    fn kind(&self) -> HarnessKind {
        HarnessKind::Native
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<(), Missing>> {
        let found = match job.grant.model {
            Some(_) => Ok(()),
            None => Err(no_model()),
        };
        Box::pin(async move { found })
    }

    fn spawn(&self, job: Arc<Job>) -> Result<Running, Missing> {
        let choice = job.grant.model.clone().ok_or_else(no_model)?;
        let model = self.models.open(&choice, &job.endpoint, &job.grant.credential)?;
        Ok(Running::new(async move {
            let leave = job.leave.clone();
            tokio::select! {
                biased;
                () = leave.cancelled() => Outcome::of(EndCause::Stopped, "stopped from outside"),
                outcome = talk::converse(&*model, &job, MODEL_PAUSE) => outcome,
            }
        }))
    }
}

fn no_model() -> Missing {
    let sentence = "the agent has no model: hire it with a provider whose key the server has";
    Missing::of(EndCause::NoModelKey, sentence)
}
