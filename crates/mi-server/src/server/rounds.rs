//! What the server does again and again.

use std::sync::{Arc, Mutex, PoisonError};

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::time::{Millis, Time};

use tokio::signal::unix::{SignalKind, signal};

use super::error::StartError;
use crate::house::House;
use crate::infra::act::idempotency;
use crate::infra::act::nonce::{self, Left};
use crate::infra::clock::Clock;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Front;
use crate::infra::http::certificate::{Certificate, Look};
use crate::infra::sweeps::{Cursor, Offices, Sweep};
use crate::{
    agents, audit, backups, chat, checks, credits, egress, gateway, identity, login, pods, schedules, sessions, tasks,
    webhooks,
};

const LAPSE_MS: i64 = 500;
const UNBLOCK_MS: i64 = 5_000;
/// The sweep of what is due sleeps until the next moment it knows of, and no longer than this.
const DUE_MS_MAX: i64 = 5_000;
/// And no shorter, so that a crowd of moments is taken together.
const DUE_MS_MIN: i64 = 20;
/// After a round that failed, so that something that can't be done isn't tried without a pause.
const DUE_MS_AFTER_FAILURE: i64 = 1_000;
const FORGET_NONCES_MS: i64 = 60 * 1_000;
/// Transactions of one round: more nonces than that a minute are left for the next.
const FORGET_NONCES_TIMES_MAX: usize = 100;
const FORGET_MS: i64 = 10 * 60 * 1_000;
/// By so much a restarted server's clock may stand behind, if the wall's was set back meanwhile.
const SAVE_CLOCK_MS: i64 = 30_000;
const CERTIFICATE_MS: i64 = 10_000;

const SPECIALISTS_MS: i64 = 2_000;
const LEAVINGS_MS: i64 = 5_000;
const STRAYS_MS: i64 = 60 * 60 * 1_000;

/// How exact it is known when a key was used last.
const KEYS_MS: i64 = 60_000;

pub fn sweeps(house: &House, front: &Front) -> Vec<Sweep> {
    let mut all = vec![
        pods_sweep(house, front),
        lapse_sweep(house),
        due_sweep(house),
        transcripts_sweep(house),
        unblock_sweep(house),
        checks_sweep(house),
        forget_sweep(house),
        nonces_sweep(house),
        clock_sweep(house),
        keys_sweep(house),
        presence_sweep(house),
        egress_sweep(house),
        specialists_sweep(house),
        leavings_sweep(house),
        strays_sweep(house),
        minutes_sweep(house),
    ];
    all.extend(audit_sweeps(house));
    all.extend(webhooks_sweeps(house));
    all
}

fn pods_sweep(house: &House, front: &Front) -> Sweep {
    let (for_round, for_wait, front) = (house.clone(), house.clone(), front.clone());
    let memory = pods::sweep::Memory::default();
    let round = move || {
        let (house, front, memory) = (for_round.clone(), front.clone(), memory.clone());
        async move { pods::sweep::round(&house, &front, &memory).await }
    };
    let wait = move || {
        let house = for_wait.clone();
        async move { pods::sweep::wait(&house).await }
    };
    Sweep::woken("pods", round, wait)
}

fn checks_sweep(house: &House) -> Sweep {
    let (for_round, for_wait) = (house.clone(), house.clone());
    let round = move || {
        let house = for_round.clone();
        async move { checks::sweep::round(&house).await }
    };
    let wait = move || {
        let house = for_wait.clone();
        async move { checks::sweep::wait(&house).await }
    };
    Sweep::woken("checks", round, wait)
}

fn lapse_sweep(house: &House) -> Sweep {
    let (own, leases) = (house.clone(), sessions::sweep::Leases::default());
    Sweep::periodic("leases", Millis(LAPSE_MS), &house.clock, move || {
        let (house, leases) = (own.clone(), leases.clone());
        async move { sessions::sweep::lapse(&house, &leases).await }
    })
}

fn transcripts_sweep(house: &House) -> Sweep {
    let (own, offices) = (house.clone(), Offices::default());
    Sweep::periodic("transcripts", Millis(FORGET_MS), &house.clock, move || {
        let (house, offices) = (own.clone(), offices.clone());
        async move { sessions::sweep::forget(&house, &offices).await }
    })
}

fn due_sweep(house: &House) -> Sweep {
    let (for_round, for_wait) = (house.clone(), house.clone());
    let looked_up_to = Arc::new(Mutex::new(Time(0)));
    let next = Arc::new(Mutex::new(Time(0)));
    let known = Arc::clone(&next);
    let places = Due::default();
    let round = move || {
        let (house, looked_up_to, next) = (for_round.clone(), Arc::clone(&looked_up_to), Arc::clone(&next));
        let places = places.clone();
        async move {
            let last = get(&looked_up_to);
            let result = due(&house, last, &looked_up_to, &places).await;
            set(&next, house.clock.now() + Millis(DUE_MS_AFTER_FAILURE));
            result?;
            set(&next, next_due(&house, get(&looked_up_to)).await?);
            Ok(())
        }
    };
    let wait = move || {
        let (house, next) = (for_wait.clone(), get(&known));
        async move {
            let now = house.clock.now();
            let at = next.clamp(now + Millis(DUE_MS_MIN), now + Millis(DUE_MS_MAX));
            // Either is a reason to look.
            let _woken = house.clock.timeout_at(at, house.wakeups.due_changed()).await;
        }
    };
    Sweep::woken("due", round, wait)
}

/// Where the sweeps of what is due go on.
#[derive(Clone, Default)]
struct Due {
    offers: Offices<OfficeId>,
    messages: Offices<(OfficeId, AgentName)>,
    late: Offices<(OfficeId, TaskId)>,
    quotas: Offices<(OfficeId, gateway::kinds::Kind)>,
}

/// Each is done even if one before it fails.
async fn due(house: &House, last: Time, looked_up_to: &Mutex<Time>, places: &Due) -> Result<(), Fault> {
    let now = house.clock.now();
    let tasks = tasks::sweep::offer(house, last, now, &places.offers).await;
    let messages = chat::sweep::offer(house, last, now, &places.messages).await;
    // An office that fails doesn't hold the moment up: what is due there is kept until it works.
    let offered = tasks.and(messages).map(|()| set(looked_up_to, now));
    let late = tasks::sweep::mark_late(house, &places.late).await;
    let fired = schedules::sweep::fire(house).await;
    let unparked = gateway::sweep::unpark(house, &places.quotas).await;
    offered.and(late).and(fired).and(unparked)
}

/// When something is due next; far away if nothing is.
async fn next_due(house: &House, after: Time) -> Result<Time, Fault> {
    let look = move |tx: &mut dyn Tx| {
        let offers = [tasks::sweep::next(tx, after)?, chat::sweep::next(tx, after)?];
        Ok(offers.into_iter().chain([schedules::sweep::next(tx)?, gateway::sweep::next(tx)?]).flatten().min())
    };
    Ok(house.db.read(look).await?.unwrap_or(Time(i64::MAX)))
}

fn get(time: &Mutex<Time>) -> Time {
    *time.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set(time: &Mutex<Time>, to: Time) {
    *time.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

fn unblock_sweep(house: &House) -> Sweep {
    let (own, offices) = (house.clone(), Offices::default());
    Sweep::periodic("blocks", Millis(UNBLOCK_MS), &house.clock, move || {
        let (house, offices) = (own.clone(), offices.clone());
        async move { tasks::sweep::unblock(&house, &offices).await }
    })
}

fn forget_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("idempotency", Millis(FORGET_MS), &house.clock, move || {
        let house = own.clone();
        async move {
            let now = house.clock.now();
            house.db.write(move |tx| idempotency::forget_old(tx, now)).await?;
            login::service::forget(&house).await
        }
    })
}

fn nonces_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("nonces", Millis(FORGET_NONCES_MS), &house.clock, move || {
        let house = own.clone();
        async move {
            let now = house.clock.now();
            house.nonces.forget(now);
            for _ in 0..FORGET_NONCES_TIMES_MAX {
                if house.db.write(move |tx| nonce::forget_old(tx, now)).await? == Left::Nothing {
                    break;
                }
            }
            Ok(())
        }
    })
}

fn clock_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("clock", Millis(SAVE_CLOCK_MS), &house.clock, move || {
        let house = own.clone();
        async move { identity::service::save_time(&house.db, house.clock.now()).await }
    })
}

fn keys_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("uses of keys", Millis(KEYS_MS), &house.clock, move || {
        let house = own.clone();
        gateway::sweep::tidy(&house);
        async move { identity::keys::note_uses(&house).await }
    })
}

fn presence_sweep(house: &House) -> Sweep {
    let (own, offices) = (house.clone(), Offices::default());
    Sweep::periodic("presence", Millis(agents::sweep::LOOK_MS), &house.clock, move || {
        let (house, offices) = (own.clone(), offices.clone());
        async move { agents::sweep::tell(&house, &offices).await }
    })
}

fn egress_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("egress", Millis(egress::sweep::TELL_MS), &house.clock, move || {
        let house = own.clone();
        async move { egress::sweep::tell(&house).await }
    })
}

fn specialists_sweep(house: &House) -> Sweep {
    let (own, offices) = (house.clone(), Offices::default());
    Sweep::periodic("specialists", Millis(SPECIALISTS_MS), &house.clock, move || {
        let (house, offices) = (own.clone(), offices.clone());
        async move { agents::sweep::end_specialists(&house, &offices).await }
    })
}

fn minutes_sweep(house: &House) -> Sweep {
    let (own, pods, days) = (house.clone(), Offices::default(), Offices::default());
    Sweep::periodic("time of pods", Millis(credits::minutes::LOOK_MS), &house.clock, move || {
        let (house, pods, days) = (own.clone(), pods.clone(), days.clone());
        async move {
            let charged = credits::minutes::charge(&house, &pods).await;
            charged.and(credits::suspend::begin_day(&house, &days).await)
        }
    })
}

fn leavings_sweep(house: &House) -> Sweep {
    let (own, cursor) = (house.clone(), Cursor::default());
    Sweep::periodic("leavings", Millis(LEAVINGS_MS), &house.clock, move || {
        let (house, cursor) = (own.clone(), cursor.clone());
        async move { backups::sweep(&house, &cursor).await }
    })
}

fn strays_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("backups without a row", Millis(STRAYS_MS), &house.clock, move || {
        let house = own.clone();
        async move { backups::collect(&house).await }
    })
}

fn audit_sweeps(house: &House) -> [Sweep; 2] {
    let memory = audit::sweep::Memory::default();
    let (publishing, own) = (house.clone(), memory.clone());
    let heads = Sweep::periodic("published heads", Millis(audit::sweep::PUBLISH_MS), &house.clock, move || {
        let (house, memory) = (publishing.clone(), own.clone());
        async move { audit::sweep::publish(&house, &memory).await }
    });
    let pruning = house.clone();
    let history = Sweep::periodic("event history", Millis(audit::sweep::PRUNE_MS), &house.clock, move || {
        let (house, memory) = (pruning.clone(), memory.clone());
        async move { audit::sweep::prune(&house, &memory).await }
    });
    [heads, history]
}

fn webhooks_sweeps(house: &House) -> [Sweep; 2] {
    let (for_round, for_wait) = (house.clone(), house.clone());
    let round = move || {
        let house = for_round.clone();
        async move { webhooks::sweep::round(&house).await }
    };
    let wait = move || {
        let house = for_wait.clone();
        async move { webhooks::sweep::wait(&house).await }
    };
    let (own, memory) = (house.clone(), webhooks::sweep::Memory::default());
    let pruning = Sweep::periodic("deliveries", Millis(webhooks::sweep::PRUNE_MS), &house.clock, move || {
        let (house, memory) = (own.clone(), memory.clone());
        async move { webhooks::sweep::prune(&house, &memory).await }
    });
    [Sweep::woken("webhooks", round, wait), pruning]
}

/// The certificate is looked at from time to time, and at once when somebody says so with SIGHUP.
pub fn certificate_sweep(certificate: Arc<Certificate>, clock: &Clock) -> Result<Sweep, StartError> {
    let hangup = signal(SignalKind::hangup()).map_err(|error| StartError::Broke(error.to_string()))?;
    let (hangup, clock) = (Arc::new(tokio::sync::Mutex::new(hangup)), clock.clone());
    let round = move || {
        let certificate = Arc::clone(&certificate);
        async move {
            let looked = tokio::task::spawn_blocking(move || certificate.look()).await.map_err(fault::internal)?;
            if looked.map_err(fault::internal)? == Look::New {
                tracing::info!("new connections are shown a new certificate");
            }
            Ok(())
        }
    };
    let wait = move || {
        let (hangup, clock) = (Arc::clone(&hangup), clock.clone());
        async move {
            let until = clock.now() + Millis(CERTIFICATE_MS);
            let mut hangup = hangup.lock().await;
            let _heard = clock.timeout_at(until, hangup.recv()).await;
        }
    };
    Ok(Sweep::woken("certificate", round, wait))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{TestHouse, TestOffice};

    /// Looks until it is so; more often than any sweep needs.
    const LOOKS_MAX: usize = 20_000;
    /// A sweep that was in the middle of a round when the moment came sleeps its shortest sleep first, so the clock goes
    /// on by that much every so many looks, and stays below the longest sleep.
    const LOOKS_PER_STEP: usize = 400;

    /// Its agent sleeps.
    async fn with_sleeper(office: TestOffice<'_>) {
        office.hire("ada").await;
        let mut runner = office.runner("ada").await;
        assert_eq!(runner.next(0).await.status, 204);
        office.house.house.clock.advance(Millis::seconds(600));
        assert_eq!(runner.next(0).await.json["control"], "hibernate");
        runner.exit(0).await;
    }

    async fn sleeps(office: TestOffice<'_>) -> bool {
        let card = office.call("GET", "/employees/ada", Value::Null).await.ok();
        card["status"]["phase"] == "Hibernated"
    }

    #[tokio::test]
    async fn what_is_due_in_a_broken_office_is_kept_and_holds_no_other_up() {
        let house = TestHouse::new().await;
        let (broken, well) = (house.office().await, house.office().await);
        for office in [broken, well] {
            with_sleeper(office).await;
        }
        for office in [broken, well] {
            office.task(json!({"title": "t", "notBefore": "+1m"})).await;
            assert!(sleeps(office).await);
        }
        broken.set_raw_settings("{").await;
        let (looked, places) = (Mutex::new(house.now()), Due::default());
        house.house.clock.advance(Millis::seconds(60));
        due(&house.house, get(&looked), &looked, &places).await.unwrap();
        assert_eq!(get(&looked), house.now());
        broken.set_raw_settings("{}").await;
        assert_eq!((sleeps(broken).await, sleeps(well).await), (true, false));
        due(&house.house, get(&looked), &looked, &places).await.unwrap();
        assert!(!sleeps(broken).await);
        house.close().await;
    }

    #[tokio::test]
    async fn the_sweep_of_what_is_due_sleeps_to_the_moment_and_is_woken_for_a_nearer_one() {
        let house = TestHouse::new().await;
        let office = house.office().await;
        let running = tokio::spawn(due_sweep(&house.house).for_ever());
        let is_late = async || office.call("GET", "/events", Value::Null).await.ok().to_string().contains("tasks.late");
        // Longer ahead than the sweep would ever sleep, then nearer than it sleeps.
        for deadline in ["+1h", "+3s"] {
            office.task(json!({"title": "t", "deadline": deadline})).await;
        }
        assert!(!is_late().await);
        house.house.clock.advance(Millis(3_000));
        let mut looks = 0;
        while !is_late().await {
            looks += 1;
            assert!(looks < LOOKS_MAX, "nobody woke the sweep");
            if looks % LOOKS_PER_STEP == 0 {
                house.house.clock.advance(Millis(DUE_MS_MIN));
            }
        }
        running.abort();
        house.close().await;
    }
}
