//! The models that there are: what tiers mean, and what a provider lists itself.

use std::collections::BTreeSet;

use http::{HeaderMap, Method};
use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use mi_core::wire::integrations::ProviderModel;
use serde_json::Value;

use super::choice;
use super::kinds::Kind;
use super::providers::{self, Provider};
use super::reach::Reach;
use super::upstream::{self, Outgoing};
use super::{models, request};
use crate::house::House;
use crate::infra::fault::Fault;

const ANSWER_SECONDS_MAX: i64 = 10;
const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Some providers list a thousand and more.
const MODELS_MAX: usize = 500;
const NAME_BYTES_MAX: usize = 200;

/// Of all providers, or of one; that one is asked for its own list if there is a key for it.
pub async fn models(
    house: &House,
    office: OfficeId,
    reach: &Reach,
    provider: Option<&str>,
) -> Result<Vec<ProviderModel>, Fault> {
    let Some(word) = provider else {
        return Ok(Kind::ALL.into_iter().flat_map(|kind| of_tiers(kind, reach, None)).collect());
    };
    let kind = providers::known(word)?;
    if !reach.has_key(kind) {
        return Ok(of_tiers(kind, reach, None));
    }
    Ok(match own_list(house, office, kind).await? {
        Some(names) => with_own(kind, reach, &names),
        None => {
            let note = format!("{} doesn't tell its own list now", kind.facts().title);
            of_tiers(kind, reach, Some(&note))
        }
    })
}

fn of_tiers(kind: Kind, reach: &Reach, note: Option<&str>) -> Vec<ProviderModel> {
    models::all(kind).into_iter().map(|model| card(kind, model, reach, note)).collect()
}

/// Those of tiers first, then the others by name.
fn with_own(kind: Kind, reach: &Reach, names: &[String]) -> Vec<ProviderModel> {
    let tiers = models::all(kind);
    let others = names.iter().filter(|name| !tiers.contains(&name.as_str()));
    let mut all = of_tiers(kind, reach, None);
    all.extend(others.map(|name| card(kind, name, reach, None)));
    all
}

fn card(kind: Kind, model: &str, reach: &Reach, note: Option<&str>) -> ProviderModel {
    ProviderModel {
        id: model.to_owned(),
        provider: kind.as_str().to_owned(),
        model_id: model.to_owned(),
        name: model.to_owned(),
        available: reach.has_key(kind),
        note: note.map(str::to_owned),
    }
}

/// Asked anew only after some minutes, whatever came of it.
async fn own_list(house: &House, office: OfficeId, kind: Kind) -> Result<Option<Vec<String>>, Fault> {
    let (now, changes) = (house.clock.now(), house.wakeups.models_changes());
    if let Some(known) = house.providers.memory.list(office, kind, now, changes) {
        return Ok(known);
    }
    let all = choice::of_office(house, office).await?;
    let provider = choice::first(house, &all, kind)?.provider;
    let until = now + Millis::seconds(ANSWER_SECONDS_MAX);
    let found = match house.clock.timeout_at(until, ask(&provider)).await {
        Some(Ok(names)) => names,
        Some(Err(fault)) => {
            let cause = fault.cause.as_deref().unwrap_or_default();
            tracing::debug!(provider = kind.as_str(), cause, "a provider's list of models can't be had");
            None
        }
        None => None,
    };
    house.providers.memory.note_list((office, kind), found.clone(), now, changes);
    Ok(found)
}

async fn ask(provider: &Provider) -> Result<Option<Vec<String>>, Fault> {
    let outgoing = Outgoing {
        method: Method::GET,
        path: provider.kind.facts().list.clone(),
        query: None,
        headers: request::headers(provider.kind, &HeaderMap::new()),
        body: bytes::Bytes::new(),
    };
    let response = upstream::send(provider, outgoing).await.map_err(|failed| failed.fault)?;
    if !response.status().is_success() {
        return Ok(None);
    }
    let text = upstream::bounded(provider, response, LIST_BYTES_MAX).await?;
    Ok(read(&text))
}

/// `{"data": [{"id"}]}`, or Google's `{"models": [{"name": "models/…"}]}`.
fn read(text: &[u8]) -> Option<Vec<String>> {
    let whole: Value = serde_json::from_slice(text).ok()?;
    let list = whole["data"].as_array().or_else(|| whole["models"].as_array())?;
    let name = |model: &Value| {
        let name = model["id"].as_str().or_else(|| model["name"].as_str())?;
        let name = name.strip_prefix("models/").unwrap_or(name);
        let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
        fits.then(|| name.to_owned())
    };
    let names: BTreeSet<String> = list.iter().filter_map(name).collect();
    Some(names.into_iter().take(MODELS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_providers_write_them() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            assert_eq!(read(text.as_bytes()), expected, "{text}");
        };
        check(r#"{"data":[{"id":"b"},{"id":"a"},{"id":"a"},{"id":7},{"id":""}]}"#, Some(&["a", "b"]));
        check(r#"{"models":[{"name":"models/gemini-2.5-pro"}]}"#, Some(&["gemini-2.5-pro"]));
        check(r#"{"data":{}}"#, None);
        check("<html>", None);
    }
}
