//! A client that writes down what it asked and what it heard, and outlives its server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_core::ids::{ClaimToken, TaskId};
use serde_json::{Value, json};
use testkit::history::{Ask, Ending, Recorder, Said, Write};

use crate::http::Connection;
use crate::lives::{Held, Pen};

/// A server that is killed is there again by then.
const BACK_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What becomes of a request without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Asked again, under the same `Idempotency-Key`, until there is one.
    Repeats,
    /// Given up: nobody will ever know.
    GivesUp,
}

pub struct Client {
    pub number: usize,
    pub agent: String,
    pub pen: Pen,
    address: SocketAddr,
    connection: Option<Connection>,
    recorder: Recorder,
    lease: Duration,
    asked: u64,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Heard {
    pub status: u16,
    pub body: Value,
}

impl Heard {
    fn is_yes(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A request as it goes out.
struct Outgoing<'a> {
    method: &'a str,
    path: &'a str,
    claim: Option<i64>,
    body: Value,
}

impl Client {
    pub fn new(number: usize, agent: &str, pen: &Pen, recorder: &Recorder, lease: Duration) -> Self {
        let (pen, recorder) = (pen.clone(), recorder.clone());
        Self {
            number,
            agent: agent.to_owned(),
            address: pen.address(),
            pen,
            connection: None,
            recorder,
            lease,
            asked: 0,
        }
    }

    pub async fn create(&mut self, title: &str, after: &[i64], patience: Patience) -> Result<Option<i64>> {
        let after: Vec<String> = after.iter().map(ToString::to_string).collect();
        let body = json!({"title": title, "dependsOn": after.join(",")});
        let ask = Ask::Create { title: title.to_owned(), parent: None };
        let out = Outgoing { method: "POST", path: "/tasks", claim: None, body };
        let said = |heard: &Heard| match heard.body["id"].as_i64() {
            Some(id) => Said::Created(TaskId(id)),
            None => Said::Lost,
        };
        let heard = self.ask(ask, out, patience, said).await?;
        Ok(heard.filter(Heard::is_yes).and_then(|heard| heard.body["id"].as_i64()))
    }

    /// For the agent, waiting up to so many seconds. A claim is asked for until there is an answer: otherwise the agent
    /// would hold what it doesn't know of.
    pub async fn claim(&mut self, wait_seconds: u32) -> Result<Option<Held>> {
        let body = json!({"agent": self.agent, "wait": wait_seconds});
        let ask = Ask::Claim { agent: self.agent.clone() };
        let out = Outgoing { method: "POST", path: "/tasks/claim", claim: None, body };
        let lease_micros = u64::try_from(self.lease.as_micros()).unwrap_or(u64::MAX);
        let said = |heard: &Heard| match held(heard) {
            Some(held) => Said::Granted { task: TaskId(held.id), token: ClaimToken(held.token), lease_micros },
            None => Said::Nothing,
        };
        let heard = self.ask(ask, out, Patience::Repeats, said).await?;
        Ok(heard.as_ref().and_then(held))
    }

    /// A write of an attempt.
    pub async fn write(&mut self, on: Held, write: Write, patience: Patience) -> Result<Option<Heard>> {
        let (method, act, body) = match &write {
            Write::Renew => ("POST", "/renew", json!({})),
            Write::Log(text) => ("POST", "/log", json!({"message": text})),
            Write::Comment(text) => ("POST", "/comments", json!({"message": text})),
            Write::Artifact(path) => ("POST", "/artifacts", json!({"path": path})),
            Write::Split => ("POST", "", json!({})),
            Write::Start => ("PATCH", "", json!({"status": "running"})),
            Write::Done(result) => ("PATCH", "", json!({"status": "done", "result": result})),
            Write::Fail(error) => ("PATCH", "", json!({"status": "failed", "error": error})),
            Write::Block => ("PATCH", "", json!({"status": "blocked", "reason": "stuck", "blockedKind": "other"})),
            Write::Release => ("PATCH", "", json!({"status": "queued"})),
        };
        let path = format!("/tasks/{}{act}", on.id);
        let ask = Ask::Write { task: TaskId(on.id), token: ClaimToken(on.token), write };
        self.ask(ask, Outgoing { method, path: &path, claim: Some(on.token), body }, patience, |_| Said::Yes).await
    }

    pub async fn cancel(&mut self, id: i64, patience: Patience) -> Result<Option<Heard>> {
        self.judge(Ask::Cancel { task: TaskId(id) }, id, "cancel", json!({}), patience).await
    }

    pub async fn retry(&mut self, id: i64, patience: Patience) -> Result<Option<Heard>> {
        self.judge(Ask::Retry { task: TaskId(id) }, id, "retry", json!({}), patience).await
    }

    pub async fn verify(&mut self, id: i64, accepted: bool, patience: Patience) -> Result<Option<Heard>> {
        let body = json!({"accepted": accepted, "comments": "looked at"});
        self.judge(Ask::Verify { task: TaskId(id), accepted }, id, "verify", body, patience).await
    }

    /// An operator takes a blocked task out of its block, or a held one away from its holder.
    pub async fn unblock(&mut self, id: i64) -> Result<Option<Heard>> {
        let ask = Ask::Other { what: "unblock".to_owned(), may_end: Ending::Task(TaskId(id)) };
        let (path, body) = (format!("/tasks/{id}"), json!({"status": "queued"}));
        let out = Outgoing { method: "PATCH", path: &path, claim: None, body };
        self.ask(ask, out, Patience::Repeats, |_| Said::Yes).await
    }

    async fn judge(&mut self, ask: Ask, id: i64, act: &str, body: Value, patience: Patience) -> Result<Option<Heard>> {
        let path = format!("/tasks/{id}/{act}");
        self.ask(ask, Outgoing { method: "POST", path: &path, claim: None, body }, patience, |_| Said::Yes).await
    }

    /// Sends, waits, writes down. `None`: nobody knows what became of it.
    async fn ask(
        &mut self,
        ask: Ask,
        out: Outgoing<'_>,
        patience: Patience,
        yes: impl Fn(&Heard) -> Said,
    ) -> Result<Option<Heard>> {
        self.asked += 1;
        let key = format!("client-{}-{}", self.number, self.asked);
        let Outgoing { method, path, claim, body } = out;
        let request = self.pen.keyed(method, path, claim, Some(&key), &body.to_string());
        let begun = self.recorder.begin(self.number, ask);
        let until = Instant::now() + BACK_LIMIT;
        loop {
            match self.exchange(&request).await {
                Ok(heard) if heard.status < 500 => {
                    let no = || Said::No { status: heard.status, code: heard.code().to_owned() };
                    begun.end(if heard.is_yes() { yes(&heard) } else { no() });
                    return Ok(Some(heard));
                }
                Ok(_) | Err(_) if patience == Patience::GivesUp => {
                    begun.end(Said::Lost);
                    return Ok(None);
                }
                Ok(heard) if Instant::now() >= until => bail!("answered with {} for too long", heard.status),
                Err(error) if Instant::now() >= until => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Heard> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let answer = connection.send(request).await?;
        let body = match answer.body {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes).context("an answer is no JSON")?,
        };
        let heard = Heard { status: answer.status, body };
        self.connection = Some(connection);
        Ok(heard)
    }
}

fn held(heard: &Heard) -> Option<Held> {
    let (id, token) = (heard.body["id"].as_i64()?, heard.body["claim"]["token"].as_i64()?);
    heard.is_yes().then_some(Held { id, token })
}
