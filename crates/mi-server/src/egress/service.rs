//! Whether a pod may go somewhere, and the record of where it went.

use std::sync::Arc;

use mi_core::egress::{self, Target};
use mi_core::ids::{AgentName, ClaimToken, TaskId, excerpt};
use mi_core::wire::offices::Settings;
use serde_json::json;

use super::ask::{Form, Wanted};
use super::notes::{Noted, Told};
use super::routes::Pod;
use crate::agents::service as agents;
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent, look};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::integrations::catalogue::catalogue;
use crate::sessions::service::{self as sessions, Post};

/// The hosts of an integration are services with TLS.
const INTEGRATION_PORT: u16 = 443;

/// Why a pod doesn't get where it wants, or not for longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The request names no place.
    Unreadable,
    NotAllowed,
    /// An address of the server's own machine or network.
    Private,
    /// The claim is over.
    Stale(ClaimToken),
    Full,
    UnknownHost,
    NobodyThere,
    Unreachable,
    TimedOut,
    /// The other side speaks no HTTP, or stopped in the middle.
    Broken,
    /// Nothing was said for too long.
    Silent,
    /// It was allowed when it began, and no longer is.
    Revoked,
    PodEnded,
}

impl Why {
    pub const fn word(self) -> &'static str {
        match self {
            Why::Unreadable => "unreadable",
            Why::NotAllowed => "not_allowed",
            Why::Private => "private_address",
            Why::Stale(_) => "stale_claim",
            Why::Full => "full",
            Why::UnknownHost => "unknown_host",
            Why::NobodyThere => "connection_refused",
            Why::Unreachable => "unreachable",
            Why::TimedOut => "timed_out",
            Why::Broken => "broken",
            Why::Silent => "silent",
            Why::Revoked => "revoked",
            Why::PodEnded => "pod_ended",
        }
    }

    const fn phrase(self) -> &'static str {
        match self {
            Why::Unreadable => "the request names no place",
            Why::NotAllowed => "the office's egress doesn't allow it",
            Why::Private => "it belongs to the server's own machine or network",
            Why::Stale(_) => "the claim is over",
            Why::Full => "the office has too many connections",
            Why::UnknownHost => "the name isn't known",
            Why::NobodyThere => "nothing listens there",
            Why::Unreachable => "no connection could be made",
            Why::TimedOut => "there was no answer in time",
            Why::Broken => "the connection broke",
            Why::Silent => "nothing was said for too long",
            Why::Revoked => "it is no longer allowed",
            Why::PodEnded => "the pod ended",
        }
    }
}

/// What became of a wish to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Allowed,
    Refused,
    /// It was allowed, and there was no way.
    Failed,
}

impl Verdict {
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Refused => "refused",
            Verdict::Failed => "failed",
        }
    }

    /// Of a wish that never became a connection.
    pub const fn of(why: Why) -> Self {
        match why {
            Why::Unreadable
            | Why::NotAllowed
            | Why::Private
            | Why::Stale(_)
            | Why::Full
            | Why::Silent
            | Why::Revoked
            | Why::PodEnded => Verdict::Refused,
            Why::UnknownHost | Why::NobodyThere | Why::Unreachable | Why::TimedOut | Why::Broken => Verdict::Failed,
        }
    }
}

/// One connection, or one wish for one, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    pub agent: AgentName,
    pub session: Option<ClaimToken>,
    pub task: Option<TaskId>,
    /// As far as it could be read.
    pub host: String,
    pub port: u16,
    pub method: String,
    pub verdict: Verdict,
    pub why: Option<Why>,
    pub bytes_up: u64,
    pub bytes_down: u64,
}

impl Passage {
    /// What can't be read is recorded as it was written, with what the host should have been.
    pub fn unreadable(standing: &Standing, written: &str, method: &str) -> Self {
        // In front of it may stand a password.
        let place = written.rsplit('@').next().unwrap_or_default();
        let target = Target { host: excerpt(place), port: 0 };
        let wanted = Wanted { form: Form::Tunnel, target, method: excerpt(method) };
        standing.passage(&wanted, Verdict::Refused, Some(Why::Unreadable))
    }
}

/// Who asks, and where their office lets them go.
#[derive(Clone)]
pub struct Standing {
    pub agent: AgentName,
    pub post: Post,
    settings: Arc<Settings>,
    integrations: Vec<String>,
}

impl Standing {
    pub fn judge(&self, wanted: &Wanted) -> Result<(), Why> {
        if let Post::Condemned(claim) = self.post {
            return Err(Why::Stale(claim));
        }
        let by_office = egress::allows(&self.settings.egress, &wanted.target, &wanted.method);
        if by_office || self.is_of_an_integration(&wanted.target) { Ok(()) } else { Err(Why::NotAllowed) }
    }

    /// Enabling an integration for an agent opens its hosts to that agent.
    fn is_of_an_integration(&self, target: &Target) -> bool {
        let mut enabled = self.integrations.iter().filter_map(|word| catalogue().find(word));
        target.port == INTEGRATION_PORT && enabled.any(|manifest| manifest.hosts.contains(&target.host))
    }

    pub fn passage(&self, wanted: &Wanted, verdict: Verdict, why: Option<Why>) -> Passage {
        let (session, task) = match self.post {
            Post::Free => (None, None),
            Post::At { session, task } => (Some(session), task),
            Post::Condemned(claim) => (Some(claim), None),
        };
        Passage {
            agent: self.agent.clone(),
            session,
            task,
            host: wanted.target.host.clone(),
            port: wanted.target.port,
            method: excerpt(&wanted.method),
            verdict,
            why,
            bytes_up: 0,
            bytes_down: 0,
        }
    }
}

/// How the pod's agent stands now.
pub async fn standing(house: &House, pod: Pod) -> Result<Standing, Fault> {
    let read = move |tx: &mut dyn Tx| {
        let head = look(tx, pod.office)?;
        let agent = agents::by_id(tx, pod.office, pod.agent)?.filter(|agent| agent.fired_at.is_none());
        let agent = agent.ok_or_else(fault::wrong_pod)?;
        let post = sessions::post(tx, pod.office, pod.agent)?;
        Ok(Standing { agent: agent.name, post, settings: head.settings, integrations: agent.integrations })
    };
    house.db.read(read).await
}

/// Keeps it for later, or tells it at once. What can't be told is in the log: a pod isn't stopped by it.
pub async fn record(house: &House, pod: Pod, passage: Passage) {
    match house.egress.note(house.clock.now(), (pod.office, pod.agent), passage) {
        Noted::Kept => {}
        Noted::Tell(told) => {
            let told = vec![*told];
            let written = house.act_as_server(pod.office, move |act| tell_all(act, &told)).await;
            if let Err(fault) = written {
                let cause = fault.cause.as_deref().unwrap_or_default();
                tracing::error!(cause, office = %pod.office, "a connection could not be recorded: {}", fault.sentence);
            }
        }
    }
}

pub fn tell_all(act: &mut Act<'_>, all: &[Told]) -> Result<(), Fault> {
    all.iter().try_for_each(|told| tell(act, told))
}

fn tell(act: &mut Act<'_>, told: &Told) -> Result<(), Fault> {
    let Told { passage, times, is_of_many } = told;
    let what = match is_of_many {
        true => "other connections".to_owned(),
        false if passage.port == 0 => format!("{} to {}", passage.method, passage.host),
        false => format!("{} to {}", passage.method, Target { host: passage.host.clone(), port: passage.port }),
    };
    let data = json!({
        "host": (!is_of_many).then_some(&passage.host),
        "port": (!is_of_many).then_some(passage.port),
        "method": (!is_of_many).then_some(&passage.method),
        "verdict": passage.verdict.word(),
        "why": passage.why.map(Why::word),
        "bytesUp": passage.bytes_up,
        "bytesDown": passage.bytes_down,
        "times": times,
        "session": passage.session,
    });
    act.event(NewEvent {
        category: Category::Session,
        kind: kind(passage.verdict),
        actor: passage.agent.as_str(),
        agent: Some(&passage.agent),
        task: passage.task,
        summary: summary(passage, &what, *times),
        data,
    })?;
    Ok(())
}

const fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "egress.allowed",
        Verdict::Refused => "egress.refused",
        Verdict::Failed => "egress.failed",
    }
}

fn summary(passage: &Passage, what: &str, times: u64) -> String {
    let Passage { agent, bytes_up, bytes_down, .. } = passage;
    let often = if times > 1 { format!(", {times} times") } else { String::new() };
    let because = passage.why.map(|why| format!(": {}", why.phrase())).unwrap_or_default();
    match passage.verdict {
        Verdict::Allowed => {
            format!("{agent} was let through with {what}{often}, {bytes_up} bytes up, {bytes_down} down{because}")
        }
        Verdict::Refused => format!("{agent} was refused {what}{often}{because}"),
        Verdict::Failed => format!("{agent} didn't get through with {what}{often}{because}"),
    }
}
