//! Acts of pods: wishes, tickets, and what the sweep has to say about a pod's end.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::tasks::why::OfficeState;
use serde_json::json;

use super::rules::{Ending, TicketVerdict, after_end, judge_ticket};
use super::store;
pub use super::store::PodRow;
pub use super::{Desired, Observed};
use crate::credits::{minutes, suspend};
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::wakeups::Wake;
use crate::sessions;
use crate::tasks::{calls, cards};

/// How much of the end of a pod's log is looked at.
const LOG_TAIL_BYTES_MAX: u64 = 256 * 1024;
/// How much of an error is kept with the pod.
const ERROR_CHARS_MAX: usize = 2_000;
const LEFT_UNASKED: &str = "the pod's runner left, and nobody had told it to";
/// The first of the host's users that offices get, far above people and services.
const OFFICE_UID_FIRST: i64 = 700_000;

/// A hired agent gets a pod; one that comes back gets its own again.
pub fn create(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    store::insert(act.tx, act.office, agent)?;
    act.wake(Wake::Pods);
    Ok(())
}

/// Says what the pod should be. Wishing for a pod that had failed starts it anew.
pub fn wish(act: &mut Act<'_>, agent: AgentId, desired: Desired) -> Result<(), Fault> {
    let row = must_have(act, agent)?;
    let revives = desired == Desired::Running && row.observed == Observed::Failed;
    if row.desired == desired && !revives {
        return Ok(());
    }
    let mut next = PodRow { desired, ..row };
    if desired == Desired::Running {
        next.idle_since = None;
        // A pod that is still on its way out to sleep is ended and replaced.
        next.observed = if row.desired == Desired::Asleep { Observed::None } else { row.observed };
        forget_crashes(&mut next);
    }
    save(act, agent, &next)?;
    act.wake(Wake::Pods);
    Ok(())
}

/// The pod ends and another one takes its place.
pub fn restart(act: &mut Act<'_>, agent: AgentId) -> Result<(), Fault> {
    let mut next =
        PodRow { desired: Desired::Running, observed: Observed::None, idle_since: None, ..must_have(act, agent)? };
    forget_crashes(&mut next);
    save(act, agent, &next)?;
    act.wake(Wake::Pods);
    Ok(())
}

/// The pod can't be trusted any more, for example because its runner fell silent: its runner is void from here on,
/// and the pod is ended and replaced.
pub fn condemn(act: &mut Act<'_>, agent: AgentId, reason: &str) -> Result<(), Fault> {
    let Some(row) = row(act.tx, act.office, agent)? else { return Ok(()) };
    if !matches!(row.observed, Observed::Starting | Observed::Running) {
        return Ok(());
    }
    let next = PodRow {
        observed: Observed::Exited,
        epoch: row.epoch + 1,
        ticket_at: None,
        boot_id: None,
        poll_session: None,
        last_error: Some(format!("the pod was replaced: {reason}")),
        last_error_at: Some(act.now),
        ..row
    };
    save(act, agent, &next)?;
    act.wake(Wake::Pods);
    Ok(())
}

/// It rests for another term before it is looked at again; why is told by its last error.
pub fn put_off(act: &mut Act<'_>, agent: AgentId, why: &str) -> Result<(), Fault> {
    let row = must_have(act, agent)?;
    let told = (Some(why.chars().take(ERROR_CHARS_MAX).collect()), Some(act.now));
    let next = PodRow { idle_since: Some(act.now), last_error: told.0, last_error_at: told.1, ..row };
    save(act, agent, &next)?;
    Ok(())
}

fn forget_crashes(row: &mut PodRow) {
    row.crashes = 0;
    row.crashed_before_at = None;
    row.retry_at = None;
    if row.observed == Observed::Failed {
        row.observed = Observed::None;
    }
}

/// Whatever changes a pod passes here: its time is reckoned as it comes up, and up to the moment in which it goes.
pub(super) fn save(act: &mut Act<'_>, agent: AgentId, next: &PodRow) -> Result<(), Fault> {
    let was_up = row(act.tx, act.office, agent)?.is_some_and(|row| row.is_up());
    if was_up && !next.is_up() {
        minutes::note(act, agent)?;
    }
    store::update(act.tx, act.office, agent, next)?;
    if next.is_up() && !was_up {
        minutes::note(act, agent)?;
    }
    Ok(())
}

pub fn row(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Option<PodRow>, Fault> {
    Ok(store::load(tx, office, agent)?)
}

fn must_have(act: &mut Act<'_>, agent: AgentId) -> Result<PodRow, Fault> {
    row(act.tx, act.office, agent)?.ok_or_else(|| fault::internal(format!("agent {agent} has no row for its pod")))
}

/// A runner shows its ticket: from now on the pod is its, and every earlier runner is void.
pub fn take_ticket(act: &mut Act<'_>, agent: AgentId, epoch: i64, boot_id: &str) -> Result<(), Fault> {
    let void = || fault::unauthenticated("this ticket is void: it was used, is too old, or its pod was replaced");
    let row = row(act.tx, act.office, agent)?.ok_or_else(void)?;
    match judge_ticket(&row, epoch, boot_id, act.now) {
        TicketVerdict::Void => Err(void()),
        TicketVerdict::Again => Ok(()),
        TicketVerdict::Taken => {
            let next = PodRow {
                epoch,
                boot_id: Some(boot_id.to_owned()),
                observed: Observed::Running,
                runner_seen_at: Some(act.now),
                poll: 0,
                poll_session: None,
                idle_since: None,
                ..row
            };
            save(act, agent, &next)?;
            Ok(())
        }
    }
}

/// The sweep is about to start the pod: what its ticket will say, or nothing if the wish is gone.
pub(super) fn begin_start(act: &mut Act<'_>, agent: AgentId) -> Result<Option<i64>, Fault> {
    let Some(row) = row(act.tx, act.office, agent)? else { return Ok(None) };
    if row.desired != Desired::Running || row.observed == Observed::Failed {
        return Ok(None);
    }
    let epoch = row.epoch + 1;
    let now = Some(act.now);
    let next =
        PodRow { observed: Observed::Starting, ticket_at: now, started_at: now, boot_id: None, retry_at: None, ..row };
    save(act, agent, &next)?;
    Ok(Some(epoch))
}

/// Whether its runner has no order to go: nobody stopped it, sent it to sleep or wants it anew, and it is paid for.
pub fn may_go_on(act: &mut Act<'_>, agent: AgentId, row: &PodRow) -> Result<bool, Fault> {
    let is_up = (row.desired, row.observed) == (Desired::Running, Observed::Running);
    let may_run = is_up && cards::office_state(&act.head) == OfficeState::Active;
    Ok(may_run && suspend::of(act.tx, act.office, agent)?.is_none())
}

/// The pod is gone, for good or until its next start; nothing of it runs any more.
pub(super) fn ended(act: &mut Act<'_>, agent: AgentId, ending: Ending, reason: &str) -> Result<(), Fault> {
    let Some(row) = row(act.tx, act.office, agent)? else { return Ok(()) };
    // However politely it went, it would go for ever: it waits longer each time and loses what it was at.
    let (ending, reason) = match ending {
        Ending::Left if may_go_on(act, agent, &row)? => (Ending::Crashed, LEFT_UNASKED),
        Ending::Left | Ending::Asked | Ending::Crashed => (ending, reason),
    };
    let mut next = after_end(&row, ending, act.now);
    let crashed = ending == Ending::Crashed && row.desired == Desired::Running;
    let failed = crashed && next.observed == Observed::Failed;
    if crashed {
        next.last_error = Some(reason.chars().take(ERROR_CHARS_MAX).collect());
    }
    save(act, agent, &next)?;
    match ending {
        Ending::Crashed => sessions::service::pod_died(act, agent, reason)?,
        Ending::Asked | Ending::Left => sessions::service::hand_back(act, agent, reason)?,
    }
    if crashed {
        record_crash(act, agent, if failed { "pods.fail" } else { "pods.crash" }, reason)?;
    }
    // What it would have taken is for somebody else now.
    if failed { calls::for_tasks(act) } else { Ok(()) }
}

fn record_crash(act: &mut Act<'_>, agent: AgentId, kind: &'static str, reason: &str) -> Result<(), Fault> {
    let Some(name) = store::agent_name(act.tx, act.office, agent)? else { return Ok(()) };
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind,
        actor: "system",
        agent: Some(&name),
        task: None,
        summary: match kind {
            "pods.fail" => format!("{name}'s pod failed and is not started again by itself"),
            _ => format!("{name}'s pod crashed and is started again"),
        },
        data: json!({ "reason": reason }),
    })?;
    Ok(())
}

/// The user of the host that owns an office's files and runs its pods; `None` when the server is no root.
pub async fn office_uid(house: &House, office: OfficeId) -> Result<Option<u32>, Fault> {
    if house.settings.pod_users == super::PodUsers::Servers {
        return Ok(None);
    }
    if let Some(known) = house.pods.known_uid(office) {
        return Ok(Some(known));
    }
    let uid = house
        .act_as_server(office, |act| {
            if let Some(uid) = store::office_uid(act.tx, act.office)? {
                return Ok(uid);
            }
            let uid = store::highest_uid(act.tx)?.map_or(OFFICE_UID_FIRST, |highest| highest + 1);
            store::set_office_uid(act.tx, act.office, uid)?;
            Ok(uid)
        })
        .await?;
    let uid = u32::try_from(uid).map_err(fault::internal)?;
    house.pods.keep_uid(office, uid);
    Ok(Some(uid))
}

/// Where a pod's output goes.
pub fn log_path(house: &House, office: OfficeId, agent: AgentId) -> PathBuf {
    house.office_dir(office).join("logs").join(format!("{}.log", agent.0.simple()))
}

/// The last lines that the agent's pod wrote; empty where it wrote none.
pub async fn log_tail(house: &House, office: OfficeId, agent: AgentId, lines: usize) -> String {
    let path = log_path(house, office, agent);
    let read = tokio::task::spawn_blocking(move || tail(&path, lines)).await;
    match read {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a pod's log can't be read");
            String::new()
        }
        Err(error) => {
            tracing::error!(%error, "reading a pod's log broke off");
            String::new()
        }
    }
}

fn tail(path: &Path, lines: usize) -> std::io::Result<String> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].join("\n"))
}

/// Who a pod is for, as people call it; for logs.
pub(super) fn title(office: OfficeId, name: &AgentName) -> String {
    format!("{name} of {office}")
}
