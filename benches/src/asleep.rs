//! A thousand agents with nothing to do: what a server costs while all of them sleep, and how soon one is back at work.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_core::ids::AgentName;
use mi_core::limits::RUNNER_POLL_SECONDS;
use mi_core::wire::agents::AgentPhase;
use serde_json::json;

use crate::figures::report::{Figure, Unit};
use crate::http::{Connection, find};
use crate::lives;
use crate::office::Office;
use crate::procfs::{self, Part};
use crate::sample::Sample;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const RESIDENT_MIB_MAX: f64 = 100.0;
const CPU_PERCENT_MAX: f64 = 1.0;
const WOKEN_P50_MS_MAX: f64 = 100.0;
const RUNNER_SHARE_MIB_MAX: f64 = 8.0;
/// Longer than the evidence takes, so that nobody falls asleep under the eyes of who measures.
const AWAKE_SECONDS: i64 = 600;
/// A runner's question is parked for 30 s; from the next one on it rests.
const REST: Duration = Duration::from_secs(RUNNER_POLL_SECONDS as u64 + 5);
/// As short as an office can have it, so that the evidence doesn't take all day.
const IDLE_SECONDS: i64 = 1;
/// Agents that are awake at one time on the way there.
const WAVE: usize = 25;
const ASLEEP_LIMIT: Duration = Duration::from_secs(120);
const CLAIMED_LIMIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
const LOOK_AT_ALL_AGAIN: Duration = Duration::from_millis(200);
/// What wakes is work: the agent does it and rests again.
const COMMAND: &str = "tq done woken";

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub agents: usize,
    /// Woken one after another.
    pub wakes: usize,
    /// Of sleep, measured.
    pub time: Duration,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    office.set(&json!({"idleTimeoutSeconds": IDLE_SECONDS})).await?;
    let agents = hire(plan, &office).await?;
    office.wait_no_pods().await?;
    let before = procfs::cpu_time(server.pid())?;
    tokio::time::sleep(plan.time).await;
    let used = procfs::cpu_time(server.pid())? - before;
    let resident = procfs::resident_mib(server.pid())?;
    let woken = wake(plan, server, &office, &agents).await?;
    wait_asleep(&office, agents.len()).await?;
    office.wait_no_pods().await?;
    let share = runner_at_rest(plan, server, &office, &agents).await?;
    let mut verdict = Verdict::default();
    let report = &mut verdict.report;
    let name = format!("memory of a server with {} sleeping agents", agents.len());
    report.add(Figure::new(&name, Unit::Mib, resident).at_most(RESIDENT_MIB_MAX));
    let percent = used.as_secs_f64() / plan.time.as_secs_f64() * 100.0;
    report.add(Figure::new("… its CPU", Unit::Percent, percent).at_most(CPU_PERCENT_MAX));
    report.add(Figure::new("from a task to its claim, p50", Unit::Millis, woken.p50_ms()).at_most(WOKEN_P50_MS_MAX));
    report.add(Figure::new("… p99", Unit::Millis, woken.p99_ms()));
    report.add(Figure::new("share of memory of one idle runner", Unit::Mib, share).at_most(RUNNER_SHARE_MIB_MAX));
    report.note("agents woken, one after another", plan.wakes as f64);
    report.note("seconds of sleep measured", plan.time.as_secs_f64());
    Ok(verdict)
}

/// Each starts, finds nothing, and falls asleep.
async fn hire(plan: &Plan, office: &Office) -> Result<Vec<AgentName>> {
    let mut agents = Vec::with_capacity(plan.agents);
    while agents.len() < plan.agents {
        for _ in 0..WAVE.min(plan.agents - agents.len()) {
            agents.push(office.hire(&format!("sleeper-{}", agents.len()), COMMAND).await?);
        }
        wait_asleep(office, agents.len()).await?;
    }
    Ok(agents)
}

async fn wait_asleep(office: &Office, wanted: usize) -> Result<()> {
    let until = Instant::now() + ASLEEP_LIMIT;
    loop {
        let status = office.client.offices().status(office.id).await?;
        let asleep = status.agents.get(AgentPhase::Hibernated.as_str()).copied().unwrap_or_default();
        if usize::try_from(asleep)? == wanted {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("{asleep} of {wanted} agents sleep after {ASLEEP_LIMIT:?}: {:?}", status.agents);
        }
        tokio::time::sleep(LOOK_AT_ALL_AGAIN).await;
    }
}

/// From sending the request that makes the task to the answer that shows it claimed.
async fn wake(plan: &Plan, server: &Server, office: &Office, agents: &[AgentName]) -> Result<Sample> {
    let mut connection = Connection::open(server.address()).await?;
    let mut woken = Sample::default();
    for agent in agents.iter().cycle().take(plan.wakes) {
        let create = office.pen.create_for("wakes somebody", agent.as_str());
        let began = Instant::now();
        let id = lives::created(&mut connection, &create).await?;
        let look = office.pen.request("GET", &format!("/tasks/{id}"), None, "");
        wait_claimed(&mut connection, &look).await.with_context(|| format!("{agent} was not woken"))?;
        woken.add(began.elapsed());
    }
    Ok(woken)
}

/// The memory of the only runner there is, which has worked and now waits; beside the server, so that what both use of the
/// program counts half.
async fn runner_at_rest(plan: &Plan, server: &Server, office: &Office, agents: &[AgentName]) -> Result<f64> {
    office.set(&json!({"idleTimeoutSeconds": AWAKE_SECONDS})).await?;
    let once = Plan { wakes: 1, ..plan.clone() };
    wake(&once, server, office, agents).await?;
    tokio::time::sleep(REST).await;
    let runners = procfs::pod_processes(office.id)?.into_iter().filter(|pid| procfs::part_of_pod(*pid) == Part::Runner);
    match runners.collect::<Vec<_>>()[..] {
        [runner] => procfs::share_mib(runner),
        ref others => bail!("{} runners are there where one is awake", others.len()),
    }
}

async fn wait_claimed(connection: &mut Connection, look: &[u8]) -> Result<()> {
    let until = Instant::now() + CLAIMED_LIMIT;
    while Instant::now() < until {
        let answer = connection.send(look).await?;
        if find(answer.ok()?, br#""status":"queued""#).is_none() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    bail!("the task is still queued after {CLAIMED_LIMIT:?}")
}
