//! What the server remembers, compared with what was acknowledged and with what may never be.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use mi_client::Paging;
use mi_core::ids::{AgentName, ClaimToken, TaskId};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{Session, Task, TaskDetail};

use super::ledger::{Heard, Ledger};
use super::work::result_of;
use crate::claims::all_tasks;
use crate::office::Office;

/// A runner reports the end of its session a moment after its task is done.
const SESSIONS_END_LIMIT: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const ACKNOWLEDGED: &str = "acknowledged/";
const OVERLAPS: &str = "overlaps";
/// In each worker's workspace.
const LEDGER: &str = "ledger";

pub struct Found {
    pub counts: Vec<(&'static str, usize)>,
    pub violations: Vec<String>,
}

pub async fn check(office: &Office, ledger: &Ledger) -> Result<Found> {
    let heard = ledger.heard();
    let tasks = all_tasks(office).await?;
    let mut details = Vec::new();
    for task in &tasks {
        details.push(settled(office, task.id).await?);
    }
    let noted = noted_by_agents(office).await?;
    let mut violations = heard.odd.clone();
    violations.extend(check_creations(&heard, &tasks));
    violations.extend(details.iter().flat_map(check_task));
    let acknowledged = heard.done.iter().map(|(id, (claim, _))| (*id, *claim)).chain(noted.iter().copied());
    violations.extend(check_ends(acknowledged, &details));
    violations.extend(check_overlaps(office).await?);
    violations.extend(check_workspaces(office, &noted, &details).await?);
    let sessions: usize = details.iter().map(|detail| detail.sessions.len()).sum();
    let counts = vec![
        ("tasks in the end", tasks.len()),
        ("acknowledged creations", heard.created.len()),
        ("acknowledged ends, to clients", heard.done.len()),
        ("acknowledged ends, to agents in pods", noted.len()),
        ("attempts", sessions),
        ("attempts cut short and made again", sessions.saturating_sub(tasks.len())),
        ("tasks with more than one attempt counted", tasks.iter().filter(|task| task.attempts > 1).count()),
        ("requests never answered", heard.unanswered),
    ];
    Ok(Found { counts, violations })
}

/// The task, once none of its sessions is open any more, or when that takes too long.
async fn settled(office: &Office, id: TaskId) -> Result<TaskDetail> {
    let until = Instant::now() + SESSIONS_END_LIMIT;
    loop {
        let detail = office.client.tasks(office.id).get(id).await?;
        if detail.sessions.iter().all(|session| session.ended_at.is_some()) || Instant::now() >= until {
            return Ok(detail);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Ends that the agents' program saw acknowledged: the names of files on the drive.
async fn noted_by_agents(office: &Office) -> Result<Vec<(TaskId, ClaimToken)>> {
    let (mut noted, mut offset) = (Vec::new(), 0);
    loop {
        let paging = Paging { limit: Some(LIST_LIMIT_MAX), offset: Some(offset) };
        let (page, _) = office.client.files(office.id).list(Some(ACKNOWLEDGED), paging).await?;
        if page.is_empty() {
            return Ok(noted);
        }
        offset += i64::try_from(page.len())?;
        for file in page {
            let (task, claim) = file.name.file_name().split_once('-').unwrap_or_default();
            noted.push((task.parse()?, claim.parse()?));
        }
    }
}

/// Each creation that was acknowledged is there as it was, and none was carried out twice.
fn check_creations(heard: &Heard, tasks: &[Task]) -> Vec<String> {
    let by_id: BTreeMap<TaskId, &Task> = tasks.iter().map(|task| (task.id, task)).collect();
    let mut violations = Vec::new();
    for (id, title) in &heard.created {
        match by_id.get(id) {
            None => violations.push(format!("task {id} was acknowledged and is missing")),
            Some(task) if task.title != *title => {
                violations.push(format!("task {id} was acknowledged as {title:?} and is {:?}", task.title));
            }
            Some(_) => {}
        }
    }
    let mut titles = BTreeSet::new();
    let twice = tasks.iter().filter(|task| !titles.insert(&task.title));
    violations.extend(twice.map(|task| format!("{:?} was created twice, the second time as {}", task.title, task.id)));
    violations
}

/// An end that was acknowledged is the task's end: the same claim, the same words.
fn check_ends(acknowledged: impl Iterator<Item = (TaskId, ClaimToken)>, details: &[TaskDetail]) -> Vec<String> {
    let results: BTreeMap<TaskId, Option<&str>> =
        details.iter().map(|detail| (detail.task.id, detail.task.result_summary.as_deref())).collect();
    let lost = acknowledged.filter(|(id, claim)| results.get(id) != Some(&Some(result_of(*id, *claim).as_str())));
    lost.map(|(id, claim)| format!("claim {claim} finished task {id}, whose result is {:?}", results.get(&id)))
        .collect()
}

/// Done with a result, by the last of its claims; no two of them at once; what an agent linked is linked.
fn check_task(detail: &TaskDetail) -> Vec<String> {
    let task = &detail.task;
    let mut violations = check_sessions(task.id, &detail.sessions);
    if task.status != Status::Done {
        violations.push(format!("task {} ended as {}: {:?}", task.id, task.status, task.error));
        return violations;
    }
    let result = task.result_summary.as_deref().unwrap_or_default();
    let last = detail.sessions.last();
    if last.is_none_or(|session| result != result_of(task.id, session.id)) {
        violations.push(format!("task {} was last claimed by {:?}, its result is {result:?}", task.id, last));
    }
    if let Some(session) = last.filter(|session| session.agent.as_str().starts_with("worker")) {
        violations.extend(check_artifact(detail, session.id));
    }
    violations
}

fn check_artifact(detail: &TaskDetail, claim: ClaimToken) -> Option<String> {
    let id = detail.task.id;
    let path = format!("out/{id}-{claim}");
    let bytes = format!("task {id} claim {claim}\n").len();
    let linked = detail.artifacts.iter().any(|it| it.path == path && usize::try_from(it.size) == Ok(bytes));
    (!linked).then(|| format!("task {id} is done without {path}; linked are {:?}", detail.artifacts))
}

/// `sessions` are in the order of their tokens.
fn check_sessions(id: TaskId, sessions: &[Session]) -> Vec<String> {
    let mut violations = Vec::new();
    for pair in sessions.windows(2) {
        let [earlier, later] = pair else { continue };
        if later.id <= earlier.id {
            violations.push(format!("task {id}: token {} came after token {}", later.id, earlier.id));
        }
        if earlier.ended_at.is_none_or(|ended_at| ended_at > later.started_at) {
            violations.push(format!("task {id} ran twice at once: {earlier:?} and {later:?}"));
        }
    }
    let open = sessions.iter().filter(|session| session.ended_at.is_none());
    violations.extend(open.map(|session| format!("task {id}: session {} never ended", session.id)));
    violations
}

/// The agents' own witness: an attempt that found another one's lock taken wrote it down.
async fn check_overlaps(office: &Office) -> Result<Option<String>> {
    let (files, _) = office.client.files(office.id).list(Some(OVERLAPS), Paging::default()).await?;
    if files.is_empty() {
        return Ok(None);
    }
    let (name, mut text) = (OVERLAPS.parse()?, Vec::new());
    office.client.files(office.id).download(&name, &mut text, mi_client::Progress::default()).await?;
    Ok(Some(format!("attempts beside another one of the same task: {}", String::from_utf8_lossy(&text).trim())))
}

/// What an agent wrote into its workspace before its task's end was acknowledged is still there.
async fn check_workspaces(
    office: &Office,
    noted: &[(TaskId, ClaimToken)],
    details: &[TaskDetail],
) -> Result<Vec<String>> {
    let sessions = details.iter().flat_map(|detail| &detail.sessions);
    let workers: BTreeMap<ClaimToken, &AgentName> = sessions.map(|session| (session.id, &session.agent)).collect();
    let mut ledgers: BTreeMap<&AgentName, String> = BTreeMap::new();
    let mut violations = Vec::new();
    for (task, claim) in noted {
        let Some(worker) = workers.get(claim) else { continue };
        let ledger = match ledgers.entry(worker) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(ledger_of(office, worker).await?),
        };
        let line = format!("{task}-{claim}");
        if !ledger.lines().any(|known| known == line) {
            violations.push(format!("the workspace of {worker} lost what it wrote for task {task} by claim {claim}"));
        }
    }
    Ok(violations)
}

async fn ledger_of(office: &Office, worker: &AgentName) -> Result<String> {
    let mut text = Vec::new();
    office.client.agents(office.id).read_file(worker, LEDGER, &mut text).await?;
    Ok(String::from_utf8(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mi_core::credits::Micro;
    use mi_core::time::Time;

    fn session(id: i64, started: i64, ended: Option<i64>) -> Session {
        Session {
            id: ClaimToken(id),
            agent: "worker-0".parse().unwrap(),
            task_id: Some(TaskId(1)),
            attempt: Some(1),
            state: "ended".to_owned(),
            cause: None,
            harness: "command".to_owned(),
            provider: None,
            model: None,
            exit: None,
            summary: None,
            input_tokens: 0,
            cached_tokens: 0,
            output_tokens: 0,
            cost: Micro(0),
            queued_at: None,
            first_token_at: None,
            started_at: Time(started),
            ended_at: ended.map(Time),
        }
    }

    #[test]
    fn attempts_follow_each_other() {
        let check = |sessions: &[Session]| check_sessions(TaskId(1), sessions).len();
        assert_eq!(check(&[session(1, 0, Some(5)), session(4, 5, Some(9))]), 0);
        assert_eq!(check(&[session(1, 0, Some(6)), session(4, 5, Some(9))]), 1, "at once");
        assert_eq!(check(&[session(4, 0, Some(5)), session(1, 5, Some(9))]), 1, "a token fell");
        assert_eq!(check(&[session(1, 0, None)]), 1, "never ended");
        assert_eq!(check(&[session(1, 0, None), session(2, 5, Some(9))]), 2, "at once, and never ended");
    }

    #[test]
    fn what_was_acknowledged_must_be_there() {
        let heard = Heard { created: BTreeMap::from([(TaskId(3), "job 0-0".to_owned())]), ..Heard::default() };
        assert_eq!(check_creations(&heard, &[]), ["task 3 was acknowledged and is missing"]);
        let lost = check_ends([(TaskId(3), ClaimToken(8))].into_iter(), &[]);
        assert_eq!(lost, ["claim 8 finished task 3, whose result is None"]);
    }
}
