//! Offices (= colonies).

use mi_core::ids::OfficeId;
use mi_core::wire::offices::{CreateOffice, Office, OfficeOverview, Settings};
use reqwest::Method;
use serde_json::Value;

use crate::Paging;
use crate::call::{Call, Draft};
use crate::transport::Client;

const OFFICES: &str = "/api/v1/offices";

/// Where everything of one office lives.
pub(crate) fn path_of(office: OfficeId) -> String {
    format!("{OFFICES}/{office}")
}

#[derive(Debug, Clone)]
pub struct Offices {
    client: Client,
}

impl Offices {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    pub fn list(&self, paging: Paging) -> Call<(Vec<Office>, u64)> {
        let draft = Draft::read(OFFICES.to_owned()).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    pub fn create(&self, office: &CreateOffice) -> Call<Office> {
        Call::json(&self.client, Draft::write(Method::POST, OFFICES.to_owned()).json(office))
    }

    pub fn get(&self, office: OfficeId) -> Call<Office> {
        Call::json(&self.client, Draft::read(path_of(office)))
    }

    pub fn delete(&self, office: OfficeId) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, path_of(office)))
    }

    pub fn status(&self, office: OfficeId) -> Call<OfficeOverview> {
        Call::json(&self.client, Draft::read(format!("{}/status", path_of(office))))
    }

    pub fn settings(&self, office: OfficeId) -> Call<Settings> {
        Call::json(&self.client, Draft::read(format!("{}/settings", path_of(office))))
    }

    /// Merges `changes`, an object, into the settings.
    pub fn update_settings(&self, office: OfficeId, changes: &Value) -> Call<Settings> {
        let draft = Draft::write(Method::PATCH, format!("{}/settings", path_of(office)));
        Call::json(&self.client, draft.json(changes))
    }

    pub fn suspend(&self, office: OfficeId) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::POST, format!("{}/suspend", path_of(office))))
    }

    pub fn resume(&self, office: OfficeId) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::POST, format!("{}/resume", path_of(office))))
    }
}
