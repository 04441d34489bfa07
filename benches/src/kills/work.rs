//! The work that is going on while the server is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mi_client::ClientError;
use mi_core::ids::{AgentName, ClaimToken, TaskId};
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{ClaimTask, CreateTask, UpdateTask};
use tokio::task::JoinSet;

use super::Plan;
use super::ledger::Ledger;
use crate::chance::Chance;
use crate::office::Office;

/// What each agent runs for a task. An open lock on the drive is held by every process of the attempt until its last
/// one has ended: a second attempt beside the first finds it taken and says so on the drive.
const WORKER: &str = r#"
set -eu
drive=${MI_SHARED_FILES:-/shared/files}
mkdir -p "$drive/locks" "$drive/out" "$drive/acknowledged"
exec 9>"$drive/locks/$MI_TASK"
flock -n 9 || { echo "$MI_TASK $MI_CLAIM" >>"$drive/overlaps"; exit 1; }
tq log "claim $MI_CLAIM works"
sleep "0.$(printf %03d $((MI_CLAIM * 7919 % 300)))"
file="out/$MI_TASK-$MI_CLAIM"
echo "task $MI_TASK claim $MI_CLAIM" >"$drive/$file"
tq artifact "$file"
echo "$MI_TASK-$MI_CLAIM" >>"$HOME/ledger"
tq update --status done --result "task $MI_TASK done by claim $MI_CLAIM"
: >"$drive/acknowledged/$MI_TASK-$MI_CLAIM"
"#;

/// More would only make the end longer.
const QUEUED_MAX: i64 = 30;
const BETWEEN_CREATIONS_MS: std::ops::Range<u64> = 20..200;
const HAND_WORKS_MS: std::ops::Range<u64> = 0..100;
const BACKLOG_PAUSE: Duration = Duration::from_millis(300);
const CLAIM_WAIT_SECONDS: i64 = 1;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a result must say, and who says it.
pub fn result_of(id: TaskId, claim: ClaimToken) -> String {
    format!("task {id} done by claim {claim}")
}

pub struct Crew {
    over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// What each client has.
struct Desk {
    office: Arc<Office>,
    ledger: Arc<Ledger>,
    over: Arc<AtomicBool>,
    chance: Chance,
}

impl Crew {
    pub async fn begin(plan: &Plan, office: &Arc<Office>, ledger: &Arc<Ledger>) -> Result<Self> {
        let mut workers = Vec::new();
        let hands = office.hire_stopped("hand", plan.hands).await?;
        for number in 0..plan.workers {
            workers.push(office.hire(&format!("worker-{number}"), WORKER).await?);
        }
        let (over, mut clients) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        let mut streams = 1..;
        let mut desk = || Desk {
            office: Arc::clone(office),
            ledger: Arc::clone(ledger),
            over: Arc::clone(&over),
            chance: Chance::stream(plan.seed, streams.next().unwrap_or_default()),
        };
        for number in 0..plan.creators {
            clients.spawn(create(desk(), number, workers.clone()));
        }
        for hand in hands {
            clients.spawn(claim_and_finish(desk(), hand));
        }
        Ok(Self { over, clients })
    }

    /// Lets every client finish what it holds.
    pub async fn end(mut self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended?;
        }
        Ok(())
    }
}

impl Desk {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// A server that is being killed may leave a request unanswered; anything else that is no success is odd.
    fn note(&self, what: &str, error: &ClientError) {
        if error.is_unreachable() {
            self.ledger.unanswered();
        } else {
            self.ledger.odd(format!("{what}: {error}"));
        }
    }
}

/// Two of three tasks are for one worker, so that nobody else can do them; the third is for whoever comes.
async fn create(mut desk: Desk, creator: usize, workers: Vec<AgentName>) {
    for number in 0_usize.. {
        if !desk.goes_on() {
            return;
        }
        let title = format!("job {creator}-{number}");
        let assignee = if number % 3 == 2 { None } else { workers.get(number % workers.len().max(1)) };
        let wish = CreateTask {
            title: title.clone(),
            assigned_agent: assignee.map(ToString::to_string),
            ..CreateTask::default()
        };
        match desk.office.client.tasks(desk.office.id).create(&wish).await {
            Ok(task) => desk.ledger.created(task.id, &title),
            Err(error) => desk.note("a creation", &error),
        }
        tokio::time::sleep(desk.chance.millis(BETWEEN_CREATIONS_MS)).await;
        pause_while_full(&desk).await;
    }
}

async fn pause_while_full(desk: &Desk) {
    while desk.goes_on() {
        match desk.office.client.tasks(desk.office.id).stats().await {
            Ok(stats) if stats.queued <= QUEUED_MAX => return,
            Ok(_) => {}
            Err(error) => desk.note("a count of tasks", &error),
        }
        tokio::time::sleep(BACKLOG_PAUSE).await;
    }
}

/// What an agent elsewhere does: its claim outlives the server, its session has no pod.
async fn claim_and_finish(mut desk: Desk, hand: AgentName) {
    let wish = ClaimTask { agent: Some(hand.to_string()), wait: Some(CLAIM_WAIT_SECONDS), ..ClaimTask::default() };
    while desk.goes_on() {
        let claimed = match desk.office.client.tasks(desk.office.id).claim(&wish).await {
            Ok(Some(task)) => task,
            Ok(None) => continue,
            Err(error) => {
                desk.note("a claim", &error);
                continue;
            }
        };
        let Some(grant) = claimed.claim else {
            desk.ledger.odd(format!("the claim of task {} has no token", claimed.id));
            continue;
        };
        tokio::time::sleep(desk.chance.millis(HAND_WORKS_MS)).await;
        finish(&desk, claimed.id, grant.token).await;
    }
}

async fn finish(desk: &Desk, id: TaskId, claim: ClaimToken) {
    let result = result_of(id, claim);
    let change = UpdateTask { status: Some(Status::Done), result: Some(result.clone()), ..UpdateTask::default() };
    let client = desk.office.client.clone().with_claim(Some(claim));
    match client.tasks(desk.office.id).update(id, &change).await {
        Ok(_) => desk.ledger.done(id, claim, &result),
        Err(error) => desk.note(&format!("the end of task {id}"), &error),
    }
}

/// Waits until nothing is open.
pub async fn wait_finished(office: &Office, limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    loop {
        let stats = office.client.tasks(office.id).stats().await?;
        let open = stats.queued + stats.claimed + stats.running + stats.blocked;
        if open == 0 {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("{open} tasks aren't finished after {limit:?}: {stats:?}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
