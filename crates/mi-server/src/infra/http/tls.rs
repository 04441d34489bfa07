//! TLS at the server's own door, for where no proxy does it.
//!
//! Handshakes are made beside the door, each within its time and a limited number at once: a client that says nothing
//! keeps nobody else waiting.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use mi_core::time::Millis;
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::Certificate;
use super::serve::without_delay;
use crate::infra::clock::Clock;

const HANDSHAKE_MS_MAX: i64 = 10_000;
/// Handshakes under way at once; more wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 256;
/// What clients may speak inside, what we like best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;

/// TLS as clients meet it, with the certificate that it is now.
pub fn configuration(certificate: Arc<Certificate>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificate);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

/// Gives connections whose handshake is done.
pub struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    pub fn new(listener: TcpListener, config: Arc<ServerConfig>, clock: Clock) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (send, ready) = mpsc::channel(1);
        let accepting = tokio::spawn(accept_all(listener, TlsAcceptor::from(config), clock, send));
        Ok(Self { ready, address, accepting })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Only when the task that accepts is gone, which the server's end is for.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

async fn accept_all(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    clock: Clock,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let seats = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        // The library's way, which logs and goes on when the machine has no sockets left.
        let (mut stream, peer) = Listener::accept(&mut listener).await;
        without_delay(&mut stream);
        let (acceptor, clock, ready) = (acceptor.clone(), clock.clone(), ready.clone());
        tokio::spawn(async move {
            let limit = clock.now() + Millis(HANDSHAKE_MS_MAX);
            match clock.timeout_at(limit, acceptor.accept(stream)).await {
                Some(Ok(stream)) => {
                    drop(seat);
                    if ready.send((stream, peer)).await.is_err() {
                        tracing::trace!("a connection came as the door closed");
                    }
                }
                Some(Err(error)) => tracing::debug!(%error, %peer, "a TLS handshake failed"),
                None => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        });
    }
}
