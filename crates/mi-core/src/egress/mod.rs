//! Where an office's requests may go: the setting `egress`, by default nowhere.
//!
//! An entry is a text, `host` or `host:port`, or an object `{host, ports?, methods?}`. `*.example.com` stands for every
//! name below example.com, `*` for every host. Without a port an entry means 80 and 443, without methods all of them. An
//! entry that can't be read is refused when it is written, and allows nothing where it stands already.
//!
//! `name` brings hosts into one form, `entry` reads what an office wrote.
//! Elsewhere: which addresses nobody reaches, whatever an office allows, is the server's `infra::outbound`.

mod entry;
pub mod name;

use std::fmt;

use serde_json::Value;

pub use entry::BadEntry;
use entry::Entry;
pub use name::BadHost;

use crate::ids::excerpt;

/// Each is read with every request.
pub const EGRESS_ENTRIES_MAX: usize = 500;
const USUAL_PORTS: [u16; 2] = [80, 443];

/// Where one request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// In lower case, without brackets and without a last dot.
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Why a list of entries isn't taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    #[error("egress has at most {EGRESS_ENTRIES_MAX} entries")]
    TooMany,
    #[error("egress entry {number}, {said}, can't be read: {why}")]
    Entry { number: usize, said: String, why: BadEntry },
}

/// Why a text names no host and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    #[error("{0}")]
    Host(BadHost),
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl Target {
    /// `host:port` as a proxy is asked for it; without a port the usual one, if there is a usual one.
    pub fn of_authority(text: &str, usual: Option<u16>) -> Result<Self, BadTarget> {
        if text.contains('@') {
            return Err(BadTarget::Host(BadHost::Userinfo));
        }
        let (host, port) = split_port(text);
        let digits = |text: &&str| text.bytes().all(|b| b.is_ascii_digit());
        let port = match port {
            Some(text) => Some(text).filter(digits).and_then(|text| text.parse().ok()),
            None => usual,
        };
        let host = name::normal(host).map_err(BadTarget::Host)?;
        Ok(Self { host, port: port.filter(|port| *port > 0).ok_or(BadTarget::Port)? })
    }

    pub fn new(host: &str, port: u16) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        Self { host: host.to_ascii_lowercase(), port }
    }

    /// Of an `http://` or `https://` address.
    pub fn of_url(url: &str) -> Result<Self, String> {
        let (rest, usual) = match (strip_scheme(url, "http://"), strip_scheme(url, "https://")) {
            (Some(rest), _) => (rest, 80),
            (_, Some(rest)) => (rest, 443),
            (None, None) => return Err("its address begins with http:// or https://".to_owned()),
        };
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("its address holds no name or password".to_owned());
        }
        let (host, port) = split_port(authority);
        let port = port.map_or(Some(usual), |text| text.parse().ok().filter(|port| *port > 0));
        let port = port.ok_or("the port of its address is no number from 1 to 65535")?;
        if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("its address names no host".to_owned());
        }
        Ok(Self::new(host, port))
    }
}

fn strip_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let head = url.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
}

/// `[::1]:80`, `host:80`, `host`; a bare IPv6 address has no port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some(end) = authority.rfind(']') {
        let (host, rest) = authority.split_at(end + 1);
        // What stands there and is no port is none that could be read.
        return (host, (!rest.is_empty()).then(|| rest.strip_prefix(':').unwrap_or_default()));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

/// Whether the office's entries let a request with this method go there.
pub fn allows(entries: &[Value], target: &Target, method: &str) -> bool {
    entries.iter().any(|entry| Entry::read(entry).is_ok_and(|entry| entry.allows(target, method)))
}

/// The first entry that can't be read, by its number from 1, before it is written.
pub fn check(entries: &[Value]) -> Result<(), BadList> {
    if entries.len() > EGRESS_ENTRIES_MAX {
        return Err(BadList::TooMany);
    }
    for (number, value) in (1..).zip(entries) {
        Entry::read(value).map_err(|why| BadList::Entry { number, said: excerpt(&value.to_string()), why })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn goes(entries: Value, url: &str, method: &str) -> bool {
        allows(entries.as_array().unwrap(), &Target::of_url(url).unwrap(), method)
    }

    #[test]
    fn only_what_is_named_may_be_reached() {
        for (entries, url, method, expected) in [
            (json!([]), "https://example.com", "GET", false),
            (json!(["example.com"]), "https://EXAMPLE.com./x?y", "GET", true),
            (json!(["example.com"]), "http://example.com", "GET", true),
            (json!(["example.com"]), "https://example.com:8443", "GET", false),
            (json!(["example.com:8443"]), "https://example.com:8443", "GET", true),
            (json!(["example.com:8443"]), "https://example.com", "GET", false),
            (json!(["example.com"]), "https://api.example.com", "GET", false),
            (json!(["example.com"]), "https://example.com.evil.org", "GET", false),
            (json!(["*.example.com"]), "https://api.example.com", "GET", true),
            (json!(["*.example.com"]), "https://example.com", "GET", false),
            (json!(["*.example.com"]), "https://badexample.com", "GET", false),
            (json!(["*"]), "https://anything.org", "GET", true),
            (json!(["Bücher.example."]), "https://xn--bcher-kva.example", "GET", true),
            (json!(["[::ffff:8.8.8.8]"]), "https://8.8.8.8", "GET", true),
            (json!([{"host": "example.com", "port": 443}]), "https://example.com", "GET", false),
            (json!([{"host": "example.com", "ports": [8080]}]), "http://example.com:8080", "GET", true),
            (json!([{"host": "example.com", "methods": ["HEAD"]}]), "https://example.com", "GET", false),
            (json!([{"host": "example.com", "methods": ["get"]}]), "https://example.com", "GET", true),
            (json!([{"host": "example.com", "methods": []}]), "https://example.com", "GET", false),
            (json!(["[::1]:80"]), "http://[::1]", "GET", true),
            (
                json!([7, null, {"ports": [80]}, "", "a b", {"host": "example.com", "ports": "80"}]),
                "http://example.com",
                "GET",
                false,
            ),
        ] {
            assert_eq!(goes(entries.clone(), url, method), expected, "{entries} {method} {url}");
        }
    }

    #[test]
    fn a_bad_entry_is_named() {
        assert_eq!(check(json!(["github.com", "*.x.org:8443", "::1"]).as_array().unwrap()), Ok(()));
        let bad = check(json!(["github.com", "https://x.org"]).as_array().unwrap()).unwrap_err();
        assert_eq!(
            bad.to_string(),
            "egress entry 2, \"https://x.org\", can't be read: an entry is a host, not an address: leave out http:// and the path"
        );
        assert_eq!(check(&vec![json!("x.org"); EGRESS_ENTRIES_MAX + 1]), Err(BadList::TooMany));
    }

    #[test]
    fn a_proxy_is_asked_for_a_host_and_a_port() {
        for (text, usual, expected) in [
            ("Example.com:443", None, Ok("example.com:443")),
            ("example.com", Some(80), Ok("example.com:80")),
            ("[2001:db8::1]:8443", None, Ok("[2001:db8::1]:8443")),
            ("[::ffff:10.0.0.1]:80", None, Ok("10.0.0.1:80")),
            ("example.com", None, Err(BadTarget::Port)),
            ("example.com:", Some(80), Err(BadTarget::Port)),
            ("example.com:0", Some(80), Err(BadTarget::Port)),
            ("example.com:65536", None, Err(BadTarget::Port)),
            ("example.com:+80", None, Err(BadTarget::Port)),
            ("example.com:80:80", None, Err(BadTarget::Host(BadHost::Character))),
            ("::1", Some(80), Err(BadTarget::Host(BadHost::Character))),
            ("good.org@evil.org:80", None, Err(BadTarget::Host(BadHost::Userinfo))),
            ("evil.org]good.org:80", None, Err(BadTarget::Host(BadHost::Character))),
            ("[::1]good.org:80", Some(80), Err(BadTarget::Port)),
        ] {
            let read = Target::of_authority(text, usual).map(|target| target.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn addresses_that_hide_where_they_lead_are_refused() {
        for bad in [
            "ftp://a",
            "a",
            "https://",
            "https://u@a",
            "https://a:0",
            "https://a:x",
            "https://a:70000",
            "http:///x",
            "https://a\u{0}",
        ] {
            assert!(Target::of_url(bad).is_err(), "{bad}");
        }
        assert_eq!(Target::of_url("https://good.org\\@evil.org/").unwrap(), Target::new("good.org", 443));
    }
}
