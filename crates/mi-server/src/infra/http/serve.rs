//! The server's doors: every request goes the same way, and knows through which door it came.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{HOST, HeaderValue};
use axum::http::{Request, Response};
use axum::serve::ListenerExt;
use mi_core::ids::AgentId;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tower::ServiceExt;

use super::Via;
use super::connections::{self, Places};
use super::dispatch::router;
use super::tls::TlsListener;
use crate::house::{House, operations};
use crate::infra::clock::Clock;

/// Where a request came in; another one may be sent in by the same way.
#[derive(Clone)]
pub struct Door {
    pub via: Via,
    pub peer: Option<Peer>,
    pub wire: Wire,
    pub front: Front,
}

/// The network address at the other end of the connection. Behind a proxy it is the proxy's: what a request says of
/// itself can't be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Whether others on the way can read what passes, as far as this server can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Plain,
    Encrypted,
}

/// All routes, ready to be served. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    routes: Arc<Router>,
    places: Places,
    clock: Clock,
}

impl Front {
    pub fn new(house: House) -> Self {
        let clock = house.clock.clone();
        Self { routes: Arc::new(router(house, operations())), places: Places::of_this_process(), clock }
    }

    /// Answers one request without a socket.
    pub async fn answer(&self, mut request: Request<Body>, via: Via) -> Response<Body> {
        let extensions = request.extensions_mut();
        let peer = extensions.get::<Peer>().copied();
        let wire = extensions.get::<Wire>().copied().unwrap_or(Wire::Plain);
        extensions.insert(Door { via, peer, wire, front: self.clone() });
        name_host(&mut request);
        let routes = Router::clone(&self.routes);
        match routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Serves until `stop`, then lets requests under way end.
    pub async fn serve_tcp(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
        connections::serve(self, listener.tap_io(without_delay), Wire::Plain, stop).await;
    }

    /// The same, encrypted.
    pub async fn serve_tls(self, listener: TlsListener, stop: impl Future<Output = ()> + Send + 'static) {
        connections::serve(self, listener, Wire::Encrypted, stop).await;
    }

    /// Serves the socket of one agent's pod until it is dropped.
    pub async fn serve_pod(self, listener: UnixListener, agent: AgentId) {
        connections::serve_pod(self, listener, Via::Pod(agent)).await;
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// In HTTP/2 the host that a client means stands in the address; here it is looked for in one place.
fn name_host(request: &mut Request<Body>) {
    let Some(authority) = request.uri().authority() else { return };
    let named = HeaderValue::from_str(authority.as_str());
    if let (Ok(host), false) = (named, request.headers().contains_key(HOST)) {
        request.headers_mut().insert(HOST, host);
    }
}

/// Small answers go out at once.
pub(super) fn without_delay(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
