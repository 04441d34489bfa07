//! TLS at the door: a client inside it is served, one that says nothing holds nobody up, wrong files are named.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::Request;
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Certificate as Trusted;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsListener, configuration};
use crate::infra::clock::Clock;
use crate::infra::http::certificate::{BadTls, Certificate, Look, TlsFiles};
use crate::testing::TestHouse;

/// A certificate of one's own for this machine, and the files.
fn files(folder: &Path, name: &str) -> (TlsFiles, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.pem())
}

#[tokio::test]
async fn a_client_is_served_inside_tls_and_a_silent_one_holds_nobody_up() {
    let house = TestHouse::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (files, certificate) = files(folder.path(), "own");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let clock = Clock::running(mi_core::time::Time(0));
    let listener =
        TlsListener::new(listener, configuration(Certificate::read(&files).unwrap()).unwrap(), clock).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move { drop(stopped.await) };
    let serving = tokio::spawn(house.front().clone().serve_tls(listener, until));

    let silent = TcpStream::connect(address).await.unwrap();
    if ring::default_provider().install_default().is_err() {
        // Another test of this process did.
    }
    let trusted = Trusted::from_pem(certificate.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusted]).no_proxy().build().unwrap();
    let url = format!("https://{address}/api/v1/whoami");
    let answer = client.get(url).bearer_auth(house.owner_key()).send().await.unwrap();
    let me: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(me["name"], "owner");
    let begun = client.post(format!("https://{address}/auth/device")).body("{}").send().await.unwrap();
    let begun: Value = serde_json::from_slice(&begun.bytes().await.unwrap()).unwrap();
    let url = begun["verification_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("https://{address}/login?code=")), "{url}");

    let stranger = reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap();
    assert!(stranger.get(format!("https://{address}/healthz")).send().await.is_err(), "who doesn't trust it stays out");
    drop(silent);
    stop.send(()).unwrap();
    drop(client);
    serving.await.unwrap();
    house.close().await;
}

#[test]
fn wrong_files_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let ((one, _), (other, _)) = (files(folder.path(), "one"), files(folder.path(), "other"));
    assert!(Certificate::read(&one).is_ok());
    let nonsense = folder.path().join("nonsense");
    std::fs::write(&nonsense, "hello").unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    let with = |certificate: &Path, key: &Path| {
        Certificate::read(&TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() }).unwrap_err()
    };
    let missing = folder.path().join("missing");
    assert!(matches!(with(&missing, &one.key), BadTls::Read { .. }));
    assert!(matches!(with(&nonsense, &one.key), BadTls::NoCertificate { .. }));
    assert!(matches!(with(&one.key, &one.key), BadTls::NoCertificate { .. }));
    assert!(matches!(with(&broken, &one.key), BadTls::Pem { .. }));
    assert!(matches!(with(&one.certificate, &one.certificate), BadTls::NoKey { .. }));
    let pair = with(&one.certificate, &other.key);
    assert!(matches!(pair, BadTls::Pair { .. }), "{pair}");
    assert!(pair.to_string().contains("one.pem") && !pair.hint().is_empty(), "{pair}");
}

/// As one that speaks whatever the server likes best.
async fn connect(address: SocketAddr, trusted: &str) -> Option<TlsStream<TcpStream>> {
    connect_with(address, trusted, &[b"h2", b"http/1.1"]).await
}

async fn connect_plainly(address: SocketAddr, trusted: &str) -> TlsStream<TcpStream> {
    connect_with(address, trusted, &[b"http/1.1"]).await.unwrap()
}

async fn connect_with(address: SocketAddr, trusted: &str, spoken: &[&[u8]]) -> Option<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = spoken.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::from(address.ip());
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await.unwrap()).await.ok()
}

async fn whoami(stream: &mut TlsStream<TcpStream>, key: &str) -> String {
    let request = format!("GET /api/v1/whoami HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// The address that a login is told, which is the one that the client used.
async fn begun_in_http2(stream: TlsStream<TcpStream>, address: SocketAddr) -> String {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = Request::post(format!("https://{address}/auth/device")).body("{}".to_owned()).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    drop(sender);
    driving.await.unwrap().unwrap();
    let begun: Value = serde_json::from_slice(&body).unwrap();
    begun["verification_url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let house = TestHouse::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (own, old) = files(folder.path(), "own");
    let certificate = Certificate::read(&own).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = configuration(Arc::clone(&certificate)).unwrap();
    let listener = TlsListener::new(listener, config, Clock::running(mi_core::time::Time(0))).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(house.front().clone().serve_tls(listener, async move { drop(stopped.await) }));
    let mut standing = connect_plainly(address, &old).await;
    assert!(whoami(&mut standing, house.owner_key()).await.contains("owner"));
    assert_eq!(certificate.look().unwrap(), Look::Same);

    let (other, new) = files(folder.path(), "other");
    std::fs::rename(&other.certificate, &own.certificate).unwrap();
    assert!(matches!(certificate.look(), Err(BadTls::Pair { .. })), "its key is still to come");
    assert!(connect(address, &old).await.is_some() && connect(address, &new).await.is_none());
    std::fs::rename(&other.key, &own.key).unwrap();
    assert_eq!(certificate.look().unwrap(), Look::New);
    assert!(connect(address, &old).await.is_none());
    let fresh = connect(address, &new).await.unwrap();
    assert_eq!(fresh.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "the best that both speak");
    assert!(begun_in_http2(fresh, address).await.starts_with(&format!("https://{address}/login?code=")));
    assert!(whoami(&mut standing, house.owner_key()).await.contains("owner"), "it stands as it stood");
    drop(standing);
    stop.send(()).unwrap();
    serving.await.unwrap();
    house.close().await;
}
