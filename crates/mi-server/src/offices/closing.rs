//! The end of an office: pods first, then every row, then the folder.
//!
//! Each step may be repeated, so a deletion that broke off is finished by asking
//! again. After the rows are gone nothing of the office can be read.

use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::time::Millis;
use mi_core::wire::offices::OfficeStatus;
use serde_json::json;

use super::store;
use crate::agents::service as agents;
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::idempotency::Key;
use crate::infra::act::{Act, Answer, Ask, NewEvent};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::wakeups::{Interest, Wake};
use crate::{invites, sessions};

/// Longer than the grace that a pod gets to end by itself.
const PODS_STOP_MS_MAX: i64 = 45_000;
const PODS_LOOK_MS: i64 = 50;
const RETRY_AFTER_SECONDS: i64 = 5;

pub async fn delete(house: &House, call: &Call) -> Result<Answer, Fault> {
    let office = call.office()?;
    if let Some(answer) = earlier_answer(house, call.idempotency.clone()).await? {
        return Ok(answer);
    }
    let ask = Ask { idempotency: None, ..call.ask() };
    house.act_in(office, ask, |act, _| shut(act)).await?;
    erase_when_empty(house, office, call.idempotency.clone()).await?;
    remove_folder(house, office).await?;
    Ok(Answer::done())
}

/// The office can't be entered after its end, so a repeated request is recognised before the door.
async fn earlier_answer(house: &House, key: Option<Key>) -> Result<Option<Answer>, Fault> {
    let Some(key) = key else { return Ok(None) };
    let now = house.clock.now();
    house.db.read(move |tx| key.recall(tx, now)).await
}

/// No work is given out any more and every pod is to go.
fn shut(act: &mut Act<'_>) -> Result<Answer, Fault> {
    store::set_status(act.tx, act.office, OfficeStatus::Suspended)?;
    act.head.status = OfficeStatus::Suspended;
    for agent in agents::list(act.tx, act.office)? {
        sessions::service::stop_all(act, agent.id, "office_deleted")?;
    }
    store::wish_all_pods_gone(act.tx, act.office)?;
    act.wake(Wake::Pods);
    act.event(NewEvent {
        category: Category::Office,
        kind: "offices.delete",
        actor: "owner",
        agent: None,
        task: None,
        summary: "the office is being deleted".to_owned(),
        data: json!({}),
    })?;
    Ok(Answer::nothing())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Pods,
}

async fn erase_when_empty(house: &House, office: OfficeId, key: Option<Key>) -> Result<(), Fault> {
    let give_up_at = house.clock.now() + Millis(PODS_STOP_MS_MAX);
    loop {
        let parked = house.wakeups.park(office, Interest::Events);
        if try_erase(house, office, key.clone()).await? == Left::Nothing {
            return Ok(());
        }
        if house.clock.now() >= give_up_at {
            return Err(pods_still_stopping());
        }
        look_again(house, parked).await;
    }
}

async fn look_again(house: &House, mut parked: crate::infra::wakeups::Parked) {
    tokio::select! {
        () = parked.woken() => {}
        () = house.clock.sleep(Millis(PODS_LOOK_MS)) => {}
    }
}

fn pods_still_stopping() -> Fault {
    let mut fault = Fault::new(Code::Busy, "the office is shut, but its pods are still stopping")
        .hint("delete it again in a moment");
    fault.retry_after_seconds = Some(RETRY_AFTER_SECONDS);
    fault
}

async fn try_erase(house: &House, office: OfficeId, key: Option<Key>) -> Result<Left, Fault> {
    let now = house.clock.now();
    house
        .db
        .write(move |tx: &mut dyn Tx| {
            if store::pods_alive(tx, office)? > 0 {
                return Ok(Left::Pods);
            }
            invites::service::orphan(tx, office, now)?;
            store::erase(tx, office)?;
            if let Some(key) = &key {
                key.keep(tx, &Answer::done(), now)?;
            }
            Ok(Left::Nothing)
        })
        .await
}

/// Drive and workspaces. Links are removed, never followed.
pub async fn remove_folder(house: &House, office: OfficeId) -> Result<(), Fault> {
    let folder = house.office_dir(office);
    let removed = tokio::task::spawn_blocking(move || mi_pods::remove_tree(&folder)).await;
    removed.map_err(fault::internal)?.map_err(|error| fault::io("removing an office's folder", &error))
}
