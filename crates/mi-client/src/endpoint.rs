//! Where a server answers: `http://127.0.0.1:7700`, without a slash at the end.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// The address of a server, checked once.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: String,
    url: Url,
}

/// Text that is no address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not the address of a server: {rule}")]
pub struct BadEndpoint {
    given: String,
    rule: &'static str,
}

impl Endpoint {
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Traffic goes over the wire as it is.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// The server is on this machine.
    pub fn is_loopback(&self) -> bool {
        let Some(host) = self.url.host_str() else { return false };
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    /// A bare `host:port` means plain http.
    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = |rule| BadEndpoint { given: mi_core::ids::excerpt(text), rule };
        let text = text.trim();
        let spelt = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&spelt).map_err(|_| bad("it reads like http://127.0.0.1:7700"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("it starts with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("a name or password doesn't belong in it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it ends before any ? or #"));
        }
        Ok(Self { base: url.as_str().trim_end_matches('/').to_owned(), url })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_type_them() {
        for (given, base, plain, loopback) in [
            ("http://127.0.0.1:7700/", "http://127.0.0.1:7700", true, true),
            ("localhost:7700", "http://localhost:7700", true, true),
            ("http://[::1]:7700", "http://[::1]:7700", true, true),
            ("https://mi.example.org/base/", "https://mi.example.org/base", false, false),
            ("http://10.0.0.1", "http://10.0.0.1", true, false),
            ("http://127.0.0.1.example.org", "http://127.0.0.1.example.org", true, false),
        ] {
            let endpoint: Endpoint = given.parse().unwrap();
            assert_eq!((endpoint.as_str(), endpoint.is_plain(), endpoint.is_loopback()), (base, plain, loopback));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "ftp://x", "http://", "http://u:p@x", "http://x/?q=1", "http://x/#f", "unix:///run/s.sock"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad:?}");
        }
    }
}
