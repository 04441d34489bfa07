//! What the supervisor does once at the server's start and once at its end.

use std::sync::Arc;

use mi_core::time::{Millis, Time};

use super::sweep::{bury, kill};
use super::{door, sleep, store};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::fault::{self, Fault};
use crate::infra::sweeps::Offices;
use crate::sessions;
use crate::tasks::calls;

/// How long agents may go on with what they are at before they are asked to hand it back.
const FINISH_SECONDS: i64 = 5;
/// When what is left is killed; with the requests' end this stays below 30 s.
const KILL_AFTER_SECONDS: i64 = 24;
const LOOK_AGAIN_MS: i64 = 20;

/// Pods die with the server: what an earlier one left is ended, and only then its work offered again.
pub async fn start_up(house: &House) -> Result<(), Fault> {
    let driver = Arc::clone(&house.driver);
    let runtime_dir = house.settings.runtime_dir.clone();
    let swept = tokio::task::spawn_blocking(move || driver.sweep_orphans()).await.map_err(fault::internal)?;
    let ended = swept.map_err(fault::internal)?;
    let swept = tokio::task::spawn_blocking(move || door::sweep(&runtime_dir)).await.map_err(fault::internal)?;
    let doors = swept.map_err(fault::internal)?;
    tracing::debug!(doors, "doors of an earlier server's pods were taken away");
    if ended > 0 {
        tracing::warn!(processes = ended, "pods of an earlier server were still there and have been ended");
    }
    sessions::sweep::after_restart(house).await?;
    forget_observed(house).await?;
    start_those_with_work(house).await
}

/// Whoever has nothing to do sleeps on; the others are woken, as by any other act that makes work.
async fn start_those_with_work(house: &House) -> Result<(), Fault> {
    let offices = house.db.read(|tx| Ok(store::offices_with_wishes(tx)?)).await?;
    let sort_out = |act: &mut Act<'_>| {
        let slept = store::put_to_sleep(act.tx, act.office, act.now)?;
        calls::for_everything(act)?;
        slept.into_iter().try_for_each(|agent| sleep::tell_if_asleep(act, agent))
    };
    let start = |office| house.act_as_server(office, sort_out);
    Offices::default().all("start of agents", offices, start).await;
    Ok(())
}

/// Lets pods finish, then asks them to hand back, then ends them. The house is draining already. What fails in one office
/// is taken from no other.
pub async fn shut_down(house: &House) -> Result<(), Fault> {
    house.pods.starts_settled().await;
    let began = house.clock.now();
    let (mut told, offices) = (Told::ToFinish, Offices::default());
    let buried = loop {
        // Counted first: whoever ends meanwhile is buried in the next round.
        let running = house.pods.running();
        let buried = bury(house, &offices).await;
        if running == 0 {
            break buried;
        }
        told = press(house, told, began).await;
        house.clock.sleep(Millis(LOOK_AGAIN_MS)).await;
    };
    let handed_back = sessions::sweep::hand_back(house, "the server was shut down").await;
    forget_observed(house).await.and(handed_back).and(buried)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    ToFinish,
    ToHandBack,
    Nothing,
}

async fn press(house: &House, told: Told, began: Time) -> Told {
    let now = house.clock.now();
    let (finish, end) = (began + Millis::seconds(FINISH_SECONDS), began + Millis::seconds(KILL_AFTER_SECONDS));
    match told {
        Told::ToFinish if now >= finish => {
            house.pods.living().into_iter().for_each(|(agent, ..)| house.pods.terminate(agent, now));
            Told::ToHandBack
        }
        Told::ToHandBack if now >= end => {
            for (agent, ..) in house.pods.living() {
                kill(house.pods.to_kill(agent, None)).await;
            }
            Told::Nothing
        }
        Told::ToFinish | Told::ToHandBack | Told::Nothing => told,
    }
}

async fn forget_observed(house: &House) -> Result<(), Fault> {
    let offices = house.db.read(|tx| Ok(store::offices_with_pods(tx)?)).await?;
    let forget = |office| house.act_as_server(office, |act| Ok(store::forget_observed(act.tx, act.office)?));
    Offices::default().all("pods of an earlier server", offices, forget).await;
    Ok(())
}
