//! TLS at the server's own door, for where no proxy does it.
//!
//! Handshakes are made beside the door, each within its time and a limited number at once: a client that says nothing
//! keeps nobody else waiting.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::serve::Listener;
use mi_core::time::Millis;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::serve::without_delay;
use crate::infra::clock::Clock;

const HANDSHAKE_MS_MAX: i64 = 10_000;
/// Handshakes under way at once; more wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 256;
/// What clients may speak inside.
const PROTOCOL: &[u8] = b"http/1.1";

/// Two files in PEM: the certificate with its chain, and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;

/// Why TLS can't be had with these files.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    #[error("{path} can't be read: {source}")]
    Read { path: String, source: io::Error },
    #[error("{path} holds no certificate in PEM")]
    NoCertificate { path: String },
    #[error("{path} holds no private key in PEM")]
    NoKey { path: String },
    #[error("{path} is not valid PEM")]
    Pem { path: String },
    #[error("{certificate} and {key} don't go together: {source}")]
    Pair { certificate: String, key: String, source: rustls::Error },
}

impl BadTls {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "--tls-cert and --tls-key name files that this user can read",
            Self::NoCertificate { .. } => "it begins with -----BEGIN CERTIFICATE-----; is it the key's file?",
            Self::NoKey { .. } => {
                "it begins with -----BEGIN PRIVATE KEY----- and isn't encrypted; is it the certificate's file?"
            }
            Self::Pem { .. } => "give the file as its issuer made it, whole",
            Self::Pair { .. } => {
                "give the key with which this certificate was made; the server's own certificate comes first"
            }
        }
    }
}

/// Reads the files, and proves that they go together.
pub fn configuration(files: &TlsFiles) -> Result<Arc<ServerConfig>, BadTls> {
    let (certificates, key) = (certificates(&files.certificate)?, key(&files.key)?);
    let pair = |source| BadTls::Pair { certificate: shown(&files.certificate), key: shown(&files.key), source };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(pair)?;
    let mut config = builder.with_no_client_auth().with_single_cert(certificates, key).map_err(pair)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> Result<Vec<u8>, BadTls> {
    std::fs::read(path).map_err(|source| BadTls::Read { path: shown(path), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let text = read(path)?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| BadTls::Pem { path: shown(path) })?;
    if found.is_empty() { Err(BadTls::NoCertificate { path: shown(path) }) } else { Ok(found) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, BadTls> {
    let text = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => BadTls::NoKey { path: shown(path) },
        _ => BadTls::Pem { path: shown(path) },
    })
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
