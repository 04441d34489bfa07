//! Who sends requests to the test house, and the answers.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use mi_core::ids::ClaimToken;
use serde_json::Value;
use tokio::io::DuplexStream;

use super::{Signer, TestHouse};
use crate::infra::http::upgrade::GivenPipe;
use crate::infra::http::{Peer, Via};

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Speaker<'a> {
    pub(super) house: &'a TestHouse,
    pub(super) key: Option<String>,
    pub(super) signer: Option<Signer>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) via: Via,
    pub(super) address: Option<IpAddr>,
}

impl Speaker<'_> {
    pub fn with_claim(self, claim: ClaimToken) -> Self {
        self.with_header("x-mi-claim", &claim.to_string())
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn through(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// With an address of the network.
    pub fn from(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// `Value::Null` sends no body.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> TestReply {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send(method, path, bytes).await
    }

    /// A body of any kind; its `content-type` is a header of the speaker's.
    pub async fn send(&self, method: &str, path: &str, body: Vec<u8>) -> TestReply {
        TestReply::whole(self.begin(method, path, body).await, format!("{method} {path}")).await
    }

    /// The same, with the answer's body unread: it may be one that never ends.
    pub async fn begin(&self, method: &str, path: &str, body: Vec<u8>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let signer = self.signer.as_ref();
        let signature = signer.map(|signer| signer.headers(self.house.now(), method, path, &body)).unwrap_or_default();
        for (name, value) in self.headers.iter().chain(&signature) {
            request = request.header(name, value);
        }
        if let Some(address) = self.address {
            request = request.extension(Peer(address));
        }
        let request = request.body(Body::from(body)).unwrap();
        self.house.front.answer(request, self.via).await
    }

    /// A connection that wants to become a terminal, in this process: the answer, and the caller's end.
    pub async fn become_terminal(&self, path: &str) -> (Response<Body>, DuplexStream) {
        const PIPE_BYTES: usize = 64 * 1024;
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let key = self.key.as_deref().unwrap_or_default();
        let request = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {key}"));
        let request = request.header("connection", "upgrade").header("upgrade", mi_core::terminal::UPGRADE);
        let request = request.extension(GivenPipe(Arc::new(Mutex::new(Some(far))))).body(Body::empty()).unwrap();
        (self.house.front.answer(request, self.via).await, near)
    }
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct TestReply {
    pub status: u16,
    pub headers: HeaderMap,
    /// Null when the body is no JSON.
    pub json: Value,
    pub bytes: Vec<u8>,
    what: String,
}

impl TestReply {
    pub async fn whole(response: Response<Body>, what: String) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status: parts.status.as_u16(), headers: parts.headers, json, bytes: bytes.to_vec(), what }
    }

    /// The body of a success; anything else fails the test.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {} {}", self.what, self.status, self.json);
        self.json
    }

    /// Status and code of a refusal; a success fails the test.
    #[track_caller]
    pub fn refused(self) -> (u16, String) {
        assert!(self.status >= 400, "{}: {} {}", self.what, self.status, self.json);
        (self.status, self.json["code"].as_str().unwrap_or_default().to_owned())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
