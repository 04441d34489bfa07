//! The server's doors: every request goes the same way, and knows through which door it came.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::serve::ListenerExt;
use mi_core::ids::AgentId;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tower::{ServiceExt, service_fn};

use super::Via;
use super::dispatch::router;
use crate::house::{House, operations};

/// Where a request came in; another one may be sent in by the same way.
#[derive(Clone)]
pub struct Door {
    pub via: Via,
    pub front: Front,
}

/// All routes, ready to be served. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    routes: Arc<Router>,
}

impl Front {
    pub fn new(house: House) -> Self {
        Self { routes: Arc::new(router(house, operations())) }
    }

    /// Answers one request without a socket.
    pub async fn answer(&self, mut request: Request<Body>, via: Via) -> Response<Body> {
        request.extensions_mut().insert(Door { via, front: self.clone() });
        let routes = Router::clone(&self.routes);
        match routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    fn through(self, via: Via) -> Router {
        let answer = service_fn(move |request: Request<Body>| {
            let front = self.clone();
            async move { Ok::<_, Infallible>(front.answer(request, via).await) }
        });
        Router::new().fallback_service(answer)
    }

    /// Serves until `stop`, then lets requests under way end.
    pub async fn serve_tcp(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
        let listener = listener.tap_io(without_delay);
        let serving = axum::serve(listener, self.through(Via::Tcp)).with_graceful_shutdown(stop);
        if let Err(error) = serving.await {
            tracing::error!(%error, "the server's door closed");
        }
    }

    /// Serves the socket of one agent's pod until it is dropped.
    pub async fn serve_pod(self, listener: UnixListener, agent: AgentId) {
        if let Err(error) = axum::serve(listener, self.through(Via::Pod(agent))).await {
            tracing::error!(%error, "a pod's door closed");
        }
    }
}

/// Small answers go out at once.
fn without_delay(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
}
