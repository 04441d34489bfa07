//! The catalogue, secrets, statuses.

use serde_json::{Value, json};

use super::{get, set_secret, status, toggle};
use crate::integrations::catalogue::catalogue;
use crate::testing::TestHouse;

#[tokio::test]
async fn the_whole_catalogue_is_listed_in_the_contracts_shape() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let listed = get(office, "/integrations").await;
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|card| card["id"].as_str().unwrap()).collect();
    assert_eq!(ids, catalogue().all().iter().map(|manifest| manifest.id.as_str()).collect::<Vec<_>>());
    let github = get(office, "/integrations/GH").await;
    assert_eq!(github, listed[0]);
    let expected = json!({
        "id": "github", "name": "GitHub", "description": "Repositories, issues, pull requests and Actions",
        "category": "services", "type": "secret", "aliases": ["gh"],
        "capabilities": ["issues", "pull requests", "repositories", "actions"],
        "agentEnvVars": ["GITHUB_TOKEN", "GH_TOKEN"], "channels": [], "verified": true, "status": "pending",
        "requiredSecrets": [{
            "key": "GITHUB_TOKEN", "label": "Personal access token", "type": "secret", "required": true,
            "hint": github["requiredSecrets"][0]["hint"],
        }],
        "metadata": {
            "docs": github["metadata"]["docs"], "hosts": github["metadata"]["hosts"],
            "rawKeys": false, "agents": [], "missing": ["GITHUB_TOKEN"],
        },
    });
    assert_eq!(github, expected);
    house.close().await;
}

#[tokio::test]
async fn an_unknown_integration_is_refused_with_a_guess() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let reply = office.call("GET", "/integrations/githb", Value::Null).await;
    assert!(reply.json["hint"].as_str().unwrap().contains("did you mean github?"), "{}", reply.json);
    assert_eq!(reply.refused(), (404, "no_such_integration".to_owned()));
    let reply = set_secret(office, "jira", json!({"key": "x"})).await;
    assert_eq!(reply.refused(), (404, "no_such_integration".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_status_follows_secrets_and_agents() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let first = set_secret(office, "wa", json!({"data": {"WHATSAPP_ACCESS_TOKEN": "t"}})).await.ok();
    assert_eq!(
        (&first["status"], &first["metadata"]["missing"]),
        (&json!("pending"), &json!(["WHATSAPP_PHONE_NUMBER_ID"]))
    );
    let both = set_secret(office, "whatsapp", json!({"WHATSAPP_PHONE_NUMBER_ID": "7"})).await.ok();
    assert_eq!((&both["status"], &both["metadata"]["missing"]), (&json!("configured"), &json!([])));
    assert_eq!(toggle(office, "whatsapp", "ada", true).await["status"], "active");
    assert_eq!(toggle(office, "whatsapp", "ada", false).await["status"], "configured");
    office.call("DELETE", "/integrations/whatsapp/secret", Value::Null).await.ok();
    assert_eq!(status(office, "whatsapp").await, "pending");
    assert_eq!(status(office, "chromium").await, "configured");
    house.close().await;
}

#[tokio::test]
async fn wrong_secrets_are_refused_and_none_kept() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    for (id, body) in [
        ("github", json!({})),
        ("github", json!({"GITHUB_TOKNE": "x"})),
        ("github", json!({"key": " "})),
        ("whatsapp", json!({"key": "x"})),
        ("whatsapp", json!({"WHATSAPP_ACCESS_TOKEN": "x", "data": {"nonsense": "y"}})),
        ("chromium", json!({"key": "x"})),
        ("openai", json!({"key": "x", "rawKeys": true})),
    ] {
        assert_eq!(
            set_secret(office, id, body.clone()).await.refused(),
            (400, "bad_request".to_owned()),
            "{id} {body}"
        );
    }
    let empty = office.call("PATCH", "/integrations/github", json!({})).await;
    assert_eq!(empty.refused(), (400, "bad_request".to_owned()));
    let statuses = get(office, "/integrations").await;
    let pending = |card: &&Value| card["status"] == "pending";
    assert_eq!(statuses.as_array().unwrap().iter().filter(pending).count(), catalogue().all().len() - 1);
    house.close().await;
}

#[tokio::test]
async fn models_are_configured_by_the_servers_key_or_the_offices_own() {
    let house = TestHouse::with_environment(&[("GEMINI_API_KEY", "server-key")]).await;
    let office = house.office().await;
    assert_eq!(
        (status(office, "google").await, status(office, "openai").await),
        (json!("configured"), json!("pending"))
    );
    let openai = get(office, "/integrations/openai").await;
    let note = openai["metadata"]["note"].as_str().unwrap();
    assert!(note.contains("OPENAI_API_KEY") && note.contains("mi integrations set openai"), "{note}");
    let kept = set_secret(office, "openai-codex", json!({"key": "x", "check": false})).await.ok();
    assert_eq!((&kept["status"], &kept["metadata"]["note"]), (&json!("configured"), &Value::Null));
    assert_eq!(status(office, "openai").await, "configured");
    office.call("DELETE", "/integrations/openai-codex/secret", Value::Null).await.ok();
    assert_eq!(status(office, "openai").await, "pending");

    let of_google = get(office, "/provider-models?provider=gemini").await;
    assert!(!of_google.as_array().unwrap().is_empty());
    for model in of_google.as_array().unwrap() {
        assert_eq!((&model["provider"], &model["available"]), (&json!("google"), &json!(true)));
        assert_eq!(model["id"], model["model_id"]);
    }
    let all = get(office, "/provider-models").await;
    assert!(all.as_array().unwrap().iter().any(|model| model["provider"] == "openai" && model["available"] == false));
    let unknown = office.call("GET", "/provider-models?provider=nobody", Value::Null).await;
    assert_eq!(unknown.refused(), (400, "unknown_provider".to_owned()));
    house.close().await;
}
