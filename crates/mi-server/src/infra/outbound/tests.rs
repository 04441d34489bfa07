//! Calls to a program of the test's own, which is private and therefore has to be allowed.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::{HeaderMap, Method, Request};
use mi_core::time::{Millis, Time};

use super::{Address, BadAddress, BadUpstream, Failure, OWN_IN_TESTS, Outbound, Outgoing};
use crate::infra::clock::Clock;

/// Where it listens, and which paths it was asked for.
async fn receiver() -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let answer = move |request: Request<Body>| {
        let kept = Arc::clone(&kept);
        async move {
            let path = request.uri().path().to_owned();
            kept.lock().unwrap().push(path.clone());
            match path.as_str() {
                "/away" => Response::builder().status(302).header("location", "/other").body(Body::empty()).unwrap(),
                "/hangs" => Response::new(Body::from_stream(
                    stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"some"))]).chain(stream::pending()),
                )),
                "/breaks" => Response::new(Body::from_stream(stream::iter([
                    Ok(Bytes::from_static(b"some")),
                    Err(std::io::Error::other("cut")),
                ]))),
                _ => Response::new(Body::from("0123456789")),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (place, seen)
}

fn outgoing(address: Address) -> Outgoing {
    Outgoing {
        method: Method::GET,
        address,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        time_max: Millis::seconds(10),
        answer_bytes_max: 100,
    }
}

async fn get(outbound: &Outbound, url: &str) -> Result<(u16, Bytes, bool), Failure> {
    let address = Address::parse(url).unwrap();
    let answered = outbound.send(&Clock::fake(Time(0)), outgoing(address)).await?;
    Ok((answered.status, answered.body, answered.is_cut))
}

#[test]
fn an_address_is_judged_when_it_is_named() {
    let outbound = Outbound::new(&["10.0.0.7:8080".to_owned(), "[::1]:9".to_owned()]).unwrap();
    let read = |text: &str| outbound.read(text).map(|address| address.as_str().to_owned());
    for good in ["https://example.com/hook?x=1", "http://10.0.0.7:8080/", "http://[::1]:9/", "http://8.8.8.8/"] {
        assert_eq!(read(good), Ok(good.to_owned()));
    }
    assert_eq!(read("https://example.com/a#part").unwrap(), "https://example.com/a");
    let long = format!("https://example.com/{}", "x".repeat(2_000));
    for text in ["", "example.com", "http://", "http://x:0/", "http://x:99999/", &long] {
        assert_eq!(read(text), Err(BadAddress::Shape), "{text}");
    }
    for text in ["ftp://example.com/", "file:///etc/passwd", "gopher://x/"] {
        assert_eq!(read(text), Err(BadAddress::Scheme), "{text}");
    }
    for text in ["https://me@example.com/", "https://me:secret@example.com/"] {
        assert_eq!(read(text), Err(BadAddress::Userinfo), "{text}");
    }
    let private = [
        ("http://10.0.0.7/", "10.0.0.7:80"),
        ("https://10.0.0.7:8081/", "10.0.0.7:8081"),
        ("http://169.254.169.254/latest/", "169.254.169.254:80"),
        // Other ways to write the same.
        ("http://0x7f.1/", "127.0.0.1:80"),
        ("http://2130706433/", "127.0.0.1:80"),
        ("http://[::ffff:7f00:1]/", "[::ffff:7f00:1]:80"),
        ("http://localhost:3000/", "localhost:3000"),
        // A public one that is the machine's own.
        ("https://203.0.113.9/", "203.0.113.9:443"),
        ("http://LOCALHOST./", "localhost.:80"),
        ("http://x.localhost/", "x.localhost:80"),
    ];
    for (text, place) in private {
        assert_eq!(read(text), Err(BadAddress::Private { place: place.to_owned() }), "{text}");
    }
}

#[test]
fn what_is_allowed_is_a_host_and_a_port() {
    for text in ["", "host", "host:", ":80", "host:x", "http://host:80", "host:99999"] {
        assert_eq!(Outbound::new(&[text.to_owned()]).err(), Some(BadUpstream(text.to_owned())));
    }
}

#[tokio::test]
async fn nothing_of_the_servers_own_network_is_called_unless_allowed() {
    let (place, seen) = receiver().await;
    let port = place.rsplit_once(':').unwrap().1;
    let strict = Outbound::default();
    let urls = [
        format!("http://{place}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://{OWN_IN_TESTS}:{port}/"),
    ];
    for url in urls {
        assert_eq!(get(&strict, &url).await, Err(Failure::Private), "{url}");
    }
    let open = Outbound::new(std::slice::from_ref(&place)).unwrap();
    assert_eq!(get(&open, &format!("http://localhost:{port}/")).await, Err(Failure::Private));
    assert_eq!(*seen.lock().unwrap(), Vec::<String>::new());
    let ten = Bytes::from_static(b"0123456789");
    assert_eq!(get(&open, &format!("http://{place}/")).await, Ok((200, ten, false)));
    assert_eq!(get(&strict, "http://name.invalid/").await, Err(Failure::UnknownHost));
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let (place, seen) = receiver().await;
    let outbound = Outbound::new(std::slice::from_ref(&place)).unwrap();
    assert_eq!(get(&outbound, &format!("http://{place}/away")).await, Ok((302, Bytes::new(), false)));
    assert_eq!(*seen.lock().unwrap(), ["/away"]);
}

#[tokio::test]
async fn time_and_answer_have_limits() {
    let (place, seen) = receiver().await;
    let outbound = Outbound::new(std::slice::from_ref(&place)).unwrap();
    let to = |path: &str| outbound.read(&format!("http://{place}{path}")).unwrap();
    let clock = Clock::fake(Time(0));

    for (bytes_max, kept, is_cut) in [(4, "0123", true), (10, "0123456789", false)] {
        let call = Outgoing { answer_bytes_max: bytes_max, ..outgoing(to("/")) };
        let answered = outbound.send(&clock, call).await.unwrap();
        assert_eq!((answered.body.as_ref(), answered.is_cut), (kept.as_bytes(), is_cut));
    }
    assert_eq!(outbound.send(&clock, outgoing(to("/breaks"))).await, Err(Failure::Broken));

    let (own, waiting, call) = (outbound.clone(), clock.clone(), outgoing(to("/hangs")));
    let hanging = tokio::spawn(async move { own.send(&waiting, call).await });
    while !seen.lock().unwrap().iter().any(|path| path == "/hangs") {
        tokio::task::yield_now().await;
    }
    clock.advance(Millis::seconds(10));
    assert_eq!(hanging.await.unwrap(), Err(Failure::TimedOut { seconds: 10 }));
}

#[tokio::test]
async fn a_closed_port_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    drop(listener);
    let outbound = Outbound::new(std::slice::from_ref(&place)).unwrap();
    assert_eq!(get(&outbound, &format!("http://{place}/")).await, Err(Failure::Refused));
}
