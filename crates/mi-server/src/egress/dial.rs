//! From a target to a connection: the name resolved once, its addresses judged, one of them called.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use mi_core::egress::Target;
use mi_core::time::Millis;
use tokio::net::TcpStream;

use super::desk::Desk;
use super::service::Why;
use crate::infra::clock::Clock;
use crate::infra::outbound::{is_local_name, is_private};

/// For everything, the name's resolution included.
const DIAL_MS_MAX: i64 = 10_000;
const CONNECT_MS_MAX: i64 = 5_000;
/// Of one name.
const ADDRESSES_MAX: usize = 4;

pub type Finding<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Who knows what names lead to.
pub trait Names: Send + Sync {
    fn find<'a>(&'a self, host: &'a str) -> Finding<'a>;
}

/// The system's resolver. What it is asked is a whole name: no search list of this machine is put behind it.
pub struct SystemNames;

impl Names for SystemNames {
    fn find<'a>(&'a self, host: &'a str) -> Finding<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|at| at.ip()).collect()) })
    }
}

/// Connects to an address of the target that may be reached.
pub async fn dial(desk: &Desk, clock: &Clock, target: &Target) -> Result<TcpStream, Why> {
    let until = clock.now() + Millis(DIAL_MS_MAX);
    let dialled = async {
        let addresses = addresses(desk, target).await?;
        let stream = connect(clock, &addresses).await?;
        // A machine's own address may be a public one; behind it stands what trusts its neighbours.
        if !desk.permits(target) && leads_back(&stream) { Err(Why::Private) } else { Ok(stream) }
    };
    clock.timeout_at(until, dialled).await.unwrap_or(Err(Why::TimedOut))
}

/// An honest name doesn't lead to both worlds, so one private address is enough.
async fn addresses(desk: &Desk, target: &Target) -> Result<Vec<SocketAddr>, Why> {
    let may_be_private = desk.permits(target);
    if !may_be_private && is_local_name(&target.host) {
        return Err(Why::Private);
    }
    let found = match target.host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) if may_be_private => desk.find(target.host.clone()).await?,
        Err(_) => desk.find(format!("{}.", target.host)).await?,
    };
    if found.is_empty() {
        return Err(Why::UnknownHost);
    }
    if !may_be_private && found.iter().copied().any(is_private) {
        return Err(Why::Private);
    }
    Ok(found.into_iter().take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, target.port)).collect())
}

fn leads_back(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(here), Ok(there)) => here.ip() == there.ip(),
        // Gone already.
        (Err(_), _) | (_, Err(_)) => false,
    }
}

async fn connect(clock: &Clock, addresses: &[SocketAddr]) -> Result<TcpStream, Why> {
    let mut last = Why::Unreachable;
    for address in addresses {
        let until = clock.now() + Millis(CONNECT_MS_MAX);
        match clock.timeout_at(until, TcpStream::connect(address)).await {
            Some(Ok(stream)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps its delay");
                }
                return Ok(stream);
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => last = Why::NobodyThere,
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection can't be made");
                last = Why::Unreachable;
            }
            None => last = Why::TimedOut,
        }
    }
    Err(last)
}
