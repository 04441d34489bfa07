//! The server itself, and who its caller is.

use mi_core::roles::{RoleTemplate, Skill};
use mi_core::wire::offices::WhoAmI;
use reqwest::Method;
use serde_json::Value;

use crate::call::{Answer, Call, Draft};
use crate::error::ClientError;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Server {
    client: Client,
}

impl Server {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    pub fn whoami(&self) -> Call<WhoAmI> {
        Call::json(&self.client, Draft::read("/api/v1/whoami".to_owned()))
    }

    /// The templates that an agent's role may name.
    pub fn roles(&self) -> Call<(Vec<RoleTemplate>, u64)> {
        Call::list(&self.client, Draft::read("/api/v1/roles".to_owned()))
    }

    /// The skills that an agent may be given.
    pub fn skills(&self) -> Call<(Vec<Skill>, u64)> {
        Call::list(&self.client, Draft::read("/api/v1/skills".to_owned()))
    }

    /// The process is up.
    pub fn healthz(&self) -> Call<Answer> {
        Call::whole(&self.client, Draft::read("/healthz".to_owned()))
    }

    /// It can do its work; else a problem says which part can't.
    pub fn readyz(&self) -> Call<Answer> {
        Call::whole(&self.client, Draft::read("/readyz".to_owned()))
    }

    /// Any call, for what has no method here. `path` starts with a slash and may hold a query.
    pub fn raw(&self, method: Method, path: &str, body: Option<&Value>) -> Call<Answer> {
        Call::whole(&self.client, raw_draft(method, path, body))
    }

    /// The same for a call that the server may hold back for so long.
    pub fn raw_parked(&self, method: Method, path: &str, body: Option<&Value>, seconds: i64) -> Call<Answer> {
        Call::whole(&self.client, raw_draft(method, path, body).map(|draft| draft.parked(seconds)))
    }
}

fn raw_draft(method: Method, path: &str, body: Option<&Value>) -> Result<Draft, ClientError> {
    if !path.starts_with('/') {
        return Err(ClientError::Request { what: "the path starts with a slash".to_owned() });
    }
    let reads = method == Method::GET || method == Method::HEAD;
    let draft =
        if reads { Draft { method, ..Draft::read(path.to_owned()) } } else { Draft::write(method, path.to_owned()) };
    match body {
        None => Ok(draft),
        Some(body) => draft.json(body),
    }
}
