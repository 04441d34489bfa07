//! What an office may still spend.

use mi_core::credits::Micro;
use mi_core::ids::OfficeId;
use mi_core::wire::offices::Credits;
use reqwest::Method;
use serde::Serialize;

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

    pub fn add(&self, amount: Micro, reason: Option<&str>) -> Call<Answer> {
        let draft = Draft::write(Method::POST, format!("{}/credits", path_of(self.office)));
        Call::whole(&self.client, draft.json(&TopUp { amount, reason }))
    }
}
