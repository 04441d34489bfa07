//! Everybody wants the one task there is: round after round exactly one gets it.
//!
//! In every other round the claimers are parked before the task exists, in the rest they all ask at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::lives::{self, Held, Pen};
use crate::office::Office;
use crate::sample::Sample;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const PARKED_SECONDS: u32 = 1;
/// So long claimers have to be parked before the task is created.
const PARKED_AFTER: Duration = Duration::from_millis(300);

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub claimers: usize,
    pub rounds: usize,
}

/// What one claimer got in each round.
type Got = Vec<Option<Held>>;

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let agents = office.hire_stopped("claimer", plan.claimers).await?;
    let barrier = Arc::new(Barrier::new(plan.claimers + 1));
    let mut claimers = JoinSet::new();
    for agent in &agents {
        let connection = Connection::open(server.address()).await?;
        let claimer = Claimer { connection, pen: office.pen.clone(), agent: agent.to_string(), rounds: plan.rounds };
        claimers.spawn(claimer.claim(Arc::clone(&barrier)));
    }
    let (created, rounds) = create_all(plan, server, &office, &barrier).await?;
    let mut got: Vec<Got> = Vec::new();
    while let Some(ended) = claimers.join_next().await {
        got.push(ended??);
    }
    Ok(verdict(plan, &created, &got, &rounds))
}

async fn create_all(plan: &Plan, server: &Server, office: &Office, barrier: &Barrier) -> Result<(Vec<i64>, Sample)> {
    let mut connection = Connection::open(server.address()).await?;
    let (mut created, mut rounds) = (Vec::new(), Sample::default());
    for round in 0..plan.rounds {
        let create = office.pen.create(&format!("the task of round {round}"));
        if is_parked(round) {
            barrier.wait().await;
            tokio::time::sleep(PARKED_AFTER).await;
            created.push(lives::created(&mut connection, &create).await?);
            barrier.wait().await;
        } else {
            created.push(lives::created(&mut connection, &create).await?);
            let began = Instant::now();
            barrier.wait().await;
            barrier.wait().await;
            rounds.add(began.elapsed());
        }
    }
    Ok((created, rounds))
}

fn is_parked(round: usize) -> bool {
    round % 2 == 1
}

struct Claimer {
    connection: Connection,
    pen: Pen,
    agent: String,
    rounds: usize,
}

impl Claimer {
    async fn claim(mut self, barrier: Arc<Barrier>) -> Result<Got> {
        let mut got = Vec::new();
        for round in 0..self.rounds {
            barrier.wait().await;
            let wait = if is_parked(round) { PARKED_SECONDS } else { 0 };
            let held = lives::claimed(&mut self.connection, &self.pen.claim(&self.agent, wait)).await?;
            if let Some(held) = held {
                lives::finished(&mut self.connection, &self.pen.finish(held, "won")).await?;
            }
            got.push(held);
            barrier.wait().await;
        }
        Ok(got)
    }
}

fn verdict(plan: &Plan, created: &[i64], got: &[Got], rounds: &Sample) -> Verdict {
    let mut verdict = Verdict::default();
    let mut right = 0;
    for (round, task) in created.iter().enumerate() {
        let winners: Vec<Held> = got.iter().filter_map(|got| *got.get(round)?).collect();
        match winners.as_slice() {
            [winner] if winner.id == *task => right += 1,
            other => verdict.violations.push(format!("round {round}, task {task}: {} winners {other:?}", other.len())),
        }
    }
    let report = &mut verdict.report;
    let name = format!("rounds with one winner among {} claimers", plan.claimers);
    report.add(Figure::new(&name, Unit::Count, f64::from(right)).at_least(plan.rounds as f64));
    report.note("a round in which all ask at once, p50 ms", rounds.p50_ms());
    report.note("the same, p99 ms", rounds.p99_ms());
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_winners_and_none_are_seen() {
        let manner = Manner {
            program: "mi".into(),
            pods: "local".to_owned(),
            port: 0,
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        let plan = Plan { manner, claimers: 2, rounds: 1 };
        let held = |id| Some(Held { id, token: 1 });
        let judge = |got: [Option<Held>; 2]| verdict(&plan, &[7], &got.map(|held| vec![held]), &Sample::default());
        assert!(judge([held(7), None]).holds());
        assert!(!judge([held(7), held(7)]).holds());
        assert!(!judge([None, None]).holds());
        assert!(!judge([held(8), None]).holds());
    }
}
