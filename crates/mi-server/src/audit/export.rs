//! The whole record, line by line: a batch is read when the one before was taken.

use std::fmt::Display;

use bytes::Bytes;
use futures_util::stream::{Stream, unfold};
use mi_core::ids::TaskId;
use mi_core::wire::audit::AuditEvent;

use crate::events::chain::CHAIN_BATCH_ROWS;
use crate::events::chain::store::{self as chain, Found};
use crate::house::{House, View};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;

struct Exporter {
    house: House,
    call: Call,
    after: i64,
    /// The last event when the export began; later ones are the next export's.
    up_to: i64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    Over,
}

/// A failure on the way breaks the connection off, so that a part is never taken for the whole.
pub async fn open(
    house: House,
    call: Call,
    after: i64,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send, Fault> {
    let up_to = house.look(&call, |view, _| Ok(view.head.event_seq)).await?;
    let exporter = Exporter { house, call, after, up_to, phase: Phase::Reading };
    Ok(unfold(exporter, |mut exporter| async move {
        let piece = exporter.next().await?;
        Some((piece, exporter))
    }))
}

impl Exporter {
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        if self.phase == Phase::Over {
            return None;
        }
        match self.batch().await {
            Ok(Some(piece)) => Some(Ok(piece)),
            Ok(None) => None,
            Err(fault) => {
                self.phase = Phase::Over;
                tracing::warn!(act = self.call.operation, request_id = self.call.request_id, "{}", fault.sentence);
                Some(Err(std::io::Error::other(fault.sentence)))
            }
        }
    }

    async fn batch(&mut self) -> Result<Option<Bytes>, Fault> {
        let (after, up_to) = (self.after, self.up_to);
        let read =
            move |view: &mut View<'_>, _: &Member| Ok(chain::links(view.tx, view.office, after, CHAIN_BATCH_ROWS)?);
        let links = self.house.look(&self.call, read).await?;
        let mut text = Vec::new();
        for found in links {
            let event = match chain::seq_of(&found, up_to) {
                seq if seq > up_to => break,
                seq => line(found).map_err(|cause| unreadable(seq, &cause))?,
            };
            self.after = event.seq;
            serde_json::to_writer(&mut text, &event).map_err(|cause| unreadable(event.seq, &cause))?;
            text.push(b'\n');
        }
        Ok((!text.is_empty()).then(|| text.into()))
    }
}

/// An export never says less than the record without saying so; what is wrong is what `mi audit verify` is for.
fn unreadable(seq: i64, cause: &dyn Display) -> Fault {
    let mut fault = fault::internal(cause);
    fault.sentence = format!("the export ends early: event {seq} can't be read");
    fault
}

fn line(found: Found) -> Result<AuditEvent, String> {
    let link = found.map_err(|_| "a column holds what can't be in it".to_owned())?;
    let data = serde_json::from_str(&link.data).map_err(|error| error.to_string())?;
    Ok(AuditEvent {
        seq: link.seq,
        created_at: link.at,
        category: link.category,
        kind: link.kind,
        actor: link.actor,
        agent: link.agent,
        task_id: link.task.map(TaskId),
        summary: link.summary,
        data,
        prev: link.prev,
        mac: link.mac,
    })
}
