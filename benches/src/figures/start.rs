//! How soon a server is ready on an empty store, and what it holds when nobody asks for anything.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Plan;
use super::report::{Figure, Report, Unit};
use crate::floor;
use crate::procfs;
use crate::sample::{Sample, each};
use crate::server::{Server, Site};

/// So long nobody asks before memory is read.
const IDLE: Duration = Duration::from_secs(5);

pub struct Starts {
    pub ready: Sample,
    /// The program started and ended, in turn with the servers.
    pub program: Sample,
    pub cpu_each: Duration,
}

/// Each start has a home and data directory that nobody used before.
pub fn measure(plan: &Plan) -> Result<Starts> {
    let (mut ready, mut program, mut cpu) = (Sample::default(), Sample::default(), Duration::ZERO);
    for _ in 0..plan.starts {
        let site = Site::new()?;
        let server = Server::start(&site, &plan.manner)?;
        cpu += procfs::cpu_time(server.pid())?;
        ready.add(server.ready_after);
        server.stop()?;
        program.add(floor::start_program(&plan.manner.program)?);
    }
    Ok(Starts { cpu_each: each(cpu, ready.count() as u64), ready, program })
}

pub fn measure_memory(server: &Server, report: &mut Report) -> Result<()> {
    let before = procfs::cpu_time(server.pid())?;
    thread::sleep(IDLE);
    report.add(Figure::new("idle memory (RSS)", Unit::Mib, procfs::resident_mib(server.pid())?).at_most(25.0));
    let used = procfs::cpu_time(server.pid())? - before;
    report.note("idle CPU, ms a second", used.as_secs_f64() * 1_000.0 / IDLE.as_secs_f64());
    Ok(())
}
