//! The record of an office: whether it holds, and all of it to take away.

use mi_core::ids::OfficeId;
use mi_core::wire::audit::{AuditReport, CheckExport, CheckReport};
use reqwest::Method;
use tokio::io::AsyncWrite;

use crate::call::{Call, Draft};
use crate::error::ClientError;
use crate::files::Progress;
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Audit {
    client: Client,
    office: OfficeId,
}

impl Audit {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn path(&self, act: &str) -> String {
        format!("{}/audit/{act}", path_of(self.office))
    }

    /// All events, or `most` of them after `after`. However many they are, the answer comes when all were looked at.
    pub fn verify(&self, after: Option<i64>, most: Option<i64>) -> Call<AuditReport> {
        let draft = Draft { answer_within: None, ..Draft::read(self.path("verify")) };
        Call::json(&self.client, draft.query("after", after).query("most", most))
    }

    /// Whether a part of an export is what this server wrote.
    pub fn check(&self, part: &CheckExport) -> Call<CheckReport> {
        // Changes nothing, so it may be repeated without a key.
        let draft = Draft { method: Method::POST, ..Draft::read(self.path("check")) };
        Call::json(&self.client, draft.json(part))
    }

    /// Streams every event to `sink`, one JSON object a line; gives the number of bytes.
    pub async fn export<W: AsyncWrite + Unpin + Send>(
        &self,
        sink: &mut W,
        progress: Progress,
    ) -> Result<u64, ClientError> {
        let draft = Draft { answer_within: None, ..Draft::read(self.path("export")) };
        self.client.pour(&draft, sink, progress).await
    }
}
