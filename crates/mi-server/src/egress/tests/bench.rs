//! A pod's socket, a host to reach, and a resolver that says what it is told to.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::egress::dial::{Finding, Names};
use crate::egress::{Desk, Pod, serve};
use crate::testing::{TestHouse, TestOffice};

/// Looks until it is so.
const LOOKS_MAX: usize = 20_000;

/// What each name leads to, answer by answer; the last one stays.
#[derive(Clone, Default)]
pub struct Scripted {
    answers: Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub fn says(self, name: &str, answers: &[&[&str]]) -> Self {
        let read = |list: &&[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers.iter().map(read).collect());
        self
    }
}

impl Names for Scripted {
    fn find<'a>(&'a self, host: &'a str) -> Finding<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let found =
            answers.get_mut(host).map(|list| if list.len() > 1 { list.pop_front() } else { list.front().cloned() });
        let found = found.flatten().ok_or_else(|| io::Error::other("unknown"));
        Box::pin(async move { found })
    }
}

/// A program on the loopback: what came to it, connection by connection.
pub struct Host {
    pub place: String,
    pub heard: Arc<Mutex<Vec<String>>>,
}

impl Host {
    /// Listens until it heard `until`, then says this and hangs up.
    pub async fn saying(until: &'static str, answer: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (place, heard) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(hear(stream, until, answer, Arc::clone(&kept)));
            }
        });
        Self { place, heard }
    }

    pub async fn answering() -> Self {
        Self::saying("\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nkeep-alive: x\r\n\r\nhello").await
    }

    pub fn port(&self) -> u16 {
        self.place.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn hear(mut stream: TcpStream, until: &'static str, answer: &'static str, kept: Arc<Mutex<Vec<String>>>) {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    while !text.ends_with(until) || text.is_empty() {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&piece[..read])),
        }
    }
    kept.lock().unwrap().push(text);
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
}

pub async fn house_permitting(private: &[&str], names: Scripted) -> TestHouse {
    let private: Vec<String> = private.iter().map(|text| (*text).to_owned()).collect();
    TestHouse::with_egress(Desk::with_names(&private, Arc::new(names)).unwrap()).await
}

pub struct Way<'a> {
    pub office: TestOffice<'a>,
    socket: PathBuf,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

/// The way out of the pod of a new agent.
pub async fn way<'a>(office: TestOffice<'a>, agent: &str) -> Way<'a> {
    let card = office.hire(agent).await;
    let pod = Pod { office: office.id, agent: card["id"].as_str().unwrap().parse().unwrap() };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("out.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let serving = tokio::spawn(serve(office.house.house.clone(), listener, pod));
    Way { office, socket, serving, _folder: folder }
}

impl Way<'_> {
    pub async fn allow(&self, entries: Value) {
        self.office.call("PATCH", "/settings", json!({"egress": entries})).await.ok();
    }

    pub async fn open(&self) -> UnixStream {
        UnixStream::connect(&self.socket).await.unwrap()
    }

    /// Sends these bytes and reads one answer.
    pub async fn ask(&self, bytes: &str) -> Answer {
        let mut stream = self.open().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }

    pub async fn get(&self, url: &str) -> Answer {
        self.ask(&format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    pub async fn connect(&self, place: &str) -> Answer {
        self.ask(&format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n")).await
    }

    /// A tunnel that stands.
    pub async fn tunnel(&self, place: &str) -> UnixStream {
        let mut stream = self.open().await;
        stream.write_all(format!("CONNECT {place} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let answer = Answer::read_head(&mut stream).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        stream
    }

    pub fn close_door(&self) {
        self.serving.abort();
    }

    /// The connections that were recorded, oldest first: type and data.
    pub async fn events(&self) -> Vec<(String, Value)> {
        let all = self.office.call("GET", "/events?limit=500&category=session", Value::Null).await.ok();
        let all = all.as_array().unwrap().iter().filter(|event| event["type"].as_str().unwrap().starts_with("egress."));
        all.map(|event| (event["type"].as_str().unwrap().to_owned(), event.clone())).collect()
    }

    /// Waits for so many, since the end of a connection is recorded after it.
    pub async fn events_until(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..LOOKS_MAX {
            let events = self.events().await;
            if events.len() >= count {
                return events;
            }
            tokio::task::yield_now().await;
        }
        panic!("there are never {count} events: {:?}", self.events().await);
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub async fn read_head(stream: &mut UnixStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Self { status, head, body: String::new() }
    }

    pub async fn read(stream: &mut UnixStream) -> Self {
        let mut answer = Self::read_head(stream).await;
        let length = answer.head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Status and code.
    pub fn refused(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

pub fn denied() -> (u16, String) {
    (403, "egress_denied".to_owned())
}
