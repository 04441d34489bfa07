//! An agent that signs what it sends, by version 2.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::signing::keys::{PrivateKey, PublicKey};
use mi_core::signing::payload::{self, Request, STREAMED, sha256_hex};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::ClientError;

/// A private key, and whose it is. Clones share what they learn of the server's time.
#[derive(Clone)]
pub struct Signer {
    key: PrivateKey,
    agent: String,
    office: Option<OfficeId>,
    /// By so many seconds the server's clock is ahead of this machine's.
    ahead: Arc<AtomicI64>,
}

/// What is signed of a body.
#[derive(Debug, Clone)]
pub(crate) enum Signable<'a> {
    Bytes(&'a [u8]),
    /// Of a body that is too long to be held: SHA-256 in hex.
    Digest(String),
    /// A form whose last field is the digest of its file.
    Streamed,
}

impl Signer {
    /// For the agent with this id, or with this name in the office of each request's path.
    pub fn new(key: PrivateKey, agent: impl Into<String>) -> Self {
        Self { key, agent: agent.into(), office: None, ahead: Arc::default() }
    }

    /// The office in which the name is meant, where a path has none.
    pub fn in_office(self, office: OfficeId) -> Self {
        Self { office: Some(office), ..self }
    }

    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// The headers of one try; a further one has a time and a nonce of its own.
    pub(crate) fn headers(&self, method: &str, target: &str, body: Signable<'_>) -> Result<HeaderMap, ClientError> {
        let (timestamp, nonce) = (self.now().to_string(), uuid::Uuid::new_v4().simple().to_string());
        let digest = match body {
            Signable::Bytes(bytes) => sha256_hex(bytes),
            Signable::Digest(digest) => digest,
            Signable::Streamed => STREAMED.to_owned(),
        };
        let message = Request { timestamp: &timestamp, method, target }.v2(&digest, &nonce);
        let signature = self.key.sign(message.as_bytes()).map_err(|bad| unsignable(&bad))?;
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &str| -> Result<(), ClientError> {
            let value = HeaderValue::from_str(value).map_err(|bad| unsignable(&bad))?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        add(payload::X_AGENT_ID, &self.agent)?;
        add(payload::X_TIMESTAMP, &timestamp)?;
        add(payload::X_SIGNATURE, &signature)?;
        add(payload::X_NONCE, &nonce)?;
        add(payload::X_CONTENT_SHA256, &digest)?;
        if let Some(office) = self.office {
            add(payload::X_OFFICE_ID, &office.to_string())?;
        }
        Ok(headers)
    }

    /// Whether a refusal said what time it is at the server, so that another try is worth it.
    pub(crate) fn learns_time(&self, fault: &ClientError) -> bool {
        let ClientError::Problem { problem, .. } = fault else { return false };
        match problem.server_time {
            Some(server) if problem.code == Code::TimestampOutOfRange.as_str() => {
                self.ahead.store(server - local_now(), Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    fn now(&self) -> i64 {
        local_now() + self.ahead.load(Ordering::Relaxed)
    }
}

/// In unix seconds. A clock from before 1970 is wrong, and the server will say so.
fn local_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

fn unsignable(cause: &dyn fmt::Display) -> ClientError {
    ClientError::Request { what: format!("it can't be signed: {cause}") }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

    fn refused(code: &str, server_time: Option<i64>) -> ClientError {
        let body = serde_json::json!({"error": "no", "code": code, "server_time": server_time});
        ClientError::refused(401, body.to_string().as_bytes(), None)
    }

    #[test]
    fn each_try_has_a_nonce_and_a_signature_of_its_own() {
        let signer = Signer::new(KEY.parse().unwrap(), "ada");
        let sign = || signer.headers("GET", "/api/v1/whoami", Signable::Bytes(b"")).unwrap();
        let (first, second) = (sign(), sign());
        for name in [payload::X_NONCE, payload::X_SIGNATURE] {
            assert_ne!(first.get(name), second.get(name), "{name}");
        }
        assert_eq!(first.get(payload::X_AGENT_ID), second.get(payload::X_AGENT_ID));
        assert_eq!(format!("{signer:?}"), "Signer(ada)");
    }

    #[test]
    fn a_wrong_clock_is_set_by_the_servers_word_and_by_nothing_else() {
        let signer = Signer::new(KEY.parse().unwrap(), "ada");
        assert!(!signer.learns_time(&refused("bad_signature", Some(5))));
        assert!(!signer.learns_time(&refused("timestamp_out_of_range", None)));
        assert_eq!(signer.ahead.load(Ordering::Relaxed), 0);
        let server = local_now() + 7_200;
        assert!(signer.learns_time(&refused("timestamp_out_of_range", Some(server))));
        assert!((signer.clone().now() - server).abs() <= 1, "its clones know it too");
    }
}
