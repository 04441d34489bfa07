//! The events of a Responses stream as bytes, each with its number.

use serde::Serialize;

#[derive(Debug, Default)]
pub struct Events {
    sent: u64,
    out: Vec<u8>,
}

#[derive(Serialize)]
struct Event<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    fields: T,
}

impl Events {
    pub fn push(&mut self, kind: &str, fields: impl Serialize) {
        let event = Event { kind, sequence_number: self.sent, fields };
        // Invariant: what is written here are maps with text as keys, so this doesn't fail.
        if let Ok(text) = serde_json::to_string(&event) {
            self.out.extend_from_slice(format!("event: {kind}\ndata: {text}\n\n").as_bytes());
            self.sent += 1;
        }
    }

    /// A sign of life, so that nobody on the way takes the connection for dead.
    pub fn comment(&mut self) {
        self.out.extend_from_slice(b":\n\n");
    }

    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}
