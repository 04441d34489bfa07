//! Who waits for what: parked claims, beats and streams are woken after commit.
//!
//! A task that becomes ready wakes one parked claimer at once, not all of them.
//! A wake-up is a hint, never a promise: whoever wakes looks again, and a slow
//! poll (30 s for claims, the runner's own next question for runners) is the
//! floor under every wait. Wake-ups are sent by the commit itself.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mi_core::ids::{AgentName, ClaimToken, OfficeId};
use tokio::sync::{oneshot, watch};

/// Something that happened in a transaction and that others may wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// A task can be claimed: by this agent, or by anybody.
    TaskReady { office: OfficeId, assigned: Option<AgentName> },
    /// An agent should look for orders or messages, whatever it waits for.
    Agent { office: OfficeId, name: AgentName },
    /// A live session has an order.
    Session { office: OfficeId, session: ClaimToken },
    /// Events were written.
    Events { office: OfficeId },
    /// Lines were written that are no events: logs of tasks and of agents.
    Lines { office: OfficeId },
    /// A webhook has something to do.
    Webhooks,
    /// Credits of an office became free.
    Credits { office: OfficeId },
    /// A pod's wish changed.
    Pods,
    /// Something is due at a moment that was not known before.
    Due,
    /// A completion is to be checked.
    Checks,
    /// What an office may call models with, or when, is another than before.
    Models,
    /// Somebody may do less than before: a key was revoked, a colleague or an agent left.
    Rights,
}

/// What a parked caller waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    /// Tasks for this agent, and anything else addressed to it.
    Work(AgentName),
    Session(ClaimToken),
    Events,
    /// Events, and lines that are none.
    EventsAndLines,
    /// A model call that waits until others are settled.
    Credits,
}

struct Waiter {
    number: u64,
    interest: Interest,
    signal: oneshot::Sender<u64>,
}

#[derive(Default)]
struct Waiters {
    next_number: u64,
    offices: HashMap<OfficeId, VecDeque<Waiter>>,
}

#[derive(Clone, Default)]
pub struct Wakeups {
    waiters: Arc<Mutex<Waiters>>,
    pods: Arc<tokio::sync::Notify>,
    due: Arc<tokio::sync::Notify>,
    checks: Arc<tokio::sync::Notify>,
    webhooks: Arc<tokio::sync::Notify>,
    events: Arc<tokio::sync::Notify>,
    /// Counts how often somebody lost something.
    rights: Arc<watch::Sender<u64>>,
    /// Counts changes of what models are called with.
    models: Arc<AtomicU64>,
}

/// A place in the queue. Dropping it leaves; a wake-up that was received and not used goes to the next one.
pub struct Parked {
    wakeups: Wakeups,
    office: OfficeId,
    number: u64,
    work: bool,
    signal: oneshot::Receiver<u64>,
    /// Those who parked before this number may still be told of the same wake-up.
    told_below: Option<u64>,
}

impl Parked {
    /// Resolves when there may be something.
    pub async fn woken(&mut self) {
        // An error means that the sender went away, which is a reason to look as well.
        self.told_below = (&mut self.signal).await.ok();
    }

    /// What woke this one was taken by it.
    pub fn used(mut self) {
        self.work = false;
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let was_waiting = self.wakeups.leave(self.office, self.number);
        let told_below = self.told_below.or_else(|| self.signal.try_recv().ok());
        if let Some(below) = told_below.filter(|_| self.work && !was_waiting) {
            self.wakeups.signal_first(self.office, below, |interest| matches!(interest, Interest::Work(_)));
        }
    }
}

impl Wakeups {
    pub fn park(&self, office: OfficeId, interest: Interest) -> Parked {
        let (signal, receiver) = oneshot::channel();
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.next_number += 1;
        let number = waiters.next_number;
        let work = matches!(interest, Interest::Work(_));
        let waiter = Waiter { number, interest, signal };
        waiters.offices.entry(office).or_default().push_back(waiter);
        drop(waiters);
        Parked { wakeups: self.clone(), office, number, work, signal: receiver, told_below: None }
    }

    /// True if it was still waiting, so that no wake-up is lost with it.
    fn leave(&self, office: OfficeId, number: u64) -> bool {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = waiters.offices.get_mut(&office) else { return false };
        let before = queue.len();
        queue.retain(|waiter| waiter.number != number);
        let left = queue.len();
        if left == 0 {
            waiters.offices.remove(&office);
        }
        left < before
    }

    /// After commit: signals those who wait for what happened.
    pub fn send(&self, wakes: &[Wake]) {
        for wake in wakes {
            match wake {
                Wake::TaskReady { office, assigned } => {
                    self.signal_first(*office, u64::MAX, |interest| match interest {
                        Interest::Work(name) => assigned.as_ref().is_none_or(|assigned| assigned == name),
                        Interest::Session(_) | Interest::Events | Interest::EventsAndLines | Interest::Credits => false,
                    })
                }
                Wake::Agent { office, name } => {
                    self.signal_all(*office, |interest| *interest == Interest::Work(name.clone()));
                }
                Wake::Session { office, session } => {
                    self.signal_all(*office, |interest| *interest == Interest::Session(*session));
                }
                Wake::Events { office } => {
                    self.signal_all(*office, |interest| {
                        matches!(interest, Interest::Events | Interest::EventsAndLines)
                    });
                    self.events.notify_one();
                }
                Wake::Lines { office } => {
                    self.signal_all(*office, |interest| *interest == Interest::EventsAndLines);
                }
                Wake::Credits { office } => self.signal_all(*office, |interest| *interest == Interest::Credits),
                Wake::Webhooks => self.webhooks.notify_one(),
                Wake::Pods => self.pods.notify_one(),
                Wake::Due => self.due.notify_one(),
                Wake::Checks => self.checks.notify_one(),
                Wake::Models => {
                    self.models.fetch_add(1, Ordering::AcqRel);
                }
                Wake::Rights => self.rights.send_modify(|changes| *changes += 1),
            }
        }
    }

    /// Says when anybody's rights became less, from now on.
    pub fn rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }

    /// How often anybody's rights became less so far.
    pub fn rights_changes(&self) -> u64 {
        *self.rights.borrow()
    }

    /// How often what models are called with changed so far.
    pub fn models_changes(&self) -> u64 {
        self.models.load(Ordering::Acquire)
    }

    /// Resolves when a pod's wish may have changed.
    pub async fn pods_changed(&self) {
        self.pods.notified().await;
    }

    /// Resolves when the next due moment may have changed.
    pub async fn due_changed(&self) {
        self.due.notified().await;
    }

    /// Resolves when a round of checks may be due.
    pub async fn checks_due(&self) {
        self.checks.notified().await;
    }

    /// Resolves when a webhook may have something to do, whatever events there are.
    pub async fn webhooks_changed(&self) {
        self.webhooks.notified().await;
    }

    /// Resolves when events were written in any office since the last time. Only one may wait.
    pub async fn events_written(&self) {
        self.events.notified().await;
    }

    /// Everybody looks again: at shutdown.
    pub fn wake_everybody(&self) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, queue) in waiters.offices.drain() {
            queue.into_iter().for_each(signal);
        }
        self.pods.notify_one();
    }

    /// Those told hear how far the queue reached, so that a wake-up handed on never comes round again.
    fn signal_first(&self, office: OfficeId, below: u64, wanted: impl Fn(&Interest) -> bool) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let told_below = below.min(waiters.next_number + 1);
        let Some(queue) = waiters.offices.get_mut(&office) else { return };
        while let Some(position) = queue.iter().position(|w| w.number < told_below && wanted(&w.interest)) {
            let reached = queue.remove(position).is_some_and(|waiter| waiter.signal.send(told_below).is_ok());
            if reached {
                return;
            }
        }
    }

    fn signal_all(&self, office: OfficeId, wanted: impl Fn(&Interest) -> bool) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = waiters.offices.get_mut(&office) else { return };
        let (woken, waiting): (VecDeque<_>, VecDeque<_>) = queue.drain(..).partition(|waiter| wanted(&waiter.interest));
        *queue = waiting;
        woken.into_iter().for_each(signal);
    }
}

fn signal(waiter: Waiter) {
    if waiter.signal.send(0).is_err() {
        tracing::trace!("a waiter left before its wake-up");
    }
}
