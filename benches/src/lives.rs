//! The life of a task as three requests: create, claim, done. Each is a durable write.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use mi_core::ids::OfficeId;

use crate::http::{Connection, number_after};

/// Writes requests to one office with the owner's key, as bytes.
#[derive(Debug, Clone)]
pub struct Pen {
    address: SocketAddr,
    office: OfficeId,
    key: String,
}

/// A task in somebody's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub id: i64,
    pub token: i64,
}

impl Pen {
    pub fn new(address: SocketAddr, office: OfficeId, key: &str) -> Self {
        Self { address, office, key: key.to_owned() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request to `path` below the office.
    pub fn request(&self, method: &str, path: &str, claim: Option<i64>, body: &str) -> Vec<u8> {
        self.keyed(method, path, claim, None, body)
    }

    /// The same with an `Idempotency-Key`, so that it may be repeated.
    pub fn keyed(&self, method: &str, path: &str, claim: Option<i64>, once: Option<&str>, body: &str) -> Vec<u8> {
        let once = once.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let claim = claim.map(|token| format!("X-Mi-Claim: {token}\r\n")).unwrap_or_default();
        let Self { address, office, key } = self;
        format!(
            "{method} /api/v1/offices/{office}{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
             {claim}{once}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    pub fn create(&self, title: &str) -> Vec<u8> {
        self.request("POST", "/tasks", None, &format!(r#"{{"title":"{title}"}}"#))
    }

    pub fn create_for(&self, title: &str, agent: &str) -> Vec<u8> {
        self.request("POST", "/tasks", None, &format!(r#"{{"title":"{title}","assignedAgent":"{agent}"}}"#))
    }

    pub fn create_after(&self, title: &str, agent: &str, dependency: i64) -> Vec<u8> {
        let body = format!(r#"{{"title":"{title}","assignedAgent":"{agent}","dependsOn":"{dependency}"}}"#);
        self.request("POST", "/tasks", None, &body)
    }

    pub fn claim(&self, agent: &str, wait_seconds: u32) -> Vec<u8> {
        self.request("POST", "/tasks/claim", None, &format!(r#"{{"agent":"{agent}","wait":{wait_seconds}}}"#))
    }

    pub fn finish(&self, held: Held, result: &str) -> Vec<u8> {
        let body = format!(r#"{{"status":"done","result":"{result}"}}"#);
        self.request("PATCH", &format!("/tasks/{}", held.id), Some(held.token), &body)
    }
}

/// Sends a creation; gives the task's number.
pub async fn created(connection: &mut Connection, request: &[u8]) -> Result<i64> {
    let answer = connection.send(request).await?;
    number_after(answer.ok().context("a task wasn't created")?, "id").context("a created task has no number")
}

/// Sends a claim; `None` when there is no task.
pub async fn claimed(connection: &mut Connection, request: &[u8]) -> Result<Option<Held>> {
    let answer = connection.send(request).await?;
    let body = answer.ok().context("a claim was refused")?;
    if answer.status == 204 {
        return Ok(None);
    }
    let (id, token) = (number_after(body, "id"), number_after(body, "token"));
    Ok(Some(Held { id: id.context("a claimed task has no number")?, token: token.context("a claim has no token")? }))
}

pub async fn finished(connection: &mut Connection, request: &[u8]) -> Result<()> {
    connection.send(request).await?.ok().context("a task couldn't be finished")?;
    Ok(())
}
