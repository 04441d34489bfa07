//! `kill -9` of the server, or of whatever stands in its way, in the middle of work, again and again: nothing acknowledged may be missing, nothing may run
//! twice at once, and all work must finish in the end.
//!
//! Agents work in real pods; clients create tasks and finish some themselves. What was acknowledged is written down in
//! this process (`ledger`) and, by the agents' own program, on the drive. `check` compares it with what the server
//! remembers. Moments follow from a seed; what the machine makes of them does not.

mod check;
mod crowd;
mod ledger;
mod load;
mod work;

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use testkit::history::Violation;

use crate::chance::Chance;
use crate::figures::report::{Figure, Unit};
use crate::office::{self, Office};
use crate::procfs::{self, Part};
use crate::sample::Sample;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;
use ledger::Ledger;
use load::Load;
use work::Crew;

/// From ready to the kill.
const UP_MS: Range<u64> = 0..2_500;
/// Every so many times the next server is killed as well, before it is ready: what a start mends, it may not break.
const EARLY_KILL_EVERY: u64 = 4;
const EARLY_MS: Range<u64> = 1..60;
/// Pods fall with their server; so long the kernel may take on a busy machine.
const PODS_FALL_LIMIT: Duration = Duration::from_secs(10);
/// What is left after the last kill is done by then.
const DRAIN_LIMIT: Duration = Duration::from_secs(300);

/// What the issue asks for, and the rules of the history checker that decide it.
const JUDGED: [(&str, &[&str]); 3] = [
    (
        "acknowledged writes lost",
        &[
            "no acknowledged create is lost",
            "no acknowledged end is lost",
            "no acknowledged note is lost",
            "what was acknowledged is in the log",
        ],
    ),
    (
        "double claims",
        &["claims of one task never overlap", "attempts of one task never overlap", "the log tells a legal story"],
    ),
    ("stale writes accepted", &["no stale write is accepted", "one completion a generation"]),
];

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub kills: u32,
    pub seed: u64,
    /// Agents in pods.
    pub workers: usize,
    /// Clients that create tasks.
    pub creators: usize,
    /// Clients that claim and finish in the name of an agent elsewhere.
    pub hands: usize,
    /// Clients of the load, in an office of their own.
    pub clients: usize,
    pub victims: Victims,
    /// Hears after each kill how many there were.
    pub told: fn(u32),
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victims {
    Server,
    /// Servers, runners and sandboxes, by chance.
    Anybody,
}

#[derive(Debug)]
pub struct Outcome {
    pub counts: Vec<(&'static str, usize)>,
    pub ready_again: Sample,
    /// What the history checker has against the load.
    pub of_load: Vec<Violation>,
    /// Sentences about what must never be; none if all is well.
    pub violations: Vec<String>,
}

impl Outcome {
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict { violations: self.violations.clone(), ..Verdict::default() };
        let report = &mut verdict.report;
        for (what, rules) in JUDGED {
            let broken = self.of_load.iter().filter(|violation| rules.contains(&violation.rule)).count();
            report.add(Figure::new(what, Unit::Count, broken as f64).at_most(0.0));
        }
        report.add(Figure::new("ready again, p50", Unit::Millis, self.ready_again.p50_ms()));
        report.add(Figure::new("ready again, p99", Unit::Millis, self.ready_again.p99_ms()).at_most(1_000.0));
        for (what, count) in &self.counts {
            report.note(what, *count as f64);
        }
        verdict.violations.extend(self.of_load.iter().map(ToString::to_string));
        verdict
    }
}

pub fn prove(plan: &Plan) -> Result<Outcome> {
    let (site, runtime) = (Site::new()?, Runtime::new()?);
    let outcome = run(plan, &site, &runtime);
    outcome.with_context(|| format!("the server's log ends with:\n{}", site.log_tail()))
}

fn run(plan: &Plan, site: &Site, runtime: &Runtime) -> Result<Outcome> {
    let server = Server::start(site, &plan.manner)?;
    let office = Arc::new(runtime.block_on(Office::open(&server, site))?);
    let ledger = Arc::new(Ledger::default());
    let crew = runtime.block_on(Crew::begin(plan, &office, &ledger))?;
    let minder = runtime.block_on(crowd::begin(plan, &office))?;
    let loaded = runtime.block_on(Office::open(&server, site))?;
    let load = runtime.block_on(Load::begin(loaded, plan.clients, plan.seed))?;
    let mut violations = Vec::new();
    let (server, restarts) = kill_again_and_again(plan, site, (server, &office, runtime), &mut violations)?;
    let of_load = runtime.block_on(load.end())?;
    runtime.block_on(crew.end())?;
    let drained = runtime.block_on(work::wait_finished(&office, DRAIN_LIMIT));
    violations.extend(drained.err().map(|error| format!("{error:#}")));
    runtime.block_on(minder.end())?;
    let found = runtime.block_on(check::check(&office, &ledger))?;
    violations.extend(found.violations);
    server.stop()?;
    violations.extend(left_behind(&office, runtime));
    if restarts.pod_processes == 0 && plan.kills > 0 {
        violations.push("no process of a pod was ever seen, so that none is left shows nothing".to_owned());
    }
    let mut counts = found.counts;
    counts.push(("processes of pods, seen just before the kills", restarts.pod_processes));
    counts.push(("kills while it was starting again", restarts.early_kills));
    counts.push(("kills of runners", restarts.runners));
    counts.push(("kills of sandboxes", restarts.sandboxes));
    counts.push(("requests of the load", of_load.deeds));
    counts.push(("of them acknowledged", of_load.acknowledged));
    counts.push(("of them never answered", of_load.unanswered));
    counts.push(("of them refused as stale", of_load.refused_as_stale));
    counts.push(("claims of the load", of_load.claims));
    Ok(Outcome { counts, ready_again: restarts.ready_again, of_load: of_load.violations, violations })
}

#[derive(Default)]
struct Restarts {
    ready_again: Sample,
    early_kills: usize,
    runners: usize,
    sandboxes: usize,
    /// Seen just before the kills, all together.
    pod_processes: usize,
}

/// Every other time the next server starts at once, beside the pods of the last one, as far as they still fall.
fn kill_again_and_again(
    plan: &Plan,
    site: &Site,
    (mut server, office, runtime): (Server, &Office, &Runtime),
    violations: &mut Vec<String>,
) -> Result<(Server, Restarts)> {
    let manner = Manner { port: server.address().port(), ..plan.manner.clone() };
    let (mut chance, mut restarts) = (Chance::new(plan.seed), Restarts::default());
    for number in 0..plan.kills {
        thread::sleep(chance.millis(UP_MS));
        let processes = procfs::pod_processes(office.id)?;
        restarts.pod_processes += processes.len();
        if let Some(struck) = crowd::strike(plan.victims, &processes, &mut chance)? {
            *(if struck == Part::Runner { &mut restarts.runners } else { &mut restarts.sandboxes }) += 1;
            (plan.told)(number + 1);
            continue;
        }
        server.kill()?;
        if number % 2 == 1 {
            violations.extend(left_behind(office, runtime).map(|what| format!("after kill {}: {what}", number + 1)));
        }
        if chance.within(0..EARLY_KILL_EVERY) == 0 {
            server::start_and_kill(site, &manner, chance.millis(EARLY_MS))?;
            restarts.early_kills += 1;
        }
        let began = Instant::now();
        server = Server::start(site, &manner).with_context(|| format!("after kill {}", number + 1))?;
        restarts.ready_again.add(began.elapsed());
        (plan.told)(number + 1);
    }
    Ok((server, restarts))
}

fn left_behind(office: &Office, runtime: &Runtime) -> Option<String> {
    let gone = runtime.block_on(office::wait_no_pods(office.id, PODS_FALL_LIMIT));
    gone.err().map(|error| format!("{error:#}"))
}
