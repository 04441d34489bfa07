//! Acts of credits.

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::offices::Credits;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::store;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Head, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;
use crate::infra::wakeups::Wake;
use crate::tasks::calls;

/// One addition; a larger one is a slip of the finger, and sums of many stay far from the end of `i64`.
const ADDITION_MAX: Micro = Micro::credits(100_000_000);
const BALANCE_MAX: Micro = Micro::credits(1_000_000_000_000);
const REASON_CHARS_MAX: usize = 500;
const REASON_DEFAULT: &str = "added by the operator";

/// `POST …/credits`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct AddCredits {
    /// Credits, more than nothing; a number or its digits.
    #[serde(deserialize_with = "amount")]
    pub amount: Micro,
    #[serde(default)]
    pub reason: Option<String>,
}

/// One line of the ledger: snake_case on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LedgerEntry {
    pub id: i64,
    pub office_id: OfficeId,
    pub amount: Micro,
    pub balance_after: Micro,
    pub reason: String,
    pub created_at: Time,
}

fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Micro, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(Micro),
        Digits(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(amount) => Ok(amount),
        Either::Digits(text) => {
            serde_json::from_str(text.trim()).map_err(|_| serde::de::Error::custom("amount is a number of credits"))
        }
    }
}

pub fn balance(office: OfficeId, head: &Head) -> Credits {
    Credits { office_id: office, balance: head.balance, available: head.balance }
}

/// Appends to the ledger. `amount` is positive.
pub fn grant(act: &mut Act<'_>, amount: Micro, reason: &str) -> Result<LedgerEntry, Fault> {
    let balance_after = Micro(act.head.balance.0.saturating_add(amount.0));
    if amount <= Micro(0) || amount > ADDITION_MAX || balance_after > BALANCE_MAX {
        let most = ADDITION_MAX.0 / mi_core::credits::MICRO_PER_CREDIT;
        return Err(fault::bad_request(format!("amount is more than 0 and at most {most} credits")));
    }
    let entry = LedgerEntry {
        id: act.next_row(),
        office_id: act.office,
        amount,
        balance_after,
        reason: reason.to_owned(),
        created_at: act.now,
    };
    store::insert(act.tx, &entry)?;
    act.head.balance = balance_after;
    Ok(entry)
}

/// An operator's addition.
pub fn add(act: &mut Act<'_>, member: &Member, asked: &AddCredits) -> Result<Answer, Fault> {
    let reason = match asked.reason.as_deref().map(str::trim) {
        Some(text) if !text.is_empty() => text,
        Some(_) | None => REASON_DEFAULT,
    };
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(fault::too_long("the reason", REASON_CHARS_MAX, "characters"));
    }
    let was_out = act.head.balance <= Micro(0);
    let entry = grant(act, asked.amount, reason)?;
    act.event(NewEvent {
        category: Category::Office,
        kind: "credits.add",
        actor: member.name(),
        agent: None,
        task: None,
        summary: format!("{} added credits", member.name()),
        data: json!({"id": entry.id, "amount": entry.amount, "balance_after": entry.balance_after, "reason": reason}),
    })?;
    if was_out {
        calls::for_everything(act)?;
        act.wake(Wake::Pods);
    }
    Answer::ok(&balance(act.office, &act.head))
}

/// The newest entries first, and how many there are.
pub fn history(tx: &mut dyn Tx, office: OfficeId, page: Page) -> Result<(Vec<LedgerEntry>, i64), Fault> {
    Ok((store::page(tx, office, page)?, store::count(tx, office)?))
}
