//! Agents that pause past their lease and then go on as if nothing had happened.
//!
//! Each claims a task and falls silent. When every lease has lapsed, half of the tasks are claimed and finished by others;
//! then all zombies wake and write. Every write must be refused and every result kept beside the task, none of them
//! taken as the task's own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_core::tasks::status::Status;
use serde_json::{Value, json};
use testkit::history::{Recorder, Write, check};

use crate::client::{Client, Patience};
use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::lives::Held;
use crate::memory::{self, Depth};
use crate::office::Office;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

/// The shortest that an office may set.
const LEASE_SECONDS: u64 = 5;
const LAPSE_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A lost attempt is offered again after 5 s.
const CLAIM_WAIT_SECONDS: u32 = 30;

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub zombies: usize,
}

#[derive(Default)]
struct Counts {
    writes: usize,
    refused: usize,
    told_to_stop: usize,
    kept: usize,
    accepted: usize,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    office.set(&json!({"leaseSeconds": LEASE_SECONDS})).await?;
    let (recorder, lease) = (Recorder::default(), Duration::from_secs(LEASE_SECONDS));
    let names = office.hire_stopped("zombie", plan.zombies).await?;
    let client = |(number, name): (usize, &mi_core::ids::AgentName)| {
        Client::new(number, name.as_str(), &office.pen, &recorder, lease)
    };
    let mut zombies: Vec<Client> = names.iter().enumerate().map(client).collect();
    let mut claims = Vec::new();
    for (number, zombie) in zombies.iter_mut().enumerate() {
        zombie.create(&format!("job {number}"), &[], Patience::Repeats).await?;
        claims.push(zombie.claim(0).await?.context("there is a task and no claim")?);
    }
    wait_lapsed(&office, plan.zombies).await?;
    let living = Client::new(plan.zombies, names[0].as_str(), &office.pen, &recorder, lease);
    let finished = finish_some(living, plan.zombies / 2).await?;
    let mut counts = Counts::default();
    for (zombie, held) in zombies.iter_mut().zip(&claims) {
        rise(zombie, *held, &mut counts).await?;
    }
    let mut connection = Connection::open(server.address()).await?;
    let mut violations = Vec::new();
    for held in &claims {
        violations.extend(look_at(&mut connection, &office, *held, &finished, &mut counts).await?);
    }
    let memory = memory::recall(&mut connection, &office.pen, Depth::Whole).await?;
    violations.extend(check(&recorder.history(), &memory).iter().map(ToString::to_string));
    Ok(verdict(&counts, plan.zombies, violations))
}

/// Until no claim is live any more.
async fn wait_lapsed(office: &Office, tasks: usize) -> Result<()> {
    let until = Instant::now() + LAPSE_LIMIT;
    loop {
        let stats = office.client.tasks(office.id).stats().await?;
        if usize::try_from(stats.queued)? == tasks {
            return Ok(());
        }
        if Instant::now() >= until {
            bail!("leases of {LEASE_SECONDS} s have not lapsed after {LAPSE_LIMIT:?}: {stats:?}");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What others make of it meanwhile; the claims with which they did.
async fn finish_some(mut client: Client, count: usize) -> Result<Vec<Held>> {
    let mut finished = Vec::new();
    for _ in 0..count {
        let held = client.claim(CLAIM_WAIT_SECONDS).await?.context("a lapsed task isn't offered again")?;
        client.write(held, Write::Done(result_of(held)), Patience::Repeats).await?;
        finished.push(held);
    }
    Ok(finished)
}

fn result_of(held: Held) -> String {
    format!("task {} done by claim {}", held.id, held.token)
}

async fn rise(zombie: &mut Client, held: Held, counts: &mut Counts) -> Result<()> {
    let text = format!("late words of claim {}", held.token);
    let writes =
        [Write::Renew, Write::Log(text.clone()), Write::Comment(text), Write::Start, Write::Done(result_of(held))];
    for write in writes {
        let heard = zombie.write(held, write, Patience::Repeats).await?.context("a write was never answered")?;
        counts.writes += 1;
        counts.refused += usize::from(heard.status == 409 && heard.code() == "stale_claim");
        counts.told_to_stop += usize::from(heard.body["must_stop"] == true);
    }
    Ok(())
}

/// The late result is kept, and the task stands where the living left it.
async fn look_at(
    connection: &mut Connection,
    office: &Office,
    held: Held,
    finished: &[Held],
    counts: &mut Counts,
) -> Result<Vec<String>> {
    let Held { id, token } = held;
    let request = office.pen.request("GET", &format!("/tasks/{id}/late-results"), None, "");
    let answer = connection.send(&request).await?;
    let kept: Value = if answer.status == 200 { serde_json::from_slice(answer.body)? } else { Value::Null };
    let wanted = result_of(held);
    let is_kept = kept.as_array().is_some_and(|list| list.iter().any(|late| late.to_string().contains(&wanted)));
    counts.kept += usize::from(is_kept);
    let task = memory::detail(connection, &office.pen, id).await?.task;
    let mut violations = Vec::new();
    if task.result_summary.as_deref() == Some(wanted.as_str()) {
        counts.accepted += 1;
        violations.push(format!("task {id} took the late result of claim {token} by itself"));
    }
    let owner = finished.iter().find(|living| living.id == id);
    let right = match owner {
        Some(living) => task.status == Status::Done && task.result_summary == Some(result_of(*living)),
        None => task.status == Status::Queued,
    };
    if !right {
        violations.push(format!("task {id} is {}: {:?}", task.status, task.result_summary));
    }
    Ok(violations)
}

fn verdict(counts: &Counts, zombies: usize, violations: Vec<String>) -> Verdict {
    let mut verdict = Verdict { violations, ..Verdict::default() };
    let (writes, zombies) = (counts.writes as f64, zombies as f64);
    let report = &mut verdict.report;
    report.add(Figure::new("late writes refused", Unit::Count, counts.refused as f64).at_least(writes));
    report.add(Figure::new("… with the word to stop", Unit::Count, counts.told_to_stop as f64).at_least(writes));
    report.add(Figure::new("late results kept", Unit::Count, counts.kept as f64).at_least(zombies));
    report.add(Figure::new("late results accepted by themselves", Unit::Count, counts.accepted as f64).at_most(0.0));
    verdict
}
