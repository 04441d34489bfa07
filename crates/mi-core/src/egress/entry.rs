//! One entry of an allow-list, as an office writes it.

use serde_json::Value;

use super::name::{self, BadHost};
use super::{Target, USUAL_PORTS, split_port};

const FIELDS: [&str; 3] = ["host", "ports", "methods"];
/// A method's name is no longer.
const METHOD_BYTES_MAX: usize = 20;

/// Why an entry can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    #[error("it is a text such as \"example.com\" or \"example.com:8443\", or an object {{host, ports?, methods?}}")]
    Shape,
    #[error("an entry is a host, not an address: leave out http:// and the path")]
    Address,
    #[error("{0}")]
    Host(BadHost),
    #[error("a star stands alone or in front of the first dot, as in *.example.com")]
    Star,
    #[error("a port is a number from 1 to 65535")]
    Port,
    #[error("ports is a list of at least one port")]
    Ports,
    #[error("methods is a list of at least one word, such as [\"GET\", \"HEAD\"]")]
    Methods,
    #[error("an entry has host, ports and methods, and no {0:?}")]
    Field(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    host: Pattern,
    ports: Vec<u16>,
    /// Empty stands for all.
    methods: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    Everything,
    /// Every name that ends in a dot and this.
    Below(String),
    This(String),
}

impl Entry {
    pub fn read(value: &Value) -> Result<Self, BadEntry> {
        match value {
            Value::String(text) => Self::of_text(text),
            Value::Object(fields) => {
                if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
                    return Err(BadEntry::Field(crate::ids::excerpt(name)));
                }
                let host = fields.get("host").and_then(Value::as_str).ok_or(BadEntry::Shape)?;
                let mut entry = Self::of_text(host)?;
                if let Some(ports) = fields.get("ports") {
                    entry.ports = read_ports(ports)?;
                }
                if let Some(methods) = fields.get("methods") {
                    entry.methods = read_methods(methods)?;
                }
                Ok(entry)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err(BadEntry::Shape),
        }
    }

    fn of_text(text: &str) -> Result<Self, BadEntry> {
        let text = text.trim();
        if text.contains('/') {
            return Err(BadEntry::Address);
        }
        let (host, port) = split_port(text);
        let ports = match port {
            Some(text) => vec![read_port(text)?],
            None => USUAL_PORTS.to_vec(),
        };
        Ok(Self { host: Pattern::read(host)?, ports, methods: Vec::new() })
    }

    pub fn allows(&self, target: &Target, method: &str) -> bool {
        let methods = self.methods.is_empty() || self.methods.iter().any(|known| known.eq_ignore_ascii_case(method));
        methods && self.ports.contains(&target.port) && self.host.covers(&target.host)
    }
}

impl Pattern {
    fn read(text: &str) -> Result<Self, BadEntry> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.contains('*') {
            return Err(BadEntry::Star);
        }
        // An address stands for itself with or without brackets.
        let bare = rest.parse::<core::net::Ipv6Addr>().map(|ip| format!("[{ip}]"));
        let host = name::normal(bare.as_deref().unwrap_or(rest)).map_err(BadEntry::Host)?;
        let is_address = host.parse::<core::net::IpAddr>().is_ok();
        match (below, is_address) {
            (true, true) => Err(BadEntry::Star),
            (true, false) => Ok(Self::Below(host)),
            (false, _) => Ok(Self::This(host)),
        }
    }

    fn covers(&self, host: &str) -> bool {
        match self {
            Pattern::Everything => true,
            Pattern::Below(domain) => {
                host.strip_suffix(domain.as_str()).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
            }
            Pattern::This(own) => own == host,
        }
    }
}

fn read_port(text: &str) -> Result<u16, BadEntry> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or(BadEntry::Port)
}

fn read_ports(value: &Value) -> Result<Vec<u16>, BadEntry> {
    let one = |value: &Value| match value {
        Value::Number(number) => read_port(&number.to_string()),
        Value::String(text) => read_port(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(BadEntry::Port),
    };
    let list = value.as_array().filter(|list| !list.is_empty()).ok_or(BadEntry::Ports)?;
    list.iter().map(one).collect()
}

fn read_methods(value: &Value) -> Result<Vec<String>, BadEntry> {
    let is_method = |text: &&str| {
        (1..=METHOD_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
    };
    let one = |value: &Value| value.as_str().filter(is_method).map(str::to_owned);
    // An empty list would allow nothing, which nobody writes on purpose.
    let list = value.as_array().filter(|list| !list.is_empty()).ok_or(BadEntry::Methods)?;
    list.iter().map(one).collect::<Option<_>>().ok_or(BadEntry::Methods)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_read_says_why() {
        for (entry, why) in [
            (json!(7), BadEntry::Shape),
            (json!({"ports": [80]}), BadEntry::Shape),
            (json!("https://github.com"), BadEntry::Address),
            (json!("github.com/x"), BadEntry::Address),
            (json!(""), BadEntry::Host(BadHost::Empty)),
            (json!("a b"), BadEntry::Host(BadHost::Character)),
            (json!("me@github.com"), BadEntry::Host(BadHost::Userinfo)),
            (json!("0x7f.1"), BadEntry::Host(BadHost::Number)),
            (json!("git*.com"), BadEntry::Star),
            (json!("*.*.com"), BadEntry::Star),
            (json!("*.10.0.0.1"), BadEntry::Star),
            (json!("github.com:"), BadEntry::Port),
            (json!("github.com:0"), BadEntry::Port),
            (json!("github.com:+80"), BadEntry::Port),
            (json!("github.com:70000"), BadEntry::Port),
            (json!({"host": "a.org", "ports": []}), BadEntry::Ports),
            (json!({"host": "a.org", "ports": "80"}), BadEntry::Ports),
            (json!({"host": "a.org", "ports": [80.5]}), BadEntry::Port),
            (json!({"host": "a.org", "methods": []}), BadEntry::Methods),
            (json!({"host": "a.org", "methods": ["GET /"]}), BadEntry::Methods),
            (json!({"host": "a.org", "port": 80}), BadEntry::Field("port".into())),
        ] {
            assert_eq!(Entry::read(&entry), Err(why), "{entry}");
        }
    }
}
