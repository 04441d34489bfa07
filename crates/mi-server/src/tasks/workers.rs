//! Who could take a task: the agents of an office as the queue sees them.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::tasks::why::Workers;

use super::store::TaskRow;
use super::store::workers::{self as store, WorkerRow};
use crate::infra::db::{Db, DbError, Tx};
use crate::infra::fault::Fault;

/// Stands for whichever provider there is, for agents that name none.
const ANY_PROVIDER: &str = "-";

struct Worker {
    name: AgentName,
    state: State,
    provider: Option<String>,
    integrations: Vec<String>,
}

/// What an agent could do with a task now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Busy,
    Starting,
    /// Stopped or failed: not even on its way.
    Down,
    NoModelKey,
}

impl State {
    fn parse(text: &str) -> Result<Self, DbError> {
        match text {
            "free" => Ok(State::Free),
            "busy" => Ok(State::Busy),
            "starting" => Ok(State::Starting),
            "down" => Ok(State::Down),
            "keyless" => Ok(State::NoModelKey),
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
        Ok(Self { state: State::parse(&row.state)?, name: row.name, provider: row.provider, integrations })
    }

    fn has(&self, tools: &[String]) -> bool {
        tools.iter().all(|tool| self.integrations.contains(tool))
    }

    /// The explanation if this agent is the one that a task waits for.
    fn explains(&self) -> Workers {
        match self.state {
            State::Free => Workers::Free,
            State::Busy => Workers::Busy,
            State::Starting => Workers::PodStarting(self.name.to_string()),
            State::Down => Workers::AssigneeOffline(self.name.to_string()),
            State::NoModelKey => {
                let provider = self.provider.as_deref().unwrap_or(ANY_PROVIDER);
                let variable = crate::gateway::providers::variable(provider);
                Workers::NoModelKey(format!("{} has no model key; start mi up with {variable} set", self.name))
            }
        }
    }
}

/// Who could take a ready task, and why nobody does.
pub fn of_task(tx: &mut dyn Tx, office: OfficeId, task: &TaskRow) -> Result<Workers, Fault> {
    let providers = store::model_providers(tx)?;
    let tools = task.required_tools();
    if let Some(name) = &task.assigned {
        return of_assignee(store::worker(tx, office, &providers, name)?, name, &tools);
    }
    let rows =
        if tools.is_empty() { store::states(tx, office, &providers)? } else { store::workers(tx, office, &providers)? };
    let workers = rows.into_iter().map(Worker::read).collect::<Result<Vec<_>, _>>()?;
    Ok(of_anybody(&workers, &tools))
}

fn of_assignee(row: Option<WorkerRow>, name: &str, tools: &[String]) -> Result<Workers, Fault> {
    let Some(row) = row else { return Ok(Workers::AssigneeGone(name.to_owned())) };
    let worker = Worker::read(row)?;
    if !worker.has(tools) {
        return Ok(Workers::Nobody(format!("{name} lacks one of: {}", tools.join(", "))));
    }
    Ok(worker.explains())
}

fn of_anybody(workers: &[Worker], tools: &[String]) -> Workers {
    if workers.is_empty() {
        return Workers::Nobody("the office has no agents; mi agents hire adds one".to_owned());
    }
    let able: Vec<&Worker> = workers.iter().filter(|worker| worker.has(tools)).collect();
    let Some(first) = able.first() else {
        return Workers::Nobody(format!("no agent has all of: {}", tools.join(", ")));
    };
    let best = [State::Free, State::Busy, State::Starting, State::NoModelKey];
    let found = best.iter().find_map(|state| able.iter().find(|worker| worker.state == *state));
    match found {
        Some(worker) => worker.explains(),
        None => Workers::Nobody(format!("no agent that could take it is running; mi start {} starts one", first.name)),
    }
}

/// Tells the queue which model providers this server can reach, so that `why` can say which is missing.
pub async fn announce_providers(db: &Db, configured: &[&str]) -> Result<(), Fault> {
    let any = if configured.is_empty() { None } else { Some(ANY_PROVIDER) };
    let names: Vec<&str> = configured.iter().copied().chain(any).collect();
    let names = format!(" {} ", names.join(" "));
    db.write(move |tx| Ok(store::save_model_providers(tx, &names)?)).await
}
