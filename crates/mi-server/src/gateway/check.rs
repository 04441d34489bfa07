//! Whether a provider takes a key, asked before the key is kept.
//!
//! The call costs nothing and happens outside every transaction. Only a plain "no" stops the setting: a provider that
//! can't be reached now says nothing of a key.

use http::{HeaderMap, Method};
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::time::Millis;
use zeroize::Zeroizing;

use super::choice::as_given;
use super::kinds::Kind;
use super::providers::Provider;
use super::quota::{self, Refusal};
use super::request;
use super::upstream::{self, Outgoing};
use crate::house::House;
use crate::infra::fault::{self, Fault};
use crate::integrations::service as integrations;
use crate::integrations::wishes::{Check, Wish};

const ANSWER_SECONDS_MAX: i64 = 15;
/// As much of a refusal is read to know it.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// A warning to be told beside the stored key.
pub async fn key(
    house: &House,
    office: OfficeId,
    (kind, integration): (Kind, &str),
    wish: &Wish,
) -> Result<Option<String>, Fault> {
    let values = with_stored(house, office, integration, wish).await?;
    let provider = house.providers.of_office(kind, as_given(kind, values)).map_err(|rule| unusable(kind, rule))?;
    if wish.check == Check::Skipped || !provider.is_configured() {
        return Ok(None);
    }
    let until = house.clock.now() + Millis::seconds(ANSWER_SECONDS_MAX);
    match house.clock.timeout_at(until, ask(house, &provider)).await {
        Some(Ok(Verdict::Good)) => Ok(None),
        Some(Ok(Verdict::Refused)) => Err(refused(kind)),
        Some(Ok(Verdict::Unclear(status))) => Ok(Some(unchecked(kind, &format!("it answered {status}")))),
        Some(Err(fault)) if fault.code == Code::UpstreamFailed => Ok(Some(unchecked(kind, "it can't be reached"))),
        Some(Err(fault)) => Err(fault),
        None => Ok(Some(unchecked(kind, "it didn't answer in time"))),
    }
}

/// What would be there after the setting.
async fn with_stored(
    house: &House,
    office: OfficeId,
    integration: &str,
    wish: &Wish,
) -> Result<Vec<(String, Zeroizing<String>)>, Fault> {
    let (keys, id) = (house.keys.clone(), integration.to_owned());
    let mut values = house.db.read(move |tx| integrations::open_all(tx, &keys, office, &id)).await?;
    values.retain(|(name, _)| !wish.values.contains_key(name));
    values.extend(wish.values.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(values)
}

enum Verdict {
    Good,
    Refused,
    Unclear(u16),
}

async fn ask(house: &House, provider: &Provider) -> Result<Verdict, Fault> {
    let outgoing = Outgoing {
        method: Method::GET,
        path: provider.kind.facts().check.clone(),
        query: None,
        headers: request::headers(provider.kind, &HeaderMap::new()),
        body: bytes::Bytes::new(),
    };
    let response = upstream::send(provider, outgoing).await.map_err(|failed| failed.fault)?;
    let (status, headers) = (response.status(), response.headers().clone());
    if status.is_success() {
        return Ok(Verdict::Good);
    }
    let text = upstream::bounded(provider, response, REFUSAL_BYTES_MAX).await?;
    Ok(match quota::read(provider.kind.dialect(), (status.as_u16(), &headers, &text), house.clock.now()) {
        Refusal::BadKey => Verdict::Refused,
        Refusal::NotNow(_) | Refusal::Other => Verdict::Unclear(status.as_u16()),
    })
}

fn refused(kind: Kind) -> Fault {
    Fault::new(Code::KeyRefused, format!("{} doesn't take this key; nothing was stored", kind.facts().title))
        .hint("look for a slip in it, or make a new one; --no-check stores it all the same")
}

fn unchecked(kind: Kind, how: &str) -> String {
    format!("stored, but not checked: {how}; mi llm ping --provider {} tries it again", kind.as_str())
}

fn unusable(kind: Kind, rule: &str) -> Fault {
    fault::bad_request(format!("{} can't be called with this: {rule}", kind.facts().title))
}
