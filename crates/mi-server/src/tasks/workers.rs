//! Who could take a task: the agents of an office as the queue sees them.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::limits::CLAIMS_PER_AGENT_MAX;
use mi_core::tasks::why::Workers;

use super::store::{self, WorkerRow};
use crate::infra::db::{Db, Tx};
use crate::infra::fault::Fault;

/// Stands for whichever provider there is, for agents that name none.
const ANY_PROVIDER: &str = "-";

pub struct Availability {
    pub name: AgentName,
    state: State,
    integrations: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Free,
    Busy,
    Starting,
    /// Stopped, failed or gone: what an operator would read.
    Down,
    NoModelKey(String),
}

impl Availability {
    pub fn has(&self, tools: &[String]) -> bool {
        tools.iter().all(|tool| self.integrations.contains(tool))
    }

    pub fn is_free(&self) -> bool {
        self.state == State::Free
    }

    /// Stopped or failed: not even on its way.
    pub fn is_down(&self) -> bool {
        self.state == State::Down
    }

    pub fn is_busy(&self) -> bool {
        self.state == State::Busy
    }

    /// The explanation if this agent is the one that a task waits for.
    pub fn as_worker(&self) -> Workers {
        match &self.state {
            State::Free => Workers::Free,
            State::Busy => Workers::Busy,
            State::Starting => Workers::PodStarting(self.name.to_string()),
            State::Down => Workers::AssigneeOffline(self.name.to_string()),
            State::NoModelKey(fix) => Workers::NoModelKey(fix.clone()),
        }
    }
}

pub fn availability(tx: &mut dyn Tx, office: OfficeId) -> Result<Vec<Availability>, Fault> {
    let providers = store::model_providers(tx)?;
    let rows = store::workers(tx, office)?;
    Ok(rows.into_iter().map(|row| judge(row, &providers)).collect())
}

fn judge(row: WorkerRow, providers: &str) -> Availability {
    let state = state(&row, providers);
    let integrations = serde_json::from_str(&row.integrations).unwrap_or_default();
    Availability { name: row.name, state, integrations }
}

fn state(row: &WorkerRow, providers: &str) -> State {
    if row.kind == "external" {
        return if row.live_sessions < CLAIMS_PER_AGENT_MAX { State::Free } else { State::Busy };
    }
    let provider = row.provider.as_deref().unwrap_or(ANY_PROVIDER);
    if row.harness != "command" && !providers.split(' ').any(|known| known == provider) {
        let variable = crate::gateway::providers::variable(provider);
        return State::NoModelKey(format!("{} has no model key; start mi up with {variable} set", row.name));
    }
    match (row.desired.as_deref(), row.observed.as_deref()) {
        (Some("running"), Some("running")) if row.live_sessions > 0 => State::Busy,
        (Some("running"), Some("running")) => State::Free,
        (Some("running"), Some("failed")) => State::Down,
        (Some("running"), _) => State::Starting,
        _ => State::Down,
    }
}

/// Tells the queue which model providers this server can reach, so that `why` can say which is missing.
pub async fn announce_providers(db: &Db, configured: &[&str]) -> Result<(), Fault> {
    let any = if configured.is_empty() { None } else { Some(ANY_PROVIDER) };
    let names: Vec<&str> = configured.iter().copied().chain(any).collect();
    let names = names.join(" ");
    db.write(move |tx| Ok(store::save_model_providers(tx, &names)?)).await
}
