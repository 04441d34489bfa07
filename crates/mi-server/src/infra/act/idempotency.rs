//! A request repeated with its `Idempotency-Key` is answered as the first time and does nothing.

use mi_core::limits::IDEMPOTENCY_HOURS;
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};

use super::{Answer, store};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

/// Caller, route and key name a request; the digest of its body proves that it is the same one.
#[derive(Debug, Clone)]
pub struct Key {
    pub caller: String,
    pub route: String,
    pub key: String,
    pub body_sha256: String,
}

impl Key {
    /// The first answer, if there was one in the last 24 hours.
    pub fn recall(&self, tx: &mut dyn Tx, now: Time) -> Result<Option<Answer>, Fault> {
        let not_before = now + Millis::seconds(-IDEMPOTENCY_HOURS * 3_600);
        let Some((body_sha256, answer)) = store::recall(tx, self, not_before)? else { return Ok(None) };
        if body_sha256 != self.body_sha256 {
            let sentence = "this Idempotency-Key was used with another body";
            return Err(Fault::new(Code::IdempotencyKeyReused, sentence).hint("use a new key for a new request"));
        }
        Ok(Some(answer))
    }

    pub fn keep(&self, tx: &mut dyn Tx, answer: &Answer, now: Time) -> Result<(), Fault> {
        store::keep(tx, self, answer.status, &answer.without_secrets()?, now)?;
        Ok(())
    }
}

/// Answers forgotten in one round of the sweep.
const FORGOTTEN_PER_ROUND_MAX: i64 = 5_000;

/// Forgets answers that can't be asked for again.
pub fn forget_old(tx: &mut dyn Tx, now: Time) -> Result<(), Fault> {
    let before = now + Millis::seconds(-IDEMPOTENCY_HOURS * 3_600);
    store::forget(tx, before, FORGOTTEN_PER_ROUND_MAX)?;
    Ok(())
}
