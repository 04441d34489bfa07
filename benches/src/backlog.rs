//! A long backlog: claims and first pages must not care how long it is.
//!
//! The same office is measured with a short backlog and again with a long one. A claim is timed alone; the task that it
//! took is finished and replaced outside the time, so that the backlog keeps its length.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::figures::report::{Figure, Unit};
use crate::floor::Disk;
use crate::http::Connection;
use crate::lives;
use crate::office::Office;
use crate::sample::Sample;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const CLAIM_P99_MS: f64 = 5.0;
const CLAIM_RATIO: f64 = 2.0;
const LIST_P99_MS: f64 = 20.0;
const WRITERS: usize = 64;
/// First pages that people and programs ask for.
const PAGES: [(&str, &str); 4] = [
    ("first page", "/tasks"),
    ("first page of queued", "/tasks?status=queued"),
    ("first page of done", "/tasks?status=done"),
    ("first page of blocked and failed", "/tasks?status=blocked,failed"),
];

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub short: usize,
    pub long: usize,
    /// Of each kind, at each length.
    pub claims: usize,
    pub pages: usize,
}

struct Measured {
    claims: Sample,
    pages: Vec<(&'static str, Sample)>,
    disk: Sample,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    let limit = (plan.long + WRITERS).to_string();
    let manner = Manner { arguments: vec!["--open-tasks-max".to_owned(), limit], ..plan.manner.clone() };
    server::during(&manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let agent = office.hire_stopped("agent", 1).await?.pop().context("no agent")?.to_string();
    let began = Instant::now();
    fill(server, &office, plan.short).await?;
    let short = measure(plan, server, &office, &agent).await?;
    fill(server, &office, plan.long - plan.short).await?;
    let filled_in = began.elapsed();
    let long = measure(plan, server, &office, &agent).await?;
    Ok(verdict(plan, &short, &long, filled_in))
}

async fn fill(server: &Server, office: &Office, count: usize) -> Result<()> {
    let left = Arc::new(AtomicUsize::new(count));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let mut connection = Connection::open(server.address()).await?;
        let (create, left) = (office.pen.create("one of very many"), Arc::clone(&left));
        writers.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                lives::created(&mut connection, &create).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn measure(plan: &Plan, server: &Server, office: &Office, agent: &str) -> Result<Measured> {
    let mut connection = Connection::open(server.address()).await?;
    let (mut claims, mut disk, mut pages) = (Sample::default(), Sample::default(), Disk::new()?);
    let (claim, create) = (office.pen.claim(agent, 0), office.pen.create("one of very many"));
    for _ in 0..plan.claims {
        let began = Instant::now();
        let held = lives::claimed(&mut connection, &claim).await?.context("no task though there are many")?;
        claims.add(began.elapsed());
        lives::finished(&mut connection, &office.pen.finish(held, "taken from the backlog")).await?;
        lives::created(&mut connection, &create).await?;
        disk.add(pages.write_page()?);
    }
    let mut measured = Measured { claims, pages: Vec::new(), disk };
    for (name, path) in PAGES {
        let mut sample = Sample::default();
        let request = office.pen.request("GET", path, None, "");
        for _ in 0..plan.pages {
            let began = Instant::now();
            connection.send(&request).await?.ok()?;
            sample.add(began.elapsed());
        }
        measured.pages.push((name, sample));
    }
    Ok(measured)
}

fn verdict(plan: &Plan, short: &Measured, long: &Measured, filled_in: Duration) -> Verdict {
    let mut verdict = Verdict::default();
    let report = &mut verdict.report;
    let at = |count: usize| format!("{count} open tasks");
    let small = format!("claim p99, {}", at(plan.short));
    report.add(Figure::new(&small, Unit::Millis, short.claims.p99_ms()));
    let claim = Figure::new(&format!("claim p99, {}", at(plan.long)), Unit::Millis, long.claims.p99_ms());
    report.add(claim.at_most(CLAIM_P99_MS).floor(long.disk.p99_ms(), "a page on disk, p99"));
    let ratio = long.claims.p99_ms() / short.claims.p99_ms();
    report.add(Figure::new("the one over the other", Unit::Ratio, ratio).at_most(CLAIM_RATIO));
    for (name, sample) in &long.pages {
        let name = format!("{name} p99, {}", at(plan.long));
        report.add(Figure::new(&name, Unit::Millis, sample.p99_ms()).at_most(LIST_P99_MS));
    }
    report.note(&format!("claim p50 ms, {}", at(plan.short)), short.claims.p50_ms());
    report.note(&format!("claim p50 ms, {}", at(plan.long)), long.claims.p50_ms());
    report.note("a page on disk meanwhile, p50 ms", long.disk.p50_ms());
    report.note("tasks created a second", plan.long as f64 / filled_in.as_secs_f64());
    verdict
}
