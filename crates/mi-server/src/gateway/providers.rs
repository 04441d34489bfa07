//! The providers of models that this server knows, and what it was given for them.
//!
//! Keys come from the server's environment, stay in this folder and are never shown.
//! A base address counts as given by hand: only then may it be a private one.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use mi_core::problem::Code;
use mi_core::wire::integrations::ProviderModel;
use mi_core::wire::runner::{ModelChoice, Wire};
use reqwest::Url;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::addresses::read_base;
use super::kinds::{ALIASES, Kind};
use super::translated::ChatOnly;
use super::{models, upstream};
use crate::infra::fault::{self, Fault};
use crate::infra::outbound::{BadUpstream, HostPort};

/// Model calls under way in this server; each holds at most a request and one event of its answer.
const CALLS_AT_ONCE_MAX: usize = 256;
/// Chooses how the models of an OpenAI-compatible provider are spoken to: `chat` or `responses`. With `chat` said aloud
/// nothing else is ever spoken to it.
const OPENAI_WIRE: &str = "MI_OPENAI_WIRE";

/// Something in the server's environment that can't be used. Never holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProvider {
    #[error("{variable} is not the address of a model provider: {rule}")]
    Base { variable: &'static str, rule: &'static str },
    #[error("{0} holds characters that no key has")]
    Key(&'static str),
    #[error("MI_OPENAI_WIRE is `chat` or `responses`")]
    Wire,
    #[error(transparent)]
    Upstream(#[from] BadUpstream),
}

/// Whether an address was given by hand, and therefore may be private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Public,
    Given,
}

/// What the provider wants to see of us.
enum Credential {
    /// It wants a key and the server has none.
    Missing,
    /// A server at an address of its own may do without.
    NotNeeded,
    Key(Zeroizing<String>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Missing => "missing",
            Credential::NotNeeded => "not needed",
            Credential::Key(_) => "***",
        })
    }
}

#[derive(Debug)]
pub struct Provider {
    pub kind: Kind,
    wire: Wire,
    base: Url,
    credential: Credential,
    pub reach: Reach,
    pub(super) chat_only: ChatOnly,
    client: OnceLock<reqwest::Client>,
}

/// Everything that the server's environment says of models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Providers {
    list: Arc<[Provider]>,
    pub(super) calls: Arc<Semaphore>,
}

impl Default for Providers {
    /// All of them known, none configured.
    fn default() -> Self {
        Self::of(Kind::ALL.into_iter().filter_map(|kind| Provider::from_env(kind, &|_| None, &[]).ok()).collect())
    }
}

impl Providers {
    /// Reads the environment; empty variables count as unset.
    pub fn from_env(get: impl Fn(&str) -> Option<String>, allow_upstream: &[String]) -> Result<Providers, BadProvider> {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let allowed = HostPort::parse_all(allow_upstream)?;
        let list = Kind::ALL.into_iter().map(|kind| Provider::from_env(kind, &get, &allowed));
        Ok(Self::of(list.collect::<Result<_, _>>()?))
    }

    fn of(list: Vec<Provider>) -> Self {
        Self { list: list.into(), calls: Arc::new(Semaphore::new(CALLS_AT_ONCE_MAX)) }
    }

    /// The provider with this name or alias.
    pub fn resolve(&self, provider: &str) -> Option<&Provider> {
        let kind = Kind::parse(provider)?;
        self.list.iter().find(|known| known.kind == kind)
    }

    /// Every name and alias of those that are configured.
    pub fn configured_names(&self) -> Vec<&'static str> {
        names().filter(|name| self.is_configured(name)).collect()
    }

    /// The environment variable that gives the server a key for it.
    pub fn variable(&self, provider: &str) -> &'static str {
        variable(provider)
    }

    /// Whether calls to it can be sent.
    pub fn is_configured(&self, provider: &str) -> bool {
        self.resolve(provider).is_some_and(Provider::is_configured)
    }

    /// The model for an agent: of the provider asked for, else of the one that the model's name tells, else of
    /// the first that is configured. `None`: none was asked for and none is configured.
    pub fn choose_model(&self, provider: Option<&str>, tier: Option<&str>) -> Result<Option<ModelChoice>, Fault> {
        let provider = match provider {
            Some(name) => Some(self.resolve(name).ok_or_else(|| unknown_provider(name))?),
            None => self.by_family(tier).or_else(|| self.list.iter().find(|known| known.is_configured())),
        };
        Ok(provider.map(|provider| ModelChoice {
            provider: provider.kind.as_str().to_owned(),
            model: models::model(provider.kind, tier),
            wire: provider.wire,
            base_path: provider.kind.base_path().to_owned(),
        }))
    }

    /// The models that tiers stand for, of all providers or of one.
    pub fn models(&self, provider: Option<&str>) -> Result<Vec<ProviderModel>, Fault> {
        let wanted = provider.map(|name| self.resolve(name).ok_or_else(|| unknown_provider(name))).transpose()?;
        let shown = self.list.iter().filter(|known| wanted.is_none_or(|wanted| wanted.kind == known.kind));
        Ok(shown.flat_map(Provider::models).collect())
    }

    fn by_family(&self, model: Option<&str>) -> Option<&Provider> {
        let kind = models::family(model?)?;
        self.list.iter().find(|known| known.kind == kind && known.is_configured())
    }
}

impl Provider {
    fn from_env(
        kind: Kind,
        get: &dyn Fn(&str) -> Option<String>,
        allowed: &[HostPort],
    ) -> Result<Provider, BadProvider> {
        let first = |names: &'static [&'static str]| names.iter().find_map(|name| Some((*name, get(name)?)));
        let given = first(kind.base_variables());
        let credential = match first(kind.key_variables()) {
            Some((name, key)) => Credential::Key(readable_key(name, key)?),
            None if given.is_some() => Credential::NotNeeded,
            None => Credential::Missing,
        };
        let (variable, text) = given.clone().unwrap_or((kind.base_variables()[0], kind.default_base().to_owned()));
        let base = read_base(kind, variable, &text)?;
        let is_given = given.is_some() || allowed.iter().any(|allowed| allowed.is(&base));
        let reach = if is_given { Reach::Given } else { Reach::Public };
        let chat_only = ChatOnly::told(kind == Kind::Openai && get(OPENAI_WIRE).as_deref() == Some("chat"));
        Ok(Provider { kind, wire: wire(kind, get)?, base, credential, reach, chat_only, client: OnceLock::new() })
    }

    /// A key, or an address of its own that may do without.
    pub fn is_configured(&self) -> bool {
        match self.credential {
            Credential::Missing => false,
            Credential::NotNeeded | Credential::Key(_) => true,
        }
    }

    fn models(&self) -> Vec<ProviderModel> {
        let card = |model: &str| ProviderModel {
            id: model.to_owned(),
            provider: self.kind.as_str().to_owned(),
            model_id: model.to_owned(),
            name: model.to_owned(),
            available: self.is_configured(),
        };
        models::all(self.kind).into_iter().map(card).collect()
    }

    /// The header that carries the key; local model servers may need none.
    pub(super) fn credential(&self) -> Option<(&'static str, HeaderValue)> {
        let Credential::Key(key) = &self.credential else { return None };
        let (name, text) = match self.kind {
            Kind::Anthropic => ("x-api-key", Zeroizing::new(key.to_string())),
            Kind::Openai => ("authorization", Zeroizing::new(format!("Bearer {}", key.as_str()))),
            Kind::Google => ("x-goog-api-key", Zeroizing::new(key.to_string())),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// Takes the key out of a text that goes to a caller.
    pub(super) fn redact(&self, text: String) -> String {
        match &self.credential {
            Credential::Key(key) => text.replace(key.as_str(), "***"),
            Credential::Missing | Credential::NotNeeded => text,
        }
    }

    /// The provider's address of a path as clients write it (`v1/messages`).
    pub(super) fn address(&self, path: &str, query: Option<&str>) -> Url {
        let path = match self.kind {
            Kind::Openai => path.strip_prefix("v1/").unwrap_or(path),
            Kind::Anthropic | Kind::Google => path,
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Made with the first call, so that a server without model calls doesn't pay for it.
    pub(super) fn client(&self) -> Result<&reqwest::Client, Fault> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = upstream::client(self.host(), self.reach).map_err(fault::internal)?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Every name and alias, for people who chose another.
fn names() -> impl Iterator<Item = &'static str> {
    Kind::ALL.iter().map(|kind| kind.as_str()).chain(ALIASES.iter().map(|(alias, _)| *alias))
}

pub fn unknown_provider(name: &str) -> Fault {
    let known: Vec<&str> = names().collect();
    Fault::new(Code::UnknownProvider, format!("this server knows no model provider {:?}", mi_core::ids::excerpt(name)))
        .hint(format!("it knows {}", known.join(", ")))
}

/// The environment variable that gives the server a key for this provider; for no provider in particular, the first.
pub fn variable(provider: &str) -> &'static str {
    Kind::parse(provider).unwrap_or(Kind::ALL[0]).key_variables()[0]
}

fn readable_key(variable: &'static str, key: String) -> Result<Zeroizing<String>, BadProvider> {
    let key = Zeroizing::new(key);
    if key.bytes().all(|b| b.is_ascii_graphic()) { Ok(key) } else { Err(BadProvider::Key(variable)) }
}

fn wire(kind: Kind, get: &dyn Fn(&str) -> Option<String>) -> Result<Wire, BadProvider> {
    match (kind, get(OPENAI_WIRE).as_deref()) {
        (Kind::Anthropic, _) => Ok(Wire::Anthropic),
        (Kind::Google, _) => Ok(Wire::Gemini),
        (Kind::Openai, None | Some("chat")) => Ok(Wire::OpenaiChat),
        (Kind::Openai, Some("responses")) => Ok(Wire::OpenaiResponses),
        (Kind::Openai, Some(_)) => Err(BadProvider::Wire),
    }
}
