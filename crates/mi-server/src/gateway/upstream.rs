//! The way to a provider: one client each, to its own host only.
//!
//! Redirects are not followed. A host that is not given by hand is never reached at an address of the server's own machine
//! or network, whatever its name resolves to.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::providers::{Provider, Reach};
use crate::infra::fault::{self, Fault};
use crate::infra::outbound::{PublicNames, install_cryptography, is_local_name, leads_home};

const CONNECT_SECONDS_MAX: u64 = 15;
/// The longest silence within an answer; models may think for minutes before the first word.
const SILENCE_SECONDS_MAX: u64 = 600;
const IDLE_CONNECTIONS_MAX: usize = 32;

/// A request as it goes out, without the credential.
#[derive(Clone)]
pub struct Outgoing {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Whether anything of a failed call may have reached the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WasSent {
    No,
    Perhaps,
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Failed {
    pub fault: Fault,
    pub was_sent: WasSent,
}

/// Sends with the provider's key put in; answers as soon as the headers are there.
pub async fn send(provider: &Provider, outgoing: Outgoing) -> Result<reqwest::Response, Failed> {
    let perhaps = |fault| Failed { fault, was_sent: WasSent::Perhaps };
    let url = provider.address(&outgoing.path, outgoing.query.as_deref());
    let mut headers = outgoing.headers;
    if let Some((name, value)) = provider.credential() {
        headers.insert(name, value);
    }
    let client = provider.client().map_err(perhaps)?;
    let request = client.request(outgoing.method, url).headers(headers).body(outgoing.body);
    let response = request.send().await.map_err(|error| {
        let was_sent = if error.is_connect() { WasSent::No } else { WasSent::Perhaps };
        Failed { fault: failed(provider, error), was_sent }
    })?;
    if response.status().is_redirection() {
        return Err(perhaps(fault::upstream_failed(provider.kind.as_str(), "it answered with a redirect")));
    }
    Ok(response)
}

/// An answer's body up to a limit, without the key should the provider repeat it.
pub async fn bounded(provider: &Provider, mut response: reqwest::Response, most: usize) -> Result<Bytes, Fault> {
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(provider, error))? {
        text.extend_from_slice(&piece[..piece.len().min(most - text.len())]);
        if text.len() >= most {
            break;
        }
    }
    Ok(provider.redact(String::from_utf8_lossy(&text).into_owned()).into())
}

/// A body that is of no use in parts.
pub async fn whole(provider: &Provider, response: reqwest::Response, most: usize) -> Result<Bytes, Fault> {
    let text = bounded(provider, response, most + 1).await?;
    if text.len() > most {
        return Err(fault::upstream_failed(provider.kind.as_str(), format!("its answer is longer than {most} bytes")));
    }
    Ok(text)
}

/// The address is left out of the cause: it may hold what the caller wrote.
pub fn failed(provider: &Provider, error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    fault::upstream_failed(provider.kind.as_str(), format!("{error}{source}"))
}

pub fn client(host: &str, reach: Reach) -> Result<reqwest::Client, reqwest::Error> {
    install_cryptography();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .read_timeout(Duration::from_secs(SILENCE_SECONDS_MAX))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    match reach {
        Reach::Known => builder.dns_resolver(PublicNames::of(host)).build(),
        // A proxy would look the name up by itself, and nobody would judge what it finds.
        Reach::Chosen => builder.no_proxy().dns_resolver(PublicNames::all()).build(),
        // A model server in the neighbourhood is not reached through a proxy to the outside.
        Reach::Given if is_near(host) => builder.no_proxy().build(),
        Reach::Given => builder.build(),
    }
}

/// Whether it is seen without asking anybody that this is the server's own machine or network.
pub fn is_near(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    is_local_name(host) || literal.parse::<IpAddr>().is_ok_and(leads_home)
}
