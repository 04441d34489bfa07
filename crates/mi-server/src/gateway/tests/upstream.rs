//! A provider of the test's own: says what it was told to and keeps what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::BodyExt;

/// How the provider ends its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Proper,
    /// The connection breaks off after the text.
    BreaksOff,
    /// Nothing more comes, and the connection stays open.
    Hangs,
}

#[derive(Debug, Clone)]
pub struct Script {
    pub status: u16,
    pub headers: Vec<(&'static str, &'static str)>,
    pub text: &'static str,
    pub end: End,
    /// How a path ends that it doesn't know, if there is one.
    pub absent: Option<&'static str>,
}

impl Script {
    pub fn events(text: &'static str) -> Self {
        Self { status: 200, headers: vec![("content-type", "text/event-stream")], text, end: End::Proper, absent: None }
    }

    pub fn json(status: u16, text: &'static str) -> Self {
        Self { status, headers: vec![("content-type", "application/json")], text, end: End::Proper, absent: None }
    }
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub line: String,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Clone)]
pub struct Upstream {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    pub base: String,
}

impl Upstream {
    pub async fn new(script: Script) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let upstream = Self { script: Arc::new(Mutex::new(script)), seen: Arc::default(), base };
        let router = Router::new().fallback(answer).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        upstream
    }

    /// The only request that came.
    pub fn seen(&self) -> Seen {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    /// The lines of all requests.
    pub fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.line.clone()).collect()
    }

    /// What it answers from now on.
    pub fn now_says(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    /// The last request that came.
    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn answer(State(upstream): State<Upstream>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let line = format!("{} {}", parts.method, parts.uri);
    let body = String::from_utf8(body.to_vec()).unwrap();
    upstream.seen.lock().unwrap().push(Seen { line, headers: parts.headers, body });
    let script = upstream.script.lock().unwrap().clone();
    if script.absent.is_some_and(|absent| parts.uri.path().ends_with(absent)) {
        return Response::builder().status(404).body(Body::from("404 page not found")).unwrap();
    }
    let mut response = Response::builder().status(script.status);
    for (name, value) in &script.headers {
        response = response.header(*name, *value);
    }
    response.body(body_of(&script)).unwrap()
}

/// In pieces of a few bytes, so that events are cut anywhere.
fn body_of(script: &Script) -> Body {
    const PIECE_BYTES: usize = 7;
    let pieces = script.text.as_bytes().chunks(PIECE_BYTES).map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let pieces = stream::iter(pieces.collect::<Vec<std::io::Result<Bytes>>>());
    match script.end {
        End::Proper => Body::from_stream(pieces),
        End::BreaksOff => Body::from_stream(pieces.chain(stream::once(async { Err(std::io::Error::other("cut")) }))),
        End::Hangs => Body::from_stream(pieces.chain(stream::pending())),
    }
}
