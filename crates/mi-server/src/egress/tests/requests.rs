//! Plain requests: what goes on and what doesn't.

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::bench::{Answer, Host, Scripted, house_permitting, way};

#[tokio::test]
async fn a_request_goes_on_under_the_judged_name_without_what_was_for_the_proxy() {
    let host = Host::answering().await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!([host.place])).await;
    let answer = way
        .ask(&format!(
            "GET http://{}/a?b=c HTTP/1.1\r\nHost: evil.org\r\nProxy-Authorization: Basic bWlzXw==\r\n\
             Connection: X-Mine, close\r\nX-Mine: 1\r\nUpgrade: h2c\r\nAccept: */*\r\n\r\n",
            host.place
        ))
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    assert!(!answer.head.contains("keep-alive"), "{}", answer.head);
    assert_eq!(host.heard(), [format!("GET /a?b=c HTTP/1.1\r\nhost: {}\r\naccept: */*\r\n\r\n", host.place)]);
    let (kind, event) = way.events_until(1).await.remove(0);
    assert_eq!(kind, "egress.allowed");
    let data = &event["data"];
    let sent = host.heard()[0].len();
    assert_eq!((&data["bytesUp"], &data["bytesDown"], &data["times"]), (&json!(sent), &json!(58), &json!(1)));
    assert_eq!((&data["why"], &data["session"]), (&json!(null), &json!(null)));
    house.close().await;
}

/// Whoever reads the length otherwise than the host could hide a second request in the first.
#[tokio::test]
async fn a_body_has_one_end() {
    let host = Host::saying("0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n").await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!([host.place])).await;
    let head = format!("POST http://{}/ HTTP/1.1\r\nHost: x\r\n", host.place);
    let hidden = "GET /admin HTTP/1.1\r\nHost: y\r\n\r\n";
    let chunk = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let sent = format!("{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    assert_eq!(way.ask(&sent).await.status, 204);
    let heard = host.heard().remove(0);
    assert!(!heard.contains("content-length") && heard.contains("transfer-encoding: chunked"), "{heard}");
    assert!(heard.ends_with(&chunk), "{heard}");
    for bad in [
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        "Content-Length: +4\r\n\r\nabcd",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Bad Header: x\r\n\r\n",
        "X: a\0b\r\n\r\n",
    ] {
        assert_eq!(way.ask(&format!("{head}{bad}")).await.status, 400, "{bad}");
    }
    assert_eq!(host.heard().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_head_has_limits() {
    let host = Host::answering().await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!([host.place])).await;
    let many = "X: y\r\n".repeat(101);
    let long = format!("X: {}\r\n", "y".repeat(70_000));
    for bomb in [many, long] {
        let mut stream = way.open().await;
        let sent = format!("GET http://{}/ HTTP/1.1\r\n{bomb}\r\n", host.place);
        if stream.write_all(sent.as_bytes()).await.is_ok() {
            assert_eq!(Answer::read_head(&mut stream).await.status, 431);
        }
    }
    assert_eq!(host.heard(), Vec::<String>::new());
    house.close().await;
}

#[tokio::test]
async fn one_connection_carries_one_request_after_another_each_judged() {
    let host = Host::answering().await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!([host.place])).await;
    let mut stream = way.open().await;
    for (url, status) in [(format!("http://{}/", host.place), 200), ("http://evil.org/".into(), 403)] {
        stream.write_all(format!("GET {url} HTTP/1.1\r\nHost: {}\r\n\r\n", host.place).as_bytes()).await.unwrap();
        assert_eq!(Answer::read(&mut stream).await.status, status);
    }
    let asked = way.ask("GET /api/v1/offices HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(asked.refused(), (400, "bad_request".to_owned()));
    assert!(asked.json()["hint"].as_str().unwrap().contains("MI_ENDPOINT"));
    assert_eq!(way.get("https://example.com/").await.refused(), (400, "bad_request".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn what_speaks_no_http_is_no_answer() {
    for answer in ["nonsense\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"]
    {
        let host = Host::saying("\r\n\r\n", answer).await;
        let house = house_permitting(&[&host.place], Scripted::default()).await;
        let way = way(house.office().await, "ada").await;
        way.allow(json!([host.place])).await;
        let url = format!("http://{}/", host.place);
        assert_eq!(way.get(&url).await.refused(), (502, "upstream_failed".to_owned()), "{answer}");
        house.close().await;
    }
}
