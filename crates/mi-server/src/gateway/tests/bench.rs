//! A test house with an office, an agent and a live session of it.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use mi_core::ids::{ClaimToken, OfficeId};
use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::house::House;
use crate::infra::http::{Front, Via};
use crate::infra::keys::Token;
use crate::testing::TestHouse;

const TRIES_MAX: usize = 20_000;

pub struct Bench {
    pub test: TestHouse,
    pub house: House,
    front: Front,
    /// The operator's key.
    pub key: String,
    pub office: OfficeId,
    /// The credential of the live session of `ada` on task 1.
    pub credential: String,
    pub session: i64,
}

pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl Bench {
    /// A server with these variables in its environment.
    pub async fn new(environment: &[(&str, &str)]) -> Self {
        let test = TestHouse::with_environment(environment).await;
        let (key, house) = (test.owner_key().to_owned(), test.house.clone());
        let office = test.office().await;
        let agent = office.hire("ada").await["id"].as_str().unwrap().parse().unwrap();
        office.task(json!({"title": "one"})).await;
        let task = office.call("POST", "/tasks/claim", json!({"agent": "ada"})).await.ok();
        let session = task["claim"]["token"].as_i64().unwrap();
        let office = office.id;
        let credential = house.keys.issue(Token::Session { office, agent, session: ClaimToken(session) });
        Self { front: Front::new(house.clone()), test, house, key, office, credential, session }
    }

    /// Looks whether anything is left.
    pub async fn close(self) {
        self.test.close().await;
    }

    /// Another session of ada's.
    pub async fn credential_of(&self, session: i64) -> String {
        self.credential_for("ada", session).await
    }

    pub async fn credential_for(&self, name: &str, session: i64) -> String {
        let agent = self.get(&self.at(&format!("/employees/{name}"))).await.json()["id"].as_str().unwrap().to_owned();
        let session = ClaimToken(session);
        self.house.keys.issue(Token::Session { office: self.office, agent: agent.parse().unwrap(), session })
    }

    /// Another office with a live session: its id, and the session's credential.
    pub async fn other_office(&self) -> (OfficeId, String) {
        let office = self.test.office().await;
        let agent = office.hire("ada").await["id"].as_str().unwrap().parse().unwrap();
        office.task(json!({"title": "one"})).await;
        let task = office.call("POST", "/tasks/claim", json!({"agent": "ada"})).await.ok();
        let session = ClaimToken(task["claim"]["token"].as_i64().unwrap());
        (office.id, self.house.keys.issue(Token::Session { office: office.id, agent, session }))
    }

    /// Whatever was under way is cut off without a word.
    pub async fn die_and_restart(self) -> Self {
        let test = self.test.restart().await;
        let house = test.house.clone();
        Self { front: Front::new(house.clone()), test, house, ..self }
    }

    /// A path below the office.
    pub fn at(&self, path: &str) -> String {
        format!("/api/v1/offices/{}{path}", self.office)
    }

    pub async fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, &self.key, &[], Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Got {
        self.send(Method::POST, path, &self.key, &[], body.to_string().into()).await
    }

    /// A model call with the session's credential.
    pub async fn call(&self, path: &str, body: Value) -> Got {
        self.send(Method::POST, path, &self.credential, &[], body.to_string().into()).await
    }

    /// The same, with a clock that runs on whenever the call waits for it.
    pub async fn call_while_time_passes(&self, path: &str, body: Value) -> Got {
        self.while_time_passes(self.call(path, body)).await
    }

    pub async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::task::yield_now() => self.house.clock.advance(Millis(1)),
            }
        }
    }

    pub async fn send(&self, method: Method, path: &str, key: &str, headers: &[(&str, &str)], body: Bytes) -> Got {
        let (parts, body) = self.begin(method, path, key, headers, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// As `send`, with the answer's body still flowing.
    pub async fn begin(
        &self,
        method: Method,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.front.answer(request.body(Body::from(body)).unwrap(), Via::Tcp).await
    }

    /// Looks until `wanted` holds; every look is a round trip to the store.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..TRIES_MAX {
            let found = self.get(path).await.json();
            if wanted(&found) {
                return found;
            }
        }
        panic!("{path} never became what was waited for");
    }
}
