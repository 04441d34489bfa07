//! Who waits for a terminal, and in which pods one is open. In memory only: a terminal ends with its connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::ids::AgentId;
use mi_core::time::{Millis, Time};
use mi_core::wire::terminals::TerminalOrder;
use tokio::sync::oneshot;

use crate::infra::http::Pipe;

/// An offer whose answer was lost is made again after so long.
const OFFER_AGAIN_MS: i64 = 2_000;

#[derive(Clone)]
pub struct Desk {
    rooms: Arc<Mutex<Rooms>>,
}

struct Rooms {
    /// Never given twice, not by a later server either: runners know orders by it.
    last_id: i64,
    open: HashMap<AgentId, Room>,
}

struct Room {
    id: i64,
    /// `None` when the runner has come.
    waiting: Option<oneshot::Sender<Pipe>>,
    offered_at: Option<Time>,
}

/// A terminal that is wanted or open; leaving it makes room for the next one.
pub struct Seat {
    desk: Desk,
    agent: AgentId,
    id: i64,
    pipe: oneshot::Receiver<Pipe>,
}

impl Desk {
    pub fn since(began_at: Time) -> Self {
        Self { rooms: Arc::new(Mutex::new(Rooms { last_id: began_at.0, open: HashMap::new() })) }
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` where somebody else has one.
    pub fn open(&self, agent: AgentId) -> Option<Seat> {
        let (sender, pipe) = oneshot::channel();
        let mut rooms = self.rooms();
        if rooms.open.contains_key(&agent) {
            return None;
        }
        rooms.last_id += 1;
        let id = rooms.last_id;
        rooms.open.insert(agent, Room { id, waiting: Some(sender), offered_at: None });
        Some(Seat { desk: self.clone(), agent, id, pipe })
    }

    /// Whether somebody waits for one, or has one.
    pub fn is_occupied(&self, agent: AgentId) -> bool {
        self.rooms().open.contains_key(&agent)
    }

    /// What the agent's runner should come for, told once in a while.
    pub fn offers(&self, agent: AgentId, now: Time) -> Vec<TerminalOrder> {
        let mut rooms = self.rooms();
        let Some(room) = rooms.open.get_mut(&agent) else { return Vec::new() };
        let is_fresh = room.offered_at.is_some_and(|at| now - at < Millis(OFFER_AGAIN_MS));
        if room.waiting.is_none() || is_fresh {
            return Vec::new();
        }
        room.offered_at = Some(now);
        vec![TerminalOrder { id: room.id }]
    }

    /// The runner has come; whoever waits gets its pipe.
    pub fn attach(&self, agent: AgentId, id: i64) -> Option<oneshot::Sender<Pipe>> {
        let mut rooms = self.rooms();
        let room = rooms.open.get_mut(&agent).filter(|room| room.id == id)?;
        room.waiting.take()
    }
}

impl Seat {
    /// Resolves when the runner has come; `None` when it came and went.
    pub async fn pod(&mut self) -> Option<Pipe> {
        (&mut self.pipe).await.ok()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rooms = self.desk.rooms();
        if rooms.open.get(&self.agent).is_some_and(|room| room.id == self.id) {
            rooms.open.remove(&self.agent);
        }
    }
}
