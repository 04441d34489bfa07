//! What the gateway adds to a model call: to its first byte, and to the server's load while many stream.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_client::Paging;
use mi_core::wire::tasks::CreateTask;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::report::{Figure, Unit};
use crate::http::find;
use crate::office::Office;
use crate::procfs;
use crate::provider::{Answer, Provider};
use crate::sample::Sample;
use crate::server::{self, Manner, Server, Site};
use crate::verdict::Verdict;

/// Added to the first byte: one of the two may be the larger.
const ADDED_MS_MAX: f64 = 2.0;
const ADDED_OVER_SYNC_MS_MAX: f64 = 1.5;
const SERVER_PERCENT_MAX: f64 = 10.0;
const PIECES_PER_SECOND: u32 = 50;
/// Fewer than its share of calls.
const STREAMS_OF_AN_OFFICE: usize = 50;
const SYNCS: usize = 200;
const SYNC_BYTES: usize = 4 * 1024;
const WARM_UP: usize = 20;
const LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const KEY_FILE: &str = "credential";

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    /// Calls measured, one after another, by each of both ways.
    pub calls: usize,
    pub streams: usize,
    pub seconds: u32,
}

pub async fn prove(plan: &Plan) -> Result<Verdict> {
    let short = Provider::start(Answer::Stream { pieces: 3, every: Duration::ZERO }).await?;
    let mut verdict = Verdict::default();
    let manner = manner(plan, &short);
    server::during(&manner, async |server, site| first_bytes(plan, &short, server, site, &mut verdict).await).await?;
    let every = Duration::from_secs(1) / PIECES_PER_SECOND;
    let long = Provider::start(Answer::Stream { pieces: plan.seconds * PIECES_PER_SECOND, every }).await?;
    let manner = self::manner(plan, &long);
    server::during(&manner, async |server, site| load(plan, server, site, &mut verdict).await).await?;
    Ok(verdict)
}

fn manner(plan: &Plan, provider: &Provider) -> Manner {
    let mut environment = provider.environment();
    environment.push(("MI_INITIAL_CREDITS".to_owned(), "1000000".to_owned()));
    environment.push(("MI_POD_MINUTE_CREDITS".to_owned(), "0".to_owned()));
    Manner { pods: "process".to_owned(), environment, ..plan.manner.clone() }
}

async fn first_bytes(
    plan: &Plan,
    provider: &Provider,
    server: &Server,
    site: &Site,
    verdict: &mut Verdict,
) -> Result<()> {
    let credential = credential(server, site).await?;
    let mut direct = Caller::open(provider.address, "/v1/chat/completions", "sk-proof").await?;
    let mut through = Caller::open(server.address(), "/llm/openai/v1/chat/completions", &credential).await?;
    let (mut near, mut far) = (Sample::default(), Sample::default());
    for call in 0..WARM_UP + plan.calls {
        let (short, long) = (direct.call().await?, through.call().await?);
        if call >= WARM_UP {
            near.add(short);
            far.add(long);
        }
    }
    let sync = sync_ms(&site.data_dir())?;
    let added = far.p50_ms() - near.p50_ms();
    let aim = ADDED_MS_MAX.max(sync + ADDED_OVER_SYNC_MS_MAX);
    let figure = Figure::new("added to the first byte of a call, p50", Unit::Millis, added);
    verdict.report.add(figure.at_most(aim).floor(sync, "one fdatasync"));
    verdict.report.note("the first byte without the gateway, p50 ms", near.p50_ms());
    verdict.report.note("with it, p50 ms", far.p50_ms());
    verdict.report.note("with it, p99 ms", far.p99_ms());
    Ok(())
}

async fn load(plan: &Plan, server: &Server, site: &Site, verdict: &mut Verdict) -> Result<()> {
    let (mut streams, mut credential) = (JoinSet::new(), String::new());
    for stream in 0..plan.streams {
        if stream % STREAMS_OF_AN_OFFICE == 0 {
            credential = self::credential(server, site).await?;
        }
        let path = "/llm/openai/v1/chat/completions";
        let mut caller = Caller::open(server.address(), path, &credential).await?;
        streams.spawn(async move { caller.call().await });
    }
    // All of them are under way, and none is at its end.
    let (before, after) = (Duration::from_secs(1), Duration::from_secs(u64::from(plan.seconds) - 2));
    tokio::time::sleep(before).await;
    let (began, used) = (Instant::now(), procfs::cpu_time(server.pid())?);
    tokio::time::sleep(after).await;
    let used = procfs::cpu_time(server.pid())?.checked_sub(used).context("time ran back")?;
    let percent = used.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    let mut through = 0_usize;
    while let Some(ended) = streams.join_next().await {
        ended??;
        through += 1;
    }
    let name = format!("the server at {} streams of {PIECES_PER_SECOND} tokens/s", plan.streams);
    verdict.report.add(Figure::new(&name, Unit::Percent, percent).at_most(SERVER_PERCENT_MAX));
    if through != plan.streams {
        verdict.violations.push(format!("{through} of {} streams came to their end", plan.streams));
    }
    Ok(())
}

/// Of a live session: its agent writes it down and goes on sleeping.
async fn credential(server: &Server, site: &Site) -> Result<String> {
    let office = Office::open(server, site).await?;
    let command = format!("printf %s \"$MI_API_KEY\" > {KEY_FILE}.new && mv {KEY_FILE}.new {KEY_FILE} && sleep 3600");
    let name = office.hire("caller", &command).await?;
    let task = CreateTask { title: "hold the line".to_owned(), ..CreateTask::default() };
    office.client.tasks(office.id).create(&task).await?;
    let (agents, _) = office.client.agents(office.id).list(Paging::default()).await?;
    let agent = agents.iter().find(|agent| agent.name == name).context("the agent is gone")?;
    let folder = site.data_dir().join("offices").join(office.id.0.simple().to_string()).join("workspaces");
    let file = folder.join(agent.id.0.simple().to_string()).join(KEY_FILE);
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if let Ok(credential) = std::fs::read_to_string(&file) {
            return Ok(credential);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    bail!("the agent wrote nothing down within {LIMIT:?}")
}

/// One kept connection over which streamed calls are made.
struct Caller {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Caller {
    async fn open(address: SocketAddr, path: &str, key: &str) -> Result<Self> {
        const BODY: &str = r#"{"model":"m","stream":true,"max_tokens":64,"messages":[{"role":"user","content":"go"}]}"#;
        let stream = TcpStream::connect(address).await.context("nobody takes the connection")?;
        stream.set_nodelay(true)?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        Ok(Self { stream, request: request.into_bytes(), buffer: Vec::new() })
    }

    /// Until the first byte of the answer's body; the rest is read as well.
    async fn call(&mut self) -> Result<Duration> {
        self.buffer.clear();
        let began = Instant::now();
        self.stream.write_all(&self.request).await?;
        let mut first = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the answer broke off: {}", String::from_utf8_lossy(&self.buffer));
            }
            if first.is_none() && find(&self.buffer, b"data:").is_some() {
                first = Some(began.elapsed());
            }
            if self.buffer.ends_with(b"\r\n0\r\n\r\n") {
                return first.with_context(|| format!("no answer: {}", String::from_utf8_lossy(&self.buffer)));
            }
            if !self.buffer.starts_with(b"HTTP/1.1 200") {
                bail!("refused: {}", String::from_utf8_lossy(&self.buffer));
            }
        }
    }
}

/// What the disk alone takes for one write that must last.
fn sync_ms(folder: &Path) -> Result<f64> {
    let path = folder.join("sync-probe");
    let mut file: File = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let (page, mut sample) = (vec![0_u8; SYNC_BYTES], Sample::default());
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        sample.add(began.elapsed());
    }
    std::fs::remove_file(&path)?;
    Ok(sample.p50_ms())
}
