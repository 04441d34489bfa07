//! What the server does again and again.

use std::sync::{Arc, Mutex, PoisonError};

use mi_core::time::{Millis, Time};

use crate::house::House;
use crate::infra::act::idempotency;
use crate::infra::http::Front;
use crate::infra::sweeps::Sweep;
use crate::{identity, pods, sessions, tasks};

const LAPSE_MS: i64 = 500;
const DUE_MS: i64 = 200;
const UNBLOCK_MS: i64 = 5_000;
const FORGET_MS: i64 = 10 * 60 * 1_000;
/// By so much a restarted server's clock may stand behind, if the wall's was set back meanwhile.
const SAVE_CLOCK_MS: i64 = 30_000;

pub fn sweeps(house: &House, front: &Front) -> Vec<Sweep> {
    vec![
        pods_sweep(house, front),
        lapse_sweep(house),
        due_sweep(house),
        unblock_sweep(house),
        forget_sweep(house),
        clock_sweep(house),
    ]
}

fn pods_sweep(house: &House, front: &Front) -> Sweep {
    let (for_round, for_wait, front) = (house.clone(), house.clone(), front.clone());
    let round = move || {
        let (house, front) = (for_round.clone(), front.clone());
        async move { pods::sweep::round(&house, &front).await }
    };
    let wait = move || {
        let house = for_wait.clone();
        async move { pods::sweep::wait(&house).await }
    };
    Sweep::woken("pods", round, wait)
}

fn lapse_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("leases", Millis(LAPSE_MS), &house.clock, move || {
        let house = own.clone();
        async move { sessions::sweep::lapse(&house).await }
    })
}

fn due_sweep(house: &House) -> Sweep {
    let own = house.clone();
    let looked_up_to = Arc::new(Mutex::new(Time(0)));
    Sweep::periodic("back-offs", Millis(DUE_MS), &house.clock, move || {
        let (house, looked_up_to) = (own.clone(), Arc::clone(&looked_up_to));
        async move {
            let last = *looked_up_to.lock().unwrap_or_else(PoisonError::into_inner);
            let now = tasks::sweep::due(&house, last).await?;
            *looked_up_to.lock().unwrap_or_else(PoisonError::into_inner) = now;
            Ok(())
        }
    })
}

fn unblock_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("blocks", Millis(UNBLOCK_MS), &house.clock, move || {
        let house = own.clone();
        async move { tasks::sweep::unblock(&house).await }
    })
}

fn forget_sweep(house: &House) -> Sweep {
    let own = house.clone();
    Sweep::periodic("idempotency", Millis(FORGET_MS), &house.clock, move || {
        let house = own.clone();
        async move {
            let now = house.clock.now();
            house.db.write(move |tx| idempotency::forget_old(tx, now)).await
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
