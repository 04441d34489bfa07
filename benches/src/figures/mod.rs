//! The figures: what the issue asks for, each with what the same machine can't do without.
//!
//! One server per question where an empty store matters (start, idle memory), one for all the rest. The load comes from
//! one thread, so that client and server can each have a core. Figures are taken with the rate limit lifted.

mod handover;
mod hire;
pub mod load;
pub mod report;
mod start;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::floor::{self, Disk};
use crate::office::Office;
use crate::sample::{Sample, each};
use crate::server::{self, Manner, Server, Site};
use report::{Figure, Report, Unit};

/// A task is freed by one durable write and claimed by another.
const WRITES_OF_A_HANDOVER: f64 = 2.0;
const HANDOVER_MS: f64 = 5.0;
const REQUESTS_OF_A_LIFE: f64 = 3.0;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub starts: usize,
    pub hires: usize,
    pub handovers: usize,
    pub connections: usize,
    pub load_time: Duration,
}

pub async fn measure(plan: &Plan) -> Result<Report> {
    let mut report = Report::default();
    measure_start(plan, &mut report)?;
    let site = Site::new()?;
    let server = Server::start(&site, &plan.manner)?;
    start::measure_memory(&server, &mut report)?;
    let measured = measure_work(plan, &server, &site, &mut report).await;
    measured.with_context(|| format!("the server's log ends with:\n{}", site.log_tail()))?;
    let size = server::size_mib(&plan.manner.program)?;
    report.add(Figure::new("binary, stripped", Unit::Mib, size).at_most(30.0));
    server.stop()?;
    Ok(report)
}

fn measure_start(plan: &Plan, report: &mut Report) -> Result<()> {
    let starts = start::measure(plan)?;
    let ready = Figure::new("ready after start, empty store", Unit::Millis, starts.ready.p50_ms()).at_most(150.0);
    let ready = ready.p95(starts.ready.p95_ms()).cpu(starts.cpu_each);
    report.add(ready.floor(starts.program.p50_ms(), "the program started and ended"));
    Ok(())
}

async fn measure_work(plan: &Plan, server: &Server, site: &Site, report: &mut Report) -> Result<()> {
    let office = Office::open(server, site).await?;
    let hires = hire::measure(plan, server, &office).await?;
    let running = Figure::new("hire → running pod, p50", Unit::Millis, hires.running.p50_ms()).at_most(120.0);
    let running = running.p95(hires.running.p95_ms()).cpu(each(hires.cpu, hires.running.count() as u64));
    report.add(running.floor(hires.floor.p50_ms(), "the program started, a page on disk"));
    let agents = office.hire_stopped("agent", plan.connections).await?;
    let names: Vec<String> = agents.iter().map(ToString::to_string).collect();
    measure_handover(plan, server, &office, &names, report).await?;
    measure_lives(plan, server, &office, &names, report).await
}

async fn measure_handover(
    plan: &Plan,
    server: &Server,
    office: &Office,
    agents: &[String],
    report: &mut Report,
) -> Result<()> {
    let measured = handover::measure(plan, server, office, agents).await?;
    let one_write = measured.floor.p50_ms();
    for (name, handover) in [("created", &measured.created), ("unblocked", &measured.unblocked)] {
        // Both readings of "freed" stand against the aim: from sending the request that frees it, and from its answer.
        let sent = format!("task {name} (request sent) → a waiting agent holds it, p50");
        let whole = Figure::new(&sent, Unit::Millis, handover.whole.p50_ms());
        let whole = whole.at_most(HANDOVER_MS).p95(handover.whole.p95_ms()).cpu(measured.cpu_each);
        report.add(whole.floor(one_write * WRITES_OF_A_HANDOVER, "two pages on disk, two round trips"));
        // The waiting agent is woken by the commit, before the answer to it is written: no floor of its own.
        let answered = format!("task {name} (request answered) → a waiting agent holds it, p50");
        let after = Figure::new(&answered, Unit::Millis, handover.after.p50_ms());
        report.add(after.at_most(HANDOVER_MS).p95(handover.after.p95_ms()));
    }
    report.note("a page on disk and a round trip, between handovers, p50 ms", one_write);
    report.note("the same, p95 ms", measured.floor.p95_ms());
    Ok(())
}

/// The disk is measured before and after, since during the load it would be slowed by it.
async fn measure_lives(
    plan: &Plan,
    server: &Server,
    office: &Office,
    agents: &[String],
    report: &mut Report,
) -> Result<()> {
    let (mut disk, mut pages) = (Disk::new()?, Sample::default());
    let health = floor::health_rate(server.address(), plan.connections).await?;
    disk.write_pages(&mut pages)?;
    let load = load::run(plan.load_time, server, office, agents).await?;
    disk.write_pages(&mut pages)?;
    let rate = load.lives as f64 / load.time.as_secs_f64();
    let lives = Figure::new(&format!("full lives a second, {} connections", plan.connections), Unit::PerSecond, rate);
    let lives = lives.at_least(3_000.0).cpu(each(load.server_cpu, load.lives));
    report.add(lives.floor(health / REQUESTS_OF_A_LIFE, "three /healthz instead of three writes"));
    report.note("one life takes, p50 ms", load.life.p50_ms());
    report.note("one life takes, p95 ms", load.life.p95_ms());
    report.note("client's CPU a life, µs", each(load.client_cpu, load.lives).as_secs_f64() * 1e6);
    report.note("/healthz a second, same connections", health);
    report.note("a page on disk, before and after the load, p50 ms", pages.p50_ms());
    let writes_a_page = rate * REQUESTS_OF_A_LIFE * pages.p50().as_secs_f64();
    report.note("durable writes in the time that the disk takes for a page", writes_a_page);
    Ok(())
}
