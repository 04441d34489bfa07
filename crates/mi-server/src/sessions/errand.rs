//! What a session is begun for, and how that stands on it.

use mi_core::wire::sessions::WakeKind;

use super::row::{Origin, Seat};
use crate::chat::service::Waking;
use crate::tasks::store::TaskRow;

/// What a session is begun for. There is no other reason: idling calls no model.
#[derive(Debug, Clone, Copy)]
pub enum Errand<'a> {
    /// Its attempt is counted already.
    Task(&'a TaskRow),
    /// It has no task, and they count as read when it is over.
    Messages(&'a Waking),
}

impl Errand<'_> {
    pub(super) const fn task(&self) -> Option<&TaskRow> {
        match self {
            Errand::Task(task) => Some(task),
            Errand::Messages(_) => None,
        }
    }

    pub(super) fn origin(&self, seat: Seat) -> Origin {
        match self {
            Errand::Task(task) => Origin {
                kind: Some(if seat.has_runner() { WakeKind::Task } else { WakeKind::Claim }),
                by: Some(task.created_by.clone()),
                chain: task.chain,
                queued_at: task.queued_at,
            },
            Errand::Messages(waking) => Origin {
                kind: Some(WakeKind::Message),
                by: Some(waking.by.clone()),
                chain: waking.chain,
                queued_at: Some(waking.since),
            },
        }
    }
}
