//! Addresses given by hand: a provider's base, and what `--allow-upstream` lets through.

use reqwest::Url;

use super::kinds::Kind;
use super::providers::BadProvider;

pub fn read_base(kind: Kind, variable: &'static str, text: &str) -> Result<Url, BadProvider> {
    let bad = |rule| BadProvider::Base { variable, rule };
    let mut url = Url::parse(text).map_err(|_| bad("write it as https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("it begins with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("a key stands in its own variable, not in the address"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it ends with its path"));
    }
    let mut path = url.path().trim_end_matches('/').to_owned();
    // Clients of these two write the version themselves; a base that ends with it would have it twice.
    if kind != Kind::Openai
        && let Some(rest) = kind.versions().iter().find_map(|version| path.strip_suffix(version)?.strip_suffix('/'))
    {
        path = rest.to_owned();
    }
    url.set_path(&path);
    Ok(url)
}

/// `--allow-upstream`: an address that may be private.
#[derive(Debug, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    pub fn parse(text: &str) -> Result<Self, BadProvider> {
        let bad = || BadProvider::Upstream(mi_core::ids::excerpt(text));
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        if host.is_empty() || host.contains('/') {
            return Err(bad());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }

    pub fn is(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str()) && url.port_or_known_default() == Some(self.port)
    }
}
