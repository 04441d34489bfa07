//! Five agents work through a graph of twelve tasks by themselves: five at once, five that wait for all of them, two at
//! the end. One task fails once; one synthesis is rejected and done again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mi_core::tasks::status::{Status, Verification};
use mi_core::wire::tasks::{CreateTask, TaskDetail, VerifyTask};
use testkit::history::{Recorder, check};

use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::memory::{self, Depth};
use crate::office::Office;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const AGENTS: [&str; 5] = ["ada", "ben", "cleo", "dan", "eve"];
const WAVE: i64 = 5;
const LAST: i64 = 12;
/// Its first attempt ends without a word.
const FAILS_ONCE: i64 = 3;
const DONE_LIMIT: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
const STARTS_WITHIN_MS: f64 = 1_000.0;

/// What each agent runs for a task.
const WORK: &str = r#"
set -eu
if [ "$MI_TASK" = 3 ] && [ ! -e /shared/files/failed-once ]; then : >/shared/files/failed-once; exit 1; fi
tq log "claim $MI_CLAIM works on $MI_TASK"
sleep 0.2
echo "task $MI_TASK by claim $MI_CLAIM" >"/shared/files/report-$MI_TASK.txt"
tq artifact "report-$MI_TASK.txt"
tq update --status done --result "task $MI_TASK done by claim $MI_CLAIM"
"#;

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(server, site).await).await
}

async fn run(server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    for name in AGENTS {
        office.hire(name, WORK).await?;
    }
    let mut connection = Connection::open(server.address()).await?;
    wait_idle(&mut connection, &office).await?;
    let began = Instant::now();
    create_all(&office).await?;
    let first = wait_done(&mut connection, &office, LAST, 1).await?;
    wait_all_done(&office).await?;
    let by_itself = began.elapsed();
    let reject = VerifyTask { accepted: false, comments: Some("say more".to_owned()), reviewer: None };
    office.client.tasks(office.id).verify(first.task.id, &reject).await?;
    let reworked = wait_done(&mut connection, &office, LAST, first.sessions.len() + 1).await?;
    let accept = VerifyTask { accepted: true, comments: None, reviewer: None };
    office.client.tasks(office.id).verify(reworked.task.id, &accept).await?;
    let mut details = BTreeMap::new();
    for id in 1..=LAST {
        details.insert(id, memory::detail(&mut connection, &office.pen, id).await?);
    }
    let memory = memory::recall(&mut connection, &office.pen, Depth::Whole).await?;
    let mut verdict = judge(&details, by_itself);
    let history = check(&Recorder::default().history(), &memory);
    verdict.violations.extend(history.iter().map(ToString::to_string));
    Ok(verdict)
}

async fn wait_idle(connection: &mut Connection, office: &Office) -> Result<()> {
    let until = Instant::now() + DONE_LIMIT;
    let request = office.pen.request("GET", "/employees", None, "");
    loop {
        let answer = connection.send(&request).await?.ok()?;
        let agents: serde_json::Value = serde_json::from_slice(answer)?;
        let idle = agents.as_array().into_iter().flatten().filter(|agent| agent["status"]["phase"] == "Idle");
        if idle.count() == AGENTS.len() {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("the agents don't wait for work after {DONE_LIMIT:?}: {agents}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Numbers 1 to 5, 6 to 10, 11 and 12.
async fn create_all(office: &Office) -> Result<()> {
    let tasks = office.client.tasks(office.id);
    for id in 1..=LAST {
        let after: Vec<String> = dependencies(id).map(|id| id.to_string()).collect();
        let wish = CreateTask {
            title: format!("{} {id}", if after.is_empty() { "find" } else { "build on what was found:" }),
            depends_on: (!after.is_empty()).then_some(after),
            ..CreateTask::default()
        };
        let made = tasks.create(&wish).await?;
        if made.id.0 != id {
            bail!("task {id} became task {}", made.id);
        }
    }
    Ok(())
}

fn dependencies(id: i64) -> std::ops::RangeInclusive<i64> {
    let wave = (id - 1) / WAVE;
    ((wave - 1) * WAVE + 1).max(1)..=wave * WAVE
}

/// The task, once it is done after at least so many attempts.
async fn wait_done(connection: &mut Connection, office: &Office, id: i64, attempts: usize) -> Result<TaskDetail> {
    let until = Instant::now() + DONE_LIMIT;
    loop {
        let detail = memory::detail(connection, &office.pen, id).await?;
        if detail.task.status == Status::Done && detail.sessions.len() >= attempts {
            return Ok(detail);
        }
        if Instant::now() >= until {
            bail!("task {id} isn't done after {DONE_LIMIT:?}: {:?}", detail.task);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn wait_all_done(office: &Office) -> Result<()> {
    let until = Instant::now() + DONE_LIMIT;
    loop {
        let stats = office.client.tasks(office.id).stats().await?;
        if stats.done == LAST {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("not everything is done after {DONE_LIMIT:?}: {stats:?}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn judge(details: &BTreeMap<i64, TaskDetail>, by_itself: Duration) -> Verdict {
    let mut verdict = Verdict { violations: out_of_order(details), ..Verdict::default() };
    let starts: Vec<i64> = (1..=WAVE).filter_map(|id| Some(details.get(&id)?.sessions.first()?.started_at.0)).collect();
    let spread = starts.iter().max().zip(starts.iter().min()).map_or(f64::MAX, |(last, first)| (last - first) as f64);
    let attempts = |id: i64| details.get(&id).map_or(0, |detail| detail.sessions.len()) as f64;
    let accepted = details.get(&LAST).is_some_and(|detail| detail.task.verification == Verification::Accepted);
    let report = &mut verdict.report;
    let done = details.values().filter(|detail| detail.task.status == Status::Done).count();
    report.add(Figure::new("tasks done", Unit::Count, done as f64).at_least(LAST as f64));
    report.add(Figure::new("wave one starts within", Unit::Millis, spread).at_most(STARTS_WITHIN_MS));
    let failed = Figure::new("attempts on the task that failed once", Unit::Count, attempts(FAILS_ONCE));
    report.add(failed.exactly(2.0));
    let rejected = Figure::new("attempts on the rejected synthesis", Unit::Count, attempts(LAST));
    report.add(rejected.exactly(2.0));
    report.add(Figure::new("the reworked synthesis is accepted", Unit::Count, f64::from(accepted)).at_least(1.0));
    report.note("all twelve by themselves, s", by_itself.as_secs_f64());
    verdict
}

/// Every attempt on a task began after the last one on everything that it depends on had ended.
fn out_of_order(details: &BTreeMap<i64, TaskDetail>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, detail) in details {
        let Some(began) = detail.sessions.first().map(|session| session.started_at) else { continue };
        for dependency in dependencies(*id) {
            let ended = details.get(&dependency).and_then(|it| it.task.completed_at);
            if ended.is_none_or(|ended| ended > began) {
                found.push(format!("task {id} began at {began}, task {dependency} ended at {ended:?}"));
            }
        }
    }
    found
}
