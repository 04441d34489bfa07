//! What is written on a task without moving it: logs, comments, artifacts, renewals.

use mi_core::drive::DrivePath;
use mi_core::ids::TaskId;
use mi_core::limits;
use mi_core::tasks::status::{BlockedKind, Status};
use mi_core::time::Time;
use mi_core::wire::files::DriveFile;
use mi_core::wire::tasks::{AddArtifact, AddComment, AddLog, Artifact, ArtifactState, Comment, LeaseRenewed, TaskLog};

use super::store::TaskRow;
use super::store::notes::{self as store, NewLog};
use super::{chain, claim, flow};
use crate::infra::act::{Act, Claim};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::sessions;

const ARTIFACT_KIND_CHARS_MAX: usize = 40;
const LABEL_CHARS_MAX: usize = 200;

/// A log line by the claimer or an operator; the first one shows that work began.
pub fn log(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &AddLog) -> Result<TaskLog, Fault> {
    let mut task = flow::need(act, id)?;
    claim::must_hold(act, &task, member)?;
    if wish.message.len() > limits::LOG_LINE_BYTES_MAX {
        return Err(fault::too_long("a log line", limits::LOG_LINE_BYTES_MAX, "bytes"));
    }
    if is_claimer(act, member) {
        shows_work(act, &mut task)?;
    }
    let new = NewLog {
        id: act.next_row(),
        agent: member.name(),
        event: wish.event.as_deref(),
        message: &wish.message,
        session: task.session,
        attempt: Some(task.attempts),
        at: act.now,
    };
    store::add_log(act.tx, act.office, id, &new)?;
    act.wake(Wake::Lines { office: act.office });
    Ok(TaskLog {
        id: new.id,
        agent: new.agent.to_owned(),
        event: wish.event.clone(),
        message: wish.message.clone(),
        attempt: new.attempt,
        created_at: act.now,
    })
}

/// An agent, or a key that writes with the claim it got for one; an operator's remark is no sign of work.
fn is_claimer(act: &Act<'_>, member: &Member) -> bool {
    matches!(member, Member::Agent { .. }) || matches!(act.claim, Claim::Live(_))
}

/// Any call about the task by its claimer renews the lease and starts the task.
fn shows_work(act: &mut Act<'_>, task: &mut TaskRow) -> Result<(), Fault> {
    claim::started(act, task)?;
    renew_lease(act, task)?;
    Ok(())
}

fn renew_lease(act: &mut Act<'_>, task: &TaskRow) -> Result<Time, Fault> {
    match task.session {
        Some(session) => sessions::service::renew(act, session),
        None => Err(fault::not_the_claimer(task.id, None)),
    }
}

/// Lease renewal by the claimer.
pub fn renew(act: &mut Act<'_>, member: &Member, id: TaskId) -> Result<LeaseRenewed, Fault> {
    let mut task = flow::need(act, id)?;
    if !task.status.is_held() {
        return Err(match task.session {
            Some(session) => fault::stale_claim(session),
            None => fault::not_the_claimer(id, None),
        });
    }
    claim::must_hold(act, &task, member)?;
    claim::started(act, &mut task)?;
    Ok(LeaseRenewed { lease_expires_at: renew_lease(act, &task)? })
}

pub fn comment(act: &mut Act<'_>, member: &Member, id: TaskId, wish: &AddComment) -> Result<Comment, Fault> {
    let task = flow::need(act, id)?;
    let author = speaker(act, member, wish.agent.as_deref())?;
    if wish.message.trim().is_empty() {
        return Err(fault::bad_request("a comment needs a message"));
    }
    if wish.message.len() > limits::MESSAGE_BYTES_MAX {
        return Err(fault::too_long("the comment", limits::MESSAGE_BYTES_MAX, "bytes"));
    }
    let comment = Comment { id: act.next_row(), agent: author, message: wish.message.clone(), created_at: act.now };
    store::add_comment(act.tx, act.office, id, &comment)?;
    let summary = if comment.agent == member.name() {
        format!("{} commented on task {id}", comment.agent)
    } else {
        format!("{} commented on task {id} as {}", member.name(), comment.agent)
    };
    flow::record(act, &task, "tasks.comment", member.name(), summary)?;
    // What an operator's key says for an agent is that agent's word, not an answer to it.
    if matches!(member, Member::Person(_)) && comment.agent == member.name() {
        answered(act, member, task)?;
    }
    Ok(comment)
}

/// What waited for an answer goes on with an operator's comment.
fn answered(act: &mut Act<'_>, by: &Member, mut task: TaskRow) -> Result<(), Fault> {
    let asks = task.status == Status::Blocked && task.blocked_kind == Some(BlockedKind::NeedsInput);
    chain::touch(act, by, &mut task)?;
    if asks { flow::unblock(act, &mut task, by.name()) } else { Ok(super::store::save(act.tx, act.office, &task)?) }
}

/// An agent speaks as itself; a person too, or for an agent of the office.
fn speaker(act: &mut Act<'_>, member: &Member, named: Option<&str>) -> Result<String, Fault> {
    let Some(named) = named.filter(|name| !name.is_empty()) else { return Ok(member.name().to_owned()) };
    match member {
        Member::Agent { name, .. } if name.as_str() == named => Ok(named.to_owned()),
        Member::Agent { .. } => Err(fault::not_you(&mi_core::ids::excerpt(named))),
        Member::Person(_) if named == member.name() => Ok(named.to_owned()),
        Member::Person(_) => match crate::agents::service::by_name(act.tx, act.office, named)? {
            Some(_) => Ok(named.to_owned()),
            None => Err(fault::unknown_agent(mi_core::ids::excerpt(named))),
        },
    }
}

/// Links a file of the drive as proof; `file` was measured just before.
pub fn add_artifact(
    act: &mut Act<'_>,
    member: &Member,
    id: TaskId,
    wish: &AddArtifact,
    file: &DriveFile,
) -> Result<Artifact, Fault> {
    let mut task = flow::need(act, id)?;
    let kind = wish.kind.clone().unwrap_or_else(|| "file".to_owned());
    if kind.chars().count() > ARTIFACT_KIND_CHARS_MAX {
        return Err(fault::too_long("kind", ARTIFACT_KIND_CHARS_MAX, "characters"));
    }
    if wish.label.as_ref().is_some_and(|label| label.chars().count() > LABEL_CHARS_MAX) {
        return Err(fault::too_long("label", LABEL_CHARS_MAX, "characters"));
    }
    if is_claimer(act, member) {
        claim::must_hold(act, &task, member)?;
        shows_work(act, &mut task)?;
    }
    let artifact = Artifact {
        id: act.next_row(),
        kind,
        path: file.name.as_str().to_owned(),
        label: wish.label.clone(),
        sha256: file.sha256.clone(),
        size: file.size,
        state: ArtifactState::Unchanged,
        session: task.session,
        created_by: member.name().to_owned(),
        created_at: act.now,
    };
    store::add_artifact(act.tx, act.office, id, &artifact, task.session)?;
    let summary = format!("{} linked {} to task {id}", artifact.created_by, artifact.path);
    flow::record(act, &task, "tasks.artifact", member.name(), summary)?;
    Ok(artifact)
}

/// The name on the drive that an artifact's path means.
pub fn artifact_path(wish: &AddArtifact) -> Result<DrivePath, Fault> {
    Ok(DrivePath::from_typed(&wish.path)?)
}
