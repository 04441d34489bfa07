//! The ledger: every change of the balance is a line of it.

use mi_core::credits::{BALANCE_MAX, Micro};
use mi_core::wire::usage::{LedgerEntry, LedgerKind};
use serde_json::json;

use super::store;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;

/// One addition; a larger one is a slip of the finger, and sums of many stay far from the end of `i64`.
const ADDITION_MAX: Micro = Micro::credits(100_000_000);

/// Adds. `amount` is positive.
pub fn grant(act: &mut Act<'_>, kind: LedgerKind, amount: Micro, reason: &str) -> Result<LedgerEntry, Fault> {
    let balance_after = Micro(act.head.balance.0.saturating_add(amount.0));
    if amount <= Micro(0) || amount > ADDITION_MAX || balance_after > BALANCE_MAX {
        let most = ADDITION_MAX.0 / mi_core::credits::MICRO_PER_CREDIT;
        return Err(fault::bad_request(format!("amount is more than 0 and at most {most} credits")));
    }
    append(act, kind, amount, reason)
}

/// Takes away what was put aside before, so it is there. Nothing is no line.
pub fn pay(act: &mut Act<'_>, kind: LedgerKind, amount: Micro, reason: &str) -> Result<(), Fault> {
    if amount.0 > act.head.balance.0 {
        return Err(fault::internal(format!("{} is to be paid of {}", amount.0, act.head.balance.0)));
    }
    if amount <= Micro(0) {
        return Ok(());
    }
    append(act, kind, Micro(-amount.0), reason)?;
    if act.head.balance > Micro(0) {
        return Ok(());
    }
    act.wake(Wake::Pods);
    act.event(NewEvent {
        category: Category::Office,
        kind: "credits.exhausted",
        actor: "system",
        agent: None,
        task: None,
        summary: "the office has no credits left; its agents are suspended until some are added".to_owned(),
        data: json!({}),
    })?;
    Ok(())
}

fn append(act: &mut Act<'_>, kind: LedgerKind, amount: Micro, reason: &str) -> Result<LedgerEntry, Fault> {
    let entry = LedgerEntry {
        id: act.next_row(),
        office_id: act.office,
        kind,
        amount,
        balance_after: Micro(act.head.balance.0 + amount.0),
        reason: reason.to_owned(),
        created_at: act.now,
    };
    store::insert(act.tx, &entry)?;
    act.head.balance = entry.balance_after;
    Ok(entry)
}
