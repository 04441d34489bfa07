//! A session as the store has it.

use mi_core::ids::{AgentId, AgentName, ClaimToken, TaskId};
use mi_core::time::Time;
use mi_core::wire::sessions::{Used, WakeCause, WakeKind};
use mi_core::wire::tasks::Session;

use crate::infra::db::DbError;

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its number is a valid claim token.
    Live,
    /// The claim of a hosted session is over (its lease lapsed, or its agent was stopped): the token is stale, but the
    /// task is offered again only when the old sandbox is known to be gone, since writes to the mounted drive can't
    /// be fenced.
    Lapsed,
    /// The task has its outcome; the runner may still look around and report.
    Settled,
    Ended,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Live => "live",
            State::Lapsed => "lapsed",
            State::Settled => "settled",
            State::Ended => "ended",
        }
    }

    pub fn parse(text: &str) -> Result<Self, DbError> {
        match text {
            "live" => Ok(State::Live),
            "lapsed" => Ok(State::Lapsed),
            "settled" => Ok(State::Settled),
            "ended" => Ok(State::Ended),
            other => Err(DbError::Shape(format!("session state {other}"))),
        }
    }
}

/// Where whoever holds a session is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// In a pod of ours, whose runner has this epoch.
    Pod(i64),
    /// On a machine elsewhere, whose runner has this epoch. It reaches files through the API alone, so what it held is
    /// free as soon as its claim is over; nobody could confirm that its machine is quiet.
    Elsewhere(i64),
    /// With a program that claimed by itself and that we don't know.
    Outside,
}

impl Seat {
    pub const fn is_pod(self) -> bool {
        matches!(self, Seat::Pod(_))
    }

    /// Whether a runner of ours minds it and reports its end.
    pub(super) const fn has_runner(self) -> bool {
        matches!(self, Seat::Pod(_) | Seat::Elsewhere(_))
    }
}

#[derive(Debug, Clone)]
pub struct SessionRow {
    pub number: ClaimToken,
    pub agent_id: AgentId,
    pub agent: AgentName,
    pub task: Option<TaskId>,
    pub attempt: Option<i64>,
    pub state: State,
    pub seat: Seat,
    pub origin: Origin,
    pub harness: String,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub lease_expires_at: Option<Time>,
    pub deadline_at: Option<Time>,
    pub events_next: i64,
    /// Of a session without a task: the newest message that woke it.
    pub messages_up_to: Option<i64>,
    pub exit: Option<String>,
    pub summary: Option<String>,
    pub used: Used,
    /// When a model first answered it.
    pub first_token_at: Option<Time>,
    /// Of everything that it said and that is kept.
    pub said_bytes: i64,
    pub started_at: Time,
    pub ended_at: Option<Time>,
}

/// What a session was begun for, and by whose act.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Not known of sessions that began before it was kept.
    pub kind: Option<WakeKind>,
    /// Who made the task, or wrote the message.
    pub by: Option<String>,
    /// Wake-ups among agents, one by the other, since an operator's act.
    pub chain: i64,
    /// When the task came into the queue, or the message was written.
    pub queued_at: Option<Time>,
}

impl SessionRow {
    /// Its lease ran out, as opposed to a claim that was taken away without judgement.
    pub(super) fn has_lapsed(&self) -> bool {
        self.state == State::Lapsed && self.exit.as_deref() == Some(super::service::LAPSED)
    }

    pub fn card(self) -> Session {
        let Origin { kind, by, chain, queued_at } = self.origin;
        let Used { input_tokens, cached_tokens, output_tokens, cost } = self.used;
        Session {
            id: self.number,
            agent: self.agent,
            task_id: self.task,
            attempt: self.attempt,
            state: self.state.as_str().to_owned(),
            cause: kind.map(|kind| WakeCause { kind, by, message: self.messages_up_to, chain }),
            harness: self.harness,
            provider: self.provider,
            model: self.model,
            exit: self.exit,
            summary: self.summary,
            input_tokens,
            cached_tokens,
            output_tokens,
            cost,
            queued_at,
            first_token_at: self.first_token_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
        }
    }
}

/// Under which terms a session is opened.
#[derive(Debug, Clone)]
pub struct Terms {
    pub seat: Seat,
    pub provider: Option<String>,
    pub model: Option<String>,
}

impl Terms {
    pub fn external() -> Self {
        Self { seat: Seat::Outside, provider: None, model: None }
    }
}
