//! What providers say of a key, kept: not now (a quota), or not with this one (a refusal).
//!
//! A quota parks an office's calls to that provider until its time: none is sent, none of the agents that need it takes
//! work. Short ones are waited out by whoever met them; for a long one the session ends, uncounted.
//!
//! Acts: `park`, `refuse`, `clear`, `key_changed`, `interrupt`; `unpark` is what the sweep does.

use mi_core::ids::ClaimToken;
use mi_core::time::{Millis, Time};
use mi_core::wire::runner::EndCause;
use serde_json::json;

use super::kinds::Kind;
use super::store;
use crate::agents::service as agents;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::wakeups::Wake;
use crate::sessions::service as sessions;
use crate::tasks::calls;

/// A key that was refused so often in a row is not tried again until another one is set.
const REFUSALS_MAX: i64 = 2;
/// A quota that is over within this is waited out by the session that met it.
const RIDE_OUT_SECONDS_MAX: i64 = 20;
/// The first pause where a provider names no time; each further one in a row is twice as long.
const PAUSE_SECONDS_MIN: i64 = 5;
const PAUSE_SECONDS_MAX: i64 = 600;
/// However far away a provider says: later somebody looks again.
const PARKED_SECONDS_MAX: i64 = 24 * 3_600;

/// What is known of one provider in one office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub kind: Kind,
    pub parked_until: Option<Time>,
    /// Pauses in a row, without a good call between.
    pub pauses: i64,
    /// Refusals of the key in a row.
    pub refusals: i64,
}

impl Mark {
    pub const fn none(kind: Kind) -> Self {
        Self { kind, parked_until: None, pauses: 0, refusals: 0 }
    }

    pub fn is_refused(&self) -> bool {
        self.refusals >= REFUSALS_MAX
    }

    /// A call that goes well says otherwise.
    pub fn is_in_doubt(&self) -> bool {
        self.pauses > 0 || self.refusals > 0
    }

    /// Until when no call is sent.
    pub fn waits_until(&self, now: Time) -> Option<Time> {
        self.parked_until.filter(|until| *until > now)
    }

    /// After one more "not now", with the time that came with it if one did. Who names a short one again and again is
    /// believed less each time; of many calls that meet the same pause, one counts.
    fn parked(self, named: Option<Time>, now: Time) -> Self {
        let before = if self.waits_until(now).is_none() { self.pauses } else { (self.pauses - 1).max(0) };
        let named = named.map(|at| at.clamp(now + Millis::seconds(1), now + Millis::seconds(PARKED_SECONDS_MAX)));
        let until = match named {
            Some(at) if before == 0 => at,
            Some(at) => at.max(now + pause(before - 1)),
            None => now + pause(before),
        };
        Self { parked_until: Some(until.max(self.parked_until.unwrap_or(until))), pauses: before + 1, ..self }
    }
}

fn pause(before: i64) -> Millis {
    let doubled = u32::try_from(before).ok().and_then(|times| PAUSE_SECONDS_MIN.checked_shl(times));
    Millis::seconds(doubled.filter(|seconds| (1..=PAUSE_SECONDS_MAX).contains(seconds)).unwrap_or(PAUSE_SECONDS_MAX))
}

fn refused(kind: Kind) -> String {
    format!("unauthorized: {} refused the key; {}", kind.as_str(), kind.setup())
}

fn is_long(until: Time, now: Time) -> bool {
    until - now > Millis::seconds(RIDE_OUT_SECONDS_MAX)
}

pub fn told(kind: Kind, until: Time) -> String {
    format!("quota: {} takes no calls until {until}", kind.as_str())
}

/// The provider said "not now".
pub fn park(act: &mut Act<'_>, kind: Kind, named: Option<Time>) -> Result<(), Fault> {
    let before = store::marks::mark(act.tx, act.office, kind)?;
    let mark = before.parked(named, act.now);
    let until = mark.parked_until.unwrap_or(act.now);
    store::marks::save(act.tx, act.office, &mark, act.now)?;
    // Of many calls that meet the same quota at once, one is news.
    if before.waits_until(act.now).is_none() {
        record(act, kind, "gateway.quota", told(kind, until), json!({"provider": kind.as_str(), "until": until}))?;
    }
    act.wake(Wake::Models);
    act.wake(Wake::Due);
    Ok(())
}

/// The provider refused the key.
pub fn refuse(act: &mut Act<'_>, kind: Kind) -> Result<(), Fault> {
    let before = store::marks::mark(act.tx, act.office, kind)?;
    let mark = Mark { refusals: before.refusals + 1, ..before };
    store::marks::save(act.tx, act.office, &mark, act.now)?;
    if mark.is_refused() && !before.is_refused() {
        record(act, kind, "gateway.refused", refused(kind), json!({"provider": kind.as_str()}))?;
    }
    act.wake(Wake::Models);
    Ok(())
}

/// No model answered this session: it ends, uncounted, if that stays so for longer than it could wait.
pub fn interrupt(act: &mut Act<'_>, kind: Kind, session: ClaimToken) -> Result<(), Fault> {
    let mark = store::marks::mark(act.tx, act.office, kind)?;
    match mark.waits_until(act.now) {
        _ if mark.is_refused() => sessions::interrupt(act, session, &refused(kind)),
        Some(until) if is_long(until, act.now) => sessions::interrupt(act, session, &told(kind, until)),
        Some(_) | None => Ok(()),
    }
}

/// Why a session is not to blame that ended because its provider would not: by its own cause, not by another's quota that
/// happens to be there too. Already the first refusal of a key excuses, if it came since the session began (what is refused
/// for another reason leaves no mark); a second one keeps the agent from further work.
pub fn excuse(
    act: &mut Act<'_>,
    (provider, began): (Option<&str>, Time),
    cause: EndCause,
) -> Result<Option<String>, Fault> {
    let Some(kind) = provider.and_then(Kind::parse) else { return Ok(None) };
    let mark = store::marks::mark(act.tx, act.office, kind)?;
    Ok(match cause {
        // Overloaded ones that name a time are parked as well, and programs call that its failure.
        EndCause::RateLimited | EndCause::ProviderFailed => mark.waits_until(act.now).map(|until| told(kind, until)),
        EndCause::Unauthorized | EndCause::NoModelKey => {
            let is_fresh = store::marks::is_since(act.tx, act.office, kind, began)?;
            (mark.is_refused() || (mark.refusals > 0 && is_fresh)).then(|| refused(kind))
        }
        _ => None,
    })
}

/// A call went well: earlier troubles say nothing any more.
pub fn clear(act: &mut Act<'_>, kind: Kind) -> Result<(), Fault> {
    let before = store::marks::mark(act.tx, act.office, kind)?;
    if !before.is_in_doubt() {
        return Ok(());
    }
    store::marks::save(act.tx, act.office, &Mark { parked_until: before.parked_until, ..Mark::none(kind) }, act.now)?;
    act.wake(Wake::Models);
    if before.is_refused() { go_on(act) } else { Ok(()) }
}

/// The office has another key than before, or none any more.
pub fn key_changed(act: &mut Act<'_>, kind: Kind) -> Result<(), Fault> {
    store::marks::forget(act.tx, act.office, kind)?;
    act.wake(Wake::Models);
    go_on(act)
}

/// The quota's time is over: whoever waited goes on. Looked at again inside the transaction.
pub fn unpark(act: &mut Act<'_>, kind: Kind) -> Result<(), Fault> {
    let mark = store::marks::mark(act.tx, act.office, kind)?;
    if mark.parked_until.is_none_or(|until| until > act.now) {
        return Ok(());
    }
    store::marks::save(act.tx, act.office, &Mark { parked_until: None, ..mark }, act.now)?;
    act.wake(Wake::Models);
    go_on(act)
}

/// A server that starts may have another key than the one before it.
pub fn begin_anew(tx: &mut dyn Tx) -> Result<(), Fault> {
    Ok(store::marks::forget_refusals(tx)?)
}

/// Sleepers are called, and those who are up look again.
fn go_on(act: &mut Act<'_>) -> Result<(), Fault> {
    calls::for_everything(act)?;
    for agent in agents::list(act.tx, act.office)? {
        act.wake_agent(&agent.name);
    }
    Ok(())
}

fn record(
    act: &mut Act<'_>,
    kind: Kind,
    event: &'static str,
    summary: String,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let actor = kind.as_str();
    act.event(NewEvent { category: Category::Office, kind: event, actor, agent: None, task: None, summary, data })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_an_end() {
        let seconds: Vec<i64> = (0..10).map(|times| pause(times).0 / 1_000).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
        assert_eq!(pause(i64::MAX), Millis::seconds(PAUSE_SECONDS_MAX));
        assert_eq!(pause(63), Millis::seconds(PAUSE_SECONDS_MAX));
    }

    #[test]
    fn a_named_time_counts_within_reason_and_never_shortens_another() {
        let (none, now) = (Mark::none(Kind::Openai), Time(1_000_000));
        let parked = |mark: Mark, named: Option<i64>| mark.parked(named.map(Time), now).parked_until.unwrap();
        assert_eq!(parked(none, Some(1_060_000)), Time(1_060_000));
        assert_eq!(parked(none, Some(0)), Time(1_001_000));
        assert_eq!(parked(none, Some(i64::MAX)), now + Millis::seconds(PARKED_SECONDS_MAX));
        let until_later = Mark { parked_until: Some(Time(9_000_000)), ..none };
        assert_eq!(parked(until_later, Some(1_060_000)), Time(9_000_000));
        assert_eq!(none.parked(None, now), Mark { parked_until: Some(Time(1_005_000)), pauses: 1, ..none });
        // A second at a time, again and again, becomes a pause that grows.
        let (mut mark, mut at, mut seconds) = (none, now, Vec::new());
        for _ in 0..5 {
            let twice = mark.parked(Some(at + Millis(1_000)), at);
            assert_eq!(twice.parked(Some(at + Millis(1_000)), at), twice, "of two at once one counts");
            mark = twice;
            let until = mark.parked_until.unwrap();
            seconds.push((until - at).0 / 1_000);
            at = until;
        }
        assert_eq!(seconds, [1, 5, 10, 20, 40]);
    }
}
