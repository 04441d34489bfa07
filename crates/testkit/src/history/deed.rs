//! One request of one client, as the client saw it.

use mi_core::ids::{ClaimToken, TaskId};

/// Microseconds on the one clock of the run; it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    pub const NEVER: Self = Self(u64::MAX);

    pub fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A request with its answer. Requests repeated under one `Idempotency-Key` are one deed: it begins with the first
/// and ends with the answer of the last.
#[derive(Debug, Clone)]
pub struct Deed {
    pub client: usize,
    pub begun: Moment,
    /// `None`: nobody knows whether it happened, nor when.
    pub ended: Option<Moment>,
    pub ask: Ask,
    pub said: Said,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Create {
        title: String,
        parent: Option<TaskId>,
    },
    Claim {
        agent: String,
    },
    /// In the name of a claim.
    Write {
        task: TaskId,
        token: ClaimToken,
        write: Write,
    },
    Verify {
        task: TaskId,
        accepted: bool,
    },
    Retry {
        task: TaskId,
    },
    Cancel {
        task: TaskId,
    },
    /// Anything else, with what it may do to claims.
    Other {
        what: String,
        may_end: Ending,
    },
}

/// What an attempt writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Renew,
    Start,
    Log(String),
    Comment(String),
    Artifact(String),
    /// A subtask of the claimed task, by its claimer.
    Split,
    Done(String),
    Fail(String),
    Block,
    Release,
}

/// Which claims a request may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Nothing,
    /// That of a task, which it may also change, open again or finish.
    Task(TaskId),
    /// That of a task, which stays as it is otherwise.
    ClaimOf(TaskId),
    /// Whatever is held by anybody; tasks stay as they are.
    EveryClaim,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Created(TaskId),
    Granted {
        task: TaskId,
        token: ClaimToken,
        /// How long the lease runs from the moment of the grant, and of each renewal.
        lease_micros: u64,
    },
    /// There is no task now.
    Nothing,
    Yes,
    /// Refused: it did nothing.
    No {
        status: u16,
        code: String,
    },
    /// No answer came, or one that leaves it open (5xx).
    Lost,
}

impl Write {
    /// After it the claim is over.
    pub fn ends_claim(&self) -> bool {
        match self {
            Write::Done(_) | Write::Fail(_) | Write::Block | Write::Release => true,
            Write::Renew | Write::Start | Write::Log(_) | Write::Comment(_) | Write::Artifact(_) | Write::Split => {
                false
            }
        }
    }
}

impl Said {
    /// The server said that it happened.
    pub fn is_yes(&self) -> bool {
        match self {
            Said::Created(_) | Said::Granted { .. } | Said::Yes => true,
            Said::Nothing | Said::No { .. } | Said::Lost => false,
        }
    }

    /// Not certainly undone.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Said::Created(_) | Said::Granted { .. } | Said::Yes | Said::Lost => true,
            Said::Nothing | Said::No { .. } => false,
        }
    }
}

impl Deed {
    /// When it was certainly over.
    pub fn over(&self) -> Moment {
        self.ended.unwrap_or(Moment::NEVER)
    }

    /// The task whose claim this may end, and whether that of every other task too.
    pub fn may_end(&self) -> Ending {
        match &self.ask {
            Ask::Write { task, write, .. } if write.ends_claim() => Ending::Task(*task),
            Ask::Write { .. } | Ask::Claim { .. } | Ask::Verify { .. } | Ask::Retry { .. } => Ending::Nothing,
            Ask::Create { parent: Some(parent), .. } => Ending::Task(*parent),
            Ask::Create { parent: None, .. } => Ending::Nothing,
            Ask::Cancel { task } => Ending::Task(*task),
            Ask::Other { may_end, .. } => *may_end,
        }
    }
}
