//! Who could take a task: the agents of an office as the queue sees them.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::limits::PRESENCE_SECONDS_MAX;
use mi_core::tasks::why::Workers;
use mi_core::time::{Millis, Time};

use super::store::TaskRow;
use super::store::workers::{self as store, Now, WorkerRow};
use crate::infra::db::{Db, DbError, Tx};
use crate::infra::fault::Fault;
use crate::integrations::catalogue::{catalogue, holds};

/// Stands for whichever provider there is, for agents that name none.
const ANY_PROVIDER: &str = "-";

pub(super) struct Worker {
    /// Nobody's where the worker stands for all in one state.
    id: Option<AgentId>,
    pub(super) name: AgentName,
    pub(super) state: State,
    elsewhere: bool,
    provider: Option<String>,
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
            "keyless" => Ok(State::NoModelKey),
            "unfunded" => Ok(State::Unfunded),
            "spent" => Ok(State::Spent),
            other => Err(DbError::Shape(format!("an agent that is {other}"))),
        }
    }
}

impl Worker {
    fn read(row: WorkerRow) -> Result<Self, DbError> {
        let integrations = match row.integrations.as_str() {
            "" => Vec::new(),
            text => serde_json::from_str(text).map_err(|error| DbError::Shape(format!("integrations: {error}")))?,
        };
        Ok(Self {
            id: row.id,
            elsewhere: row.elsewhere,
            state: State::parse(&row.state)?,
            name: row.name,
            provider: row.provider,
            integrations,
        })
    }

    pub(super) const fn lives_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// Whose pod sleeps, if it does.
    pub(super) fn asleep(&self) -> Option<AgentId> {
        self.id.filter(|_| self.state == State::Asleep)
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
            State::NoModelKey => {
                let provider = self.provider.as_deref().unwrap_or(ANY_PROVIDER);
                let variable = crate::gateway::providers::variable(provider);
                Workers::NoModelKey(format!("{} has no model key; start mi up with {variable} set", self.name))
            }
        }
    }
}

/// Who could take a ready task, and why nobody does.
pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow, now: Time) -> Result<Workers, Fault> {
    if let Some(name) = crate::sessions::service::still_at(tx, office, task.id)? {
        return Ok(Workers::StillStopping(name.to_string()));
    }
    let now = at(tx, now)?;
    let tools = task.required_tools();
    if let Some(name) = &task.assigned {
        return of_assignee(store::worker(tx, office, &now, name)?, name, &tools);
    }
    let rows = if tools.is_empty() { store::states(tx, office, &now)? } else { store::workers(tx, office, &now)? };
    let workers = rows.into_iter().map(Worker::read).collect::<Result<Vec<_>, _>>()?;
    Ok(of_anybody(&workers, &tools))
}

fn at(tx: &mut dyn Tx, now: Time) -> Result<Now, DbError> {
    let heard_since = now + Millis::seconds(-PRESENCE_SECONDS_MAX);
    Ok(Now { providers: store::model_providers(tx)?, heard_since })
}

/// Everybody, in the order of hiring.
pub(super) fn all(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<Vec<Worker>, Fault> {
    let now = at(tx, now)?;
    Ok(store::workers(tx, office, &now)?.into_iter().map(Worker::read).collect::<Result<_, _>>()?)
}

pub(super) fn one(tx: &mut dyn Tx, office: OfficeId, now: Time, name: &str) -> Result<Option<Worker>, Fault> {
    let now = at(tx, now)?;
    Ok(store::worker(tx, office, &now, name)?.map(Worker::read).transpose()?)
}

fn of_assignee(row: Option<WorkerRow>, name: &str, tools: &[String]) -> Result<Workers, Fault> {
    let Some(row) = row else { return Ok(Workers::AssigneeGone(name.to_owned())) };
    let worker = Worker::read(row)?;
    if !worker.has(tools) {
        return Ok(Workers::Nobody(format!("{name} lacks one of: {}; {}", tools.join(", "), way_out(&worker, tools))));
    }
    Ok(worker.explains())
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
    let best =
        [State::Free, State::Busy, State::Starting, State::Asleep, State::Unfunded, State::Spent, State::NoModelKey];
    let found = best.iter().find_map(|state| able.iter().find(|worker| worker.state == *state));
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
    let any = if configured.is_empty() { None } else { Some(ANY_PROVIDER) };
    let names: Vec<&str> = configured.iter().copied().chain(any).collect();
    let names = format!(" {} ", names.join(" "));
    db.write(move |tx| Ok(store::save_model_providers(tx, &names)?)).await
}
