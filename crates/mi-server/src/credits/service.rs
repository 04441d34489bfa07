//! Acts of credits that operators ask for.

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::wire::offices::Credits;
use mi_core::wire::usage::{LedgerEntry, LedgerKind};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{ledger, store, suspend};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Head, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;
use crate::infra::wakeups::Wake;
use crate::tasks::calls;

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

fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Micro, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(Micro),
        Digits(String),
    }
    let wrong = || serde::de::Error::custom("amount is a number of credits");
    match Either::deserialize(deserializer).map_err(|_| wrong())? {
        Either::Number(amount) => Ok(amount),
        Either::Digits(text) => serde_json::from_str(text.trim()).map_err(|_| wrong()),
    }
}

pub fn balance(office: OfficeId, head: &Head) -> Credits {
    Credits { office_id: office, balance: head.balance, available: head.available(), held: head.held }
}

/// An operator's addition: whoever waited for credits goes on.
pub fn add(act: &mut Act<'_>, member: &Member, asked: &AddCredits) -> Result<Answer, Fault> {
    let reason = match asked.reason.as_deref().map(str::trim) {
        Some(text) if !text.is_empty() => text,
        Some(_) | None => REASON_DEFAULT,
    };
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(fault::too_long("the reason", REASON_CHARS_MAX, "characters"));
    }
    let was_out = act.head.balance <= Micro(0);
    let entry = ledger::grant(act, LedgerKind::Added, asked.amount, reason)?;
    act.event(NewEvent {
        category: Category::Office,
        kind: "credits.add",
        actor: member.name(),
        agent: None,
        task: None,
        summary: format!("{} added credits", member.name()),
        data: json!({"id": entry.id, "amount": entry.amount, "balance_after": entry.balance_after, "reason": reason}),
    })?;
    suspend::resume_those_who_fit(act)?;
    act.wake(Wake::Credits { office: act.office });
    if was_out {
        calls::for_everything(act)?;
        act.wake(Wake::Pods);
    }
    Answer::ok(&balance(act.office, &act.head))
}

/// The newest entries first, and how many there are; `kind` is none for all.
pub fn history(
    tx: &mut dyn Tx,
    office: OfficeId,
    kind: Option<LedgerKind>,
    page: Page,
) -> Result<(Vec<LedgerEntry>, i64), Fault> {
    let kind = kind.map_or("", LedgerKind::as_str);
    Ok((store::page(tx, office, kind, page)?, store::count(tx, office, kind)?))
}
