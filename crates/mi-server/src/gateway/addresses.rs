//! Addresses given by hand: a provider's base.

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
