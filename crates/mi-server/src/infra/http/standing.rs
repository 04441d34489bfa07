//! Whoever was let in and stays long is let out as soon as they would no longer be let in.
//!
//! One mechanism for all that flows and all that waits: a change of anybody's rights in this process is looked at when it
//! is committed, the end of a key and what another program changed within a second.
//!
//! Elsewhere: what runners and sessions may is judged with each thing that they read.

use axum::body::{Body, HttpBody};
use axum::http::Response;
use futures_util::StreamExt;
use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use tokio::sync::watch;

use super::Call;
use crate::house::House;
use crate::infra::caller::{Caller, Need};
use crate::infra::fault::Fault;

/// How often a stream looks by itself.
const LOOK_MS: i64 = 1_000;
/// From here on it is the server that failed, not the caller's right.
const SERVER_FAULTS: u16 = 500;

/// What somebody asked with.
pub struct Standing {
    house: House,
    caller: Caller,
    need: Need,
    office: Option<OfficeId>,
    changes: watch::Receiver<u64>,
}

impl Standing {
    pub fn of(house: &House, call: &Call) -> Self {
        let changes = house.wakeups.rights();
        Self { house: house.clone(), caller: call.caller.clone(), need: call.need, office: call.office().ok(), changes }
    }

    /// Resolves when anybody's rights became less, so that it is worth a check.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            tracing::debug!("nobody changes rights any more");
        }
    }

    pub async fn check(&self) -> Result<(), Fault> {
        self.house.still_admits(&self.caller, self.need, self.office).await
    }

    /// Resolves when the caller would no longer be let in.
    pub async fn lost(mut self) {
        loop {
            let gone = self.check().await.err().filter(|fault| fault.code.status() < SERVER_FAULTS);
            if let Some(fault) = gone {
                tracing::debug!(caller = self.caller.key(), "a stream ends: {}", fault.sentence);
                return;
            }
            let clock = self.house.clock.clone();
            let _look_again = clock.timeout_at(clock.now() + Millis(LOOK_MS), self.changed()).await;
        }
    }

    /// The same answer, which ends early if its caller's right does. An answer that is there as a whole stays as it is.
    pub fn guard(self, response: Response<Body>) -> Response<Body> {
        let stays_long = matches!(self.caller, Caller::User { .. } | Caller::Agent { .. });
        if !stays_long || response.body().size_hint().exact().is_some() {
            return response;
        }
        let lost = Box::pin(self.lost());
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(lost)))
    }
}
