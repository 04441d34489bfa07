//! Makes wishes true. One round looks at every pod that needs it; rounds may be repeated at will.

use std::sync::Arc;

use mi_core::credits::Micro;
use mi_core::ids::{AgentId, OfficeId};
use mi_core::problem::Code;
use mi_core::time::Millis;
use mi_core::wire::offices::OfficeStatus;
use mi_pods::{Pod, PodStatus};

use super::raise::{Order, raise};
use super::rules::{self, Ending, Step, Wanted};
use super::store::{self, Watched};
use super::supervisor::{Dead, Place};
use super::{Desired, Observed, service};
use crate::house::House;
use crate::infra::fault::Fault;
use crate::infra::http::Front;
use crate::infra::sweeps::{InOffice, Offices, WITHOUT_LIMIT};

/// Between two rounds when nobody calls.
const ROUND_MS: i64 = 1_000;
/// The same while a pod is on its way in or out.
const ROUND_RESTLESS_MS: i64 = 100;
const NO_SIGN_OF_LIFE: &str = "its runner didn't sign in before its ticket ran out";

/// Waits until the next round should come.
pub async fn wait(house: &House) {
    let restless = house.pods.is_restless();
    let at = house.clock.now() + Millis(if restless { ROUND_RESTLESS_MS } else { ROUND_MS });
    // Either is a reason to look.
    let _woken = house.clock.timeout_at(at, house.wakeups.pods_changed()).await;
}

/// In which offices it fails.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    ended: Offices<Dead>,
    tended: Offices<Watched>,
}

impl InOffice for Dead {
    fn office(&self) -> OfficeId {
        self.office
    }
}

impl InOffice for Watched {
    fn office(&self) -> OfficeId {
        self.office
    }
}

/// One round. A pod that fails stands in no other's way and is tried again in the next one; the last failure is the round's.
pub async fn round(house: &House, front: &Front, memory: &Memory) -> Result<(), Fault> {
    let buried = bury(house, &memory.ended).await;
    let watched = house.db.read(|tx| Ok(store::watched(tx)?)).await?;
    end_strays(house, &watched).await;
    let tend = |pod: Watched| async move { tend(house, front, &pod).await };
    memory.tended.each("pods", watched, WITHOUT_LIMIT, tend).await.and(buried)
}

async fn tend(house: &House, front: &Front, watched: &Watched) -> Result<(), Fault> {
    let (agent, now) = (watched.agent, house.clock.now());
    match rules::step(&watched.row, wanted(house, watched), house.pods.seen(agent), now) {
        Step::Leave => {}
        // It waits for its workspace.
        Step::Start if house.backups.replaces(agent) => {}
        Step::Start => start(house, front, Order::from(watched)),
        Step::Terminate => house.pods.terminate(agent, now),
        Step::Kill => kill(house.pods.to_kill(agent, None)).await,
        Step::GiveUp => kill(house.pods.to_kill(agent, Some(NO_SIGN_OF_LIFE))).await,
        Step::Settle => {
            let settle = move |act: &mut crate::infra::act::Act<'_>| {
                service::ended(act, agent, Ending::Asked, "the pod is not wanted any more")
            };
            house.act_as_server(watched.office, settle).await?;
        }
    }
    Ok(())
}

fn wanted(house: &House, watched: &Watched) -> Wanted {
    let office_works = watched.office_status == OfficeStatus::Active && watched.balance > Micro(0);
    let may_work = office_works && !watched.fired && !watched.suspended;
    let may_run = watched.row.desired == Desired::Running && may_work;
    match (may_run, house.is_draining()) {
        (true, false) => Wanted::Yes,
        (true, true) => Wanted::Draining,
        (false, _) => Wanted::No,
    }
}

/// Starts in the background, so that one slow start doesn't hold up the others.
fn start(house: &House, front: &Front, order: Order) {
    let (house, front) = (house.clone(), front.clone());
    // The place is taken before the task runs, so that the next round sees it.
    let Some(place) = Place::reserve(&house, order.agent) else { return };
    tokio::spawn(async move {
        if let Err(fault) = raise(&house, &front, order, place).await {
            tracing::error!(cause = fault.cause.as_deref().unwrap_or_default(), "{}", fault.sentence);
        }
    });
}

/// Pods whose row is gone, with their office, end like those that nobody wants.
async fn end_strays(house: &House, watched: &[Watched]) {
    let now = house.clock.now();
    for (agent, _, _, ending_since) in house.pods.living() {
        if watched.iter().any(|row| row.agent == agent) {
            continue;
        }
        match ending_since {
            None => house.pods.terminate(agent, now),
            Some(since) if rules::end_further(since, now) == Step::Kill => kill(house.pods.to_kill(agent, None)).await,
            Some(_) => {}
        }
    }
}

/// Kills in the background of the runtime: ending a tree of processes may take a while.
pub(super) async fn kill(pod: Option<Arc<dyn Pod>>) {
    let Some(pod) = pod else { return };
    if let Err(error) = tokio::task::spawn_blocking(move || pod.kill()).await {
        tracing::error!(%error, "killing a pod broke off");
    }
}

/// Writes down which pods have ended and hands back or fails what they were at.
pub(super) async fn bury(house: &House, offices: &Offices<Dead>) -> Result<(), Fault> {
    let bury = |dead: Dead| async move {
        match write_down(house, &dead).await {
            // An office that is deleted takes its pods' rows along.
            Err(fault) if fault.code != Code::NoSuchOffice => return Err(fault),
            Ok(()) | Err(_) => house.pods.forget(dead.agent),
        }
        Ok(())
    };
    offices.each("ends of pods", house.pods.dead(), WITHOUT_LIMIT, bury).await
}

async fn write_down(house: &House, dead: &Dead) -> Result<(), Fault> {
    let (ending, reason) = autopsy(house, dead).await?;
    let agent = dead.agent;
    house.act_as_server(dead.office, move |act| service::ended(act, agent, ending, &reason)).await
}

/// How it came to its end, and why in words.
async fn autopsy(house: &House, dead: &Dead) -> Result<(Ending, String), Fault> {
    if let Some(why) = &dead.verdict {
        return Ok((Ending::Crashed, format!("the pod was ended: {why}")));
    }
    if let Some(why) = dead.given_up {
        return Ok((Ending::Crashed, with_last_line(house, dead, format!("the pod was given up: {why}")).await));
    }
    if dead.was_asked {
        return Ok((Ending::Asked, "the pod was stopped".to_owned()));
    }
    let in_order = dead.status == PodStatus::Exited { code: Some(0), signal: None };
    if in_order && had_signed_in(house, dead.office, dead.agent).await? {
        // A house that drains sends every runner away.
        let ending = if house.is_draining() { Ending::Asked } else { Ending::Left };
        return Ok((ending, "the pod's runner left in good order".to_owned()));
    }
    let how = match dead.status {
        PodStatus::Exited { signal: Some(signal), .. } => format!("the pod was ended by signal {signal}"),
        PodStatus::Exited { code: Some(code), .. } => format!("the pod ended with exit code {code}"),
        PodStatus::Exited { code: None, signal: None } | PodStatus::Running => "the pod was torn down".to_owned(),
    };
    Ok((Ending::Crashed, with_last_line(house, dead, how).await))
}

async fn with_last_line(house: &House, dead: &Dead, how: String) -> String {
    match service::log_tail(house, dead.office, dead.agent, 1).await {
        line if line.is_empty() => how,
        line => format!("{how}; its last words: {line}"),
    }
}

/// A runner that leaves before it came has not been sent away by anybody.
async fn had_signed_in(house: &House, office: OfficeId, agent: AgentId) -> Result<bool, Fault> {
    let row = house.db.read(move |tx| service::row(tx, office, agent)).await?;
    Ok(row.is_some_and(|row| row.observed != Observed::Starting))
}
