//! Requests: what agents ask the owner for.

use mi_core::ids::{AgentName, TaskId};
use mi_core::limits::MESSAGE_BYTES_MAX;
use mi_core::wire::integrations::{AskIntegration, IntegrationRequest, IntegrationRequestStatus};
use serde_json::json;

use super::catalogue::Manifest;
use super::faults;
use super::service::{self, Desk};
use super::state::State;
use super::store::{self, NewRequest};
use crate::agents::service::{self as agents, AgentRow};
use crate::house::View;
use crate::infra::act::{Act, Answer};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;

/// A request as it is made.
struct Ask<'a> {
    agent: &'a AgentRow,
    reason: &'a str,
    task: Option<TaskId>,
    status: IntegrationRequestStatus,
}

/// An agent for itself, an operator for anybody. What is enabled and set up already is granted at once.
pub fn ask(act: &mut Act<'_>, member: &Member, wish: &AskIntegration, desk: &Desk) -> Result<Answer, Fault> {
    let manifest = service::find(&wish.integration_id)?;
    let agent = asker(act, member, wish.agent_name.as_deref())?;
    let reason = wish.reason.as_deref().unwrap_or_default().trim();
    if reason.len() > MESSAGE_BYTES_MAX {
        return Err(fault::too_long("the reason", MESSAGE_BYTES_MAX, "bytes"));
    }
    let there = agent.has_integration(&manifest.id)
        && State::load(act.tx, act.office, &desk.providers)?.is_configured(manifest);
    let status = if there { IntegrationRequestStatus::Granted } else { IntegrationRequestStatus::Pending };
    let ask = Ask { agent: &agent, reason, task: None, status };
    Answer::created(&put(act, member, manifest, &ask)?)
}

fn asker(act: &mut Act<'_>, member: &Member, named: Option<&str>) -> Result<AgentRow, Fault> {
    let named = named.map(str::trim).filter(|name| !name.is_empty());
    match (member, named) {
        (Member::Person(_), None) => Err(faults::which_agent()),
        (Member::Person(_), Some(name)) => agents::find(act.tx, act.office, name),
        (Member::Agent { name, .. }, None) => agents::find(act.tx, act.office, name.as_str()),
        (Member::Agent { id, .. }, Some(named)) => {
            let agent = agents::find(act.tx, act.office, named)?;
            if agent.id == *id { Ok(agent) } else { Err(fault::not_you(agent.name.as_str())) }
        }
    }
}

/// A task was blocked for want of an integration: its agent asks for it.
pub fn file(
    act: &mut Act<'_>,
    member: &Member,
    manifest: &Manifest,
    (name, reason, task): (&AgentName, &str, TaskId),
) -> Result<(), Fault> {
    let Some(agent) = agents::by_name(act.tx, act.office, name.as_str())? else { return Ok(()) };
    let ask = Ask { agent: &agent, reason, task: Some(task), status: IntegrationRequestStatus::Pending };
    put(act, member, manifest, &ask)?;
    Ok(())
}

fn put(act: &mut Act<'_>, member: &Member, manifest: &Manifest, ask: &Ask<'_>) -> Result<IntegrationRequest, Fault> {
    let resolved_at = match ask.status {
        IntegrationRequestStatus::Pending => None,
        IntegrationRequestStatus::Granted => Some(act.now),
    };
    let id = act.next_row();
    let (agent, integration) = ((ask.agent.id, &ask.agent.name), manifest.id.as_str());
    let request = NewRequest { id, integration, agent, reason: ask.reason, task: ask.task, resolved_at };
    store::put_request(act.tx, act.office, &request, act.now)?;
    let summary = format!("{} asks for {}: {}", ask.agent.name, manifest.id, mi_core::ids::excerpt(ask.reason));
    let data = json!({"integration": manifest.id, "request": id, "task": ask.task, "status": ask.status});
    service::record(act, member, "integrations.request", Some(ask.agent), summary, data)?;
    Ok(IntegrationRequest {
        id,
        integration_id: manifest.id.clone(),
        agent_name: ask.agent.name.clone(),
        reason: ask.reason.to_owned(),
        status: ask.status,
        task_id: ask.task,
        created_at: act.now,
        resolved_at,
    })
}

/// What an agent asked for is enabled now.
pub fn granted(act: &mut Act<'_>, manifest: &Manifest, agent: &AgentRow) -> Result<(), Fault> {
    store::resolve(act.tx, act.office, &manifest.id, agent.id, act.now)?;
    Ok(())
}

/// In the order in which they were made.
pub fn list(view: &mut View<'_>, status: Option<&str>, page: Page) -> Result<Answer, Fault> {
    let status = match status.map(str::trim).filter(|text| !text.is_empty()) {
        None => "",
        Some(text) => text.parse::<IntegrationRequestStatus>().map_err(|_| faults::unknown_status(text))?.as_str(),
    };
    let found = store::requests(view.tx, view.office, status, page)?;
    Answer::list(&found, store::count_requests(view.tx, view.office, status)?)
}
