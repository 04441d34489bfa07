//! What a server costs when nothing happens: many claimers are parked and nobody has a task for them.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::lives;
use crate::office::Office;
use crate::procfs;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const CPU_PERCENT_MAX: f64 = 1.0;
const WAIT_SECONDS: u32 = 60;
/// In whose names they claim; a name may be claimed for as often as one likes.
const AGENTS: usize = 20;
/// Until all are parked and the start is over.
const WARM_UP: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub claimers: usize,
    pub time: Duration,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let agents = office.hire_stopped("agent", AGENTS).await?;
    tokio::time::sleep(WARM_UP).await;
    let alone = percent_over(server, plan.time).await?;
    let mut claimers = JoinSet::new();
    for number in 0..plan.claimers {
        let connection = Connection::open(server.address()).await?;
        let claim = office.pen.claim(agents[number % agents.len()].as_str(), WAIT_SECONDS);
        claimers.spawn(park(connection, claim));
    }
    tokio::time::sleep(WARM_UP).await;
    let parked = percent_over(server, plan.time).await?;
    let memory = procfs::resident_mib(server.pid())?;
    let mut verdict = Verdict::default();
    let ended = claimers.try_join_next();
    verdict.violations.extend(ended.map(|ended| format!("a parked claimer ended: {ended:?}")));
    claimers.shutdown().await;
    let report = &mut verdict.report;
    let name = format!("CPU of an idle server with {} parked claimers", plan.claimers);
    report.add(Figure::new(&name, Unit::Percent, parked).at_most(CPU_PERCENT_MAX));
    report.add(Figure::new("… with none", Unit::Percent, alone).at_most(CPU_PERCENT_MAX));
    report.note("memory with parked claimers, MiB", memory);
    report.note("seconds measured, each", plan.time.as_secs_f64());
    Ok(verdict)
}

/// Parked again and again, as clients do.
async fn park(mut connection: Connection, claim: Vec<u8>) -> Result<()> {
    while lives::claimed(&mut connection, &claim).await?.is_none() {}
    anyhow::bail!("there was a task")
}

/// Processor time of the server, in percent of one core.
async fn percent_over(server: &Server, time: Duration) -> Result<f64> {
    let before = procfs::cpu_time(server.pid())?;
    tokio::time::sleep(time).await;
    let used = procfs::cpu_time(server.pid())? - before;
    Ok(used.as_secs_f64() / time.as_secs_f64() * 100.0)
}
