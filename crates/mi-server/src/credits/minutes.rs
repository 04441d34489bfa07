//! The time of pods: each minute that begins while a pod is up is put aside and paid within the hour (later where calls under
//! way leave no room for it), in one line of the ledger for each agent. Minutes are noted as a pod comes up and as it goes, so that none is too short-lived to pay, and
//! between that by a sweep, which puts them all aside. A pod that sleeps or lives elsewhere costs nothing, and neither does
//! the time in which the server was away.

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::Resources;
use mi_core::wire::usage::{LedgerKind, UsageKind};

use super::ledger;
use super::store::time::{self as store, Clocked};
use super::usage::{self, Share, Used};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::sweeps::Offices;

/// Between two looks: by so much what has begun may not be put aside yet.
pub const LOOK_MS: i64 = 5_000;
/// What is owed is paid after that at the latest.
const OWED_SECONDS_MAX: i64 = 3_600;
const MINUTE_MS: i64 = 60_000;
/// Offices of one round; the next one goes on behind them.
const OFFICES_PER_ROUND_MAX: i64 = 500;
/// What a pod may take of the machine if nobody said.
const MEMORY_MIB_DEFAULT: i64 = 4_096;
const CPU_MILLIS_DEFAULT: i64 = 1_000;

pub async fn charge(house: &House, offices: &Offices<OfficeId>) -> Result<(), Fault> {
    let (now, price) = (house.clock.now(), house.settings.pod_minute);
    let (owed_before, after) = (now + Millis::seconds(-OWED_SECONDS_MAX), offices.after());
    let look = move |tx: &mut dyn Tx| Ok(store::offices_due(tx, (now, owed_before), after, OFFICES_PER_ROUND_MAX)?);
    let due = house.db.read(look).await?;
    let charge = |office| house.act_as_server(office, move |act| charge_office(act, price));
    offices.each("time of pods", due, OFFICES_PER_ROUND_MAX, charge).await
}

/// The pod came up, or is about to go: what has begun of its time stays noted until the sweep puts it aside.
pub fn note(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    let Some(mut pod) = store::clocked_one(act.tx, act.office, agent)? else { return Ok(()) };
    match begun(&mut pod, act.now) {
        0 => Ok(()),
        minutes => {
            pod.begun += minutes;
            Ok(store::save(act.tx, act.office, &pod)?)
        }
    }
}

fn charge_office(act: &mut Act<'_>, price: Micro) -> Result<(), Fault> {
    let mut pods = store::clocked(act.tx, act.office)?;
    // What calls hold comes back in part: minutes that don't fit beside it wait for that, and are not forgiven.
    let by_pods = pods.iter().fold(0_i64, |sum, pod| sum.saturating_add(pod.owed.0));
    let calls_run = act.head.held.0 > by_pods;
    for pod in &mut pods {
        reckon(act, pod, price, calls_run)?;
    }
    let nothing_left = !calls_run && act.head.available() <= Micro(0);
    for pod in &mut pods {
        let old = pod.owed_since.is_some_and(|since| act.now - since >= Millis::seconds(OWED_SECONDS_MAX));
        if old || nothing_left || !pod.is_up {
            pay(act, pod)?;
        }
        store::save(act.tx, act.office, pod)?;
    }
    Ok(())
}

/// Puts aside what has begun, as far as there is something to put aside; where the rest may wait, in whole minutes.
fn reckon(act: &mut Act<'_>, pod: &mut Clocked, price: Micro, rest_waits: bool) -> Result<(), Fault> {
    let begun = begun(pod, act.now) + std::mem::take(&mut pod.begun);
    let available = act.head.available().0.max(0);
    let minutes = if rest_waits { begun.min(available.checked_div(price.0).unwrap_or(begun)) } else { begun };
    pod.begun = begun - minutes;
    if minutes == 0 {
        return Ok(());
    }
    let owed = Micro(price.0.saturating_mul(minutes).min(available));
    act.head.held.0 += owed.0;
    pod.owed.0 += owed.0;
    if owed > Micro(0) {
        pod.owed_since = pod.owed_since.or(Some(act.now));
    }
    let share = share(&pod.resources, minutes)?;
    let used = Used { share, cost: owed, ..Used::nothing(UsageKind::Pod, pod.name.as_str()) };
    usage::add(act, &used)
}

/// How many minutes have begun since that was reckoned last; `paid_until` moves along. A pod that started after what was paid for
/// begins anew; one that came back within a minute that is paid owes nothing yet.
fn begun(pod: &mut Clocked, now: Time) -> i64 {
    if !pod.is_up {
        return 0;
    }
    let goes_on = pod.paid_until.filter(|until| pod.started_at.is_none_or(|started| started <= *until));
    let from = goes_on.unwrap_or(now);
    if from > now {
        return 0;
    }
    let minutes = (now - from).0 / MINUTE_MS + 1;
    pod.paid_until = Some(from + Millis(minutes * MINUTE_MS));
    minutes
}

fn share(resources: &str, minutes: i64) -> Result<Share, Fault> {
    let asked: Resources = serde_json::from_str(resources).map_err(fault::internal)?;
    let of = |asked: Option<u64>, default: i64| asked.map_or(default, |n| i64::try_from(n).unwrap_or(i64::MAX));
    Ok(Share {
        minutes,
        cpu_millis_minutes: of(asked.cpu_millis, CPU_MILLIS_DEFAULT).saturating_mul(minutes),
        memory_mib_minutes: of(asked.memory_mib, MEMORY_MIB_DEFAULT).saturating_mul(minutes),
    })
}

fn pay(act: &mut Act<'_>, pod: &mut Clocked) -> Result<(), Fault> {
    let owed = std::mem::take(&mut pod.owed);
    pod.owed_since = None;
    act.head.held.0 -= owed.0;
    ledger::pay(act, LedgerKind::Pods, owed, &format!("time of the pod of {}", pod.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_minute_that_begins_counts_once() {
        let pod = |started: i64, paid_until: Option<i64>| Clocked {
            agent: mi_core::ids::AgentId(uuid::Uuid::nil()),
            name: "ada".parse().unwrap(),
            resources: "{}".to_owned(),
            is_up: true,
            started_at: Some(Time(started)),
            paid_until: paid_until.map(Time),
            begun: 0,
            owed: Micro(0),
            owed_since: None,
        };
        let check = |mut pod: Clocked, now: i64, minutes: i64, paid_until: Option<i64>| {
            assert_eq!(begun(&mut pod, Time(now)), minutes);
            assert_eq!(pod.paid_until, paid_until.map(Time));
        };
        check(pod(0, None), 5_000, 1, Some(65_000));
        check(pod(0, Some(65_000)), 64_999, 0, Some(65_000));
        check(pod(0, Some(65_000)), 65_000, 1, Some(125_000));
        check(pod(0, Some(65_000)), 65_000 + 600_000, 11, Some(725_000));
        // It came back within the minute, and later.
        check(pod(30_000, Some(65_000)), 40_000, 0, Some(65_000));
        check(pod(90_000, Some(65_000)), 91_000, 1, Some(151_000));
        check(Clocked { is_up: false, ..pod(0, None) }, 5_000, 0, None);
    }
}
