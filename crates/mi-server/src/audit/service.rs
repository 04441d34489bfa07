//! Verification, in batches: no read of the store lasts long, however long the record is.

use std::collections::BTreeMap;

use mi_core::ids::OfficeId;
use mi_core::wire::audit::{AuditReport, BreakKind, Broken, ChainPoint, Checkpoint, PublishedHead};

use super::heads::{self, Head, Published};
use crate::events::chain::checkpoint::{self, Start};
use crate::events::chain::store::{self as chain, Found as Row, Point};
use crate::events::chain::{CHAIN_BATCH_ROWS, Walk, cut_off, stray};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::keys::Keys;

/// Looks at the events after `after`, at all of them or at so many.
pub async fn verify(house: &House, call: &Call, after: i64, most: Option<i64>) -> Result<AuditReport, Fault> {
    // First what is outside: the store may be ahead of it, never behind.
    let published = heads::read(house, call.office()?).await?;
    let base = base(house, call, after).await?;
    let mut report = base.report(&published);
    let (begun, stray) = (base.begun, base.stray);
    if let Some(broken) = base.broken.or_else(|| published.broken.clone()) {
        return Ok(spoilt(report, broken));
    }
    let Some(begun) = begun else {
        return Err(fault::bad_request(format!("there is no event {after} to go on after")));
    };
    let walk = Walk::after(&house.keys, call.office()?, begun.seq, begun.mac);
    let mut round = Round { house, call, walk, head: report.head.clone(), heads: published.heads, events: 0 };
    let found = round.go(most).await?;
    report.events = round.events;
    Ok(match found {
        Found::Broken(broken) => spoilt(report, broken),
        Found::Next(next) => AuditReport { next: Some(next), ..report },
        Found::End => match stray {
            Some(broken) => spoilt(report, broken),
            None => report,
        },
    })
}

fn spoilt(report: AuditReport, broken: Broken) -> AuditReport {
    AuditReport { ok: false, broken: Some(broken), ..report }
}

/// What stands at the beginning of a verification.
struct Base {
    head: ChainPoint,
    checkpoint: Option<Point>,
    /// The last link that counts as good; `None` if it isn't there.
    begun: Option<ChainPoint>,
    broken: Option<Broken>,
    /// A row outside of the chain, seen in the same moment as its head.
    stray: Option<Broken>,
}

impl Base {
    fn report(&self, published: &Published) -> AuditReport {
        let checkpoint = self.checkpoint.as_ref();
        let newest = published.heads.values().max_by_key(|head| head.seq);
        AuditReport {
            ok: true,
            events: 0,
            first_seq: checkpoint.map_or(1, |point| point.seq + 1),
            head: self.head.clone(),
            checkpoint: checkpoint.map(|point| Checkpoint { seq: point.seq, created_at: point.at }),
            published: newest.map(|head| PublishedHead { seq: head.seq, published_at: head.at }),
            next: None,
            broken: None,
        }
    }
}

async fn base(house: &House, call: &Call, after: i64) -> Result<Base, Fault> {
    let keys = house.keys.clone();
    house.look(call, move |view, _| base_in(view, &keys, after)).await
}

fn base_in(view: &mut View<'_>, keys: &Keys, after: i64) -> Result<Base, Fault> {
    let head = ChainPoint { seq: view.head.event_seq, mac: view.head.event_mac.clone() };
    let mut base = Base { head, checkpoint: None, begun: None, broken: None, stray: None };
    let first = match checkpoint::load(view.tx, keys, view.office)? {
        Start::First => ChainPoint { seq: 0, mac: String::new() },
        Start::Checkpoint(point) => {
            let first = ChainPoint { seq: point.seq, mac: point.mac.clone() };
            base.checkpoint = Some(point);
            first
        }
        Start::Forged(broken) => {
            base.broken = Some(broken);
            return Ok(base);
        }
    };
    base.stray = stray(view.tx, view.office, first.seq, base.head.seq)?;
    base.begun = match after <= first.seq {
        true => Some(first),
        false => chain::link(view.tx, view.office, after)?.map(|link| ChainPoint { seq: link.seq, mac: link.mac }),
    };
    Ok(base)
}

enum Found {
    Broken(Broken),
    Next(i64),
    End,
}

struct Round<'a> {
    house: &'a House,
    call: &'a Call,
    walk: Walk<'a>,
    head: ChainPoint,
    heads: BTreeMap<i64, Head>,
    events: i64,
}

impl Round<'_> {
    async fn go(&mut self, most: Option<i64>) -> Result<Found, Fault> {
        if let Some(broken) = self.lost() {
            return Ok(Found::Broken(broken));
        }
        while self.walk.seq < self.head.seq {
            if most.is_some_and(|most| self.events >= most) {
                return Ok(Found::Next(self.walk.seq));
            }
            let room = most.map_or(CHAIN_BATCH_ROWS, |most| (most - self.events).min(CHAIN_BATCH_ROWS));
            let links = self.batch(room).await?;
            // Events that were written meanwhile are the next verification's.
            let end = self.head.seq;
            let mut links = links.iter().take_while(|found| chain::seq_of(found, end) <= end).peekable();
            if links.peek().is_none() {
                return Ok(Found::Broken(cut_off(self.walk.seq, end)));
            }
            for found in links {
                if let Err(broken) = self.step(found) {
                    return Ok(Found::Broken(broken));
                }
            }
        }
        Ok(Found::End)
    }

    async fn batch(&self, room: i64) -> Result<Vec<Row>, Fault> {
        let seq = self.walk.seq;
        let read = move |view: &mut View<'_>, _: &Member| Ok(chain::links(view.tx, view.office, seq, room)?);
        self.house.look(self.call, read).await
    }

    fn step(&mut self, found: &Row) -> Result<(), Broken> {
        self.walk.step(found)?;
        self.events += 1;
        let (seq, mac) = (self.walk.seq, &self.walk.mac);
        if let Some(head) = self.heads.get(&seq).filter(|head| head.mac != *mac) {
            let what = format!("event {seq} is another than the one published at {}", head.at);
            return Err(Broken { seq, kind: BreakKind::Forked, what });
        }
        if seq == self.head.seq && *mac != self.head.mac {
            let what = format!("the office remembers another event {seq} than the one that is there");
            return Err(Broken { seq, kind: BreakKind::Forked, what });
        }
        Ok(())
    }

    /// More was published than the office remembers: the store is older than it was.
    fn lost(&self) -> Option<Broken> {
        let newest = self.heads.values().next_back().filter(|head| head.seq > self.head.seq)?;
        let what = format!(
            "the office remembers {} events, and event {} was published at {}: the tail was cut off, or an older store put back",
            self.head.seq, newest.seq, newest.at
        );
        Some(Broken { seq: self.head.seq + 1, kind: BreakKind::CutOff, what })
    }
}

/// For the sweep: the tag of a published head.
pub(super) fn head_tag(keys: &Keys, office: OfficeId, head: &Head) -> String {
    let at = head.at.to_string();
    let fields: [&[u8]; 4] = [office.0.as_bytes(), &head.seq.to_be_bytes(), head.mac.as_bytes(), at.as_bytes()];
    hex::encode(keys.mac("published-head", &fields))
}
