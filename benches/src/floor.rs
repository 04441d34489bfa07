//! What the machine can't do without, measured in the same run: a ratio to it says more than a number from one machine.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::sample::Sample;

/// A page of the store, as a small commit writes it to its log.
const PAGE_BYTES: usize = 4096;
/// So many are written in turn; they exist before anything is measured, as the pages of a log in use do.
const PAGES: u64 = 256;
const PAGES_AT_ONCE: usize = 200;
const HEALTH_WARM_UP: Duration = Duration::from_millis(500);
const HEALTH_TIME: Duration = Duration::from_secs(3);

/// Pages made durable one after another, beside the server's data.
///
/// A disk is not the same from one second to the next, above all one with other users, so a floor is sampled in turn
/// with what stands on it. Pages are rewritten in place: a file that grows costs more than a commit has to.
pub struct Disk {
    file: File,
    next: u64,
}

impl Disk {
    pub fn new() -> Result<Self> {
        let mut file = tempfile::tempfile().context("no temporary file")?;
        for _ in 0..PAGES {
            file.write_all(&[1; PAGE_BYTES])?;
        }
        file.sync_all()?;
        Ok(Self { file, next: 0 })
    }

    /// One page, on disk.
    pub fn write_page(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.file.write_all_at(&[2; PAGE_BYTES], self.next * PAGE_BYTES as u64)?;
        self.file.sync_data().context("the disk refuses to sync")?;
        self.next = (self.next + 1) % PAGES;
        Ok(began.elapsed())
    }

    pub fn write_pages(&mut self, into: &mut Sample) -> Result<()> {
        for _ in 0..PAGES_AT_ONCE {
            into.add(self.write_page()?);
        }
        Ok(())
    }
}

/// The program started and ended, having done nothing.
pub fn start_program(program: &Path) -> Result<Duration> {
    let began = Instant::now();
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("{} --version ended with {status}", program.display());
    }
    Ok(began.elapsed())
}

fn health_request(address: SocketAddr) -> Vec<u8> {
    format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// The smallest request there and back.
pub async fn round_trip(connection: &mut Connection, address: SocketAddr) -> Result<Duration> {
    let request = health_request(address);
    let began = Instant::now();
    connection.send(&request).await?.ok()?;
    Ok(began.elapsed())
}

/// The smallest requests a second over so many connections.
pub async fn health_rate(address: SocketAddr, connections: usize) -> Result<f64> {
    let count_from = Instant::now() + HEALTH_WARM_UP;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(ask_health(address, count_from, count_from + HEALTH_TIME));
    }
    let mut all = 0;
    while let Some(counted) = clients.join_next().await {
        all += counted??;
    }
    Ok(all as f64 / HEALTH_TIME.as_secs_f64())
}

async fn ask_health(address: SocketAddr, from: Instant, until: Instant) -> Result<u64> {
    let mut connection = Connection::open(address).await?;
    let (request, mut count) = (health_request(address), 0);
    loop {
        connection.send(&request).await?.ok()?;
        let now = Instant::now();
        if now >= until {
            return Ok(count);
        }
        count += u64::from(now >= from);
    }
}
