//! What an office may still spend.

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::wire::offices::Credits;
use mi_core::wire::usage::{LedgerEntry, LedgerKind};
use reqwest::Method;
use serde::Serialize;

use crate::Paging;
use crate::call::{Answer, Call, Draft};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct CreditsOf {
    client: Client,
    office: OfficeId,
}

#[derive(Serialize)]
struct TopUp<'a> {
    amount: Micro,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl CreditsOf {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    pub fn get(&self) -> Call<Credits> {
        Call::json(&self.client, Draft::read(format!("{}/credits", path_of(self.office))))
    }

    /// The ledger, newest first; only lines of one kind if it is named.
    pub fn history(&self, kind: Option<LedgerKind>, paging: Paging) -> Call<(Vec<LedgerEntry>, u64)> {
        let draft = Draft::read(format!("{}/credits/history", path_of(self.office)));
        let draft = draft.query("kind", kind).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    pub fn add(&self, amount: Micro, reason: Option<&str>) -> Call<Answer> {
        let draft = Draft::write(Method::POST, format!("{}/credits", path_of(self.office)));
        Call::whole(&self.client, draft.json(&TopUp { amount, reason }))
    }
}
