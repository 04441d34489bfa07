//! Pods started and stopped in a row: how long until a runner asks for work, and whether anything is left behind.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_core::ids::AgentName;
use mi_core::wire::agents::LifecycleAction;
use serde_json::Value;

use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::left::Left;
use crate::office::Office;
use crate::sample::Sample;
use crate::server::{Manner, Server, Site};
use crate::verdict::Verdict;

const START_P50_MS_MAX: f64 = 60.0;
const START_P99_MS_MAX: f64 = 200.0;
/// The first ones open what stays open: connections to the store, threads.
const WARM_UP: usize = 3;
const CHANGE_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at the agent; the precision of the figures.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// A thread of the pool more is no leak; one a pod would be.
const SLACK: usize = 3;
const SETTLE_LOOKS: u32 = 20;
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub pods: usize,
}

/// What a server holds that pods could leave in it.
struct Held {
    descriptors: usize,
    threads: usize,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    let (before, site) = (Left::look()?, Site::new()?);
    let server = Server::start(&site, &plan.manner)?;
    let done = run(plan, &server, &site, &before).await;
    let mut verdict = done.with_context(|| format!("the server's log ends with:\n{}", site.log_tail()))?;
    server.stop()?;
    verdict.report.note("pods started and stopped", plan.pods as f64);
    Ok(verdict)
}

async fn run(plan: &Plan, server: &Server, site: &Site, before: &Left) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let name = office.hire("ada", "true").await?;
    let mut connection = Connection::open(server.address()).await?;
    wait_for(&mut connection, &office, &name, "Idle").await?;
    stop(&mut connection, &office, &name).await?;
    let (mut starts, mut held) = (Sample::default(), None);
    for round in 0..WARM_UP + plan.pods {
        if round == WARM_UP {
            starts = Sample::default();
            held = Some(look_at(server).await?);
        }
        let began = Instant::now();
        office.client.agents(office.id).lifecycle(&name, LifecycleAction::Start).await?;
        wait_for(&mut connection, &office, &name, "Idle").await?;
        starts.add(began.elapsed());
        stop(&mut connection, &office, &name).await?;
    }
    let now = look_at(server).await?;
    let held = held.context("no pod was asked for")?;
    let mut verdict = Verdict::default();
    let report = &mut verdict.report;
    report.add(
        Figure::new("start to a runner that asks for work, p50", Unit::Millis, starts.p50_ms())
            .at_most(START_P50_MS_MAX),
    );
    report.add(Figure::new("… p99", Unit::Millis, starts.p99_ms()).at_most(START_P99_MS_MAX));
    let left = before.since(&[office.id])?;
    report.add(Figure::new("processes, mounts and control groups left", Unit::Count, left.len() as f64).exactly(0.0));
    report.note("descriptors of the server, before", held.descriptors as f64);
    report.note("… and after", now.descriptors as f64);
    verdict.violations.extend(left.into_iter().map(|what| format!("left behind: {what}")));
    if now.descriptors > held.descriptors + SLACK {
        verdict
            .violations
            .push(format!("the server holds {} descriptors, before {}", now.descriptors, held.descriptors));
    }
    if now.threads > held.threads + SLACK {
        verdict.violations.push(format!("the server has {} threads, before {}", now.threads, held.threads));
    }
    Ok(verdict)
}

async fn stop(connection: &mut Connection, office: &Office, name: &AgentName) -> Result<()> {
    office.client.agents(office.id).lifecycle(name, LifecycleAction::Stop).await?;
    wait_for(connection, office, name, "Stopped").await?;
    office.wait_no_pods().await
}

async fn wait_for(connection: &mut Connection, office: &Office, name: &AgentName, phase: &str) -> Result<()> {
    let request = office.pen.request("GET", &format!("/employees/{name}"), None, "");
    let until = Instant::now() + CHANGE_LIMIT;
    loop {
        let card: Value = serde_json::from_slice(connection.send(&request).await?.ok()?)?;
        if card["status"]["phase"] == phase {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("{name} isn't {phase} after {CHANGE_LIMIT:?}: {}", card["status"]);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The least within a second: doors are just being closed.
async fn look_at(server: &Server) -> Result<Held> {
    let count = |what: &str| -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/{what}", server.pid())).context("the server is gone")?.count())
    };
    let mut held = Held { descriptors: usize::MAX, threads: usize::MAX };
    for _ in 0..SETTLE_LOOKS {
        held = Held { descriptors: held.descriptors.min(count("fd")?), threads: held.threads.min(count("task")?) };
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
    Ok(held)
}
