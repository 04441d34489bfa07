//! Live streams: messages as they come, over breaks of the connection.
//!
//! After a break the client comes back with the id of the last message, so nothing is missed and nothing told twice;
//! where the server can't keep that, it sends a message `reset`.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::Response;

use crate::call::Draft;
use crate::error::ClientError;
use crate::transport::Client;

/// How long to wait before coming back, unless told otherwise.
const PAUSE: Duration = Duration::from_secs(1);
/// Tries in a row at which nobody answers, before the server counts as gone.
const TRIES_MAX: u32 = 30;
/// A message of ours is far smaller.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One message of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// By which the stream is resumed after it.
    pub id: Option<String>,
    /// Its name; `message` where it has none.
    pub event: String,
    pub data: String,
}

impl Message {
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_str(&self.data).map_err(|fault| ClientError::Decode { what: fault.to_string() })
    }
}

/// A stream that comes back by itself.
#[derive(Debug)]
pub struct Stream {
    client: Client,
    draft: Draft,
    pause: Duration,
    open: Option<Response>,
    parser: Parser,
    tries: u32,
}

impl Stream {
    pub(crate) fn new(client: &Client, draft: Draft) -> Self {
        let draft = Draft { answer_within: None, ..draft };
        Self { client: client.clone(), draft, pause: PAUSE, open: None, parser: Parser::default(), tries: 0 }
    }

    /// How long it waits before it comes back after a break.
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The next message, however long that takes. An error is final: the server said no, or is gone.
    pub async fn next(&mut self) -> Result<Message, ClientError> {
        loop {
            if let Some(message) = self.parser.take()? {
                self.tries = 0;
                self.draft.last_event_id = message.id.clone().or(self.draft.last_event_id.take());
                return Ok(message);
            }
            if let Err(fault) = self.read_on().await {
                self.pause_after(fault).await?;
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), ClientError> {
        let mut response = match self.open.take() {
            Some(response) => response,
            None => self.client.open(&self.draft).await?,
        };
        match response.chunk().await {
            Ok(Some(chunk)) => {
                self.parser.bytes.extend_from_slice(&chunk);
                self.open = Some(response);
                Ok(())
            }
            // The server ended it, or it broke; half a message counts for nothing.
            Ok(None) => {
                self.parser = Parser::default();
                self.wait().await;
                Ok(())
            }
            Err(cause) => {
                self.parser = Parser::default();
                Err(self.client.unreachable(cause))
            }
        }
    }

    async fn pause_after(&mut self, fault: ClientError) -> Result<(), ClientError> {
        let passes = fault.is_unreachable() || fault.status() == Some(503);
        if !passes || self.tries >= TRIES_MAX {
            return Err(fault);
        }
        self.wait().await;
        Ok(())
    }

    async fn wait(&mut self) {
        self.tries += 1;
        tokio::time::sleep(self.pause).await;
    }
}

/// Bytes on their way to messages.
#[derive(Debug, Default)]
struct Parser {
    bytes: BytesMut,
}

impl Parser {
    /// The first whole message; what is none (comments, the head) is passed over.
    fn take(&mut self) -> Result<Option<Message>, ClientError> {
        while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
            let text = self.bytes.split_to(end + 2);
            if let Some(message) = read(&String::from_utf8_lossy(&text)) {
                return Ok(Some(message));
            }
        }
        if self.bytes.len() > MESSAGE_BYTES_MAX {
            return Err(ClientError::Decode { what: format!("a message is longer than {MESSAGE_BYTES_MAX} bytes") });
        }
        Ok(None)
    }
}

/// `None` for what holds no data.
fn read(text: &str) -> Option<Message> {
    let mut message = Message { event: "message".to_owned(), ..Message::default() };
    let mut data: Vec<&str> = Vec::new();
    for line in text.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => message.id = Some(value.to_owned()),
            "event" => message.event = value.to_owned(),
            "data" => data.push(value),
            _ => {}
        }
    }
    message.data = data.join("\n");
    (!data.is_empty()).then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let text = "retry: 1000\n\n: still here\n\nid: 7\ndata: {\"a\":1}\n\nevent: log\nid: 8-2\ndata:two\ndata: lines\n\nid: 9\ndata: ha";
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                parser.bytes.extend_from_slice(piece);
                while let Some(message) = parser.take().unwrap() {
                    found.push((message.id.unwrap(), message.event, message.data));
                }
            }
            let own = |id: &str, event: &str, data: &str| (id.to_owned(), event.to_owned(), data.to_owned());
            assert_eq!(found, [own("7", "message", "{\"a\":1}"), own("8-2", "log", "two\nlines")], "{size}");
        }
    }
}
