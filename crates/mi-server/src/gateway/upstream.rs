//! The way to a provider: one client each, to its own host only.
//!
//! Redirects are not followed. A host that is not given by hand is never reached at a
//! private address, whatever its name resolves to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderMap, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::providers::{Provider, Reach};
use crate::infra::fault::{self, Fault};

const CONNECT_SECONDS_MAX: u64 = 15;
/// The longest silence within an answer; models may think for minutes before the first word.
const SILENCE_SECONDS_MAX: u64 = 600;
const IDLE_CONNECTIONS_MAX: usize = 32;

/// A request as it goes out, without the credential.
pub struct Outgoing {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: bytes::Bytes,
}

/// Sends with the provider's key put in; answers as soon as the headers are there.
pub async fn send(provider: &Provider, outgoing: Outgoing) -> Result<reqwest::Response, Fault> {
    let url = provider.address(&outgoing.path, outgoing.query.as_deref());
    let mut headers = outgoing.headers;
    if let Some((name, value)) = provider.credential() {
        headers.insert(name, value);
    }
    let request = provider.client()?.request(outgoing.method, url).headers(headers).body(outgoing.body);
    let response = request.send().await.map_err(|error| failed(provider, error))?;
    if response.status().is_redirection() {
        return Err(fault::upstream_failed(provider.kind.as_str(), "it answered with a redirect"));
    }
    Ok(response)
}

/// The address is left out of the cause: it may hold what the caller wrote.
pub fn failed(provider: &Provider, error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    fault::upstream_failed(provider.kind.as_str(), format!("{error}{source}"))
}

pub fn client(host: &str, reach: Reach) -> Result<reqwest::Client, reqwest::Error> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the process has its cryptography already");
    }
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .read_timeout(Duration::from_secs(SILENCE_SECONDS_MAX))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    match reach {
        Reach::Public => builder.dns_resolver(PublicOnly { host: host.to_owned() }).build(),
        // A model server in the neighbourhood is not reached through a proxy to the outside.
        Reach::Given if is_near(host) => builder.no_proxy().build(),
        Reach::Given => builder.build(),
    }
}

fn is_near(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(is_private)
}

/// Resolves names, and leaves out private addresses of the provider's own host.
struct PublicOnly {
    host: String,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = name.as_str().eq_ignore_ascii_case(&self.host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let usable: Vec<SocketAddr> = found.into_iter().filter(|at| !guarded || !is_private(at.ip())).collect();
            if usable.is_empty() {
                return Err("its name leads to private addresses only; --allow-upstream permits them".into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Loopback, private, link-local, shared and unspecified addresses.
pub fn is_private(ip: IpAddr) -> bool {
    const SHARED: (u8, std::ops::RangeInclusive<u8>) = (100, 64..=127);
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == SHARED.0 && SHARED.1.contains(&second);
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || first == 0
                || is_shared
                || ip.is_broadcast()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "::",
            "224.0.0.1",
            "255.255.255.255",
        ];
        for ip in private {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn a_public_providers_name_never_leads_home() {
        let guard = PublicOnly { host: "localhost".to_owned() };
        assert!(guard.resolve("localhost".parse().unwrap()).await.is_err());
        let other = PublicOnly { host: "api.example.com".to_owned() };
        assert!(other.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
