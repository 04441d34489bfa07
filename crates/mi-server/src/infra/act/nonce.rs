//! Nonces that changes spent, kept until no signature with them counts any more.

use mi_core::time::{Millis, Time};

use super::store;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::signed::faults;
use crate::infra::signed::nonces::Nonce;

/// Longer than a restarted server's clock may stand behind.
const KEPT_LONGER: Millis = Millis::seconds(600);
/// Nonces forgotten in one transaction of the sweep.
const FORGOTTEN_AT_ONCE_MAX: i64 = 5_000;

/// Part of the transaction in which the change happens: a nonce that is there already undoes it.
pub fn spend(tx: &mut dyn Tx, nonce: &Nonce) -> Result<(), Fault> {
    if store::spend(tx, nonce)? { Ok(()) } else { Err(faults::replayed()) }
}

pub fn is_spent(tx: &mut dyn Tx, nonce: &Nonce) -> Result<bool, Fault> {
    Ok(store::is_spent(tx, nonce)?)
}

/// What a round of forgetting left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Nothing,
    Perhaps,
}

/// Forgets nonces that can't come again, some at once.
pub fn forget_old(tx: &mut dyn Tx, now: Time) -> Result<Left, Fault> {
    let before = Time(now.0.saturating_sub(KEPT_LONGER.0));
    let forgotten = store::forget_nonces(tx, before, FORGOTTEN_AT_ONCE_MAX)?;
    Ok(if forgotten < FORGOTTEN_AT_ONCE_MAX.unsigned_abs() { Left::Nothing } else { Left::Perhaps })
}
