//! How long a freed task lies there while an agent waits for one.
//!
//! Freed in two ways: created for the agent, and unblocked by the end of the task that it depends on. The whole time
//! runs from sending the request that frees the task to the answer that hands it over, both durable writes included;
//! `after` begins only when the request that frees it was answered, so it leaves the first write out.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Plan;
use crate::floor::{self, Disk};
use crate::http::Connection;
use crate::lives::{self, Held};
use crate::office::Office;
use crate::procfs;
use crate::sample::{Sample, each};
use crate::server::Server;

/// So long the claim has to be parked before the task is freed.
const PARKED_AFTER: Duration = Duration::from_millis(10);
const WAIT_SECONDS: u32 = 60;

#[derive(Default)]
pub struct Handover {
    pub whole: Sample,
    /// From the answer of the request that freed it; zero where the agent heard first.
    pub after: Sample,
}

pub struct Handovers {
    pub created: Handover,
    pub unblocked: Handover,
    /// A page on disk and a round trip, in turn with the handovers.
    pub floor: Sample,
    pub cpu_each: Duration,
}

/// Who waits, who frees.
struct Stage<'a> {
    office: &'a Office,
    waiter: &'a str,
    helper: &'a str,
    waiting: Connection,
    freeing: Connection,
}

pub async fn measure(plan: &Plan, server: &Server, office: &Office, agents: &[String]) -> Result<Handovers> {
    let [waiter, helper, ..] = agents else { anyhow::bail!("two agents are needed, so two connections or more") };
    let (waiting, freeing) = (Connection::open(server.address()).await?, Connection::open(server.address()).await?);
    let mut stage = Stage { office, waiter, helper, waiting, freeing };
    let (mut created, mut unblocked) = (Handover::default(), Handover::default());
    let (mut floor, mut disk) = (Sample::default(), Disk::new()?);
    let before = procfs::cpu_time(server.pid())?;
    for _ in 0..plan.handovers {
        stage.create(&mut created).await?;
        stage.unblock(&mut unblocked).await?;
        floor.add(disk.write_page()? + floor::round_trip(&mut stage.freeing, server.address()).await?);
    }
    let cpu = procfs::cpu_time(server.pid())? - before;
    Ok(Handovers { created, unblocked, floor, cpu_each: each(cpu, 2 * plan.handovers as u64) })
}

impl Stage<'_> {
    async fn create(&mut self, into: &mut Handover) -> Result<()> {
        let free = self.office.pen.create_for("created while somebody waits", self.waiter);
        self.measure(&free, into).await
    }

    /// The helper holds the task that the waiter's depends on, and finishes it.
    async fn unblock(&mut self, into: &mut Handover) -> Result<()> {
        let pen = &self.office.pen;
        let first = lives::created(&mut self.freeing, &pen.create_for("comes first", self.helper)).await?;
        lives::created(&mut self.freeing, &pen.create_after("comes second", self.waiter, first)).await?;
        let held = lives::claimed(&mut self.freeing, &pen.claim(self.helper, 0)).await?;
        let free = pen.finish(held.context("the helper got no task")?, "it came first");
        self.measure(&free, into).await
    }

    async fn measure(&mut self, free: &[u8], into: &mut Handover) -> Result<()> {
        let claim = self.office.pen.claim(self.waiter, WAIT_SECONDS);
        let (waiting, freeing) = (&mut self.waiting, &mut self.freeing);
        let (held, freed) = tokio::join!(take(waiting, &claim), let_go(freeing, free));
        let ((held, held_at), (sent_at, answered_at)) = (held?, freed?);
        into.whole.add(held_at.saturating_duration_since(sent_at));
        into.after.add(held_at.saturating_duration_since(answered_at));
        lives::finished(&mut self.waiting, &self.office.pen.finish(held, "handed over")).await
    }
}

async fn take(connection: &mut Connection, claim: &[u8]) -> Result<(Held, Instant)> {
    let held = lives::claimed(connection, claim).await?;
    Ok((held.context("the waiting agent got no task")?, Instant::now()))
}

async fn let_go(connection: &mut Connection, free: &[u8]) -> Result<(Instant, Instant)> {
    tokio::time::sleep(PARKED_AFTER).await;
    let sent_at = Instant::now();
    connection.send(free).await?.ok().context("the task can't be freed")?;
    Ok((sent_at, Instant::now()))
}
