//! Who is asking. Later ways to prove it add ways to become one of these, never new kinds of check.

use std::sync::Arc;

use mi_core::identity::Role;
use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, UserId};

/// What a request's credential proves, before any office is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    User {
        id: UserId,
        key: KeyId,
        scope: Scope,
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
    /// An agent that comes by itself, with a key or a signature of its own.
    Agent {
        office: OfficeId,
        agent: AgentId,
        proof: Proof,
        /// The key that it showed, or signed with.
        key: KeyId,
    },
}

/// How an agent showed that it is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A token that the server derived for its runner or session.
    Token,
    /// An agent key.
    Key,
    /// A signature over time, method and path.
    SignatureV1,
    /// A signature over the whole request, which counts once.
    SignatureV2,
}

impl Proof {
    /// Whether writes of an attempt must name their claim: plain keys and v1 clients don't know how, all of ours do.
    pub const fn names_its_claim(self) -> bool {
        match self {
            Proof::Token | Proof::SignatureV2 => true,
            Proof::Key | Proof::SignatureV1 => false,
        }
    }
}

/// What a key is called where it may be named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Arc<str>);

impl KeyId {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The offices that a key opens, of those in which its user has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Everywhere,
    Offices(Arc<[OfficeId]>),
}

impl Scope {
    pub fn admits(&self, office: OfficeId) -> bool {
        match self {
            Scope::Everywhere => true,
            Scope::Offices(offices) => offices.contains(&office),
        }
    }
}

impl Caller {
    /// A name for idempotency keys, limits and logs; never a secret.
    pub fn key(&self) -> String {
        match self {
            Caller::Nobody => "nobody".to_owned(),
            Caller::User { id, .. } => format!("user:{id}"),
            Caller::Ticket { agent, epoch, .. } => format!("ticket:{agent}:{epoch}"),
            Caller::Runner { agent, epoch, .. } => format!("runner:{agent}:{epoch}"),
            Caller::Session { agent, session, .. } => format!("session:{agent}:{session}"),
            Caller::Agent { agent, .. } => format!("agent:{agent}"),
        }
    }
}

/// Who the caller is inside the office it asked for, established in the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    Person(Person),
    Agent { id: AgentId, name: AgentName, session: Option<ClaimToken>, proof: Proof },
}

/// A person with a role in the office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub role: Role,
    /// As others see it: `owner`, or `user:` and the colleague's name, which is no agent's.
    shown: String,
}

/// The owner, as events, comments and `created_by` show it.
pub const OWNER: &str = "owner";
/// Before a colleague's name; no agent's name holds a colon.
pub const COLLEAGUE: &str = "user:";

impl Person {
    pub fn owner(id: UserId) -> Self {
        Self { id, role: Role::Owner, shown: OWNER.to_owned() }
    }

    pub fn colleague(id: UserId, role: Role, name: &str) -> Self {
        Self { id, role, shown: format!("{COLLEAGUE}{name}") }
    }
}

impl Member {
    /// As events, comments and `created_by` show it.
    pub fn name(&self) -> &str {
        match self {
            Member::Person(person) => &person.shown,
            Member::Agent { name, .. } => name.as_str(),
        }
    }

    /// Whose groups and inbox of groups they share: people sit together in the owner's place.
    pub fn seat(&self) -> &str {
        match self {
            Member::Person(_) => OWNER,
            Member::Agent { name, .. } => name.as_str(),
        }
    }

    pub fn person(&self) -> Option<&Person> {
        match self {
            Member::Person(person) => Some(person),
            Member::Agent { .. } => None,
        }
    }

    pub fn agent(&self) -> Option<&AgentName> {
        match self {
            Member::Person(_) => None,
            Member::Agent { name, .. } => Some(name),
        }
    }

    pub fn agent_id(&self) -> Option<AgentId> {
        match self {
            Member::Person(_) => None,
            Member::Agent { id, .. } => Some(*id),
        }
    }
}

/// What an operation asks of a person's role; judged at the office's door, in the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every role may look.
    Look,
    /// Owner and operators.
    Operate,
    /// The owner alone.
    Own,
}

impl Need {
    pub const fn is_met_by(self, role: Role) -> bool {
        match (self, role) {
            (Need::Look, Role::Owner | Role::Operator | Role::Viewer) => true,
            (Need::Operate, Role::Owner | Role::Operator) | (Need::Own, Role::Owner) => true,
            (Need::Operate, Role::Viewer) | (Need::Own, Role::Operator | Role::Viewer) => false,
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
    /// A person with any role in the office.
    Viewer,
    /// The office's owner.
    Owner,
    /// An operator of the office.
    Operator,
    /// A person with a role in the office, or an agent of it; what changes something needs an operator or an agent.
    Member,
    /// A runner that starts: with its ticket, or elsewhere with its agent's own key or signature.
    Ticket,
    /// The runner of the agent.
    Runner,
    /// The session itself or its runner.
    Session,
    /// The agent itself: by its session, its runner, its key or its signature.
    Agent,
}

impl Access {
    pub const fn as_str(self) -> &'static str {
        match self {
            Access::Open => "open",
            Access::User => "user",
            Access::Known => "known",
            Access::Viewer => "viewer",
            Access::Owner => "owner",
            Access::Operator => "operator",
            Access::Member => "member",
            Access::Ticket => "ticket",
            Access::Runner => "runner",
            Access::Session => "session",
            Access::Agent => "agent",
        }
    }

    /// Judged before anything is loaded.
    pub const fn admits(self, caller: &Caller) -> bool {
        match self {
            Access::Open => true,
            Access::Known => !matches!(caller, Caller::Nobody),
            Access::User | Access::Viewer | Access::Owner | Access::Operator => matches!(caller, Caller::User { .. }),
            Access::Member => matches!(
                caller,
                Caller::User { .. } | Caller::Runner { .. } | Caller::Session { .. } | Caller::Agent { .. }
            ),
            Access::Ticket => matches!(caller, Caller::Ticket { .. } | Caller::Agent { .. }),
            Access::Runner => matches!(caller, Caller::Runner { .. }),
            Access::Session => matches!(caller, Caller::Runner { .. } | Caller::Session { .. }),
            Access::Agent => {
                matches!(caller, Caller::Runner { .. } | Caller::Session { .. } | Caller::Agent { .. })
            }
        }
    }
}
