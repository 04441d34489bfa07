//! What a session gets to read: its task with everything around it.

use mi_core::ids::{AgentId, ClaimToken, OfficeId, TaskId};
use mi_core::limits::{CONTEXT_FILES_MAX, SUBTASK_DEPTH_MAX};
use mi_core::tasks::status::Status;
use mi_core::wire::runner::{Colleague, DependencyCard, OfficeCard, SessionContext};
use mi_core::wire::tasks::Task;

use super::service::{SessionRow, State};
use super::store;
use crate::agents::service as agents;
use crate::house::View;
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::tasks::store as tasks;
use crate::tasks::{cards, service as task_service};

const MESSAGES_MAX: i64 = 50;

/// The claims of an agent that are live, oldest first: what it reads when it comes back and has forgotten.
pub fn held_by(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Vec<SessionRow>, Fault> {
    let mut held = store::of_agent(tx, office, agent)?;
    held.retain(|session| session.state == State::Live);
    Ok(held)
}

/// The session's own runner or the session itself asks.
pub fn context(view: &mut View<'_>, member: &Member, number: ClaimToken) -> Result<SessionContext, Fault> {
    let session = store::get(view.tx, view.office, number)?.ok_or_else(|| fault::no_such_session(number))?;
    let Member::Agent { id, .. } = member else { return Err(fault::no_such_session(number)) };
    if *id != session.agent_id {
        return Err(fault::no_such_session(number));
    }
    let agent = agents::by_id(view.tx, view.office, *id)?.ok_or_else(|| fault::no_such_agent(&session.agent))?;
    let all = agents::list(view.tx, view.office)?;
    let colleagues = all.iter().filter(|other| other.id != agent.id);
    let colleagues = colleagues.map(|other| Colleague { name: other.name.clone(), role: other.role.clone() }).collect();
    let mut messages = crate::chat::service::unread(view.tx, view.office, &agent.name, MESSAGES_MAX)?;
    // What came after those that woke it wakes the next one, and would be answered twice.
    messages.retain(|message| session.messages_up_to.is_none_or(|up_to| message.id <= up_to));
    let mut context = SessionContext {
        office: OfficeCard { id: view.office, name: view.head.name.clone() },
        agent: agents::card(view.tx, view.office, view.now, &agent)?,
        colleagues,
        task: None,
        logs: Vec::new(),
        comments: Vec::new(),
        subtasks: Vec::new(),
        artifacts: Vec::new(),
        sessions: Vec::new(),
        reviews: Vec::new(),
        ancestors: Vec::new(),
        siblings: Vec::new(),
        dependencies: Vec::new(),
        messages,
        checks: Vec::new(),
        files: crate::files::service::index(view.tx, view.office, CONTEXT_FILES_MAX)?,
    };
    if let Some(id) = session.task {
        add_task(view, &session, id, &mut context)?;
    }
    Ok(context)
}

fn add_task(view: &mut View<'_>, session: &SessionRow, id: TaskId, context: &mut SessionContext) -> Result<(), Fault> {
    debug_assert_eq!(session.task, Some(id));
    let detail = task_service::detail(view, id)?;
    let parent = detail.task.parent_id;
    context.task = Some(detail.task);
    context.logs = detail.logs;
    context.comments = detail.comments;
    context.subtasks = detail.subtasks;
    context.artifacts = detail.artifacts;
    context.sessions = detail.sessions;
    context.checks = detail.checks;
    context.reviews = detail.reviews;
    context.ancestors = ancestors(view, parent)?;
    if let Some(parent) = parent {
        let siblings = tasks::children(view.tx, view.office, parent)?;
        let siblings: Vec<_> = siblings.into_iter().filter(|task| task.id != id).collect();
        context.siblings = cards::cards(view.tx, view.office, &view.head, view.now, &siblings)?;
    }
    for dependency in tasks::dependencies(view.tx, view.office, id)? {
        debug_assert_eq!(dependency.status, Status::Done);
        let artifacts =
            tasks::notes::artifacts(view.tx, view.office, dependency.id, task_service::ARTIFACTS_SHOWN_MAX)?;
        let task = cards::card(view.tx, view.office, &view.head, view.now, &dependency)?;
        context.dependencies.push(DependencyCard { task, artifacts });
    }
    Ok(())
}

/// From the parent up to the root.
fn ancestors(view: &mut View<'_>, parent: Option<TaskId>) -> Result<Vec<Task>, Fault> {
    let mut out = Vec::new();
    let mut next = parent;
    while let Some(id) = next.filter(|_| out.len() <= SUBTASK_DEPTH_MAX) {
        let row = tasks::get(view.tx, view.office, id)?.ok_or_else(|| fault::no_such_task(id))?;
        next = row.parent;
        out.push(cards::card(view.tx, view.office, &view.head, view.now, &row)?);
    }
    Ok(out)
}
