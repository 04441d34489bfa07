//! Events of an office: its history, and what happens now.

use bytes::BytesMut;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::wire::events::Event;
use reqwest::Response;

use crate::Paging;
use crate::call::{Call, Draft};
use crate::error::ClientError;
use crate::offices::path_of;
use crate::stream::Stream;
use crate::transport::Client;

/// A line of a stream that is longer than this is not one of ours.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only events after this one.
    pub since: Option<i64>,
    pub category: Option<String>,
    pub task: Option<TaskId>,
    pub paging: Paging,
}

#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
    office: OfficeId,
}

impl Events {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    /// After the event `since`, the oldest first.
    pub fn list(&self, since: Option<i64>, category: Option<&str>, paging: Paging) -> Call<(Vec<Event>, u64)> {
        let draft = Draft::read(format!("{}/events", path_of(self.office)))
            .query("since", since)
            .query("category", category)
            .query("limit", paging.limit)
            .query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    /// Those that the filter lets through, the oldest first.
    pub fn filtered(&self, filter: &EventFilter) -> Call<(Vec<Event>, u64)> {
        let draft = Draft::read(format!("{}/events", path_of(self.office)))
            .query("since", filter.since)
            .query("category", filter.category.clone())
            .query("task", filter.task)
            .query("limit", filter.paging.limit)
            .query("offset", filter.paging.offset);
        Call::list(&self.client, draft)
    }

    /// What happens from now on, or what came after an event; comes back by itself after a break.
    pub fn live(&self, since: Option<i64>) -> Stream {
        let draft = Draft::read(format!("{}/events/stream", path_of(self.office)));
        Stream::new(&self.client, draft.query("since", since))
    }

    /// From after event `after`, else from now on. A stream that ends is followed anew from `EventStream::last`.
    pub async fn follow(&self, after: Option<i64>) -> Result<EventStream, ClientError> {
        let draft = Draft::read(format!("{}/events/stream", path_of(self.office))).query("since", after);
        let response = self.client.open(&Draft { answer_within: None, ..draft }).await?;
        Ok(EventStream { client: self.client.clone(), response, read: BytesMut::new(), last: after, is_reset: false })
    }
}

/// Events as they happen.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    response: Response,
    read: BytesMut,
    last: Option<i64>,
    /// The message that is being read is a `reset`.
    is_reset: bool,
}

/// One event, and the JSON it came as.
#[derive(Debug, Clone)]
pub struct Told {
    pub event: Event,
    pub json: String,
}

impl EventStream {
    /// `None` when the server ended the stream. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Told>, ClientError> {
        loop {
            while let Some(line) = self.line()? {
                // The server said that a part is gone: no event of the office, and what follows goes on.
                self.is_reset |= line.trim_end() == "event: reset";
                let Some(json) = line.strip_prefix("data:") else { continue };
                if std::mem::take(&mut self.is_reset) {
                    continue;
                }
                let json = json.trim_start().to_owned();
                let event: Event =
                    serde_json::from_str(&json).map_err(|fault| ClientError::Decode { what: fault.to_string() })?;
                self.last = Some(event.seq);
                return Ok(Some(Told { event, json }));
            }
            match self.response.chunk().await.map_err(|cause| self.client.unreachable(cause))? {
                Some(chunk) => self.read.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// The number of the last event that was read.
    pub fn last(&self) -> Option<i64> {
        self.last
    }

    /// The next whole line of what was read.
    fn line(&mut self) -> Result<Option<String>, ClientError> {
        let Some(end) = self.read.iter().position(|byte| *byte == b'\n') else {
            return match self.read.len() {
                length if length > LINE_BYTES_MAX => {
                    Err(ClientError::Decode { what: format!("a line of the stream is over {LINE_BYTES_MAX} bytes") })
                }
                _ => Ok(None),
            };
        };
        let line = self.read.split_to(end + 1);
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }
}
