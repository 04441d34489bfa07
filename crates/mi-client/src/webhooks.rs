//! Webhooks of an office.

use mi_core::ids::OfficeId;
use mi_core::wire::webhooks::{CreateWebhook, Delivery, Webhook};
use reqwest::Method;

use crate::Paging;
use crate::call::{Call, Draft};
use crate::offices::path_of;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Webhooks {
    client: Client,
    office: OfficeId,
}

impl Webhooks {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/webhooks", path_of(self.office))
    }

    fn one(&self, id: i64) -> String {
        format!("{}/{id}", self.all())
    }

    pub fn list(&self) -> Call<(Vec<Webhook>, u64)> {
        Call::list(&self.client, Draft::read(self.all()))
    }

    /// The answer holds the secret, and no other one does.
    pub fn create(&self, wish: &CreateWebhook) -> Call<Webhook> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(wish))
    }

    pub fn delete(&self, id: i64) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, self.one(id)))
    }

    pub fn enable(&self, id: i64) -> Call<Webhook> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/enable", self.one(id))))
    }

    pub fn test(&self, id: i64) -> Call<Delivery> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/test", self.one(id))))
    }

    /// The newest first.
    pub fn deliveries(&self, id: i64, paging: Paging) -> Call<(Vec<Delivery>, u64)> {
        let draft = Draft::read(format!("{}/deliveries", self.one(id)));
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }

    pub fn redeliver(&self, id: i64, n: i64) -> Call<Delivery> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/deliveries/{n}/redeliver", self.one(id))))
    }
}
