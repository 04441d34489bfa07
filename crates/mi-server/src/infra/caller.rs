//! Who is asking. Later ways to prove it add ways to become one of these, never new kinds of check.

use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, UserId};

/// What a request's credential proves, before any office is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    User {
        id: UserId,
    },
    /// A starting runner with its single-use ticket.
    Ticket {
        office: OfficeId,
        agent: AgentId,
        epoch: i64,
    },
    Runner {
        office: OfficeId,
        agent: AgentId,
        epoch: i64,
    },
    /// A harness at work, through the credential of its session.
    Session {
        office: OfficeId,
        agent: AgentId,
        session: ClaimToken,
    },
}

impl Caller {
    /// A name for idempotency keys, limits and logs; never a secret.
    pub fn key(&self) -> String {
        match self {
            Caller::Nobody => "nobody".to_owned(),
            Caller::User { id } => format!("user:{id}"),
            Caller::Ticket { agent, epoch, .. } => format!("ticket:{agent}:{epoch}"),
            Caller::Runner { agent, epoch, .. } => format!("runner:{agent}:{epoch}"),
            Caller::Session { agent, session, .. } => format!("session:{agent}:{session}"),
        }
    }
}

/// Who the caller is inside the office it asked for, established in the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    Operator(UserId),
    Agent { id: AgentId, name: AgentName, session: Option<ClaimToken> },
}

impl Member {
    /// As events, comments and `created_by` show it.
    pub fn name(&self) -> &str {
        match self {
            Member::Operator(_) => "owner",
            Member::Agent { name, .. } => name.as_str(),
        }
    }

    pub fn agent(&self) -> Option<&AgentName> {
        match self {
            Member::Operator(_) => None,
            Member::Agent { name, .. } => Some(name),
        }
    }
}

/// Which kinds of caller may use an operation at all; finer rules are in the acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No credential needed.
    Open,
    /// Any user, outside of offices.
    User,
    /// Any valid credential.
    Known,
    /// An operator of the office.
    Operator,
    /// An operator or an agent of the office.
    Member,
    /// A runner with its ticket, for its own agent.
    Ticket,
    /// The runner of the agent.
    Runner,
    /// The session itself or its runner.
    Session,
}

impl Access {
    pub const fn as_str(self) -> &'static str {
        match self {
            Access::Open => "open",
            Access::User => "user",
            Access::Known => "known",
            Access::Operator => "operator",
            Access::Member => "member",
            Access::Ticket => "ticket",
            Access::Runner => "runner",
            Access::Session => "session",
        }
    }

    /// Judged before anything is loaded.
    pub const fn admits(self, caller: &Caller) -> bool {
        match self {
            Access::Open => true,
            Access::Known => !matches!(caller, Caller::Nobody),
            Access::User | Access::Operator => matches!(caller, Caller::User { .. }),
            Access::Member => {
                matches!(caller, Caller::User { .. } | Caller::Runner { .. } | Caller::Session { .. })
            }
            Access::Ticket => matches!(caller, Caller::Ticket { .. }),
            Access::Runner => matches!(caller, Caller::Runner { .. }),
            Access::Session => matches!(caller, Caller::Runner { .. } | Caller::Session { .. }),
        }
    }
}
