//! What sessions said.

use mi_core::ids::{ClaimToken, OfficeId};
use mi_core::wire::sessions::Transcript;

use crate::call::{Call, Draft};
use crate::offices::path_of;
use crate::stream::Stream;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Sessions {
    client: Client,
    office: OfficeId,
}

impl Sessions {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    /// A session, and what it said from this item on; `next` and `more` tell how to go on.
    pub fn transcript(&self, session: ClaimToken, from: i64) -> Call<Transcript> {
        let draft = Draft::read(format!("{}/sessions/{session}", path_of(self.office)));
        Call::json(&self.client, draft.query("from", Some(from)))
    }

    /// The same, part after part as it goes on; each message is a `Transcript`, and the last one is of a session that is
    /// over.
    pub fn live(&self, session: ClaimToken) -> Stream {
        Stream::new(&self.client, Draft::read(format!("{}/sessions/{session}/stream", path_of(self.office))))
    }
}
