//! Who could take a task: the agents of an office as the queue sees them.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::limits::PRESENCE_SECONDS_MAX;
use mi_core::tasks::why::Workers;
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::HarnessKind;

use super::store::TaskRow;
use super::store::workers::{self as store, WorkerRow};
use crate::gateway;
use crate::gateway::kinds::Kind;
use crate::gateway::reach::{Reach, Standing, remedy};
use crate::infra::db::{Db, DbError, Tx};
use crate::infra::fault::Fault;
use crate::integrations::catalogue::{catalogue, holds};

pub(super) struct Worker {
    /// Nobody's where the worker stands for all in one state.
    id: Option<AgentId>,
    pub(super) name: AgentName,
    pub(super) state: State,
    elsewhere: bool,
    /// Of its model, and how it stands with it.
    model: Option<(Option<Kind>, Standing)>,
    integrations: Vec<String>,
}

/// What an agent could do with a task now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Busy,
    Starting,
    /// Rests, and is woken by work that nobody else would take.
    Asleep,
    /// Stopped or failed: not even on its way.
    Down,
    /// For good, unless somebody brings it back.
    Archived,
    NoModelKey,
    /// Its next model call may cost more than the office has.
    Unfunded,
    /// The same of its budget.
    Spent,
    /// The provider of its model takes no calls until then.
    Quota(Time),
}

impl State {
    fn parse(text: &str) -> Result<Self, DbError> {
        match text {
            "free" => Ok(State::Free),
            "busy" => Ok(State::Busy),
            "starting" => Ok(State::Starting),
            "asleep" => Ok(State::Asleep),
            "down" => Ok(State::Down),
            "archived" => Ok(State::Archived),
            "unfunded" => Ok(State::Unfunded),
            "spent" => Ok(State::Spent),
            other => Err(DbError::Shape(format!("an agent that is {other}"))),
        }
    }
}

impl State {
    /// Who explains best why nobody has begun yet: the lower, the sooner. None for those who say nothing.
    fn promise(self) -> Option<(u8, Time)> {
        match self {
            State::Free => Some((0, Time(0))),
            State::Busy => Some((1, Time(0))),
            State::Starting => Some((2, Time(0))),
            State::Asleep => Some((3, Time(0))),
            State::Quota(until) => Some((4, until)),
            State::Unfunded => Some((5, Time(0))),
            State::Spent => Some((6, Time(0))),
            State::NoModelKey => Some((7, Time(0))),
            State::Down | State::Archived => None,
        }
    }

    /// A missing key counts before all else; a quota only for those who could begin something.
    fn with(self, model: Option<Standing>) -> Self {
        match (model, self) {
            (Some(Standing::Keyless | Standing::Refused), _) => State::NoModelKey,
            (Some(Standing::Parked(until)), State::Free | State::Starting | State::Asleep) => State::Quota(until),
            (None | Some(Standing::Ready | Standing::Parked(_)), state) => state,
        }
    }
}

impl Worker {
    fn read(row: WorkerRow, reach: &Reach) -> Result<Self, DbError> {
        let integrations = match row.integrations.as_str() {
            "" => Vec::new(),
            text => serde_json::from_str(text).map_err(|error| DbError::Shape(format!("integrations: {error}")))?,
        };
        let calls_models = row.harness != HarnessKind::Command && !row.elsewhere;
        let model = calls_models.then(|| reach.of_agent(row.harness, row.provider.as_deref(), row.tier.as_deref()));
        let state = State::parse(&row.state)?.with(model.map(|(_, standing)| standing));
        Ok(Self { id: row.id, elsewhere: row.elsewhere, state, name: row.name, model, integrations })
    }

    pub(super) const fn lives_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// Whose pod sleeps, if it does.
    pub(super) fn asleep(&self) -> Option<AgentId> {
        self.id.filter(|_| self.state == State::Asleep)
    }

    fn kind(&self) -> Option<Kind> {
        self.model.and_then(|(kind, _)| kind)
    }

    fn no_key(&self) -> String {
        let remedy = remedy(self.kind());
        match self.model {
            Some((Some(kind), Standing::Refused)) => {
                format!("{} refused the key that {} needs; {remedy}", kind.as_str(), self.name)
            }
            _ => format!("{} has no model key; {remedy}", self.name),
        }
    }

    fn lacks(&self, tool: &str) -> bool {
        !holds(&self.integrations, tool)
    }

    pub(super) fn has(&self, tools: &[String]) -> bool {
        tools.iter().all(|tool| holds(&self.integrations, tool))
    }

    /// The explanation if this agent is the one that a task waits for.
    fn explains(&self) -> Workers {
        match self.state {
            State::Free => Workers::Free,
            State::Busy => Workers::Busy,
            State::Starting | State::Asleep => Workers::PodStarting(self.name.to_string()),
            State::Down => Workers::AssigneeOffline(self.name.to_string()),
            State::Archived => Workers::AssigneeArchived(self.name.to_string()),
            State::Unfunded => Workers::Unfunded(self.name.to_string()),
            State::Spent => Workers::BudgetExhausted(self.name.to_string()),
            State::NoModelKey => Workers::NoModelKey(self.no_key()),
            State::Quota(until) => {
                let provider = self.kind().map_or("its provider", Kind::as_str);
                Workers::Quota(format!("quota until {until}: {provider} takes no calls of {} before", self.name))
            }
        }
    }
}

/// Who could take a ready task, and why nobody does.
pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow, now: Time) -> Result<Workers, Fault> {
    if let Some(name) = crate::sessions::service::still_at(tx, office, task.id)? {
        return Ok(Workers::StillStopping(name.to_string()));
    }
    let tools = task.required_tools();
    if let Some(name) = &task.assigned {
        return Ok(of_assignee(one(tx, office, now, name)?, name, &tools));
    }
    let workers = if tools.is_empty() { states(tx, office, now)? } else { all(tx, office, now)? };
    Ok(of_anybody(&workers, &tools))
}

fn heard_since(now: Time) -> Time {
    now + Millis::seconds(-PRESENCE_SECONDS_MAX)
}

fn read_all(tx: &mut dyn Tx, office: OfficeId, rows: Vec<WorkerRow>) -> Result<Vec<Worker>, Fault> {
    let reach = Reach::announced(tx, office)?;
    Ok(rows.into_iter().map(|row| Worker::read(row, &reach)).collect::<Result<_, _>>()?)
}

/// One for each state and model.
fn states(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<Vec<Worker>, Fault> {
    let rows = store::states(tx, office, heard_since(now))?;
    read_all(tx, office, rows)
}

/// Everybody, in the order of hiring.
pub(super) fn all(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<Vec<Worker>, Fault> {
    let rows = store::workers(tx, office, heard_since(now))?;
    read_all(tx, office, rows)
}

pub(super) fn one(tx: &mut dyn Tx, office: OfficeId, now: Time, name: &str) -> Result<Option<Worker>, Fault> {
    let row = store::worker(tx, office, heard_since(now), name)?;
    Ok(read_all(tx, office, row.into_iter().collect())?.pop())
}

fn of_assignee(worker: Option<Worker>, name: &str, tools: &[String]) -> Workers {
    match worker {
        None => Workers::AssigneeGone(name.to_owned()),
        Some(worker) if !worker.has(tools) => {
            Workers::Nobody(format!("{name} lacks one of: {}; {}", tools.join(", "), way_out(&worker, tools)))
        }
        Some(worker) => worker.explains(),
    }
}

fn of_anybody(workers: &[Worker], tools: &[String]) -> Workers {
    if workers.is_empty() {
        return Workers::Nobody("the office has no agents; mi agents hire adds one".to_owned());
    }
    let able: Vec<&Worker> = workers.iter().filter(|worker| worker.has(tools)).collect();
    let Some(first) = able.first() else {
        let closest = workers.iter().min_by_key(|worker| tools.iter().filter(|tool| worker.lacks(tool)).count());
        let hint = closest.map_or(String::new(), |worker| way_out(worker, tools));
        return Workers::Nobody(format!("no agent has all of: {}; {hint}", tools.join(", ")));
    };
    let found = able.iter().filter_map(|worker| Some((worker.state.promise()?, worker)));
    let found = found.min_by_key(|(rank, _)| *rank).map(|(_, worker)| worker);
    match found {
        Some(worker) => worker.explains(),
        None => {
            Workers::Nobody(format!("no agent that could take it is running; mi agents get {} says why", first.name))
        }
    }
}

/// The command that gives an agent the first tool that it lacks; a tool that no catalogue has can't be given.
fn way_out(worker: &Worker, tools: &[String]) -> String {
    let lacking: Vec<&String> = tools.iter().filter(|tool| worker.lacks(tool)).collect();
    let unknown = lacking.iter().find(|tool| catalogue().find(tool).is_none());
    match (unknown, lacking.first()) {
        (Some(tool), _) => match catalogue().nearest(tool) {
            Some(id) => format!("the catalogue has no {tool}, did you mean {id}?"),
            None => format!("the catalogue has no {tool}; mi integrations list shows what it has"),
        },
        (None, Some(tool)) => format!("mi integrations enable {tool} {} lets it", worker.name),
        (None, None) => String::new(),
    }
}

/// Tells the queue which model providers this server can reach, so that `why` can say which is missing.
pub async fn announce_providers(db: &Db, configured: &[&str]) -> Result<(), Fault> {
    let names = format!(" {} ", configured.join(" "));
    db.write(move |tx| {
        gateway::marks::begin_anew(tx)?;
        Ok(store::save_model_providers(tx, &names)?)
    })
    .await
}
