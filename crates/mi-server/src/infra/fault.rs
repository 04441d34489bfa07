//! What acts answer when they can't: a code, a sentence, a next step, a private cause.
//!
//! Faults are made by named functions only. The cause is for the log and never
//! reaches the wire; a failure is logged once, at the edge.

use std::fmt::Display;

use mi_core::drive::BadPath;
use mi_core::ids::{AgentName, BadId, ClaimToken, TaskId};
use mi_core::problem::Code;
use mi_core::tasks::machine::IllegalTransition;
use mi_core::time::Time;

use super::db::DbError;

#[derive(Debug)]
pub struct Fault {
    pub code: Code,
    pub sentence: String,
    pub hint: Option<String>,
    /// For the log.
    pub cause: Option<String>,
    pub retry_after_seconds: Option<i64>,
    /// For a caller whose clock is wrong.
    pub server_time_seconds: Option<i64>,
    again: bool,
}

impl Fault {
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            hint: None,
            cause: None,
            retry_after_seconds: None,
            server_time_seconds: None,
            again: false,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn cause(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    fn after(self, seconds: i64) -> Self {
        self.retry_after(seconds)
    }

    pub fn retry_after(mut self, seconds: i64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub(super) fn at_server_time(mut self, now: Time) -> Self {
        self.server_time_seconds = Some(now.0.div_euclid(1_000));
        self
    }

    /// The store asked for the transaction once more.
    pub(super) fn is_worth_repeating(&self) -> bool {
        self.again
    }
}

impl From<DbError> for Fault {
    fn from(error: DbError) -> Self {
        store(error)
    }
}

impl From<BadId> for Fault {
    fn from(bad: BadId) -> Self {
        Fault::new(Code::BadRequest, bad.to_string())
    }
}

impl From<BadPath> for Fault {
    fn from(bad: BadPath) -> Self {
        Fault::new(Code::BadPath, bad.to_string()).hint("use a relative name such as reports/summary.md")
    }
}

pub fn store(error: DbError) -> Fault {
    match error {
        DbError::Again(cause) => {
            let mut fault = Fault::new(Code::Busy, "the server has more work than it can queue").cause(cause).after(1);
            fault.again = true;
            fault
        }
        DbError::Full(cause) => Fault::new(Code::DriveFull, "the server's disk is full, nothing was changed")
            .hint("free some space on the server and try again")
            .cause(cause),
        DbError::Nul => bad_request("a text holds a NUL character").hint("leave out the characters with code 0"),
        DbError::Closed => Fault::new(Code::Draining, "the server is shutting down").after(2),
        DbError::Conflict(cause) | DbError::Shape(cause) | DbError::Other(cause) => internal(cause),
    }
}

pub fn internal(cause: impl Display) -> Fault {
    Fault::new(Code::Internal, "the server failed on this request")
        .hint("look up the request id in the server's log")
        .cause(cause)
}

pub fn panicked() -> Fault {
    internal("an act panicked; its transaction was rolled back")
}

pub fn bad_request(sentence: impl Into<String>) -> Fault {
    Fault::new(Code::BadRequest, sentence)
}

pub fn too_long(what: &str, limit: usize, unit: &str) -> Fault {
    Fault::new(Code::TooLong, format!("{what} is longer than {limit} {unit}"))
}

pub fn unauthenticated(why: &str) -> Fault {
    Fault::new(Code::Unauthenticated, why).hint("send `Authorization: Bearer mi_…`, or run mi login")
}

pub fn key_revoked() -> Fault {
    Fault::new(Code::KeyRevoked, "this key was revoked").hint("run mi login for a new one")
}

pub fn key_expired() -> Fault {
    Fault::new(Code::KeyExpired, "this key's time is over").hint("run mi login for a new one")
}

pub fn wrong_pod() -> Fault {
    Fault::new(Code::WrongPod, "this credential belongs to another agent's pod")
}

pub fn no_access() -> Fault {
    Fault::new(Code::NoAccess, "this office belongs to somebody else").hint("mi colonies list shows yours")
}

pub fn operator_only() -> Fault {
    Fault::new(Code::OperatorOnly, "only an operator of the office may do this")
}

pub fn owner_only() -> Fault {
    Fault::new(Code::OwnerOnly, "only the owner of the office may do this")
}

pub fn not_you(name: &str) -> Fault {
    Fault::new(Code::NotYou, format!("you are not {name}; an agent acts in its own name only"))
}

pub fn no_such_office() -> Fault {
    Fault::new(Code::NoSuchOffice, "there is no such office").hint("mi colonies list shows yours")
}

pub fn no_such_agent(name: impl Display) -> Fault {
    Fault::new(Code::NoSuchAgent, format!("there is no agent {name} in this office")).hint("mi agents list shows them")
}

pub fn unknown_agent(name: impl Display) -> Fault {
    Fault::new(Code::UnknownAgent, format!("there is no agent {name} in this office"))
        .hint("mi agents list shows them; mi agents hire adds one")
}

pub fn no_such_task(id: TaskId) -> Fault {
    Fault::new(Code::NoSuchTask, format!("there is no task {id} in this office")).hint("mi tasks list shows them")
}

pub fn no_such_session(number: ClaimToken) -> Fault {
    Fault::new(Code::NoSuchSession, format!("there is no session {number} in this office"))
}

pub fn no_such_file(name: impl Display) -> Fault {
    Fault::new(Code::NoSuchFile, format!("there is no file {name} on the drive")).hint("mi files list shows them")
}

pub fn illegal_transition(id: TaskId, refused: IllegalTransition) -> Fault {
    Fault::new(Code::IllegalTransition, format!("task {id} {refused}"))
        .hint(format!("mi tasks get {id} shows where it stands"))
}

/// The claim is gone; the body says `must_stop`.
pub fn stale_claim(token: ClaimToken) -> Fault {
    Fault::new(Code::StaleClaim, format!("claim {token} is no longer the live one, nothing was written"))
        .hint("stop working on this task; claim again if it is offered")
}

/// Runners, and whoever signs by version 2, say by which claim they write.
pub fn claim_required() -> Fault {
    Fault::new(Code::ClaimRequired, "a write of an attempt names its claim")
        .hint("send X-Mi-Claim with the claim's token, or use the session's credential")
}

pub fn not_the_claimer(id: TaskId, holder: Option<&AgentName>) -> Fault {
    let sentence = match holder {
        Some(name) => format!("task {id} is held by {name}"),
        None => format!("task {id} is held by nobody"),
    };
    Fault::new(Code::NotTheClaimer, sentence).hint("only its claimer or an operator moves a claimed task")
}

pub fn hire_rate_limited(count: i64, window_seconds: i64, retry_after_seconds: i64) -> Fault {
    let sentence = format!("this office may hire {count} agents in {window_seconds} s, and has");
    Fault::new(Code::HireRateLimited, sentence)
        .hint(format!("try again in {retry_after_seconds} s, or raise hireLimit in the office's settings"))
        .after(retry_after_seconds)
}

pub fn no_model_key(provider: &str, remedy: &str) -> Fault {
    Fault::new(Code::NoModelKey, format!("there is no key for {provider}")).hint(remedy).after(60)
}

pub fn upstream_failed(provider: &str, cause: impl Display) -> Fault {
    Fault::new(Code::UpstreamFailed, format!("{provider} can't be reached")).cause(cause)
}

pub fn draining() -> Fault {
    Fault::new(Code::Draining, "the server is shutting down").after(2)
}

pub fn busy(what: &str) -> Fault {
    Fault::new(Code::Busy, format!("{what} is at its limit")).after(1)
}

pub fn upgrade_required(protocol: &str) -> Fault {
    Fault::new(Code::UpgradeRequired, "this address is for connections that become a terminal")
        .hint(format!("send Connection: upgrade and Upgrade: {protocol}, or use mi agents shell"))
}

pub fn superseded() -> Fault {
    Fault::new(Code::Superseded, "a newer runner of this agent has taken over")
}

pub fn io(what: &str, error: &std::io::Error) -> Fault {
    if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
        return store(DbError::Full(format!("{what}: {error}")));
    }
    internal(format!("{what}: {error}"))
}
