//! From a target to a connection: the name resolved once, its addresses judged, one of them called.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use mi_core::egress::Target;
use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use tokio::net::TcpStream;

use super::desk::Desk;
use super::service::Why;
use crate::infra::clock::Clock;
use crate::infra::outbound::{LeadsNowhere, is_local_name, judge};

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
pub async fn dial(desk: &Desk, clock: &Clock, office: OfficeId, target: &Target) -> Result<TcpStream, Why> {
    let until = clock.now() + Millis(DIAL_MS_MAX);
    let dialled = async {
        let addresses = addresses(desk, office, target).await?;
        connect(clock, &addresses).await
    };
    clock.timeout_at(until, dialled).await.unwrap_or(Err(Why::TimedOut))
}

async fn addresses(desk: &Desk, office: OfficeId, target: &Target) -> Result<Vec<SocketAddr>, Why> {
    let may_be_private = desk.permits(target);
    if !may_be_private && is_local_name(&target.host) {
        return Err(Why::Private);
    }
    let found = match target.host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) if may_be_private => desk.find(office, target.host.clone()).await?,
        Err(_) => desk.find(office, format!("{}.", target.host)).await?,
    };
    match judge(&found) {
        Err(LeadsNowhere::Unknown) => return Err(Why::UnknownHost),
        Err(LeadsNowhere::Home) if !may_be_private => return Err(Why::Private),
        Err(LeadsNowhere::Home) | Ok(()) => {}
    }
    Ok(found.into_iter().take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, target.port)).collect())
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
