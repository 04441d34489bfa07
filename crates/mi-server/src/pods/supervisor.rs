//! The pods that run now: what is in no row, because it ends with this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::time::Time;
use mi_pods::{Pod, PodStatus};
use tokio::sync::Notify;

use super::door::Door;
use super::rules::Seen;
use crate::house::House;
use crate::identity::service::Part;

/// As which users of the host pods run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodUsers {
    /// The server is root: each office has an unprivileged user of its own.
    OnePerOffice,
    /// As the server's own user.
    Servers,
}

/// The register of living pods, with what the supervisor remembers between its rounds.
#[derive(Default)]
pub struct Supervisor {
    register: Mutex<HashMap<AgentId, Slot>>,
    started: Notify,
    uids: Mutex<HashMap<OfficeId, u32>>,
    readiness: Mutex<Option<(Time, Vec<Part>)>>,
}

enum Slot {
    Starting,
    Up(Live),
}

/// A pod that runs, or has just ended and is not buried yet.
pub(super) struct Live {
    pub office: OfficeId,
    pub name: AgentName,
    pub pod: Arc<dyn Pod>,
    /// Held so that the pod reaches the server; closed with it.
    pub _door: Option<Door>,
    /// Since when it is asked to end.
    pub ending_since: Option<Time>,
    /// Why it was given up, if it was.
    pub given_up: Option<&'static str>,
}

/// A pod that has ended.
#[derive(Debug, Clone)]
pub struct Dead {
    pub office: OfficeId,
    pub agent: AgentId,
    pub status: PodStatus,
    pub was_asked: bool,
    pub given_up: Option<&'static str>,
    /// Why its driver ended it, if it did.
    pub verdict: Option<String>,
}

/// The place of a pod that is being started; dropped, it is free again.
pub(super) struct Place {
    house: House,
    agent: AgentId,
}

impl Place {
    /// `None` if a pod of this agent is there already.
    pub(super) fn reserve(house: &House, agent: AgentId) -> Option<Self> {
        let mut register = house.pods.lock();
        if register.contains_key(&agent) {
            return None;
        }
        register.insert(agent, Slot::Starting);
        Some(Self { house: house.clone(), agent })
    }

    pub(super) fn fill(self, live: Live) {
        self.house.pods.lock().insert(self.agent, Slot::Up(live));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut register = self.house.pods.lock();
        if let Some(Slot::Starting) = register.get(&self.agent) {
            register.remove(&self.agent);
        }
        drop(register);
        self.house.pods.started.notify_waiters();
    }
}

impl Supervisor {
    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, Slot>> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self, agent: AgentId) -> Seen {
        match self.lock().get(&agent) {
            None => Seen::Nothing,
            Some(Slot::Starting) => Seen::Starting,
            Some(Slot::Up(live)) => Seen::Up { ending_since: live.ending_since },
        }
    }

    pub(super) fn dead(&self) -> Vec<Dead> {
        let register = self.lock();
        let dead = register.iter().filter_map(|(agent, slot)| match slot {
            Slot::Starting => None,
            Slot::Up(live) => match live.pod.status() {
                PodStatus::Running => None,
                status @ PodStatus::Exited { .. } => Some(Dead {
                    office: live.office,
                    agent: *agent,
                    status,
                    was_asked: live.ending_since.is_some(),
                    given_up: live.given_up,
                    verdict: live.pod.verdict(),
                }),
            },
        });
        dead.collect()
    }

    pub(super) fn forget(&self, agent: AgentId) {
        self.lock().remove(&agent);
    }

    /// Asks the pod's runner to leave.
    pub(super) fn terminate(&self, agent: AgentId, now: Time) {
        if let Some(Slot::Up(live)) = self.lock().get_mut(&agent) {
            live.ending_since.get_or_insert(now);
            live.pod.terminate();
        }
    }

    /// The pod is to be killed, and why if that is not by anybody's wish.
    pub(super) fn to_kill(&self, agent: AgentId, given_up: Option<&'static str>) -> Option<Arc<dyn Pod>> {
        let mut register = self.lock();
        let Some(Slot::Up(live)) = register.get_mut(&agent) else { return None };
        live.given_up = live.given_up.or(given_up);
        Some(Arc::clone(&live.pod))
    }

    /// Those that run, with since when they are asked to end.
    pub(super) fn living(&self) -> Vec<(AgentId, OfficeId, AgentName, Option<Time>)> {
        let register = self.lock();
        let living = register.iter().filter_map(|(agent, slot)| match slot {
            Slot::Starting => None,
            Slot::Up(live) => Some((*agent, live.office, live.name.clone(), live.ending_since)),
        });
        living.collect()
    }

    /// How many pods run, start or are not buried yet.
    #[cfg(any(test, feature = "testing"))]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// How many pods run or start; one that has ended is none of them, even if that isn't written down yet.
    pub(super) fn running(&self) -> usize {
        let runs = |slot: &&Slot| match slot {
            Slot::Starting => true,
            Slot::Up(live) => live.pod.status() == PodStatus::Running,
        };
        self.lock().values().filter(runs).count()
    }

    /// Whether a pod is on its way in or out, so that the next look should come soon.
    pub(super) fn is_restless(&self) -> bool {
        self.lock().values().any(|slot| match slot {
            Slot::Starting => true,
            Slot::Up(live) => live.ending_since.is_some(),
        })
    }

    /// Resolves when no pod is being started.
    pub async fn starts_settled(&self) {
        loop {
            let started = self.started.notified();
            tokio::pin!(started);
            started.as_mut().enable();
            let starting = self.lock().values().any(|slot| matches!(slot, Slot::Starting));
            if !starting {
                return;
            }
            started.await;
        }
    }

    pub(super) fn known_uid(&self, office: OfficeId) -> Option<u32> {
        self.uids.lock().unwrap_or_else(PoisonError::into_inner).get(&office).copied()
    }

    pub(super) fn keep_uid(&self, office: OfficeId, uid: u32) {
        self.uids.lock().unwrap_or_else(PoisonError::into_inner).insert(office, uid);
    }

    pub(super) fn known_readiness(&self, not_before: Time) -> Option<Vec<Part>> {
        let known = self.readiness.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(at, _)| *at >= not_before).map(|(_, parts)| parts.clone())
    }

    pub(super) fn keep_readiness(&self, at: Time, parts: &[Part]) {
        *self.readiness.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, parts.to_vec()));
    }
}
