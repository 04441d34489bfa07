//! Where an office's requests may go: the setting `egress`, by default nowhere.
//!
//! An entry is a text, `host` or `host:port`, or an object `{host, ports?, methods?}`. `*.example.com` stands for every
//! name below example.com, `*` for every host. Without a port an entry means 80 and 443, without methods all of them. An
//! entry that can't be read allows nothing.

use serde_json::Value;

const USUAL_PORTS: [u16; 2] = [80, 443];

/// Where one request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// In lower case, without brackets and without a last dot.
    pub host: String,
    pub port: u16,
}

impl Target {
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
        return (host, rest.strip_prefix(':'));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

/// Whether the office's entries let a request with this method go there.
pub fn allows(entries: &[Value], target: &Target, method: &str) -> bool {
    entries.iter().any(|entry| Entry::read(entry).is_some_and(|entry| entry.allows(target, method)))
}

struct Entry {
    host: String,
    ports: Vec<u16>,
    /// Empty stands for all.
    methods: Vec<String>,
}

impl Entry {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::of_text(text),
            Value::Object(fields) => {
                let mut entry = Self::of_text(fields.get("host")?.as_str()?)?;
                if let Some(ports) = fields.get("ports") {
                    entry.ports = ports.as_array()?.iter().map(port).collect::<Option<_>>()?;
                }
                if let Some(methods) = fields.get("methods") {
                    let methods = methods.as_array()?.iter();
                    entry.methods = methods.map(|method| method.as_str().map(str::to_owned)).collect::<Option<_>>()?;
                    // An empty list is what it says: no method at all.
                    (!entry.methods.is_empty()).then_some(())?;
                }
                Some(entry)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        let (host, port) = split_port(text.trim());
        let ports = match port {
            Some(text) => vec![text.parse().ok()?],
            None => USUAL_PORTS.to_vec(),
        };
        let host = Target::new(host, 0).host;
        let well_formed = !host.is_empty() && !host.contains(['/', '@', ' ']);
        well_formed.then_some(Self { host, ports, methods: Vec::new() })
    }

    fn allows(&self, target: &Target, method: &str) -> bool {
        let methods = self.methods.is_empty() || self.methods.iter().any(|known| known.eq_ignore_ascii_case(method));
        methods && self.ports.contains(&target.port) && self.covers(&target.host)
    }

    fn covers(&self, host: &str) -> bool {
        match self.host.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|front| front.len() > 1 && front.ends_with('.')),
            None => self.host == "*" || self.host == host,
        }
    }
}

fn port(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|port| u16::try_from(port).ok()),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
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
