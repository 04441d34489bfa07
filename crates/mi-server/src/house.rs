//! The house: everything that acts share, and the list of all concepts.
//!
//! Only this file knows every room. Handlers get a `House`; it offers the two ways
//! to the store (`act` to change, `look` to read) with the office's door built in.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};
use mi_pods::Driver;

use crate::agent_keys::judge::{self, Came, Signatory};
use crate::gateway::prices::Prices;
use crate::gateway::providers::Providers;
use crate::infra::act::{
    Act, Answer, Ask, Committed, Head, Lateness, enter, enter_even_late, fence_request, heard_of, look, nonce,
};
use crate::infra::caller::{Caller, Member, Need};
use crate::infra::clock::Clock;
use crate::infra::db::{Db, Tx};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Via};
use crate::infra::keys::{Keys, Token};
use crate::infra::outbound::Outbound;
use crate::infra::seats::Seats;
use crate::infra::signed::nonces::Nonces;
use crate::infra::signed::read::Signed;
use crate::infra::wakeups::{Wake, Wakeups};
use crate::{
    agent_keys, agents, audit, backups, chat, checks, credits, egress, env, events, files, gateway, identity,
    integrations, invites, login, mcp, offices, pods, roles, runners, schedules, sessions, tasks, terminals, transfers,
    webhooks,
};

/// What the server was told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    pub data_dir: PathBuf,
    /// Short-lived things: sockets of pods. Short, because a socket's path is at most 107 bytes.
    pub runtime_dir: PathBuf,
    /// The address under which programs on this machine reach this server.
    pub endpoint: String,
    /// The same for pods without walls: plain HTTP on this machine, since they know none of our certificates.
    pub pod_endpoint: String,
    /// The program that pods run.
    pub program: PathBuf,
    /// Where the programs of harnesses are looked for.
    pub programs: pods::harnesses::Programs,
    pub initial_credits: i64,
    /// What a started minute of a pod costs; nothing costs nothing.
    pub pod_minute: Micro,
    pub prices: Arc<Prices>,
    /// How long events are kept.
    pub event_history: Millis,
    /// Of an office, at once.
    pub open_tasks_max: i64,
    /// On the drive of each office.
    pub drive_bytes: u64,
    pub strict_limits: mi_pods::Strictness,
    pub pod_users: pods::PodUsers,
    pub pod_doors: pods::PodDoors,
}

/// Cheap to clone; one per server.
#[derive(Clone)]
pub struct House {
    inner: Arc<Inner>,
}

pub struct Inner {
    pub db: Db,
    pub clock: Clock,
    pub keys: Keys,
    pub wakeups: Wakeups,
    pub settings: Settings,
    pub driver: Arc<dyn Driver>,
    pub providers: Providers,
    pub outbound: Outbound,
    pub egress: egress::Desk,
    pub pods: pods::Supervisor,
    pub checks: checks::Runs,
    pub webhooks: webhooks::Desk,
    /// Of clients that follow something.
    pub seats: Seats,
    pub logins: login::Desk,
    /// Tries of invite codes.
    pub joins: invites::throttle::Throttle,
    pub nonces: Nonces,
    /// Of this server, not of its house's data.
    pub began_at: Time,
    pub transfers: transfers::Desk,
    pub terminals: terminals::Desk,
    pub backups: backups::Desk,
    draining: AtomicBool,
    pub known_keys: identity::memory::KnownKeys,
}

impl std::ops::Deref for House {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

/// The parts of a house that come from outside.
pub struct Parts {
    pub db: Db,
    pub clock: Clock,
    pub keys: Keys,
    pub settings: Settings,
    pub driver: Arc<dyn Driver>,
    pub providers: Providers,
    pub outbound: Outbound,
    pub egress: egress::Desk,
}

/// The operations of every concept.
pub fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    all.extend(identity::routes::operations());
    all.extend(invites::routes::operations());
    all.extend(offices::routes::operations());
    all.extend(agents::routes::operations());
    all.extend(agent_keys::routes::operations());
    all.extend(backups::routes::operations());
    all.extend(tasks::routes::operations());
    all.extend(schedules::routes::operations());
    all.extend(runners::routes::operations());
    all.extend(sessions::routes::operations());
    all.extend(terminals::routes::operations());
    all.extend(files::routes::operations());
    all.extend(roles::routes::operations());
    all.extend(env::routes::operations());
    all.extend(integrations::routes::operations());
    all.extend(chat::routes::operations());
    all.extend(credits::routes::operations());
    all.extend(events::routes::operations());
    all.extend(audit::routes::operations());
    all.extend(webhooks::routes::operations());
    all.extend(transfers::routes::operations());
    all.extend(gateway::routes::operations());
    all.extend(mcp::routes::operations());
    all.extend(login::routes::operations());
    all
}

impl House {
    pub fn new(parts: Parts) -> Self {
        let began_at = parts.clock.now();
        Self {
            inner: Arc::new(Inner {
                db: parts.db,
                clock: parts.clock,
                keys: parts.keys,
                wakeups: Wakeups::default(),
                settings: parts.settings,
                driver: parts.driver,
                providers: parts.providers,
                outbound: parts.outbound,
                egress: parts.egress,
                pods: pods::Supervisor::default(),
                checks: checks::Runs::default(),
                webhooks: webhooks::Desk::default(),
                seats: Seats::default(),
                logins: login::Desk::default(),
                joins: invites::throttle::Throttle::default(),
                nonces: Nonces::default(),
                began_at,
                transfers: transfers::Desk::default(),
                terminals: terminals::Desk::since(began_at),
                backups: backups::Desk::default(),
                draining: AtomicBool::new(false),
                known_keys: identity::memory::KnownKeys::default(),
            }),
        }
    }

    /// Changes something in the office of the call's path, as its caller.
    pub async fn act<F>(&self, call: &Call, act: F) -> Result<Answer, Fault>
    where
        F: Fn(&mut Act<'_>, &Member) -> Result<Answer, Fault> + Send + 'static,
    {
        self.act_in(call.office()?, call.ask(), act).await
    }

    /// As `act`, for a caller that asks more than once (a parked claim).
    pub async fn act_in<F>(&self, office: OfficeId, ask: Ask, act: F) -> Result<Answer, Fault>
    where
        F: Fn(&mut Act<'_>, &Member) -> Result<Answer, Fault> + Send + 'static,
    {
        let (keys, clock, outbound) = (self.keys.clone(), self.clock.clone(), self.outbound.clone());
        let open_tasks_max = self.settings.open_tasks_max;
        let write = move |tx: &mut dyn Tx| {
            let open = Act::begin(tx, &keys, office, clock.now())?.with_open_tasks_max(open_tasks_max);
            let mut open = open.with_outbound(&outbound);
            let member = enter_even_late(open.tx, &ask.caller, ask.need, office, open.head.owner, ask.lateness)?;
            heard_of(&mut open, &member)?;
            if let Some(key) = &ask.idempotency
                && !sabotage!(IdempotencyForgotten)
                && let Some(answer) = key.recall(open.tx, open.now)?
            {
                return open.finish(answer);
            }
            match (fence_request(&mut open, &member, &ask), ask.lateness) {
                (Err(fault), Lateness::Told) if fault.code == Code::StaleClaim => {}
                (fenced, _) => fenced?,
            }
            let answer = act(&mut open, &member)?;
            // 204 says that nothing happened, so there is nothing to remember; a refusal is none either.
            if let Some(key) = &ask.idempotency
                && answer.status != 204
                && !open.is_refused()
            {
                key.keep(open.tx, &answer, open.now)?;
            }
            // With its effect, and only with one: whoever waits for work looks more than once.
            if let Some(nonce) = &ask.nonce
                && answer.status != 204
            {
                nonce::spend(open.tx, nonce)?;
            }
            open.finish(answer)
        };
        self.write(write).await
    }

    /// Changes something that belongs to no office, in one transaction with the answer that a repetition gets.
    pub async fn act_outside<F>(&self, call: &Call, act: F) -> Result<Answer, Fault>
    where
        F: Fn(&mut Outside<'_>) -> Result<Answer, Fault> + Send + 'static,
    {
        let (clock, idempotency) = (self.clock.clone(), call.idempotency.clone());
        let write = move |tx: &mut dyn Tx| {
            let mut outside = Outside { tx, now: clock.now(), wakes: Vec::new() };
            if let Some(key) = &idempotency
                && let Some(answer) = key.recall(outside.tx, outside.now)?
            {
                return Ok((answer, outside.wakes));
            }
            let answer = act(&mut outside)?;
            if let Some(key) = &idempotency {
                key.keep(outside.tx, &answer, outside.now)?;
            }
            Ok((answer, outside.wakes))
        };
        let wakeups = self.wakeups.clone();
        let (answer, _) = self.db.write_then(write, move |(_, wakes)| wakeups.send(wakes)).await?;
        Ok(answer)
    }

    /// A write of the server itself: sweeps, supervision, settlement.
    pub async fn act_as_server<T, F>(&self, office: OfficeId, act: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut Act<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (keys, clock, outbound) = (self.keys.clone(), self.clock.clone(), self.outbound.clone());
        let open_tasks_max = self.settings.open_tasks_max;
        let write = move |tx: &mut dyn Tx| {
            let open = Act::begin(tx, &keys, office, clock.now())?.with_open_tasks_max(open_tasks_max);
            let mut open = open.with_outbound(&outbound);
            let value = act(&mut open)?;
            open.finish(value)
        };
        self.write(write).await
    }

    /// Whoever waits for what was written is woken by the commit itself: a caller that went away takes no wake-up along.
    async fn write<T, F>(&self, write: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<Committed<T>, Fault> + Send + 'static,
    {
        let wakeups = self.wakeups.clone();
        let wake = move |committed: &Committed<T>| wakeups.send(&committed.wakes);
        let committed = self.db.write_then(write, wake).await?;
        match committed.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(committed.value),
        }
    }

    /// Reads in the office of the call's path, as its caller.
    pub async fn look<T, F>(&self, call: &Call, read: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut View<'_>, &Member) -> Result<T, Fault> + Send + 'static,
    {
        self.look_in(call.office()?, call, read).await
    }

    /// The same in another office than the path's: that of the credential.
    pub async fn look_in<T, F>(&self, office: OfficeId, call: &Call, read: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Fn(&mut View<'_>, &Member) -> Result<T, Fault> + Send + 'static,
    {
        let (caller, need, clock) = (call.caller.clone(), call.need, self.clock.clone());
        self.db
            .read(move |tx| {
                let head = look(tx, office)?;
                let member = enter(tx, &caller, need, office, head.owner)?;
                read(&mut View { tx, office, head, now: clock.now() }, &member)
            })
            .await
    }

    /// Who a key belongs to. Through a pod's socket only that pod's own credentials count.
    pub async fn identify(&self, credential: Option<&str>, via: Via) -> Result<Caller, Fault> {
        let Some(text) = credential else { return Ok(Caller::Nobody) };
        let caller = match self.keys.read(text) {
            Some(Token::Ticket { office, agent, epoch }) => Caller::Ticket { office, agent, epoch },
            Some(Token::Runner { office, agent, epoch }) => Caller::Runner { office, agent, epoch },
            Some(Token::Session { office, agent, session }) => Caller::Session { office, agent, session },
            None => self.identify_key(text).await?,
        };
        match (via, &caller) {
            (Via::Tcp, _) => Ok(caller),
            (
                Via::Pod(pod),
                Caller::Ticket { agent, .. } | Caller::Runner { agent, .. } | Caller::Session { agent, .. },
            ) if *agent == pod => Ok(caller),
            (Via::Pod(_), _) => Err(fault::wrong_pod()),
        }
    }

    /// Who signed a request. No pod holds a key to sign with.
    pub async fn identify_signatory(&self, signed: &Signed, came: Came<'_>, via: Via) -> Result<Signatory, Fault> {
        match via {
            Via::Tcp => judge::judge(self, signed, came).await,
            Via::Pod(_) => Err(fault::wrong_pod()),
        }
    }

    async fn identify_key(&self, text: &str) -> Result<Caller, Fault> {
        let hash = self.keys.hash_of_key(text);
        let (now, rights) = (self.clock.now(), self.wakeups.rights_changes());
        if let Some(caller) = self.known_keys.find(&hash, now, rights) {
            return Ok(caller);
        }
        let wanted = hash.clone();
        let caller = self.db.read(move |tx| identity::keys::caller_of(tx, &wanted, now)).await?;
        self.known_keys.note(hash, &caller, now, rights);
        Ok(caller)
    }

    /// Whether a caller that was let in some time ago would be let in now.
    pub async fn still_admits(&self, caller: &Caller, need: Need, office: Option<OfficeId>) -> Result<(), Fault> {
        let (caller, now) = (caller.clone(), self.clock.now());
        let read = move |tx: &mut dyn Tx| {
            identity::keys::must_hold(tx, &caller, now)?;
            let Some(office) = office else { return Ok(()) };
            let head = look(tx, office)?;
            enter(tx, &caller, need, office, head.owner).map(|_| ())
        };
        self.db.read(read).await
    }

    /// From now on no new work is given out.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.wakeups.wake_everybody();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Everything of an office that is not in the store: `<data>/offices/<id>`.
    pub fn office_dir(&self, office: OfficeId) -> PathBuf {
        self.settings.data_dir.join("offices").join(office.0.simple().to_string())
    }

    /// The drive's folder.
    pub fn drive_dir(&self, office: OfficeId) -> PathBuf {
        self.office_dir(office).join("drive")
    }

    pub fn workspace_dir(&self, office: OfficeId, agent: mi_core::ids::AgentId) -> PathBuf {
        self.office_dir(office).join("workspaces").join(agent.0.simple().to_string())
    }

    /// Where uploads grow before they are complete; on the drive's file system, never visible in it.
    pub fn incoming_dir(&self, office: OfficeId) -> PathBuf {
        self.office_dir(office).join("incoming")
    }

    /// The host's user that owns an office's files; `None` when that is the server's own.
    pub async fn pod_uid(&self, office: OfficeId) -> Result<Option<u32>, Fault> {
        pods::service::office_uid(self, office).await
    }

    pub fn data_dir(&self) -> &Path {
        &self.settings.data_dir
    }
}

/// An open transaction on what belongs to no office.
pub struct Outside<'a> {
    pub tx: &'a mut dyn Tx,
    pub now: Time,
    wakes: Vec<Wake>,
}

impl Outside<'_> {
    /// Sent by the commit.
    pub fn wake(&mut self, wake: Wake) {
        self.wakes.push(wake);
    }
}

/// A snapshot of one office.
pub struct View<'a> {
    pub tx: &'a mut dyn Tx,
    pub office: OfficeId,
    pub head: Head,
    pub now: Time,
}
