//! Where a secret must never be seen.

use serde_json::{Value, json};

use super::{get, set_secret, toggle};
use crate::house::operations;
use crate::infra::caller::Access;
use crate::integrations::service;
use crate::testing::TestHouse;

const CANARY: &str = "canary-secret-9f3a";

#[tokio::test]
async fn a_colleagues_credentials_are_refused() {
    let house = TestHouse::new().await;
    let (office, other) = (house.office().await, house.office().await);
    office.hire("ada").await;
    office.hire("bob").await;
    other.hire("ada").await;
    set_secret(office, "github", json!({"key": CANARY, "rawKeys": true})).await.ok();
    toggle(office, "github", "bob", true).await;
    let (ada, stranger) = (office.runner("ada").await, other.runner("ada").await);
    for rest in ["/employees/bob/integration-credentials", "/integrations/github/agents/bob/credentials"] {
        for (speaker, expected) in [
            (ada.speaker(), (403, "not_you")),
            (house.owner(), (403, "not_you")),
            (stranger.speaker(), (403, "no_access")),
            (house.nobody(), (401, "unauthenticated")),
        ] {
            let reply = office.call_as(&speaker, "GET", rest, Value::Null).await;
            assert_eq!(reply.refused(), (expected.0, expected.1.to_owned()), "{rest}");
        }
    }
    let elsewhere =
        other.call_as(&stranger.speaker(), "GET", "/employees/bob/integration-credentials", Value::Null).await;
    assert_eq!(elsewhere.refused(), (404, "no_such_agent".to_owned()));
    assert_eq!(get(other, "/integrations/github").await["status"], "pending");
    house.close().await;
}

/// Every answer that an operator or a colleague can read, asked for while the secret is there.
#[tokio::test]
async fn a_secret_is_in_no_answer_no_event_and_no_row() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    office.hire("bob").await;
    let body = json!({"key": CANARY, "rawKeys": true});
    let keyed = house.owner().with_header("idempotency-key", "once");
    for _ in 0..2 {
        let reply = office.call_as(&keyed, "POST", "/integrations/github/secret", body.clone()).await;
        assert!(!String::from_utf8_lossy(&reply.bytes).contains(CANARY));
        reply.ok();
    }
    let wrong = set_secret(office, "github", json!({"nonsense": CANARY})).await;
    assert!(!wrong.json.to_string().contains(CANARY), "{}", wrong.json);
    toggle(office, "github", "ada", true).await;
    let bob = office.runner("bob").await;
    let mut seen = 0;
    for operation in operations().iter().filter(|operation| !operation.is_mutating() && operation.path.starts_with('…'))
    {
        if operation.id.ends_with(".stream") || operation.access == Access::Runner {
            continue;
        }
        let rest = operation.path.trim_start_matches('…').replace("{integration}", "github").replace("{name}", "ada");
        for speaker in [house.owner(), bob.speaker()] {
            let reply = office.call_as(&speaker, "GET", &rest, Value::Null).await;
            assert!(!String::from_utf8_lossy(&reply.bytes).contains(CANARY), "{} shows it", operation.id);
            seen += usize::from(reply.status == 200);
        }
    }
    assert!(seen >= 20, "only {seen} answers were looked at");
    let events = get(office, "/events?limit=500").await.to_string();
    assert!(events.contains("GITHUB_TOKEN") && !events.contains(CANARY), "{events}");

    let (id, keys) = (office.id, house.house.keys.clone());
    let read = move |tx: &mut dyn crate::infra::db::Tx| {
        let sealed = super::super::store::secrets(tx, id, "github")?;
        Ok((sealed, service::open_all(tx, &keys, id, "github")?))
    };
    let (sealed, opened) = house.house.db.read(read).await.unwrap();
    assert_eq!(opened[0].1.as_str(), CANARY);
    assert!(sealed.iter().all(|row| !row.sealed.contains(CANARY) && !row.sealed.contains(&hex::encode(CANARY))));
    house.close().await;
}

#[tokio::test]
async fn an_office_that_is_deleted_takes_its_secrets_along() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    set_secret(office, "github", json!({"key": CANARY})).await.ok();
    office.call("DELETE", "", Value::Null).await.ok();
    let id = office.id;
    let left = house.house.db.read(move |tx| Ok(super::super::store::secrets(tx, id, "github")?.len())).await;
    assert_eq!(left.unwrap(), 0);
    house.close().await;
}
