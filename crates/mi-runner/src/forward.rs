//! The way out of a pod: a listener on the pod's loopback whose bytes go to the server's Unix socket and back.
//!
//! Nothing else leads out of a sandboxed pod; programs in it see an ordinary HTTP address in `MI_ENDPOINT`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;

use crate::clock::pause;
use crate::config::Address;
use crate::fault::RunnerError;

/// Connections at one time; a further one waits until another ends.
const CONNECTIONS_MAX: usize = 64;
/// How long to wait when accepting fails (out of file descriptors).
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// The address to be used as `MI_ENDPOINT`; in a sandboxed pod it starts the forwarder.
pub(crate) async fn endpoint_of(address: &Address) -> Result<String, RunnerError> {
    match address {
        Address::Given(endpoint) => Ok(endpoint.trim_end_matches('/').to_owned()),
        Address::Socket(path) => start(path).await,
    }
}

pub(crate) async fn start(socket: &Path) -> Result<String, RunnerError> {
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).await.map_err(RunnerError::io("listen on the pod's loopback"))?;
    let port = listener.local_addr().map_err(RunnerError::io("read the forwarder's port"))?.port();
    tokio::spawn(serve(listener, socket.to_owned()));
    Ok(format!("http://127.0.0.1:{port}"))
}

async fn serve(listener: TcpListener, socket: PathBuf) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let socket = socket.clone();
                tokio::spawn(async move {
                    carry(stream, &socket).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the forwarder can't accept a connection");
                pause(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A server that is away shows to the client as a connection that ends; the client's own retries take it from there.
async fn carry(mut near: TcpStream, socket: &Path) {
    let done = async {
        near.set_nodelay(true)?;
        let mut far = UnixStream::connect(socket).await?;
        copy_bidirectional(&mut near, &mut far).await
    };
    if let Err(error) = done.await {
        tracing::debug!(%error, "a forwarded connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UnixListener};

    #[tokio::test]
    async fn bytes_go_both_ways_and_ends_are_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let server = UnixListener::bind(&path).unwrap();
        let endpoint = super::start(&path).await.unwrap();
        let mut client = TcpStream::connect(endpoint.trim_start_matches("http://")).await.unwrap();
        client.write_all(b"ping").await.unwrap();
        client.shutdown().await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        let mut heard = String::new();
        accepted.read_to_string(&mut heard).await.unwrap();
        accepted.write_all(b"pong").await.unwrap();
        drop(accepted);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((heard.as_str(), answer.as_str()), ("ping", "pong"));
    }
}
