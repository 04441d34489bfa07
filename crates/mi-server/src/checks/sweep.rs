//! Runs the rounds that are due. One round of the sweep starts what there is room for; it may be repeated at will.

use mi_core::ids::{OfficeId, TaskId};
use mi_core::problem::Code;
use mi_core::time::Millis;

use super::runs::Place;
use super::{run, service, store};
use crate::house::House;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;

/// Between two looks when nobody calls.
const ROUND_MS: i64 = 1_000;
/// Due rounds that are looked at for those whose office has room.
const DUE_LOOKED_AT_MAX: i64 = 256;
const LOOK_AGAIN_MS: i64 = 20;

/// Waits until the next look should come.
pub async fn wait(house: &House) {
    let at = house.clock.now() + Millis(ROUND_MS);
    // Either is a reason to look.
    let _woken = house.clock.timeout_at(at, house.wakeups.checks_due()).await;
}

pub async fn round(house: &House) -> Result<(), Fault> {
    if house.is_draining() {
        return Ok(());
    }
    end_overtaken(house).await?;
    let now = house.clock.now();
    for (office, task) in house.db.read(move |tx| Ok(store::due(tx, now, DUE_LOOKED_AT_MAX)?)).await? {
        let Some(place) = Place::reserve(house, office, task) else { continue };
        tokio::spawn(in_background(house.clone(), office, task, place));
    }
    Ok(())
}

/// A round whose task went on without it, or whose checks were changed, need not run to its end.
async fn end_overtaken(house: &House) -> Result<(), Fault> {
    for (office, task, generation) in house.checks.taken_up() {
        let open = house.db.read(move |tx| Ok(store::open_round(tx, office, task)?)).await?;
        if open.is_some_and(|round| round.generation == generation) {
            continue;
        }
        if let Some(pod) = house.checks.overtake(office, task) {
            tokio::task::spawn_blocking(move || pod.kill()).await.map_err(fault::internal)?;
        }
    }
    Ok(())
}

async fn in_background(house: House, office: OfficeId, task: TaskId, place: Place) {
    let outcome = carry_out(&house, office, task).await;
    drop(place);
    match outcome {
        Ok(()) => house.wakeups.send(&[Wake::Checks]),
        // An office that is deleted takes its rounds along.
        Err(fault) if fault.code == Code::NoSuchOffice => {}
        // The next look finds the round again.
        Err(fault) => {
            let cause = fault.cause.as_deref().unwrap_or_default();
            tracing::error!(%office, %task, cause, "checks could not be carried out: {}", fault.sentence);
        }
    }
}

async fn carry_out(house: &House, office: OfficeId, task: TaskId) -> Result<(), Fault> {
    let Some(job) = house.act_as_server(office, move |act| service::begin(act, task)).await? else { return Ok(()) };
    house.checks.note_generation(office, task, job.generation);
    let outcome = run::all(house, &job).await;
    if house.is_draining() {
        return Ok(());
    }
    match outcome {
        Ok(findings) => house.act_as_server(office, move |act| service::judge(act, &job, &findings)).await,
        Err(unable) => {
            tracing::warn!(%office, %task, reason = unable.0, "checks can't be run");
            house.act_as_server(office, move |act| service::delay(act, &job, &unable)).await
        }
    }
}

/// What an earlier server left of its runs. Blocks.
pub fn clean(house: &House) -> Result<(), Fault> {
    let failed = |error| fault::io("what is left of checks", &error);
    let offices = match std::fs::read_dir(house.data_dir().join("offices")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        offices => offices.map_err(failed)?,
    };
    for office in offices {
        let folder = office.map_err(failed)?.path().join(run::FOLDER);
        if let Err(error) = mi_pods::remove_tree(&folder) {
            tracing::warn!(%error, "what is left of an earlier server's checks stays behind");
        }
    }
    Ok(())
}

/// Ends what runs; it is run anew by the next server. The house is draining already.
pub async fn shut_down(house: &House) {
    loop {
        let pods = house.checks.pods();
        let killed = tokio::task::spawn_blocking(move || pods.iter().for_each(|pod| pod.kill())).await;
        if let Err(error) = killed {
            tracing::error!(%error, "ending a check broke off");
        }
        let again = house.clock.now() + Millis(LOOK_AGAIN_MS);
        if house.clock.timeout_at(again, house.checks.settled()).await.is_some() {
            return;
        }
    }
}
