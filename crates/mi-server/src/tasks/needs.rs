//! Blocks that end by themselves when an integration is enabled.

use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::tasks::status::{BlockedKind, Status};
use mi_core::wire::tasks::UpdateTask;

use super::flow;
use super::store::{self, TaskRow};
use crate::infra::act::Act;
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::integrations::catalogue::Manifest;
use crate::integrations::{requests, service as integrations};

/// Why a task is blocked, and the integration that would help.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    pub kind: BlockedKind,
    integration: Option<&'static Manifest>,
}

/// Who names an integration needs one, unless it says otherwise.
pub fn read(wish: &UpdateTask) -> Result<Need, Fault> {
    let named = wish.integration_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
    let default = if named.is_some() { BlockedKind::NeedsIntegration } else { BlockedKind::Other };
    let kind = wish.blocked_kind.unwrap_or(default);
    let named = named.filter(|_| kind == BlockedKind::NeedsIntegration);
    Ok(Need { kind, integration: named.map(integrations::find).transpose()? })
}

/// Keeps with the blocked task what it needs, and asks the owner for it in the name of its agent.
pub fn remember(act: &mut Act<'_>, member: &Member, task: &TaskRow, need: Need) -> Result<(), Fault> {
    let id = need.integration.map(|manifest| manifest.id.as_str());
    store::blocks::set(act.tx, act.office, task.id, id)?;
    let (Some(manifest), Some(agent)) = (need.integration, &task.claimed_by) else { return Ok(()) };
    let reason = task.blocked_reason.as_deref().unwrap_or_default();
    requests::file(act, member, manifest, (agent, reason, task.id))
}

/// The integration is enabled for the agent: what it was blocked on goes back to the queue.
pub fn met(act: &mut Act<'_>, actor: &str, integration: &str, agent: &AgentName) -> Result<Vec<TaskId>, Fault> {
    let mut unblocked = Vec::new();
    for id in store::blocks::waiting(act.tx, act.office, integration, agent)? {
        let mut task = flow::need(act, id)?;
        flow::unblock(act, &mut task, actor)?;
        // Something else that it needs may have broken meanwhile.
        if task.status == Status::Queued {
            unblocked.push(id);
        }
    }
    Ok(unblocked)
}

/// The block's reason, with what would end it.
pub fn said(tx: &mut dyn Tx, office: OfficeId, row: &TaskRow) -> Result<String, Fault> {
    let reason = row.blocked_reason.clone().unwrap_or_default();
    if row.blocked_kind != Some(BlockedKind::NeedsIntegration) {
        return Ok(reason);
    }
    Ok(match store::blocks::integration(tx, office, row.id)? {
        Some(id) => format!("needs {id}: {reason}; mi integrations requests shows the command that grants it"),
        None => reason,
    })
}
