//! Addresses given by hand: a provider's base.

use reqwest::Url;

use super::kinds::{Dialect, Kind};

/// The base of a provider, or the rule that the text breaks.
pub fn read_base(kind: Kind, text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text).map_err(|_| "write it as https://host/path")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("it begins with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a key stands in its own variable, not in the address");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it ends with its path");
    }
    let mut path = url.path().trim_end_matches('/').to_owned();
    // Clients of these two write the version themselves; a base that ends with it would have it twice.
    let with_version = |version: &String| path.strip_suffix(version.as_str())?.strip_suffix('/');
    if kind.dialect() != Dialect::Openai
        && let Some(rest) = kind.facts().versions.iter().find_map(with_version)
    {
        path = rest.to_owned();
    }
    url.set_path(&path);
    Ok(url)
}
