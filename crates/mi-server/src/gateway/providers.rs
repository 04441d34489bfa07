//! The providers of models that this server knows, and what it was given for them.
//!
//! The server's own keys come from its environment; an office's own come from its vault and count before them. Keys stay
//! in this folder and are never shown. A base address of the server counts as given by hand: only then may it be private.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use mi_core::problem::Code;
use mi_core::wire::runner::{ModelChoice, Wire};
use reqwest::Url;
use zeroize::Zeroizing;

use super::addresses::read_base;
use super::kinds::{Auth, Dialect, Kind, names, nearest};
use super::memory::Memory;
use super::places::Places;
use super::translated::ChatOnly;
use super::{models, upstream};
use crate::infra::fault::{self, Fault};
use crate::infra::outbound::{BadUpstream, HostPort};

/// Clients are kept for so many hosts; more begin anew.
const CLIENTS_MAX: usize = 64;
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

/// Who said where a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The table of providers.
    Known,
    /// An office: it leads to the outside world only, and straight there.
    Chosen,
    /// Whoever runs the server; it may be private.
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

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Giver {
    Server,
    Office,
}

/// A provider as it can be called: by the server's means, or by an office's own.
#[derive(Debug)]
pub struct Provider {
    pub kind: Kind,
    pub giver: Giver,
    wire: Wire,
    base: Url,
    credential: Credential,
    pub reach: Reach,
    pub(super) chat_only: ChatOnly,
    clients: Clients,
}

/// One client for each host, for all who call there. Cheap to clone.
#[derive(Debug, Clone, Default)]
struct Clients {
    known: Arc<Mutex<HashMap<(String, Reach), reqwest::Client>>>,
}

/// What an office gave for a provider.
pub struct Given {
    pub base: Option<String>,
    pub key: Option<Zeroizing<String>>,
}

/// Everything that the server's environment says of models, and what it remembers of its offices'. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Providers {
    list: Arc<[Arc<Provider>]>,
    allowed: Arc<[HostPort]>,
    pub(super) places: Places,
    pub memory: Memory,
}

impl Default for Providers {
    /// All of them known, none configured.
    fn default() -> Self {
        let clients = Clients::default();
        let known = Kind::ALL.into_iter().filter_map(|kind| Provider::from_env(kind, &|_| None, &[], &clients).ok());
        Self::of(known.collect(), Vec::new())
    }
}

impl Providers {
    /// Reads the environment; empty variables count as unset.
    pub fn from_env(get: impl Fn(&str) -> Option<String>, allow_upstream: &[String]) -> Result<Providers, BadProvider> {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (allowed, clients) = (HostPort::parse_all(allow_upstream)?, Clients::default());
        let list = Kind::ALL.into_iter().map(|kind| Provider::from_env(kind, &get, &allowed, &clients));
        Ok(Self::of(list.collect::<Result<_, _>>()?, allowed))
    }

    fn of(list: Vec<Provider>, allowed: Vec<HostPort>) -> Self {
        Self {
            list: list.into_iter().map(Arc::new).collect(),
            allowed: allowed.into(),
            places: Places::default(),
            memory: Memory::default(),
        }
    }

    /// The provider with this name or alias.
    pub fn resolve(&self, provider: &str) -> Option<&Arc<Provider>> {
        self.server(Kind::parse(provider)?)
    }

    /// By the server's own means.
    pub fn server(&self, kind: Kind) -> Option<&Arc<Provider>> {
        self.list.iter().find(|known| known.kind == kind)
    }

    /// By what an office gave. The server's key never goes to an office's address.
    pub fn of_office(&self, kind: Kind, given: Given) -> Result<Provider, &'static str> {
        let server = self.server(kind).ok_or("the table of providers is broken")?;
        let base = match &given.base {
            Some(text) => read_base(kind, text)?,
            // Where the server was told that this provider is.
            None => server.base.clone(),
        };
        let reach = match server.base == base {
            true => server.reach,
            false if self.allowed.iter().any(|allowed| allowed.is(&base)) => Reach::Given,
            false => Reach::Chosen,
        };
        if reach == Reach::Chosen && base.scheme() != "https" {
            return Err("it begins with https://, unless whoever runs the server permits it by --allow-upstream");
        }
        if reach == Reach::Chosen && upstream::is_near(base.host_str().unwrap_or_default()) {
            return Err("it leads to the server's own network: whoever runs the server permits it by --allow-upstream");
        }
        let credential = match given.key {
            Some(key) if is_key(&key) => Credential::Key(key),
            Some(_) => return Err("a key holds no blanks and nothing that isn't ASCII"),
            None if given.base.is_some() => Credential::NotNeeded,
            None => Credential::Missing,
        };
        let clients = server.clients.clone();
        let chat_only = ChatOnly::told(!kind.speaks(Wire::OpenaiResponses));
        Ok(Provider { kind, giver: Giver::Office, wire: server.wire, base, credential, reach, chat_only, clients })
    }

    /// Those that the server can call by its own means.
    pub fn configured(&self) -> Vec<Kind> {
        self.list.iter().filter(|known| known.is_configured()).map(|known| known.kind).collect()
    }

    /// Whether the server can call it by its own means.
    pub fn is_configured(&self, provider: &str) -> bool {
        self.resolve(provider).is_some_and(|known| known.is_configured())
    }

    /// How a session speaks to the model that a tier means there.
    pub fn model_choice(&self, kind: Kind, tier: Option<&str>) -> Option<ModelChoice> {
        Some(ModelChoice {
            provider: kind.as_str().to_owned(),
            model: models::model(kind, tier),
            wire: self.server(kind)?.wire,
            base_path: kind.facts().path.clone(),
        })
    }
}

/// The provider that a word names.
pub fn known(word: &str) -> Result<Kind, Fault> {
    Kind::parse(word).ok_or_else(|| unknown_provider(word))
}

impl Clients {
    /// Made with the first call to a host, so that a server without model calls doesn't pay for it.
    fn of(&self, host: &str, reach: Reach) -> Result<reqwest::Client, Fault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (host.to_owned(), reach);
        if let Some(client) = known.get(&place) {
            return Ok(client.clone());
        }
        let client = upstream::client(host, reach).map_err(fault::internal)?;
        if known.len() >= CLIENTS_MAX {
            known.clear();
        }
        known.insert(place, client.clone());
        Ok(client)
    }
}

impl Provider {
    fn from_env(
        kind: Kind,
        get: &dyn Fn(&str) -> Option<String>,
        allowed: &[HostPort],
        clients: &Clients,
    ) -> Result<Provider, BadProvider> {
        let first = |names: &'static [String]| names.iter().find_map(|name| Some((name.as_str(), get(name)?)));
        let facts = kind.facts();
        let given = first(&facts.base_variables);
        let credential = match first(&facts.key_variables) {
            Some((name, key)) => Credential::Key(readable_key(name, key)?),
            None if given.is_some() => Credential::NotNeeded,
            None => Credential::Missing,
        };
        let (variable, text) = given.clone().unwrap_or(("", facts.base.clone()));
        let base = read_base(kind, &text).map_err(|rule| BadProvider::Base { variable, rule })?;
        let is_given = given.is_some() || allowed.iter().any(|allowed| allowed.is(&base));
        let reach = if is_given { Reach::Given } else { Reach::Known };
        let wire = wire(kind, get)?;
        let is_told = kind == Kind::Openai && get(OPENAI_WIRE).as_deref() == Some("chat");
        let chat_only = ChatOnly::told(is_told || !kind.speaks(Wire::OpenaiResponses));
        Ok(Provider { kind, giver: Giver::Server, wire, base, credential, reach, chat_only, clients: clients.clone() })
    }

    /// A key, or an address of its own that may do without.
    pub fn is_configured(&self) -> bool {
        match self.credential {
            Credential::Missing => false,
            Credential::NotNeeded | Credential::Key(_) => true,
        }
    }

    /// The header that carries the key; local model servers may need none.
    pub(super) fn credential(&self) -> Option<(&'static str, HeaderValue)> {
        let Credential::Key(key) = &self.credential else { return None };
        let (name, text) = match self.kind.facts().auth {
            Auth::XApiKey => ("x-api-key", Zeroizing::new(key.to_string())),
            Auth::Bearer => ("authorization", Zeroizing::new(format!("Bearer {}", key.as_str()))),
            Auth::XGoogApiKey => ("x-goog-api-key", Zeroizing::new(key.to_string())),
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
        let path = match self.kind.dialect() {
            Dialect::Openai => path.strip_prefix("v1/").unwrap_or(path),
            Dialect::Anthropic | Dialect::Google => path,
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    /// At the provider's own address, not at a server that only speaks like it.
    pub(super) fn is_at_home(&self) -> bool {
        Url::parse(&self.kind.facts().base).is_ok_and(|own| own.host_str() == self.base.host_str())
    }

    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    pub(super) fn client(&self) -> Result<reqwest::Client, Fault> {
        self.clients.of(self.host(), self.reach)
    }
}

pub fn unknown_provider(name: &str) -> Fault {
    let known: Vec<&str> = names().collect();
    let meant = nearest(name).map_or(String::new(), |near| format!("did you mean {near}? "));
    Fault::new(Code::UnknownProvider, format!("this server knows no model provider {:?}", mi_core::ids::excerpt(name)))
        .hint(format!("{meant}it knows {}", known.join(", ")))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn readable_key(variable: &'static str, key: String) -> Result<Zeroizing<String>, BadProvider> {
    let key = Zeroizing::new(key);
    if is_key(&key) { Ok(key) } else { Err(BadProvider::Key(variable)) }
}

fn wire(kind: Kind, get: &dyn Fn(&str) -> Option<String>) -> Result<Wire, BadProvider> {
    let own = kind.facts().wires.first().copied().unwrap_or(Wire::OpenaiChat);
    match (kind, get(OPENAI_WIRE).as_deref()) {
        (Kind::Openai, None | Some("chat")) => Ok(Wire::OpenaiChat),
        (Kind::Openai, Some("responses")) => Ok(Wire::OpenaiResponses),
        (Kind::Openai, Some(_)) => Err(BadProvider::Wire),
        (Kind::Anthropic | Kind::Google | Kind::Venice | Kind::Openrouter, _) => Ok(own),
    }
}
