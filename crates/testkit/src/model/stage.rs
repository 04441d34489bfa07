//! The stage: the play, the record of requests and the gates that all connections share.

use super::Recorded;
use super::answer::{Fault, Scripted};
use super::conversation::Conversation;
use super::matching::Play;
use super::scenario::Scenario;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Requests kept for looking at; older ones are forgotten.
const REQUESTS_KEPT_MAX: usize = 10_000;

#[derive(Debug)]
pub(super) struct Stage {
    play: Mutex<Play>,
    requests: watch::Sender<VecDeque<Recorded>>,
    gates_open: watch::Sender<BTreeSet<String>>,
}

impl Stage {
    pub fn new(scenario: Scenario) -> Self {
        Self {
            play: Mutex::new(Play::new(scenario)),
            requests: watch::Sender::new(VecDeque::new()),
            gates_open: watch::Sender::new(BTreeSet::new()),
        }
    }

    /// The play stays whole whatever panics beside it, since no change to it can stop half-way.
    fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the scenario answers; a conversation that it does not foresee gets a 400 that says so.
    pub fn answer(&self, conversation: &Conversation) -> Scripted {
        let answered = self.play().answer(conversation);
        answered.unwrap_or_else(|error| Scripted::at_once(Fault::bad_request(format!("{error:#}"))))
    }

    pub fn models(&self) -> Vec<String> {
        self.play().scenario().models.clone()
    }

    pub fn accepts_key(&self, key: Option<&str>) -> bool {
        self.play().scenario().key.as_deref().is_none_or(|wanted| key == Some(wanted))
    }

    pub fn has_gate(&self, name: &str) -> bool {
        self.play().scenario().has_gate(name)
    }

    pub fn record(&self, request: Recorded) {
        self.requests.send_modify(|requests| {
            if requests.len() == REQUESTS_KEPT_MAX {
                requests.pop_front();
            }
            requests.push_back(request);
        });
    }

    pub fn requests(&self) -> Vec<Recorded> {
        self.requests.borrow().iter().cloned().collect()
    }

    pub async fn requests_reach(&self, count: usize) -> Vec<Recorded> {
        let mut requests = self.requests.subscribe();
        // An error would mean that the sender is gone, and `self` holds it.
        let reached = requests.wait_for(|requests| requests.len() >= count).await;
        reached.map(|requests| requests.iter().cloned().collect()).unwrap_or_default()
    }

    pub fn open_gate(&self, name: &str) {
        self.gates_open.send_modify(|open| {
            open.insert(name.to_owned());
        });
    }

    pub async fn pass_gate(&self, name: &str) {
        let mut open = self.gates_open.subscribe();
        // An error would mean that the sender is gone, and `self` holds it.
        let passed = open.wait_for(|open| open.contains(name)).await;
        debug_assert!(passed.is_ok(), "the gates outlive their visitors");
    }
}
