//! Agents that live elsewhere, and whoever signs what they send.

use mi_core::ids::AgentId;
use mi_core::signing::keys::PrivateKey;
use mi_core::signing::payload::{self, Request, sha256_hex};
use mi_core::time::Time;
use serde_json::json;
use uuid::Uuid;

use super::{Speaker, TestHouse, TestOffice, store};
use crate::agent_keys::service as agent_keys;
use crate::infra::act::Act;

/// An agent with a key pair of its own.
pub struct External<'a> {
    pub office: TestOffice<'a>,
    pub id: AgentId,
    pub name: String,
    pub key: PrivateKey,
    pub api_key: String,
}

impl<'a> TestOffice<'a> {
    /// As it is after joining.
    pub async fn external(&self, name: &str) -> External<'a> {
        self.external_with(name, new_key()).await
    }

    pub async fn external_with(&self, name: &str, key: PrivateKey) -> External<'a> {
        let hired = self.hire_with(json!({"name": name, "harness": "command", "command": "true"})).await;
        let id: AgentId = hired["id"].as_str().unwrap().parse().unwrap();
        let move_out = move |act: &mut Act<'_>| Ok(store::move_out(act.tx, act.office, id)?);
        self.house.house.act_as_server(self.id, move_out).await.unwrap();
        let api_key = self.give_keys(id, &key).await;
        External { office: *self, id, name: name.to_owned(), key, api_key }
    }

    /// New keys for an agent in place of all that it had; gives its API key.
    pub async fn give_keys(&self, agent: AgentId, key: &PrivateKey) -> String {
        let public = key.public().to_string();
        let give = move |act: &mut Act<'_>| {
            agent_keys::revoke_all(act, agent)?;
            agent_keys::add(act, agent, Some(&public))
        };
        self.house.house.act_as_server(self.id, give).await.unwrap().api_key.to_string()
    }

    /// Of all pairs that an agent has or had, this one counts.
    pub async fn prefer_pair(&self, agent: AgentId, key: &PrivateKey) {
        let public = key.public().to_string();
        let prefer = move |act: &mut Act<'_>| Ok(store::prefer_pair(act.tx, act.office, agent, &public)?);
        self.house.house.act_as_server(self.id, prefer).await.unwrap();
    }
}

impl TestHouse {
    /// Nonces of the office in the store.
    pub async fn nonces_kept(&self, office: TestOffice<'_>) -> i64 {
        let id = office.id;
        self.house.db.read(move |tx| Ok(store::nonces(tx, id)?)).await.unwrap()
    }
}

pub fn new_key() -> PrivateKey {
    let bytes: Vec<u8> = [Uuid::new_v4(), Uuid::new_v4()].iter().flat_map(|id| *id.as_bytes()).collect();
    PrivateKey::from_bytes(&bytes.try_into().unwrap()).unwrap()
}

impl<'a> External<'a> {
    pub fn signer(&self) -> Signer {
        Signer { key: self.key.clone(), agent: self.id.to_string(), version: SignatureVersion::Two, at: None }
    }

    /// Signs everything anew, as our own clients do.
    pub fn speaker(&self) -> Speaker<'a> {
        self.office.house.nobody().signed_by(self.signer())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureVersion {
    One,
    Two,
}

#[derive(Clone)]
pub struct Signer {
    pub key: PrivateKey,
    pub agent: String,
    pub version: SignatureVersion,
    /// In unix seconds; now, if it isn't said.
    pub at: Option<i64>,
}

impl Signer {
    /// The headers of one request.
    pub fn headers(&self, now: Time, method: &str, target: &str, body: &[u8]) -> Vec<(String, String)> {
        let timestamp = self.at.unwrap_or(now.0 / 1_000).to_string();
        let request = Request { timestamp: &timestamp, method, target };
        let (digest, nonce) = (sha256_hex(body), Uuid::new_v4().simple().to_string());
        let message = match self.version {
            SignatureVersion::One => request.v1(),
            SignatureVersion::Two => request.v2(&digest, &nonce),
        };
        let signature = self.key.sign(message.as_bytes()).unwrap();
        let mut headers = vec![
            (payload::X_AGENT_ID, self.agent.clone()),
            (payload::X_TIMESTAMP, timestamp),
            (payload::X_SIGNATURE, signature),
        ];
        if self.version == SignatureVersion::Two {
            headers.extend([(payload::X_NONCE, nonce), (payload::X_CONTENT_SHA256, digest)]);
        }
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Speaker<'_> {
    pub fn signed_by(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// With the signature of this one request, so that it can be sent more than once.
    pub fn sealed(mut self, method: &str, target: &str, body: &[u8]) -> Self {
        let signer = self.signer.take().unwrap();
        self.headers.extend(signer.headers(self.house.now(), method, target, body));
        self
    }

    /// What it sends along, in another house too.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub fn without(mut self, header: &str) -> Self {
        self.headers.retain(|(name, _)| name != header);
        self
    }
}
