//! Addresses as people name them, and what `--allow-upstream` lets through.

use std::net::IpAddr;

use reqwest::Url;

use super::judge::leads_home;
use crate::infra::fault::{self, Fault};

const ADDRESS_CHARS_MAX: usize = 2_000;

/// What `--allow-upstream` was given and can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--allow-upstream {0} is not HOST:PORT")]
pub struct BadUpstream(pub String);

/// `--allow-upstream`: an address that may be private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    pub fn parse(text: &str) -> Result<Self, BadUpstream> {
        let bad = || BadUpstream(mi_core::ids::excerpt(text));
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        if host.is_empty() || host.contains('/') {
            return Err(bad());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }

    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, BadUpstream> {
        texts.iter().map(|text| Self::parse(text)).collect()
    }

    pub fn is(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str()) && url.port_or_known_default() == Some(self.port)
    }
}

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    #[error("an address is written as https://host/path, in at most {ADDRESS_CHARS_MAX} characters")]
    Shape,
    #[error("an address begins with http:// or https://")]
    Scheme,
    #[error("a name or password doesn't stand in an address")]
    Userinfo,
    #[error("{place} is an address of the server's own machine or network")]
    Private { place: String },
}

impl BadAddress {
    /// What to do about it, where the sentence doesn't say it.
    pub fn hint(&self) -> Option<String> {
        match self {
            BadAddress::Shape | BadAddress::Scheme | BadAddress::Userinfo => None,
            BadAddress::Private { place } => {
                Some(format!("whoever runs the server permits it with mi up --allow-upstream {place}"))
            }
        }
    }
}

/// An address of http or https, without credentials and without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, BadAddress> {
        if text.len() > ADDRESS_CHARS_MAX {
            return Err(BadAddress::Shape);
        }
        let mut url = Url::parse(text.trim()).map_err(|_| BadAddress::Shape)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadAddress::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
            return Err(BadAddress::Shape);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadAddress::Userinfo);
        }
        url.set_fragment(None);
        Ok(Self { url })
    }

    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn is_at(&self, place: &HostPort) -> bool {
        place.is(&self.url)
    }

    /// As `--allow-upstream` is told.
    pub(super) fn place(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.host())
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether it is seen without asking anybody that this leads to the server's own machine or network.
    pub(super) fn is_literally_private(&self) -> bool {
        let host = self.host();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(ip) => leads_home(ip),
            Err(_) => is_local_name(host),
        }
    }
}

/// RFC 6761: these never leave the machine.
pub fn is_local_name(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

impl From<BadAddress> for Fault {
    fn from(bad: BadAddress) -> Self {
        let hint = bad.hint();
        let fault = fault::bad_request(bad.to_string());
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}
