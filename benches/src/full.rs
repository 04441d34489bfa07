//! Full lives as many as the server bears, and what holds it up: where processor time went, thread by thread.

use std::time::Duration;

use anyhow::Result;

use crate::figures::load::{self, Load};
use crate::figures::report::{Figure, Report, Unit};
use crate::floor::Disk;
use crate::office::Office;
use crate::procfs;
use crate::sample::{Sample, each};
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const LIVES_PER_SECOND: f64 = 5_000.0;
const CPU_MICROS_MAX: f64 = 300.0;
/// So many connections may claim in one agent's name.
const CLAIMS_AT_ONCE: usize = 3;
/// The busiest ones; who stands near 100 holds the rest up.
const THREADS_SHOWN: usize = 8;

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub connections: usize,
    pub time: Duration,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let agents = office.hire_stopped("agent", plan.connections.div_ceil(CLAIMS_AT_ONCE)).await?;
    let names: Vec<String> = agents.iter().cycle().take(plan.connections).map(ToString::to_string).collect();
    let (mut disk, mut pages) = (Disk::new()?, Sample::default());
    disk.write_pages(&mut pages)?;
    let before = procfs::threads(server.pid())?;
    let load = load::run(plan.time, server, &office, &names).await?;
    let after = procfs::threads(server.pid())?;
    disk.write_pages(&mut pages)?;
    let mut verdict = Verdict::default();
    tell(plan, &load, &pages, &mut verdict.report);
    tell_threads(&before, &after, load.whole_time, &mut verdict.report);
    Ok(verdict)
}

fn tell(plan: &Plan, load: &Load, pages: &Sample, report: &mut Report) {
    let rate = load.lives as f64 / load.time.as_secs_f64();
    let micros = |time: Duration| each(time, load.lives).as_secs_f64() * 1e6;
    let name = format!("full lives a second, {} connections", plan.connections);
    report.add(Figure::new(&name, Unit::PerSecond, rate).at_least(LIVES_PER_SECOND));
    report.add(Figure::new("server's CPU a life", Unit::Micros, micros(load.server_cpu)).at_most(CPU_MICROS_MAX));
    report.note("client's CPU a life, µs", micros(load.client_cpu));
    let cores = |time: Duration| time.as_secs_f64() / load.time.as_secs_f64();
    report.note("cores used by the server", cores(load.server_cpu));
    report.note("cores used by the client", cores(load.client_cpu));
    report.note("one life takes, p50 ms", load.life.p50_ms());
    report.note("one life takes, p99 ms", load.life.p99_ms());
    report.note("a page on disk, before and after the load, p50 ms", pages.p50_ms());
}

fn tell_threads(before: &[procfs::Thread], after: &[procfs::Thread], time: Duration, report: &mut Report) {
    let mut busy: Vec<(String, f64)> = Vec::new();
    for thread in after {
        let earlier = before.iter().find(|earlier| earlier.id == thread.id).map_or(Duration::ZERO, |it| it.used);
        let share = (thread.used.saturating_sub(earlier)).as_secs_f64() / time.as_secs_f64() * 100.0;
        busy.push((format!("thread {} ({}), % of a core", thread.name, thread.id), share));
    }
    busy.sort_by(|one, other| other.1.total_cmp(&one.1));
    for (name, share) in busy.iter().take(THREADS_SHOWN) {
        report.note(name, *share);
    }
}
