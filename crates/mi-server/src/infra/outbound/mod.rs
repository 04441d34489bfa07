//! Calls that leave the server for an address that somebody in an office named.
//!
//! Such an address leads to the outside world, never to this machine, by whichever of its addresses, or its network: whatever
//! its name resolves to is judged, and the connection goes to a judged address and nowhere else. `--allow-upstream
//! HOST:PORT` makes an exception. No redirect is followed, no proxy variable counts, the call and its answer have limits.
//!
//! `Outbound::read` judges an address when it is named, `Outbound::send` calls it.
//! Elsewhere: calls to model providers are in `gateway::upstream`; they share the judgement and the
//! resolver; the ways out of pods are in `egress` and share the judgement.

mod address;
mod call;
mod judge;
mod resolver;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mi_core::time::Millis;

pub use address::{Address, BadAddress, BadUpstream, HostPort, is_local_name};
pub use call::{Answered, Failure, Outgoing};
#[cfg(test)]
pub use judge::OWN_IN_TESTS;
pub use judge::{LeadsNowhere, judge, leads_home};
pub use resolver::PublicNames;

use crate::infra::clock::Clock;
use crate::infra::fault::{self, Fault};

const CONNECT_SECONDS_MAX: u64 = 10;
/// Connections that are kept open for the next call to the same host.
const IDLE_CONNECTIONS_MAX: usize = 2;
const IDLE_SECONDS_MAX: u64 = 30;

/// The way out. Cheap to clone.
#[derive(Clone, Default)]
pub struct Outbound {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    allowed: Vec<HostPort>,
    /// For everybody's addresses; made with the first call, so that a server without any doesn't pay for it.
    guarded: OnceLock<reqwest::Client>,
    /// For allowed addresses only.
    free: OnceLock<reqwest::Client>,
}

impl Outbound {
    /// With what `--allow-upstream` lets through.
    pub fn new(allow_upstream: &[String]) -> Result<Self, BadUpstream> {
        let allowed = HostPort::parse_all(allow_upstream)?;
        Ok(Self { inner: Arc::new(Inner { allowed, ..Inner::default() }) })
    }

    /// Reads an address and refuses one that can't be right; what its name leads to is judged with each call.
    pub fn read(&self, text: &str) -> Result<Address, BadAddress> {
        let address = Address::parse(text)?;
        if address.is_literally_private() && !self.allows(&address) {
            return Err(BadAddress::Private { place: address.place() });
        }
        Ok(address)
    }

    /// Calls; the answer is there whole, or cut at the caller's limit.
    pub async fn send(&self, clock: &Clock, outgoing: Outgoing) -> Result<Answered, Failure> {
        let client = self.client(&outgoing.address).map_err(|fault| {
            tracing::error!(
                cause = fault.cause.as_deref().unwrap_or_default(),
                "calls can't leave: {}",
                fault.sentence
            );
            Failure::Unready
        })?;
        let Millis(time_ms) = outgoing.time_max;
        let until = clock.now() + outgoing.time_max;
        let answered = clock.timeout_at(until, call::exchange(client, outgoing)).await;
        answered.unwrap_or(Err(Failure::TimedOut { seconds: time_ms / 1_000 }))
    }

    fn allows(&self, address: &Address) -> bool {
        self.inner.allowed.iter().any(|allowed| address.is_at(allowed))
    }

    /// A literal address meets no resolver, so it is judged here; names are judged by the guarded client's resolver.
    fn client(&self, address: &Address) -> Result<Option<&reqwest::Client>, Fault> {
        if self.allows(address) {
            return made(&self.inner.free, || builder().build()).map(Some);
        }
        if address.is_literally_private() {
            return Ok(None);
        }
        made(&self.inner.guarded, || builder().dns_resolver(PublicNames::all()).build()).map(Some)
    }
}

fn made(
    place: &OnceLock<reqwest::Client>,
    make: impl Fn() -> Result<reqwest::Client, reqwest::Error>,
) -> Result<&reqwest::Client, Fault> {
    if let Some(client) = place.get() {
        return Ok(client);
    }
    let client = make().map_err(fault::internal)?;
    Ok(place.get_or_init(|| client))
}

fn builder() -> reqwest::ClientBuilder {
    install_cryptography();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .pool_idle_timeout(Duration::from_secs(IDLE_SECONDS_MAX))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
}

/// TLS clients find it in the process; the first one puts it there.
pub fn install_cryptography() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the process has its cryptography already");
    }
}
