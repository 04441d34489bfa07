//! Where the server answers: at its address, encrypted or not, and for pods without walls at one that always is plain.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Options;
use super::error::StartError;
use crate::infra::clock::Clock;
use crate::infra::config::PodsKind;
use crate::infra::http::Front;
use crate::infra::http::certificate::Certificate;
use crate::infra::http::tls::{TlsListener, configuration};

/// Pods without walls run on this machine, and what goes there stays there.
const POD_ADDRESS: &str = "127.0.0.1:0";

pub struct Doors {
    pub address: SocketAddr,
    listener: TcpListener,
    tls: Option<Arc<Certificate>>,
    for_pods: Option<(TcpListener, SocketAddr)>,
}

impl Doors {
    pub async fn open(options: &Options, tls: Option<Arc<Certificate>>) -> Result<Self, StartError> {
        let (listener, address) = listen(&options.listen).await?;
        let for_pods = match (options.pods, &tls) {
            (PodsKind::Process, Some(_)) => Some(listen(POD_ADDRESS).await?),
            (PodsKind::Process, None) | (PodsKind::Local, _) => None,
        };
        Ok(Self { address, listener, tls, for_pods })
    }

    /// What clients are shown, where there is TLS.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.tls.clone()
    }

    /// `http://127.0.0.1:7700`
    pub fn endpoint(&self) -> String {
        endpoint(if self.tls.is_some() { "https" } else { "http" }, self.address)
    }

    pub fn pod_endpoint(&self) -> String {
        endpoint("http", self.for_pods.as_ref().map_or(self.address, |(_, address)| *address))
    }

    /// Serves until `stop` is true or gone.
    pub fn serve(self, front: &Front, clock: &Clock, stop: &watch::Sender<bool>) -> Result<JoinHandle<()>, StartError> {
        let until = || {
            let mut stop = stop.subscribe();
            async move {
                // The sender's end is a reason to stop as well.
                let _stopped = stop.wait_for(|stopped| *stopped).await;
            }
        };
        let for_pods = self.for_pods.map(|(listener, _)| tokio::spawn(front.clone().serve_tcp(listener, until())));
        let serving = match self.tls {
            None => tokio::spawn(front.clone().serve_tcp(self.listener, until())),
            Some(certificate) => {
                let config = configuration(certificate).map_err(|error| StartError::Broke(error.to_string()))?;
                let listener = TlsListener::new(self.listener, config, clock.clone());
                let listener = listener.map_err(|error| StartError::listen(&self.address.to_string(), error))?;
                tokio::spawn(front.clone().serve_tls(listener, until()))
            }
        };
        Ok(match for_pods {
            None => serving,
            Some(for_pods) => tokio::spawn(async move {
                if let (Err(error), _) | (_, Err(error)) = tokio::join!(serving, for_pods) {
                    tracing::error!(%error, "a door of the server broke");
                }
            }),
        })
    }
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Where programs on this machine reach an address that may stand for all of them.
fn endpoint(scheme: &str, address: SocketAddr) -> String {
    let port = address.port();
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => format!("{scheme}://127.0.0.1:{port}"),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => format!("{scheme}://[::1]:{port}"),
        SocketAddr::V4(_) | SocketAddr::V6(_) => format!("{scheme}://{address}"),
    }
}
