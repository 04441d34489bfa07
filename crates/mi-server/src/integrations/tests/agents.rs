//! Who may use what, and what they find.

use mi_core::ids::OfficeId;
use serde_json::{Value, json};

use super::{enabled, get, set_secret, toggle};
use crate::args;
use crate::testing::{FakeRunner, TestHouse, TestOffice};

async fn credentials(ada: &FakeRunner<'_>) -> Value {
    let reply = ada.office.call_as(&ada.speaker(), "GET", "/employees/ada/integration-credentials", Value::Null).await;
    reply.ok()["integrations"].clone()
}

async fn make_external(house: &TestHouse, office: OfficeId) {
    let change = move |tx: &mut dyn crate::infra::db::Tx| {
        let sql = "update agents set kind = 'external' where office_id = $1 and name = 'ada'";
        Ok(tx.execute(sql, args![office])?)
    };
    assert_eq!(house.house.db.write(change).await.unwrap(), 1);
}

#[tokio::test]
async fn aliases_and_providers_are_kept_under_their_ids() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let body = json!({"name": "ada", "harness": "command", "command": "true", "provider": "anthropic",
        "integrations": ["gh", "GITHUB", "own-tool"]});
    office.hire_with(body).await;
    assert_eq!(enabled(office, "ada").await, ["github", "claude-code"]);
    toggle(office, "tg", "ada", true).await;
    toggle(office, "telegram", "ada", true).await;
    assert_eq!(enabled(office, "ada").await, ["github", "telegram", "claude-code"]);
    toggle(office, "gh", "ada", false).await;
    assert_eq!(enabled(office, "ada").await, ["telegram", "claude-code"]);
    let nobody = office.call("POST", "/integrations/github/agents/nobody", json!({"enabled": true})).await;
    assert_eq!(nobody.refused(), (404, "no_such_agent".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_list_that_is_known_already_is_not_sent_again() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let path = "/employees/ada/integrations";
    let first = get(office, path).await;
    let rev = first["rev"].as_str().unwrap().to_owned();
    for known in [rev.clone(), format!("\"{rev}\""), format!("W/\"{rev}\"")] {
        let speaker = house.owner().with_header("if-none-match", &known);
        let same = office.call_as(&speaker, "GET", path, Value::Null).await;
        assert_eq!((same.status, same.bytes.len()), (304, 0), "{known}");
        assert_eq!(same.header("etag"), Some(format!("\"{rev}\"").as_str()));
    }
    let speaker = house.owner().with_header("if-none-match", &rev);
    toggle(office, "github", "ada", true).await;
    let enabled = office.call_as(&speaker, "GET", path, Value::Null).await.ok();
    assert_eq!(enabled["integrations"][0]["metadata"]["agents"], json!(["ada"]));
    house.advance(1).await;
    set_secret(office, "github", json!({"key": "one"})).await.ok();
    let set = get(office, path).await;
    house.advance(1).await;
    set_secret(office, "github", json!({"key": "two"})).await.ok();
    let set_again = get(office, path).await;
    assert!(rev != enabled["rev"] && enabled["rev"] != set["rev"] && set["rev"] != set_again["rev"]);
    house.close().await;
}

#[tokio::test]
async fn hosted_agents_get_placeholders_until_the_owner_says_otherwise() {
    let house = TestHouse::with_environment(&[("OPENAI_API_KEY", "server-key")]).await;
    let office = house.office().await;
    office.hire("ada").await;
    for id in ["github", "openai", "slack"] {
        toggle(office, id, "ada", true).await;
    }
    set_secret(office, "github", json!({"key": "real-token"})).await.ok();
    let ada = office.runner("ada").await;
    let (github, openai) = ("mi-placeholder:github", "mi-placeholder:openai");
    let expected = json!({
        "github": {"enabled": true, "env": {"GITHUB_TOKEN": github, "GH_TOKEN": github}},
        "openai": {"enabled": true, "env": {"OPENAI_API_KEY": openai}},
        "slack": {"enabled": true, "env": {}},
    });
    assert_eq!(credentials(&ada).await, expected);

    office.call("PATCH", "/integrations/github", json!({"rawKeys": true})).await.ok();
    let env = json!({"GITHUB_TOKEN": "real-token", "GH_TOKEN": "real-token"});
    assert_eq!(credentials(&ada).await["github"]["env"], env);
    let one = office.call_as(&ada.speaker(), "GET", "/integrations/gh/agents/ada/credentials", Value::Null).await;
    assert_eq!(one.header("cache-control"), Some("no-store"));
    assert_eq!(one.ok(), json!({"envVars": env}));

    toggle(office, "github", "ada", false).await;
    let off = office.call_as(&ada.speaker(), "GET", "/integrations/gh/agents/ada/credentials", Value::Null).await;
    assert_eq!(off.ok(), json!({"envVars": {}}));
    assert_eq!(credentials(&ada).await["github"], Value::Null);
    house.close().await;
}

#[tokio::test]
async fn external_agents_get_values_but_never_keys_of_models() {
    let house = TestHouse::with_environment(&[("OPENAI_API_KEY", "server-key")]).await;
    let office = house.office().await;
    office.hire("ada").await;
    for id in ["github", "openai"] {
        set_secret(office, id, json!({"key": format!("real-{id}"), "check": false})).await.ok();
        toggle(office, id, "ada", true).await;
    }
    let ada = office.runner("ada").await;
    make_external(&house, office.id).await;
    let found = credentials(&ada).await;
    assert_eq!(found["github"]["env"]["GITHUB_TOKEN"], "real-github");
    assert_eq!(found["openai"]["env"], json!({"OPENAI_API_KEY": "mi-placeholder:openai"}));
    house.close().await;
}

#[tokio::test]
async fn a_session_finds_them_in_its_environment_below_what_is_set_by_name() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    set_secret(office, "github", json!({"key": "real-token", "rawKeys": true})).await.ok();
    set_secret(office, "linear", json!({"key": "lin_api_1"})).await.ok();
    for id in ["github", "linear"] {
        toggle(office, id, "ada", true).await;
    }
    office.call("PUT", "/env", json!({"GH_TOKEN": "by-name"})).await.ok();
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": "work"})).await;
    let grant = ada.must_take().await;
    let path = format!("/sessions/{}/env", grant.id);
    let reply = office.call_as(&ada.speaker(), "GET", &path, Value::Null).await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let env = reply.ok();
    let expected =
        json!({"GITHUB_TOKEN": "real-token", "GH_TOKEN": "by-name", "LINEAR_API_KEY": "mi-placeholder:linear"});
    assert_eq!(env, expected);
    ada.done(&grant, "worked").await.ok();
    ada.end(&grant, "finished").await.ok();
    house.close().await;
}

async fn agents_hire(ada: &FakeRunner<'_>, body: Value) -> crate::testing::TestReply {
    ada.office.call_as(&ada.speaker(), "POST", "/employees", body).await
}

#[tokio::test]
async fn an_agent_passes_on_only_what_it_may_use_itself() {
    let house = TestHouse::new().await;
    let office: TestOffice<'_> = house.office().await;
    office.lift_hire_limit().await;
    office.hire("ada").await;
    toggle(office, "github", "ada", true).await;
    let ada = office.runner("ada").await;
    let hire = |name: &str, with: &str| json!({"name": name, "harness": "command", "command": "true", "integrations": [with], "provider": "openai"});
    assert_eq!(agents_hire(&ada, hire("bob", "slack")).await.refused(), (403, "operator_only".to_owned()));
    agents_hire(&ada, hire("bob", "gh")).await.ok();
    assert_eq!(enabled(office, "bob").await, ["github", "openai"]);
    house.close().await;
}

#[tokio::test]
async fn agents_neither_set_nor_enable_anything() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let ada = office.runner("ada").await;
    for (method, rest, body) in [
        ("POST", "/integrations/github/secret", json!({"key": "x"})),
        ("DELETE", "/integrations/github/secret", Value::Null),
        ("PATCH", "/integrations/github", json!({"rawKeys": true})),
        ("POST", "/integrations/github/agents/ada", json!({"enabled": true})),
    ] {
        let reply = office.call_as(&ada.speaker(), method, rest, body).await;
        assert_eq!(reply.refused(), (403, "operator_only".to_owned()), "{method} {rest}");
    }
    house.close().await;
}
