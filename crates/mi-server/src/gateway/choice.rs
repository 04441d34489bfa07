//! What a call is made with: the office's own key before the server's, and other models behind the one asked for.

use std::sync::Arc;

use bytes::Bytes;
use mi_core::egress::{self, Target as Place};
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::time::Time;
use mi_core::wire::runner::Wire;
use serde_json::Value;

use super::kinds::{Dialect, Kind};
use super::marks::{self, Mark};
use super::memory::OfficeModels;
use super::paths::Target;
use super::providers::{self, Given, Provider, Providers};
use super::request::not_a_call;
use super::{paths, reach, store};
use crate::house::House;
use crate::infra::act::look;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;
use crate::integrations::service as integrations;

const HTTPS_PORT: u16 = 443;

/// Where a call can go.
#[derive(Debug, Clone)]
pub struct Choice {
    pub provider: Arc<Provider>,
    pub mark: Mark,
    /// Another model than the one asked for.
    pub instead: Option<String>,
}

/// What the office has, remembered for a short while.
pub async fn of_office(house: &House, office: OfficeId) -> Result<Arc<OfficeModels>, Fault> {
    let (now, changes) = (house.clock.now(), house.wakeups.models_changes());
    if let Some(known) = house.providers.memory.find(office, now, changes) {
        return Ok(known);
    }
    let (keys, providers) = (house.keys.clone(), house.providers.clone());
    let models = house.db.read(move |tx| load(tx, office, &keys, &providers)).await?;
    let models = Arc::new(models);
    house.providers.memory.note(office, Arc::clone(&models), now, changes);
    Ok(models)
}

fn load(tx: &mut dyn Tx, office: OfficeId, keys: &Keys, providers: &Providers) -> Result<OfficeModels, Fault> {
    let head = look(tx, office)?;
    let means = store::marks::means(tx, office)?;
    let mut own = Vec::new();
    for kind in Kind::ALL {
        if let Some(given) = given(tx, office, keys, kind)? {
            match providers.of_office(kind, given) {
                Ok(provider) => own.push(Arc::new(provider)),
                Err(rule) => tracing::warn!(provider = kind.as_str(), rule, "an office's model provider can't be used"),
            }
        }
    }
    let fallbacks = head.settings.fallback_models.iter().filter_map(|text| read_fallback(text)).collect();
    // Of a name that nobody can own: only an entry for every host has it.
    let goes_anywhere = egress::allows(&head.settings.egress, &Place::new("any.invalid", HTTPS_PORT), "CONNECT");
    Ok(OfficeModels { own, marks: means.marks, fallbacks, goes_anywhere })
}

/// What the office set for a provider, by the first of its integrations of which anything is set: a key never goes to
/// the address that stands with another one.
pub fn given(tx: &mut dyn Tx, office: OfficeId, keys: &Keys, kind: Kind) -> Result<Option<Given>, Fault> {
    for id in &kind.facts().integrations {
        let values = integrations::open_all(tx, keys, office, id)?;
        if !values.is_empty() {
            return Ok(Some(as_given(kind, values)));
        }
    }
    Ok(None)
}

/// By the variables' names.
pub fn as_given(kind: Kind, values: Vec<(String, zeroize::Zeroizing<String>)>) -> Given {
    let mut given = Given { base: None, key: None };
    for (name, value) in values {
        if kind.facts().base_variables.contains(&name) {
            given.base = Some(value.to_string());
        } else {
            given.key = Some(value);
        }
    }
    given
}

/// `provider/model`; the model's own name may hold further strokes.
pub fn read_fallback(text: &str) -> Option<(Kind, String)> {
    let (provider, model) = text.split_once('/')?;
    let kind = Kind::parse(provider)?;
    let model = super::models::model(kind, Some(model.trim()));
    // There the model's name becomes a part of the address.
    let fits = kind.dialect() != Dialect::Google || paths::is_name(&model);
    fits.then_some((kind, model))
}

/// What an operator names, judged when it is named.
pub fn check_fallback(text: &str) -> Result<(), Fault> {
    let provider = text.split('/').next().unwrap_or_default();
    providers::known(provider)?;
    read_fallback(text).map(|_| ()).ok_or_else(|| {
        let shown = mi_core::ids::excerpt(text);
        fault::bad_request(format!("fallbackModels: {shown:?} is no model's name")).hint("write provider/model")
    })
}

/// The one asked for.
pub fn first(house: &House, models: &OfficeModels, kind: Kind) -> Result<Choice, Fault> {
    let provider = models.own(kind).or_else(|| house.providers.server(kind)).filter(|known| known.is_configured());
    let provider = provider.ok_or_else(|| fault::no_model_key(kind.as_str(), &reach::remedy(Some(kind))))?;
    Ok(Choice { provider: Arc::clone(provider), mark: models.mark(kind), instead: None })
}

/// Those that may answer in its place: of the same wire, or of one that calls are turned to, with a key.
pub fn others(house: &House, models: &OfficeModels, target: &Target) -> Vec<Choice> {
    let Target::Generate { wire, .. } = target else { return Vec::new() };
    let fits = |kind: Kind| kind.speaks(*wire) || (*wire == Wire::OpenaiResponses && kind.speaks(Wire::OpenaiChat));
    let fitting = models.fallbacks.iter().filter(|(kind, _)| fits(*kind));
    let choice = |(kind, model): &(Kind, String)| {
        let choice = first(house, models, *kind).ok()?;
        Some(Choice { instead: Some(model.clone()), ..choice })
    };
    fitting.filter_map(choice).collect()
}

impl Choice {
    /// The call with this choice's own model in it, if that is another one.
    pub fn request(&self, target: &Target, path: &str, body: &Bytes) -> Result<(Target, String, Bytes), Fault> {
        let as_it_came = || (target.clone(), path.to_owned(), body.clone());
        let (Some(model), Target::Generate { wire, model: named }) = (&self.instead, target) else {
            return Ok(as_it_came());
        };
        match named {
            // The address names the model.
            Some(asked) => {
                let path = path.replacen(&format!("/{asked}:"), &format!("/{model}:"), 1);
                Ok((Target::Generate { wire: *wire, model: Some(model.clone()) }, path, body.clone()))
            }
            None => {
                let mut whole: Value = serde_json::from_slice(body).map_err(not_a_call)?;
                whole["model"] = Value::String(model.clone());
                Ok((target.clone(), path.to_owned(), whole.to_string().into()))
            }
        }
    }

    /// Refused before anything is sent, as far as it is known that the provider would.
    pub fn gate(&self, now: Time) -> Result<(), Fault> {
        let kind = self.provider.kind;
        if self.mark.is_refused() {
            return Err(refused(kind));
        }
        match self.mark.waits_until(now) {
            Some(until) => Err(parked(kind, until, now)),
            None => Ok(()),
        }
    }
}

fn refused(kind: Kind) -> Fault {
    Fault::new(Code::NoModelKey, format!("{} refused the key that there is for it", kind.as_str()))
        .hint(reach::remedy(Some(kind)))
}

fn parked(kind: Kind, until: Time, now: Time) -> Fault {
    let seconds = ((until - now).0 + 999) / 1_000;
    Fault::new(Code::ProviderQuota, marks::told(kind, until))
        .hint("nothing was sent; it goes on by itself then, or set fallbackModels in the office's settings")
        .retry_after(seconds)
}
