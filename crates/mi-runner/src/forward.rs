//! The ways out of a pod: listeners on the pod's loopback whose bytes go to a Unix socket of the server's and back.
//!
//! Nothing else leads out of a sandboxed pod. Programs in it see an ordinary HTTP address in `MI_ENDPOINT`, and an
//! ordinary proxy in the variables that programs know. Each has its own listener: whatever a harness does with the proxy,
//! the runner still reaches the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Semaphore;

use mi_core::wire::runner::PROXY_SOCKET_NAME;

use crate::clock::pause;
use crate::config::Address;
use crate::fault::RunnerError;

/// Programs don't agree on a case; `HTTP_PROXY` means another thing to those that may run behind a web server.
const PROXY_VARIABLES: [&str; 4] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];
const NO_PROXY_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// The server's API and what a pod's programs say to each other.
const OWN_LOOPBACK: &str = "127.0.0.1,localhost,::1";

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

/// The address of the proxy; where no pod is around a runner, its network is its own.
pub(crate) async fn proxy_of(address: &Address) -> Result<Option<String>, RunnerError> {
    match address {
        Address::Given(_) => Ok(None),
        Address::Socket(path) => start(&path.with_file_name(PROXY_SOCKET_NAME)).await.map(Some),
    }
}

/// What programs look at to find a proxy. It is set even where nothing is allowed: the proxy says why, a missing network
/// doesn't.
pub(crate) fn proxy_variables(proxy: &str) -> impl Iterator<Item = (String, String)> {
    let places = PROXY_VARIABLES.map(|name| (name.to_owned(), proxy.to_owned()));
    let spared = NO_PROXY_VARIABLES.map(|name| (name.to_owned(), OWN_LOOPBACK.to_owned()));
    // Node looks at none of them unless it is told to.
    places.into_iter().chain(spared).chain([("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned())])
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

    use crate::config::Address;

    #[tokio::test]
    async fn a_pod_has_a_proxy_beside_its_api_and_a_machine_elsewhere_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let server = UnixListener::bind(folder.path().join("out.sock")).unwrap();
        let address = Address::Socket(folder.path().join("s.sock"));
        let proxy = super::proxy_of(&address).await.unwrap().unwrap();
        let mut client = TcpStream::connect(proxy.trim_start_matches("http://")).await.unwrap();
        client.write_all(b"CONNECT x:1 HTTP/1.1").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = String::new();
        server.accept().await.unwrap().0.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "CONNECT x:1 HTTP/1.1");
        let elsewhere = Address::Given("http://127.0.0.1:7700".into());
        assert_eq!(super::proxy_of(&elsewhere).await.unwrap(), None);
    }

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
