//! The one way to write.
//!
//! Every mutating request is one transaction: enter the office (may they?), look
//! up the idempotency key, check the fence, do the act, write its events, store
//! the answer. What must happen outside (wake-ups, pods) is collected and carried
//! out after commit. The closure may run more than once, so it only touches `Act`.

pub mod answer;
pub mod event;
pub mod head;
pub mod idempotency;
pub mod nonce;
mod store;

use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId, TaskId, UserId};
use mi_core::limits::OPEN_TASKS_PER_OFFICE_MAX;
use mi_core::tasks::status::Status;
use mi_core::time::{Millis, Time};

pub use answer::Answer;
pub use event::NewEvent;
pub use head::Head;

use super::caller::{Caller, Member, Need, Person, Proof, Scope};
use super::db::{DbError, Tx};
use super::fault::{self, Fault};
use super::keys::Keys;
use super::outbound::Outbound;
use super::signed::faults::v1_refused;
use super::signed::nonces::Nonce;
use super::wakeups::Wake;

/// The facts of a request that an act needs; cheap to clone into a closure.
#[derive(Debug, Clone)]
pub struct Ask {
    pub caller: Caller,
    pub operation: &'static str,
    pub need: Need,
    /// `X-Mi-Claim`, or the number of the session whose credential came.
    pub claim: Option<ClaimToken>,
    pub idempotency: Option<idempotency::Key>,
    /// What a signed request spends with its effect.
    pub nonce: Option<Nonce>,
    pub lateness: Lateness,
}

/// What becomes of a write whose claim is no longer the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    Refused,
    /// The act looks at it: a report said twice is the same report.
    Told,
}

/// The claim that came with a write, as the fence found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    None,
    Live(ClaimToken),
    Stale(ClaimToken),
}

/// An open transaction on one office, with everything that has to be written at its end.
pub struct Act<'a> {
    pub tx: &'a mut dyn Tx,
    pub office: OfficeId,
    pub head: Head,
    pub now: Time,
    pub claim: Claim,
    /// How many tasks of an office may be open at once.
    pub open_tasks_max: i64,
    /// What addresses may be named.
    pub outbound: Outbound,
    keys: &'a Keys,
    wakes: Vec<Wake>,
    events: i64,
    refusal: Option<Fault>,
    /// The head's numbers as they were found.
    found: [i64; 14],
}

/// The result of a committed act with what is left to do.
pub struct Committed<T> {
    pub value: T,
    pub wakes: Vec<Wake>,
    /// What the caller is told instead of `value`, although something was kept.
    pub refusal: Option<Fault>,
}

impl<'a> Act<'a> {
    /// Locks the office's row: acts of one office stand in a queue.
    pub fn begin(tx: &'a mut dyn Tx, keys: &'a Keys, office: OfficeId, now: Time) -> Result<Self, Fault> {
        let head = store::load_for_update(tx, office)?.ok_or_else(fault::no_such_office)?;
        let found = head.numbers();
        let open_tasks_max = OPEN_TASKS_PER_OFFICE_MAX;
        let (claim, wakes, outbound) = (Claim::None, Vec::new(), Outbound::default());
        Ok(Self {
            tx,
            office,
            head,
            now,
            claim,
            open_tasks_max,
            outbound,
            keys,
            wakes,
            events: 0,
            refusal: None,
            found,
        })
    }

    /// Another limit than the default.
    pub fn with_open_tasks_max(self, open_tasks_max: i64) -> Self {
        Self { open_tasks_max, ..self }
    }

    /// For what is sealed or kept as a keyed hash.
    pub fn keys(&self) -> &'a Keys {
        self.keys
    }

    /// With what `--allow-upstream` lets through.
    pub fn with_outbound(self, outbound: &Outbound) -> Self {
        Self { outbound: outbound.clone(), ..self }
    }

    /// Writes back the office's row, if anything in it changed: an act that found nothing to do costs no disk.
    pub fn finish<T>(mut self, value: T) -> Result<Committed<T>, Fault> {
        if self.head.numbers() != self.found {
            store::save(self.tx, self.office, &self.head)?;
        }
        if self.events > 0 {
            self.wakes.push(Wake::Events { office: self.office });
        }
        Ok(Committed { value, wakes: self.wakes, refusal: self.refusal })
    }

    /// The caller is refused, but what this act wrote stays: a late report is kept although it doesn't count.
    pub fn keep_and_refuse(&mut self, fault: Fault) {
        self.refusal = Some(fault);
    }

    pub fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    pub fn wake(&mut self, wake: Wake) {
        self.wakes.push(wake);
    }

    pub fn wake_agent(&mut self, name: &AgentName) {
        self.wakes.push(Wake::Agent { office: self.office, name: name.clone() });
    }

    pub fn next_task_id(&mut self) -> TaskId {
        self.head.task_seq += 1;
        TaskId(self.head.task_seq)
    }

    pub fn next_session(&mut self) -> ClaimToken {
        self.head.session_seq += i64::from(!sabotage!(TokenNotBumped));
        ClaimToken(if sabotage!(TokensFall) { 1_000_000 - self.head.session_seq } else { self.head.session_seq })
    }

    /// A number for rows that only need to be distinct and rising in the office.
    pub fn next_row(&mut self) -> i64 {
        self.head.row_seq += 1;
        self.head.row_seq
    }

    /// Keeps the counters true when a task moves; `None` is "not there yet".
    pub fn count_task(&mut self, from: Option<Status>, to: Status) {
        if let Some(from) = from {
            *self.head.tasks.of(from) -= 1;
        }
        *self.head.tasks.of(to) += 1;
    }

    /// Appends to the office's chain.
    pub fn event(&mut self, event: NewEvent<'_>) -> Result<i64, Fault> {
        let seq = self.head.event_seq + 1;
        let prev = std::mem::take(&mut self.head.event_mac);
        let mac = event.mac(self.keys, self.office, seq, self.now, &prev);
        if !(sabotage!(EventDropped) && seq % 7 == 0) {
            store::insert_event(self.tx, self.office, seq, self.now, &event, &prev, &mac)
                .map_err(|error| taken(error, seq))?;
        }
        self.head.event_seq = seq;
        self.head.event_mac = mac;
        self.events += 1;
        Ok(seq)
    }
}

/// A row that stands where the next event belongs is nobody's to remove: it is evidence.
fn taken(error: DbError, seq: i64) -> Fault {
    match error {
        DbError::Conflict(_) => {
            fault::internal(format!("event {seq} is in the store already, and this server didn't write it"))
                .hint("somebody wrote to the store: mi audit verify says where")
        }
        other => other.into(),
    }
}

/// Finds out who the caller is inside the office; the office's door.
pub fn enter(tx: &mut dyn Tx, caller: &Caller, need: Need, office: OfficeId, owner: UserId) -> Result<Member, Fault> {
    enter_even_late(tx, caller, need, office, owner, Lateness::Refused)
}

/// As `enter`; where the act looks at late reports, a session that is over may still bring one.
pub fn enter_even_late(
    tx: &mut dyn Tx,
    caller: &Caller,
    need: Need,
    office: OfficeId,
    owner: UserId,
    lateness: Lateness,
) -> Result<Member, Fault> {
    match caller {
        Caller::Nobody => Err(fault::unauthenticated("this needs a key")),
        Caller::User { id, scope, key } => {
            // It may have been revoked since the request was let in.
            if !store::key_counts(tx, key.as_str())? {
                return Err(fault::key_revoked());
            }
            let person = person(tx, *id, scope, office, owner)?;
            if need.is_met_by(person.role) { Ok(Member::Person(person)) } else { Err(not_enough(need)) }
        }
        Caller::Ticket { .. } => Err(fault::unauthenticated("a ticket starts a runner and nothing else")),
        Caller::Runner { office: own, agent, epoch } => {
            if *own != office {
                return Err(fault::no_access());
            }
            let name = store::runner_name(tx, office, *agent, *epoch)?;
            let name = name.map_or_else(|| Err(runner_gone(tx, office, *agent, *epoch)), Ok)?;
            Ok(Member::Agent { id: *agent, name, session: None, proof: Proof::Token })
        }
        Caller::Session { office: own, agent, session } => {
            if *own != office {
                return Err(fault::no_access());
            }
            let found = match lateness {
                Lateness::Refused => store::session_name(tx, office, *agent, *session)?,
                Lateness::Told => store::session_name_even_ended(tx, office, *agent, *session)?,
            };
            let name = found.ok_or_else(|| fault::stale_claim(*session))?;
            Ok(Member::Agent { id: *agent, name, session: Some(*session), proof: Proof::Token })
        }
        Caller::Agent { office: own, agent, proof, key } => {
            if *own != office {
                return Err(fault::no_access());
            }
            let name = store::agent_name(tx, office, *agent, key.as_str())?.ok_or_else(fault::key_revoked)?;
            if *proof == Proof::SignatureV1 && !store::takes_v1(tx, office)? {
                return Err(v1_refused());
            }
            Ok(Member::Agent { id: *agent, name, session: None, proof: *proof })
        }
    }
}

/// A runner elsewhere whose agent was fired, or whose key was revoked, is told so: no newer runner took over from it.
fn runner_gone(tx: &mut dyn Tx, office: OfficeId, agent: AgentId, epoch: i64) -> Fault {
    match store::is_newest_elsewhere(tx, office, agent, epoch) {
        Ok(true) => fault::key_revoked(),
        Ok(false) => fault::superseded(),
        Err(error) => error.into(),
    }
}

fn person(tx: &mut dyn Tx, id: UserId, scope: &Scope, office: OfficeId, owner: UserId) -> Result<Person, Fault> {
    if sabotage!(ForeignOffice) {
        return Ok(Person::owner(id));
    }
    if !scope.admits(office) {
        return Err(fault::no_access());
    }
    if id == owner {
        return Ok(Person::owner(id));
    }
    let (role, name) = store::role(tx, office, id)?.ok_or_else(fault::no_access)?;
    Ok(Person::colleague(id, role, &name))
}

fn not_enough(need: Need) -> Fault {
    match need {
        Need::Own => fault::owner_only(),
        Need::Look | Need::Operate => fault::operator_only(),
    }
}

/// What an agent does as a part of an attempt while it has one, beside the moves of the task itself.
pub const OF_AN_ATTEMPT: [&str; 10] = [
    "tasks.create",
    "tasks.comment",
    "tasks.artifact",
    "files.upload",
    "files.delete",
    "chat.send",
    "chat.send_xmtp",
    "chat.send_group",
    "chat.send_in_conversation",
    "agents.hire",
];

/// The fence for a request. Whoever signs by version 2 and is at work says by which claim: what is forgotten now would
/// not be fenced later.
pub fn fence_request(act: &mut Act<'_>, member: &Member, ask: &Ask) -> Result<(), Fault> {
    if let Member::Agent { id, session: None, proof: Proof::SignatureV2, .. } = member
        && ask.claim.is_none()
        && OF_AN_ATTEMPT.contains(&ask.operation)
        && store::is_at_work(act.tx, act.office, *id)?
    {
        return Err(fault::claim_required());
    }
    fence(act, member, ask.claim)
}

/// The fence: a write that carries a claim happens only while that claim is the live one of this member.
pub fn fence(act: &mut Act<'_>, member: &Member, claim: Option<ClaimToken>) -> Result<(), Fault> {
    let Some(token) = claim else { return Ok(()) };
    let holder = store::live_session(act.tx, act.office, token)?.filter(|live| match member {
        // An operator's key may claim for any agent, and then writes with that claim.
        Member::Person(_) => true,
        Member::Agent { id, .. } => *id == live.agent,
    });
    let Some(live) = holder else {
        act.claim = Claim::Stale(token);
        return if sabotage!(StaleNote) { Ok(()) } else { Err(fault::stale_claim(token)) };
    };
    act.claim = Claim::Live(token);
    let term = Millis::seconds(act.head.settings.lease_seconds);
    // Whatever is written with a claim shows that its holder works; a part of the term apart is often enough.
    let due = live.worked_at.is_none_or(|at| act.now - at >= Millis(term.0 / RENEWALS_PER_TERM));
    if due && !sabotage!(RenewalForgotten) {
        store::renew(act.tx, act.office, token, act.now + term, act.now)?;
    }
    Ok(())
}

/// Whatever an agent that comes by itself does shows that it is there, be it by its key, its runner or a session; to be
/// known of that, half a minute apart is often enough.
pub fn heard_of(act: &mut Act<'_>, member: &Member) -> Result<(), Fault> {
    if let Member::Agent { id, .. } = member {
        let before = act.now + Millis::seconds(-HEARD_SECONDS_APART);
        store::heard_of(act.tx, act.office, *id, act.now, before)?;
    }
    Ok(())
}

const HEARD_SECONDS_APART: i64 = 30;

/// How often writes with a claim renew its lease within one term.
const RENEWALS_PER_TERM: i64 = 8;

/// Reads the office's row without locking it, for acts that only look.
pub fn look(tx: &mut dyn Tx, office: OfficeId) -> Result<Head, Fault> {
    store::load(tx, office)?.ok_or_else(fault::no_such_office)
}
