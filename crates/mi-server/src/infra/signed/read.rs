//! The headers of a signed request, taken apart.

use http::HeaderMap;
use mi_core::ids::OfficeId;
use mi_core::signing::payload::{self, Request};
use mi_core::signing::signature::Signature;
use mi_core::time::{Millis, Time};

use super::faults;
use crate::infra::fault::Fault;

/// Digits of a time in unix seconds: enough for thirty thousand years.
const TIMESTAMP_CHARS_MAX: usize = 12;
const SHA256_HEX_CHARS: usize = 64;

/// What a request says of its signature; nothing of it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// An agent's id or name.
    pub agent: String,
    /// The office in which a name is meant, where the path has none.
    pub office: Option<OfficeId>,
    timestamp: String,
    pub at: Time,
    pub signature: Signature,
    pub version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    One,
    Two { nonce: String, body: BodyDigest },
}

/// What was signed of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyDigest {
    /// Its SHA-256 as it stands in the header, in lower-case hex.
    Whole(String),
    /// Nothing: the digest of the file follows it.
    Streamed,
}

impl BodyDigest {
    /// As it stands in what was signed.
    fn as_str(&self) -> &str {
        match self {
            BodyDigest::Whole(digest) => digest,
            BodyDigest::Streamed => payload::STREAMED,
        }
    }
}

impl Signed {
    /// `None` where no signature came.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>, Fault> {
        let Some(signature) = one(headers, payload::X_SIGNATURE)? else { return Ok(None) };
        let signature = Signature::parse(signature).map_err(|bad| faults::unreadable(&bad.to_string()))?;
        let agent = need(headers, payload::X_AGENT_ID, "X-Agent-Id says which agent signed")?.to_owned();
        let timestamp = need(headers, payload::X_TIMESTAMP, "X-Timestamp says when it was signed")?.to_owned();
        let at = time(&timestamp).ok_or_else(|| faults::unreadable("X-Timestamp is a time in unix seconds"))?;
        // What isn't the id of an office means none; who needs one is told.
        let office = one(headers, payload::X_OFFICE_ID)?.and_then(|text| text.parse().ok());
        Ok(Some(Self { agent, office, timestamp, at, signature, version: version(headers)? }))
    }

    /// What must have been signed.
    pub fn message(&self, method: &str, target: &str) -> String {
        let request = Request { timestamp: &self.timestamp, method, target };
        match &self.version {
            Version::One => request.v1(),
            Version::Two { nonce, body } => request.v2(body.as_str(), nonce),
        }
    }

    /// Whether its time is near enough to the server's.
    pub fn is_timely(&self, now: Time) -> bool {
        let distance = Millis::seconds(payload::WINDOW_SECONDS);
        self.at <= now + distance && now <= self.at + distance
    }

    /// Until when it is timely.
    pub fn ends_at(&self) -> Time {
        self.at + Millis::seconds(payload::WINDOW_SECONDS)
    }
}

/// A nonce makes it version 2: without one, `X-Content-SHA256` is an upload's own business.
fn version(headers: &HeaderMap) -> Result<Version, Fault> {
    let Some(nonce) = one(headers, payload::X_NONCE)? else { return Ok(Version::One) };
    if !payload::is_nonce(nonce) {
        return Err(faults::unreadable("X-Nonce is 16 to 64 visible ASCII characters"));
    }
    let digest = need(headers, payload::X_CONTENT_SHA256, "X-Nonce comes with X-Content-SHA256")?;
    let body = match digest {
        payload::STREAMED => BodyDigest::Streamed,
        digest if is_sha256(digest) => BodyDigest::Whole(digest.to_owned()),
        _ => return Err(faults::unreadable("X-Content-SHA256 is 64 lower-case hex digits, or STREAMED")),
    };
    Ok(Version::Two { nonce: nonce.to_owned(), body })
}

fn is_sha256(text: &str) -> bool {
    text.len() == SHA256_HEX_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn time(text: &str) -> Option<Time> {
    let digits = !text.is_empty() && text.len() <= TIMESTAMP_CHARS_MAX && text.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = if digits { text.parse().ok()? } else { return None };
    Some(Time(0) + Millis::seconds(seconds))
}

fn need<'a>(headers: &'a HeaderMap, name: &str, why: &str) -> Result<&'a str, Fault> {
    one(headers, name)?.ok_or_else(|| faults::unreadable(why))
}

/// The one value of a header: two would leave open which of them was meant.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(faults::unreadable(&format!("{name} is one header, in ASCII"))),
    }
}
