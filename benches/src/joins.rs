//! A crowd with one invite code: round after round exactly one comes in. Then a crowd of guessers, who learn nothing.
//!
//! Each racer comes from an address of its own, since three wrong codes are all that one address may try. After the first
//! round the server is alarmed by those who came too late; from then on the race is for the one application that a code
//! is worth, and the owner lets its winner in.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use mi_core::wire::invites::{ApplicationState, CreateInvite};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::figures::report::{Figure, Unit};
use crate::http::Connection;
use crate::office::Office;
use crate::sample::Sample;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

const JOIN: &str = "/api/agents/join";
const APPLY: &str = "/api/agents/join/apply";
/// The first address of racers, and of guessers.
const RACERS_FROM: u32 = 0x7f01_0001;
const GUESSERS_FROM: u32 = 0x7f10_0001;
/// Guesses of one address beyond what it may try.
const GUESSES_PER_SOURCE: usize = 4;
const GUESSES_LOOKED_AT: usize = 3;

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub racers: usize,
    pub rounds: usize,
    pub guesses: usize,
}

/// What one racer got.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Key,
    /// The owner is asked: number and token.
    Application(i64, String),
    TooLate,
    Other(u16, String),
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    server::during(&plan.manner, async |server, site| run(plan, server, site).await).await
}

async fn run(plan: &Plan, server: &Server, site: &Site) -> Result<Verdict> {
    let office = Office::open(server, site).await?;
    let (mut verdict, mut right, mut races) = (Verdict::default(), 0, Sample::default());
    for round in 0..plan.rounds {
        let code = office.client.invites(office.id).create(&CreateInvite::default()).await?.code;
        let code = code.context("a new invite has no code")?;
        let began = Instant::now();
        let got = race(plan, server.address(), round, &code).await?;
        races.add(began.elapsed());
        match judge(&got) {
            Ok(winner) => right += u32::from(let_in(&office, winner).await?),
            Err(what) => verdict.violations.push(format!("round {round}: {what}")),
        }
    }
    let (_, agents) = office.client.agents(office.id).list(mi_client::Paging::default()).await?;
    let guessed = guess(plan, server.address(), &mut verdict).await?;
    let name = format!("rounds in which one of {} racers came in", plan.racers);
    let rounds = plan.rounds as f64;
    verdict.report.add(Figure::new(&name, Unit::Count, f64::from(right)).at_least(rounds));
    verdict.report.add(Figure::new("agents in the office afterwards", Unit::Count, agents as f64).at_most(rounds));
    verdict.report.note("a race, p50 ms", races.p50_ms());
    verdict.report.note("wrong codes, one answer for all that were looked at", guessed as f64);
    Ok(verdict)
}

async fn race(plan: &Plan, address: SocketAddr, round: usize, code: &str) -> Result<Vec<Got>> {
    let barrier = Arc::new(Barrier::new(plan.racers));
    let mut racers = JoinSet::new();
    for number in 0..plan.racers {
        let body = json!({"code": code, "agentName": format!("racer-{round}-{number}"), "statement": "to win"});
        let source = nth(RACERS_FROM, round * plan.racers + number)?;
        let connection = Connection::open_from(source, address).await?;
        racers.spawn(racer(connection, address, body.to_string(), Arc::clone(&barrier)));
    }
    let mut got = Vec::new();
    while let Some(ended) = racers.join_next().await {
        got.push(ended??);
    }
    Ok(got)
}

async fn racer(mut connection: Connection, address: SocketAddr, body: String, barrier: Arc<Barrier>) -> Result<Got> {
    barrier.wait().await;
    let (status, answer) = ask(&mut connection, &request(address, JOIN, &body)).await?;
    match status {
        201 => Ok(Got::Key),
        202 => {
            let (status, answer) = ask(&mut connection, &request(address, APPLY, &body)).await?;
            match (status, answer["application_id"].as_i64(), answer["poll_token"].as_str()) {
                (202, Some(id), Some(token)) => Ok(Got::Application(id, token.to_owned())),
                _ => Ok(refused(status, &answer)),
            }
        }
        _ => Ok(refused(status, &answer)),
    }
}

fn refused(status: u16, answer: &Value) -> Got {
    match (status, answer["code"].as_str()) {
        (404, Some("invalid_code")) => Got::TooLate,
        (_, code) => Got::Other(status, code.unwrap_or_default().to_owned()),
    }
}

/// The one that won; everybody else was too late.
fn judge(got: &[Got]) -> Result<&Got, String> {
    let (late, others): (Vec<&Got>, Vec<&Got>) = got.iter().partition(|got| **got == Got::TooLate);
    match others.as_slice() {
        [winner @ (Got::Key | Got::Application(..))] => Ok(winner),
        _ => Err(format!("{} were too late, the others: {others:?}", late.len())),
    }
}

/// The owner's word, and the key that follows it once.
async fn let_in(office: &Office, winner: &Got) -> Result<bool> {
    let Got::Application(id, token) = winner else { return Ok(true) };
    office.client.invites(office.id).approve(*id).await?;
    let first = office.client.join().poll(token).await?;
    let again = office.client.join().poll(token).await?;
    Ok(first.joined.is_some_and(|joined| joined.api_key.is_some()) && again.status == ApplicationState::Joined)
}

/// Wrong codes from many addresses, a few too many from each; gives how many were looked at.
async fn guess(plan: &Plan, address: SocketAddr, verdict: &mut Verdict) -> Result<usize> {
    let (mut looked_at, mut answers) = (0, BTreeSet::new());
    for source in 0..plan.guesses.div_ceil(GUESSES_PER_SOURCE) {
        let mut connection = Connection::open_from(nth(GUESSERS_FROM, source)?, address).await?;
        for n in 0..GUESSES_PER_SOURCE {
            let body = json!({"code": "AAAAAA", "agentName": "guesser"}).to_string();
            let (status, mut answer) = ask(&mut connection, &request(address, JOIN, &body)).await?;
            answer["request_id"] = Value::Null;
            let expected = if n < GUESSES_LOOKED_AT { 404 } else { 429 };
            if status != expected {
                verdict.violations.push(format!("guess {n} of an address was answered with {status}: {answer}"));
            }
            if status == 404 {
                looked_at += 1;
                answers.insert(answer.to_string());
            }
        }
    }
    if answers.len() > 1 {
        verdict.violations.push(format!("wrong codes got {} different answers: {answers:?}", answers.len()));
    }
    Ok(looked_at)
}

fn nth(first: u32, n: usize) -> Result<IpAddr> {
    let n = u32::try_from(n).context("so many addresses there aren't")?;
    Ok(IpAddr::V4(Ipv4Addr::from(first + n)))
}

fn request(address: SocketAddr, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn ask(connection: &mut Connection, request: &[u8]) -> Result<(u16, Value)> {
    let answer = connection.send(request).await?;
    match serde_json::from_slice(answer.body) {
        Ok(body) => Ok((answer.status, body)),
        Err(error) => bail!("an answer is no JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_winners_and_none_are_seen() {
        let application = || Got::Application(1, "t".to_owned());
        assert!(judge(&[Got::TooLate, Got::Key]).is_ok());
        assert!(judge(&[application(), Got::TooLate]).is_ok());
        assert!(judge(&[Got::Key, Got::Key]).is_err());
        assert!(judge(&[application(), application()]).is_err());
        assert!(judge(&[Got::TooLate]).is_err());
        assert!(judge(&[Got::Key, Got::Other(429, "rate_limited".to_owned())]).is_err());
    }
}
