//! Many clients claim from one queue until it is empty: each task must have been claimed exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_client::Paging;
use mi_client::TaskFilter;
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{Task, TaskDetail};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::lives::{self, Held, Pen};
use crate::office::Office;
use crate::server::{Manner, Server, Site};

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub clients: usize,
    pub tasks: usize,
}

#[derive(Debug)]
pub struct Outcome {
    pub tasks: usize,
    pub created_in: Duration,
    pub claimed_in: Duration,
    /// Sentences about what must never be; none if all is well.
    pub violations: Vec<String>,
}

/// A claim as its client saw it.
#[derive(Debug, Clone)]
struct Claim {
    held: Held,
    agent: String,
}

pub async fn prove(plan: &Plan) -> Result<Outcome> {
    let site = Site::new()?;
    let server = Server::start(&site, &plan.manner)?;
    let outcome = run(plan, &server, &site).await;
    let outcome = outcome.with_context(|| format!("the server's log ends with:\n{}", site.log_tail()))?;
    server.stop()?;
    Ok(outcome)
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Outcome> {
    let office = Office::open(server, site).await?;
    let agents = office.hire_stopped("agent", plan.clients).await?;
    let began = Instant::now();
    create_all(plan, server, &office).await?;
    let (created_in, began) = (began.elapsed(), Instant::now());
    let claims = claim_all(server, &office, agents.iter().map(ToString::to_string).collect()).await?;
    let claimed_in = began.elapsed();
    let mut violations = check_claims(plan.tasks, &claims);
    violations.extend(check_store(plan, server, &office, &claims).await?);
    Ok(Outcome { tasks: claims.len(), created_in, claimed_in, violations })
}

async fn create_all(plan: &Plan, server: &Server, office: &Office) -> Result<()> {
    let left = Arc::new(AtomicUsize::new(plan.tasks));
    let mut clients = JoinSet::new();
    for _ in 0..plan.clients {
        let mut connection = Connection::open(server.address()).await?;
        let (request, left) = (office.pen.create("one of many"), Arc::clone(&left));
        clients.spawn(async move {
            while take_one(&left) {
                lives::created(&mut connection, &request).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(())
}

fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

async fn claim_all(server: &Server, office: &Office, agents: Vec<String>) -> Result<Vec<Claim>> {
    let mut clients = JoinSet::new();
    for agent in agents {
        let connection = Connection::open(server.address()).await?;
        clients.spawn(claim_until_empty(connection, office.pen.clone(), agent));
    }
    let mut claims = Vec::new();
    while let Some(ended) = clients.join_next().await {
        claims.extend(ended??);
    }
    Ok(claims)
}

async fn claim_until_empty(mut connection: Connection, pen: Pen, agent: String) -> Result<Vec<Claim>> {
    let claim = pen.claim(&agent, 0);
    let mut claims = Vec::new();
    while let Some(held) = lives::claimed(&mut connection, &claim).await? {
        lives::finished(&mut connection, &pen.finish(held, &format!("done by {agent}"))).await?;
        claims.push(Claim { held, agent: agent.clone() });
    }
    Ok(claims)
}

/// What the clients saw.
fn check_claims(tasks: usize, claims: &[Claim]) -> Vec<String> {
    let ids: BTreeSet<i64> = claims.iter().map(|claim| claim.held.id).collect();
    let tokens: BTreeSet<i64> = claims.iter().map(|claim| claim.held.token).collect();
    let mut violations = Vec::new();
    if claims.len() != tasks || ids.len() != tasks {
        violations.push(format!("{tasks} tasks, {} claims, {} different tasks claimed", claims.len(), ids.len()));
    }
    if tokens.len() != claims.len() {
        violations.push(format!("{} claims have {} different tokens", claims.len(), tokens.len()));
    }
    violations
}

/// What the server remembers: every task done after one attempt, whose session is the claim that a client held.
async fn check_store(plan: &Plan, server: &Server, office: &Office, claims: &[Claim]) -> Result<Vec<String>> {
    let mut claims: BTreeMap<i64, &Claim> = claims.iter().map(|claim| (claim.held.id, claim)).collect();
    let tasks = all_tasks(office).await?;
    let mut violations = Vec::new();
    if tasks.len() != plan.tasks {
        violations.push(format!("the list holds {} tasks instead of {}", tasks.len(), plan.tasks));
    }
    let mut connection = Connection::open(server.address()).await?;
    for task in &tasks {
        let Some(claim) = claims.remove(&task.id.0) else {
            violations.push(format!("nobody claimed task {}", task.id));
            continue;
        };
        let request = office.pen.request("GET", &format!("/tasks/{}", task.id), None, "");
        let detail: TaskDetail = serde_json::from_slice(connection.send(&request).await?.ok()?)?;
        violations.extend(check_task(task, &detail, claim));
    }
    Ok(violations)
}

fn check_task(task: &Task, detail: &TaskDetail, claim: &Claim) -> Option<String> {
    let sessions: Vec<i64> = detail.sessions.iter().map(|session| session.id.0).collect();
    let result = format!("done by {}", claim.agent);
    let right = task.status == Status::Done
        && task.attempts == 1
        && task.result_summary.as_deref() == Some(&result)
        && sessions == [claim.held.token];
    let what = || {
        let Task { id, status, attempts, result_summary, .. } = task;
        format!(
            "task {id} is {status}, attempts {attempts}, sessions {sessions:?}, result {result_summary:?}; {claim:?}"
        )
    };
    (!right).then(what)
}

/// Every task of the office, page by page.
pub async fn all_tasks(office: &Office) -> Result<Vec<Task>> {
    let mut all: Vec<Task> = Vec::new();
    loop {
        let paging = Paging { limit: Some(LIST_LIMIT_MAX), offset: Some(i64::try_from(all.len())?) };
        let (page, total) =
            office.client.tasks(office.id).list(&TaskFilter { paging, ..TaskFilter::default() }).await?;
        if page.is_empty() {
            if (all.len() as u64) < total {
                bail!("the list ends after {} of {total} tasks", all.len());
            }
            return Ok(all);
        }
        all.extend(page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_claimed_twice_is_seen() {
        let claim = |id, token| Claim { held: Held { id, token }, agent: "a".to_owned() };
        assert!(check_claims(2, &[claim(1, 1), claim(2, 2)]).is_empty());
        assert_eq!(check_claims(2, &[claim(1, 1), claim(1, 2), claim(2, 3)]).len(), 1);
        assert_eq!(check_claims(2, &[claim(1, 1), claim(2, 1)]).len(), 1);
        assert_eq!(check_claims(2, &[claim(1, 1)]).len(), 1);
    }
}
