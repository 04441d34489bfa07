//! Where a pod gets and where it doesn't.

use serde_json::{Value, json};

use super::bench::{Host, Scripted, denied, house_permitting, way};

#[tokio::test]
async fn by_default_a_way_leads_nowhere_and_says_so() {
    let host = Host::answering().await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    let answer = way.connect("Example.com:443").await;
    assert_eq!(answer.refused(), denied());
    let said = "the office's egress doesn't allow CONNECT to example.com:443";
    assert_eq!(answer.json()["error"], said);
    assert!(answer.head.starts_with(&format!("HTTP/1.1 403 {said}\r\n")), "{}", answer.head);
    let hint = format!("an operator allows it with mi colonies update {} --allow example.com:443", way.office.id);
    assert_eq!(answer.json()["hint"], hint);
    assert_eq!(way.get(&format!("http://{}/", host.place)).await.refused(), denied());
    assert_eq!(host.heard(), Vec::<String>::new());

    let events = way.events().await;
    assert_eq!(events.len(), 2);
    let (kind, event) = &events[0];
    assert_eq!(kind, "egress.refused");
    assert_eq!(event["actor"], "ada");
    assert_eq!(event["summary"], "ada was refused CONNECT to example.com:443: the office's egress doesn't allow it");
    let data = &event["data"];
    assert_eq!(
        (&data["host"], &data["port"], &data["method"], &data["verdict"], &data["why"]),
        (&json!("example.com"), &json!(443), &json!("CONNECT"), &json!("refused"), &json!("not_allowed"))
    );
    house.close().await;
}

#[tokio::test]
async fn what_hides_where_it_leads_is_refused() {
    let host = Host::answering().await;
    let port = host.port();
    let names = Scripted::default()
        .says("inside.example.com.", &[&["10.0.0.7"]])
        .says("both.example.com.", &[&["8.8.8.8", "127.0.0.1"]])
        .says("mapped.example.com.", &[&["::ffff:169.254.169.254"]])
        .says("own.example.com.", &[&["203.0.113.9"]])
        .says("nowhere.example.com.", &[&[]]);
    let asked = names.asked.clone();
    let house = house_permitting(&[], names).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!(["*", {"host": "*", "ports": [port]}])).await;
    // Whatever the office allows, none of it leads to the server's own machine or network.
    for place in [
        format!("127.0.0.1:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        "localhost:80".into(),
        "LOCALHOST.:80".into(),
        "x.localhost:80".into(),
        "[::1]:80".into(),
        "169.254.169.254:80".into(),
        "100.64.0.1:443".into(),
        "[64:ff9b::7f00:1]:443".into(),
        "[2002:7f00:1::]:443".into(),
        "inside.example.com:443".into(),
        "both.example.com:443".into(),
        "mapped.example.com:80".into(),
        // A public address, and the machine's own.
        "own.example.com:443".into(),
        "203.0.113.9:80".into(),
    ] {
        for answer in [way.connect(&place).await, way.get(&format!("http://{place}/latest")).await] {
            assert_eq!(answer.refused(), denied(), "{place}");
            let hint = answer.json()["hint"].as_str().unwrap().to_owned();
            assert!(hint.contains("--egress-private"), "{place}: {hint}");
        }
    }
    for (place, expected) in [
        ("user@example.com:443", (400, "bad_request")),
        ("example.com:0", (400, "bad_request")),
        ("2130706433:80", (400, "bad_request")),
        ("[fe80::1%25eth0]:80", (400, "bad_request")),
        ("0177.0.0.1:80", (400, "bad_request")),
        ("0x7f000001:80", (400, "bad_request")),
        ("127.1:80", (400, "bad_request")),
        ("example..com:80", (400, "bad_request")),
        // What the one parser doesn't read at all, it doesn't answer in words.
        ("example.com\0.evil.org:443", (400, "")),
        ("example.com%00:443", (400, "")),
        ("exämple.com:443", (400, "")),
        ("nowhere.example.com:443", (502, "upstream_failed")),
        ("unknown.example.com:443", (502, "upstream_failed")),
    ] {
        let (status, code) = way.connect(place).await.refused();
        assert_eq!((status, code.as_str()), expected, "{place}");
    }
    assert_eq!(host.heard(), Vec::<String>::new());
    // A password that stood in front of a place is written down nowhere.
    let events = way.office.call("GET", "/events?limit=500", Value::Null).await.ok().to_string();
    assert!(events.contains("unreadable") && !events.contains("user@"), "{events}");
    // No search list was put behind a name, and no name of this machine was asked for.
    assert!(asked.lock().unwrap().iter().all(|name| name.ends_with(".com.")), "{asked:?}");
    house.close().await;
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_connection_goes_there() {
    let host = Host::answering().await;
    let names = Scripted::default().says("moving.test", &[&["127.0.0.1"], &["127.0.0.99"]]);
    let asked = names.asked.clone();
    let house = house_permitting(&[&format!("moving.test:{}", host.port())], names).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!([format!("moving.test:{}", host.port())])).await;
    let url = format!("http://moving.test:{}/", host.port());
    assert_eq!(way.get(&url).await.status, 200);
    assert_eq!(*asked.lock().unwrap(), ["moving.test"]);
    // The next connection is another one, and is judged anew: now nobody is there.
    assert_eq!(way.get(&url).await.refused(), (502, "upstream_failed".to_owned()));
    assert_eq!(host.heard().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_redirect_is_the_clients_to_follow_and_judged_like_any_other() {
    let host = Host::saying(
        "\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!(["*", host.place])).await;
    let answer = way.get(&format!("http://{}/", host.place)).await;
    assert_eq!(answer.status, 302);
    assert!(answer.head.contains("location: http://169.254.169.254/latest"), "{}", answer.head);
    assert_eq!(way.get("http://169.254.169.254/latest").await.refused(), denied());
    house.close().await;
}

#[tokio::test]
async fn an_entry_with_methods_allows_those_and_no_tunnel() {
    let host = Host::answering().await;
    let house = house_permitting(&[&host.place], Scripted::default()).await;
    let way = way(house.office().await, "ada").await;
    way.allow(json!([{"host": "127.0.0.1", "ports": [host.port()], "methods": ["GET"]}])).await;
    let url = format!("http://{}/", host.place);
    assert_eq!(way.get(&url).await.status, 200);
    assert_eq!(way.ask(&format!("DELETE {url} HTTP/1.1\r\nHost: x\r\n\r\n")).await.refused(), denied());
    // What passes through a tunnel can't be seen.
    assert_eq!(way.connect(&host.place).await.refused(), denied());
    assert_eq!(host.heard().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn an_integration_opens_its_hosts_to_the_agents_that_have_it() {
    let names = Scripted::default().says("api.github.com.", &[&["10.0.0.1"]]);
    let house = house_permitting(&[], names).await;
    let office = house.office().await;
    let (ada, ben) = (way(office, "ada").await, way(office, "ben").await);
    office.call("POST", "/integrations/github/agents/ada", json!({"enabled": true})).await.ok();
    let why = |answer: super::bench::Answer| answer.json()["error"].as_str().unwrap_or_default().to_owned();
    // Allowed, and then refused for the address that this resolver gives.
    assert!(why(ada.connect("api.github.com:443").await).contains("own machine or network"));
    assert!(why(ada.connect("api.github.com:80").await).contains("doesn't allow"));
    assert!(why(ada.connect("evil.github.com:443").await).contains("doesn't allow"));
    assert!(why(ben.connect("api.github.com:443").await).contains("doesn't allow"));
    office.call("POST", "/integrations/github/agents/ada", json!({"enabled": false})).await.ok();
    assert!(why(ada.connect("api.github.com:443").await).contains("doesn't allow"));
    house.close().await;
}
