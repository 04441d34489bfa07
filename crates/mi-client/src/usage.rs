//! What models were used, and what that cost.

use mi_core::ids::OfficeId;
use mi_core::time::Time;
use mi_core::wire::usage::{LlmCall, LlmSummary, UsageBy, UsageRow, UsageSummary};

use crate::Paging;
use crate::call::{Call, Draft};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Usage {
    client: Client,
    office: OfficeId,
}

impl Usage {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    /// Summed by agent, task, model or day, from the day of `since` on.
    pub fn sums(&self, by: UsageBy, since: Option<Time>, paging: Paging) -> Call<(Vec<UsageRow>, u64)> {
        let draft = Draft::read(format!("{}/usage", path_of(self.office))).query("by", Some(by)).query("since", since);
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }

    pub fn summary(&self) -> Call<UsageSummary> {
        Call::json(&self.client, Draft::read(format!("{}/usage/summary", path_of(self.office))))
    }

    pub fn current(&self) -> Call<UsageSummary> {
        Call::json(&self.client, Draft::read(format!("{}/usage/current", path_of(self.office))))
    }

    pub fn llm_summary(&self) -> Call<LlmSummary> {
        Call::json(&self.client, Draft::read(format!("{}/usage/llm/summary", path_of(self.office))))
    }

    pub fn llm(&self, paging: Paging) -> Call<(Vec<LlmCall>, u64)> {
        let draft = Draft::read(format!("{}/usage/llm", path_of(self.office)));
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }
}
