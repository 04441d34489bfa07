//! TLS at the door: a client inside it is served, one that says nothing holds nobody up, wrong files are named.

use std::path::Path;

use reqwest::Certificate;
use rustls::crypto::ring;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::{BadTls, TlsFiles, TlsListener, configuration};
use crate::infra::clock::Clock;
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
    let listener = TlsListener::new(listener, configuration(&files).unwrap(), clock).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move { drop(stopped.await) };
    let serving = tokio::spawn(house.front().clone().serve_tls(listener, until));

    let silent = TcpStream::connect(address).await.unwrap();
    if ring::default_provider().install_default().is_err() {
        // Another test of this process did.
    }
    let trusted = Certificate::from_pem(certificate.as_bytes()).unwrap();
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
    assert!(configuration(&one).is_ok());
    let nonsense = folder.path().join("nonsense");
    std::fs::write(&nonsense, "hello").unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    let with = |certificate: &Path, key: &Path| {
        configuration(&TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() }).unwrap_err()
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
