//! Many clients at work in an office of their own while the server is killed; everything they saw is written down.
//!
//! They create tasks and tasks that wait for them, claim, note, renew, finish, fail, block, give back, cancel, judge and
//! retry, repeat most of what isn't answered, and now and then write with a claim that is long over.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use mi_core::limits::LEASE_SECONDS_DEFAULT;
use testkit::history::{Deed, Recorder, Violation, Write, check};
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::client::{Client, Patience};
use crate::http::Connection;
use crate::lives::Held;
use crate::memory::{self, Depth};
use crate::office::Office;

const THINKS_MS: Range<u64> = 0..60;
const CLAIM_WAIT_SECONDS: u32 = 1;
/// One in so many requests is not repeated when its answer is lost.
const GIVES_UP_ONE_IN: u64 = 4;
/// Claims that are over, kept to write with them again.
const OLD_CLAIMS_MAX: usize = 16;

pub struct Load {
    office: Office,
    recorder: Recorder,
    over: Arc<AtomicBool>,
    clients: JoinSet<Result<()>>,
}

/// What was seen and what is wrong with it.
pub struct Found {
    pub deeds: usize,
    pub acknowledged: usize,
    pub unanswered: usize,
    pub refused_as_stale: usize,
    pub claims: usize,
    pub violations: Vec<Violation>,
}

struct Worker {
    client: Client,
    chance: Chance,
    over: Arc<AtomicBool>,
    old: Vec<Held>,
    created: u64,
}

impl Load {
    pub async fn begin(office: Office, clients: usize, seed: u64) -> Result<Self> {
        let (recorder, over) = (Recorder::default(), Arc::new(AtomicBool::new(false)));
        let lease = Duration::from_secs(LEASE_SECONDS_DEFAULT.unsigned_abs());
        let mut running = JoinSet::new();
        for (number, agent) in office.hire_stopped("client", clients).await?.into_iter().enumerate() {
            let client = Client::new(number, agent.as_str(), &office.pen, &recorder, lease);
            let chance = Chance::stream(seed, 1_000 + number as u64);
            let worker = Worker { client, chance, over: Arc::clone(&over), old: Vec::new(), created: 0 };
            running.spawn(worker.live());
        }
        Ok(Self { office, recorder, over, clients: running })
    }

    /// Lets every client hear its last answer, and checks what all of them saw.
    pub async fn end(mut self) -> Result<Found> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended?.context("a client gave up")?;
        }
        let mut connection = Connection::open(self.office.pen.address()).await?;
        let memory = memory::recall(&mut connection, &self.office.pen, Depth::Whole).await?;
        let history = self.recorder.history();
        let count = |wanted: fn(&Deed) -> bool| history.iter().filter(|deed| wanted(deed)).count();
        Ok(Found {
            deeds: history.len(),
            acknowledged: count(|deed| deed.said.is_yes()),
            unanswered: count(|deed| deed.ended.is_none()),
            refused_as_stale: count(is_stale),
            claims: count(|deed| matches!(deed.said, testkit::history::Said::Granted { .. })),
            violations: check(&history, &memory),
        })
    }
}

fn is_stale(deed: &Deed) -> bool {
    matches!(&deed.said, testkit::history::Said::No { code, .. } if code == "stale_claim")
}

impl Worker {
    async fn live(mut self) -> Result<()> {
        while !self.over.load(Ordering::Relaxed) {
            self.create().await?;
            if let Some(held) = self.client.claim(CLAIM_WAIT_SECONDS).await? {
                self.work(held).await?;
                self.remember(held);
            }
            self.write_late().await?;
        }
        Ok(())
    }

    async fn think(&mut self) {
        tokio::time::sleep(self.chance.millis(THINKS_MS)).await;
    }

    fn patience(&mut self) -> Patience {
        if self.chance.within(0..GIVES_UP_ONE_IN) == 0 { Patience::GivesUp } else { Patience::Repeats }
    }

    /// One, and sometimes one more that waits for it.
    async fn create(&mut self) -> Result<()> {
        self.created += 1;
        let (title, patience) = (format!("job {}-{}", self.client.number, self.created), self.patience());
        let first = self.client.create(&title, &[], patience).await?;
        if let Some(first) = first.filter(|_| self.chance.within(0..3) == 0) {
            self.client.create(&format!("{title} then"), &[first], Patience::Repeats).await?;
        }
        Ok(())
    }

    async fn work(&mut self, held: Held) -> Result<()> {
        self.think().await;
        let text = format!("note of claim {} on task {}", held.token, held.id);
        match self.chance.within(0..4) {
            0 => self.note(held, Write::Log(text)).await?,
            1 => self.note(held, Write::Comment(text)).await?,
            2 => self.note(held, Write::Renew).await?,
            _ => self.note(held, Write::Start).await?,
        }
        self.think().await;
        self.finish(held).await
    }

    async fn note(&mut self, held: Held, write: Write) -> Result<()> {
        let patience = self.patience();
        self.client.write(held, write, patience).await?;
        Ok(())
    }

    async fn finish(&mut self, held: Held) -> Result<()> {
        let Held { id, token } = held;
        let done = Write::Done(format!("task {id} done by claim {token}"));
        match self.chance.within(0..20) {
            0 => {
                self.note(held, Write::Fail(format!("claim {token} gave up"))).await?;
                self.client.retry(id, Patience::Repeats).await?;
            }
            1 => self.note(held, Write::Release).await?,
            2 => {
                self.note(held, Write::Block).await?;
                self.client.unblock(id).await?;
            }
            3 => {
                self.client.cancel(id, Patience::Repeats).await?;
                self.note(held, done).await?;
            }
            4 => {
                self.note(held, done).await?;
                let (accepted, patience) = (self.chance.within(0..2) == 0, self.patience());
                self.client.verify(id, accepted, patience).await?;
            }
            _ => self.note(held, done).await?,
        }
        // Whoever doesn't know whether it was heard says it again before it takes more.
        self.client.write(held, Write::Release, Patience::Repeats).await?;
        Ok(())
    }

    fn remember(&mut self, held: Held) {
        if self.old.len() == OLD_CLAIMS_MAX {
            self.old.remove(0);
        }
        self.old.push(held);
    }

    /// With a claim that is over: it must be refused.
    async fn write_late(&mut self) -> Result<()> {
        if self.old.is_empty() || self.chance.within(0..5) != 0 {
            return Ok(());
        }
        let place = self.chance.within(0..self.old.len() as u64);
        let old = self.old[usize::try_from(place)?];
        let write = match self.chance.within(0..3) {
            0 => Write::Log("too late".to_owned()),
            1 => Write::Renew,
            _ => Write::Fail("too late".to_owned()),
        };
        self.client.write(old, write, Patience::Repeats).await?;
        Ok(())
    }
}
