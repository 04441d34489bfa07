//! What becomes of the record with time: its ends are published, and what is older than the history is pruned.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mi_core::ids::OfficeId;
use mi_core::time::{Millis, Time};

use super::heads::{self, End, Head, Room};
use super::store::{self, Tail};
use crate::events::chain::{self, checkpoint};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::fault::{self, Fault};

pub const PUBLISH_MS: i64 = 60_000;
pub const PRUNE_MS: i64 = 60 * 60 * 1_000;
/// Offices that are looked at with one read.
const PAGE_OFFICES: i64 = 500;
/// Events that one transaction removes, and how many transactions an office gets in a round.
const PRUNED_ROWS: i64 = 500;
const PRUNED_BATCHES_MAX: usize = 200;

/// What the sweeps remember between their rounds.
#[derive(Clone, Default)]
pub struct Memory {
    inner: Arc<Mutex<Remembered>>,
}

#[derive(Default)]
struct Remembered {
    /// The newest published end of each office's chain; `None` before the first round.
    published: Option<HashMap<OfficeId, End>>,
    published_at: Option<Time>,
    pruned_at: Option<Time>,
}

impl Memory {
    fn with<T>(&self, read: impl FnOnce(&mut Remembered) -> T) -> T {
        read(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Rounds may come at any time; work is done when its time has come.
fn is_due(last: &mut Option<Time>, now: Time, every: i64) -> bool {
    let due = last.is_none_or(|last| now - last >= Millis(every));
    if due {
        *last = Some(now);
    }
    due
}

/// Writes down where each chain ends that went on since the last time.
pub async fn publish(house: &House, memory: &Memory) -> Result<(), Fault> {
    let now = house.clock.now();
    if !memory.with(|memory| is_due(&mut memory.published_at, now, PUBLISH_MS)) {
        return Ok(());
    }
    let published = publish_all(house, memory, now).await;
    if published.is_err() {
        memory.with(|memory| memory.published_at = None);
    }
    published
}

async fn publish_all(house: &House, memory: &Memory, now: Time) -> Result<(), Fault> {
    let folder = heads::folder(house);
    let known = memory.with(|memory| memory.published.take());
    let (place, begun, keys) = (folder.clone(), known, house.keys.clone());
    let prepared = tokio::task::spawn_blocking(move || match heads::make_room(&place)? {
        Room::Renewed => Ok(HashMap::new()),
        Room::Left => begun.map_or_else(|| heads::newest(&place, &keys), Ok),
    });
    let mut known = prepared.await.map_err(fault::internal)?.map_err(unwritable)?;
    let mut after = String::new();
    loop {
        let page = tails(house, after).await?;
        let Some(last) = page.last() else { break };
        after = last.office.0.simple().to_string();
        let moved: Vec<(OfficeId, Head)> = page
            .into_iter()
            .map(|tail| (tail.office, Head { seq: tail.seq, mac: tail.mac, at: now }))
            .filter(|(office, head)| known.get(office).is_none_or(|(seq, mac)| (*seq, mac) != (head.seq, &head.mac)))
            .collect();
        known.extend(moved.iter().map(|(office, head)| (*office, (head.seq, head.mac.clone()))));
        if moved.is_empty() {
            continue;
        }
        let (place, keys) = (folder.clone(), house.keys.clone());
        let written = tokio::task::spawn_blocking(move || heads::append(&place, &keys, &moved)).await;
        written.map_err(fault::internal)?.map_err(unwritable)?;
    }
    memory.with(|memory| memory.published = Some(known));
    Ok(())
}

fn unwritable(error: std::io::Error) -> Fault {
    fault::io("publishing the heads of the events", &error)
}

async fn tails(house: &House, after: String) -> Result<Vec<Tail>, Fault> {
    house.db.read(move |tx| Ok(store::tails(tx, &after, PAGE_OFFICES)?)).await
}

/// Removes events that are older than the history, and leaves a checkpoint.
pub async fn prune(house: &House, memory: &Memory) -> Result<(), Fault> {
    let now = house.clock.now();
    if !memory.with(|memory| is_due(&mut memory.pruned_at, now, PRUNE_MS)) {
        return Ok(());
    }
    let before = Time(now.0 - house.settings.event_history.0);
    let mut after = String::new();
    loop {
        let page = tails(house, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.office.0.simple().to_string();
        for office in aged(house, &page, before).await? {
            prune_office(house, office, before).await?;
        }
    }
}

async fn aged(house: &House, page: &[Tail], before: Time) -> Result<Vec<OfficeId>, Fault> {
    let offices: Vec<OfficeId> = page.iter().map(|tail| tail.office).collect();
    house
        .db
        .read(move |tx| {
            let mut aged = Vec::new();
            for office in &offices {
                if store::oldest(tx, *office)?.is_some_and(|at| at < before) {
                    aged.push(*office);
                }
            }
            Ok(aged)
        })
        .await
}

async fn prune_office(house: &House, office: OfficeId, before: Time) -> Result<(), Fault> {
    for _ in 0..PRUNED_BATCHES_MAX {
        let keys = house.keys.clone();
        let pruned = house.act_as_server(office, move |act| prune_batch(act, &keys, before)).await;
        match pruned {
            Ok(rows) if rows < PRUNED_ROWS => return Ok(()),
            Ok(_) => {}
            // Deleted meanwhile.
            Err(fault) if fault.code == mi_core::problem::Code::NoSuchOffice => return Ok(()),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Only what still holds is pruned: what is broken stays, as evidence. The newest event always stays.
fn prune_batch(act: &mut Act<'_>, keys: &crate::infra::keys::Keys, before: Time) -> Result<i64, Fault> {
    let mut walk = match chain::begin(act.tx, keys, act.office)? {
        Ok(walk) => walk,
        Err(broken) => return Ok(stays(act, &broken.what)),
    };
    let first = walk.seq;
    for found in chain::store::links(act.tx, act.office, walk.seq, PRUNED_ROWS)? {
        if found.as_ref().is_ok_and(|link| link.at >= before || link.seq >= act.head.event_seq) {
            break;
        }
        if let Err(broken) = walk.step(&found) {
            stays(act, &broken.what);
            break;
        }
    }
    if walk.seq > first {
        checkpoint::prune(act.tx, keys, act.office, walk.seq, walk.mac, act.now)?;
    }
    Ok(walk.seq - first)
}

fn stays(act: &Act<'_>, what: &str) -> i64 {
    tracing::error!(office = %act.office, "old events stay, because their record is broken: {what}");
    0
}
