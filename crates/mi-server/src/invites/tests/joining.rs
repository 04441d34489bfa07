//! Coming in with a code: once, by one, and never for the wrong ones.

use mi_core::problem::Code;
use mi_core::signing::keys::PrivateKey;
use serde_json::{Value, json};

use super::{CLAIM, HOUR, JOIN, SECOND, WRONG, code, events, from, invite, join, joined, made, newest};
use crate::infra::http::Via;
use crate::testing::TestHouse;

#[tokio::test]
async fn an_agent_comes_in_with_a_code() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let text = invite(office).await;
    let key = PrivateKey::from_bytes(&[7; 32]).unwrap().public().to_string();
    let wish = json!({"code": text.to_lowercase(), "agent_name": "walker", "public_key": key, "capabilities": "go,sql", "model": "large"});
    let reply = house.nobody().call("POST", JOIN, wish).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, Some("no-store")));
    let joined = reply.ok();
    assert_eq!(joined["employee_id"], joined["bot_id"]);
    assert_eq!((&joined["agent_name"], &joined["office_id"]), (&json!("walker"), &json!(office.id.to_string())));
    let about =
        json!({"name": "test", "type": "personal", "member_count": 1, "agent_count": 1, "owner_is_caller": false});
    assert_eq!(joined["office"], about);
    assert!(joined["xmtp"]["office_group_id"].is_string());
    let key = joined["api_key"].as_str().unwrap();
    assert!(key.starts_with("mia_") && key.len() == 4 + 48, "192 bits");

    let walker = house.as_key(key);
    let me = walker.call("GET", "/api/v1/whoami", Value::Null).await.ok();
    assert_eq!((&me["kind"], &me["name"]), (&json!("agent"), &json!("walker")));
    let by_header = house.nobody().with_header("x-agent-api-key", key);
    let own = by_header.call("GET", "/api/agents/self", Value::Null).await.ok();
    assert_eq!((&own["agent"]["kind"], &own["agent"]["skills"]), (&json!("external"), &json!(["go", "sql"])));
    assert_eq!((&own["agent"]["modelTier"], &own["agent"]["status"]["phase"]), (&json!("large"), &json!("Idle")));
    assert_eq!((&own["claims"], &own["office"]["agent_count"]), (&json!([]), &json!(1)));
    let used = newest(office).await;
    assert_eq!((&used["state"], &used["usedBy"]), (&json!("used"), &json!("walker")));
    assert!(events(office).await.contains(&"invites.join".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn it_belongs_to_the_office_from_then_on() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, ben) = (joined(office, "ada").await, joined(office, "ben").await);
    office.call_as(&ada, "POST", "/xmtp/groups/office/send", json!({"body": "hello @ben"})).await.ok();
    office.call("POST", "/messages/send", json!({"to": "ben", "content": "welcome"})).await.ok();
    let inbox = office.call_as(&ben, "GET", "/inbox", Value::Null).await.ok();
    let texts: Vec<&str> = inbox.as_array().unwrap().iter().map(|m| m["body"].as_str().unwrap()).collect();
    assert_eq!(texts, ["hello @ben", "welcome"]);
    assert_eq!(office.call_as(&ben, "GET", "/inbox", Value::Null).await.ok(), json!([]));
    let other = house.office().await;
    assert_eq!(other.call_as(&ada, "GET", "/tasks", Value::Null).await.refused(), code(403, "no_access"));
    let task = office.task(json!({"title": "work", "assignedAgent": "ada"})).await;
    let claimed = office.call_as(&ada, "POST", "/tasks/claim", json!({})).await.ok();
    assert_eq!((&claimed["id"], &claimed["claimed_by"]), (&json!(task), &json!("ada")));
    let own = ada.call("GET", "/api/agents/self", Value::Null).await.ok();
    assert_eq!((&own["claims"][0]["task_id"], &own["claims"][0]["token"]), (&json!(task), &claimed["claim"]["token"]));
    let with_claim = ada.with_header("x-mi-claim", &claimed["claim"]["token"].to_string());
    let done = json!({"status": "done", "result": "did it"});
    let done = office.call_as(&with_claim, "PATCH", &format!("/tasks/{task}"), done).await.ok();
    assert_eq!(done["status"], "done");
    house.close().await;
}

#[tokio::test]
async fn wrong_expired_used_and_revoked_codes_get_one_answer() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (used, expired, revoked) =
        (invite(office).await, made(office, json!({"expiresInSeconds": 60})).await, invite(office).await);
    join(&from(&house, 1), &used, "ada").await.ok();
    office.call("DELETE", &format!("/invites/{revoked}"), Value::Null).await.ok();
    house.advance(60 * SECOND).await;
    let mut answers = Vec::new();
    for (n, text) in [used.as_str(), &expired, &revoked, WRONG, "", "no code", "\u{202e}"].into_iter().enumerate() {
        let speaker = from(&house, 10 + n as u32).with_header("x-request-id", "same");
        let reply = join(&speaker, text, "ben").await;
        assert_eq!(reply.status, 404, "{text:?}");
        answers.push((reply.bytes, format!("{:?}", reply.headers)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    house.close().await;
}

#[tokio::test]
async fn a_refusal_leaves_the_code_as_it_is() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let text = invite(office).await;
    let nobody = house.nobody();
    for (name, refusal) in [
        ("ada", code(409, "agent_exists")),
        ("owner", code(400, "reserved_name")),
        ("Ada", code(400, "bad_name")),
        ("", code(400, "bad_name")),
    ] {
        assert_eq!(join(&nobody, &text, name).await.refused(), refusal, "{name}");
    }
    for key in ["", "04ab", &("04".to_owned() + &"ab".repeat(64))] {
        let wish = json!({"code": text, "agentName": "ben", "publicKey": key});
        assert_eq!(nobody.call("POST", JOIN, wish).await.refused(), code(400, "bad_request"), "{key}");
    }
    office.call("PATCH", "/settings", json!({"maxAgents": 1})).await.ok();
    assert_eq!(join(&nobody, &text, "ben").await.refused(), code(403, "hire_limit_reached"));
    office.call("PATCH", "/settings", json!({"maxAgents": 2})).await.ok();
    join(&nobody, &text, "ben").await.ok();
    assert_eq!(join(&nobody, &text, "cyd").await.refused(), code(404, "invalid_code"));
    house.close().await;
}

#[tokio::test]
async fn kinds_of_invites_are_not_mixed_up() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (agent, human) = (invite(office).await, made(office, json!({"kind": "human", "role": "operator"})).await);
    let nobody = house.nobody();
    assert_eq!(join(&nobody, &human, "ada").await.refused(), code(409, "wrong_invite_type"));
    let claim = |text: &str| json!({"code": text, "name": "otto"});
    assert_eq!(nobody.call("POST", CLAIM, claim(&agent)).await.refused(), code(409, "wrong_invite_type"));
    join(&nobody, &agent, "ada").await.ok();
    let claimed = nobody.call("POST", CLAIM, claim(&human)).await.ok();
    assert_eq!((&claimed["role"], &claimed["officeId"]), (&json!("operator"), &json!(office.id.to_string())));
    let otto = house.as_key(claimed["key"].as_str().unwrap());
    office.call_as(&otto, "POST", "/tasks", json!({"title": "of a colleague"})).await.ok();
    assert_eq!(otto.call("GET", "/api/v1/whoami", Value::Null).await.ok()["name"], "otto");
    assert_eq!(nobody.call("POST", CLAIM, claim(&human)).await.refused(), code(404, "invalid_code"));
    let again = made(office, json!({"kind": "human"})).await;
    assert_eq!(nobody.call("POST", CLAIM, claim(&again)).await.refused().0 / 100, 4, "the name is taken");
    let vera = nobody.call("POST", CLAIM, json!({"code": again, "name": "vera"})).await.ok();
    assert_eq!(vera["role"], "viewer");
    let vera = house.as_key(vera["key"].as_str().unwrap());
    let refused = office.call_as(&vera, "POST", "/tasks", json!({"title": "x"})).await.refused();
    assert_eq!(refused, code(403, "operator_only"));
    house.close().await;
}

#[tokio::test]
async fn the_code_of_an_office_that_is_gone_says_so() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (text, used) = (invite(office).await, invite(office).await);
    join(&house.nobody(), &used, "ada").await.ok();
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    office.call("DELETE", "", Value::Null).await.ok();
    assert_eq!(join(&from(&house, 1), &text, "ben").await.refused(), code(409, "no_office"));
    assert_eq!(join(&from(&house, 2), &used, "ben").await.refused(), code(404, "invalid_code"));
    house.advance(24 * HOUR).await;
    assert_eq!(join(&from(&house, 3), &text, "ben").await.refused(), code(404, "invalid_code"));
    house.close().await;
}

#[tokio::test]
async fn agents_in_pods_join_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.hire("ada").await;
    let pod = house.nobody().through(Via::Pod(office.runner("ada").await.agent));
    let text = invite(office).await;
    for (path, wish) in
        [(JOIN, json!({"code": text, "agentName": "ben"})), (CLAIM, json!({"code": text, "name": "ben"}))]
    {
        assert_eq!(pod.call("POST", path, wish).await.refused(), code(403, "not_from_a_pod"));
    }
    house.close().await;
}

/// The race for one code, over and over: one comes in, all others are told what a wrong code is told.
#[tokio::test]
async fn of_a_hundred_that_come_at_once_with_one_code_one_comes_in() {
    const ROUNDS: u32 = 50;
    const RACERS: u32 = 100;
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    for round in 0..ROUNDS {
        let text = invite(office).await;
        let racers = (0..RACERS).map(|n| {
            let (speaker, text, name) = (from(&house, round * RACERS + n), text.clone(), format!("r{round}-{n}"));
            async move { join(&speaker, &text, &name).await }
        });
        let replies = futures_util::future::join_all(racers).await;
        let won = replies.iter().filter(|reply| reply.status == 201).count();
        let lost = replies.iter().filter(|reply| reply.json["code"] == Code::InvalidCode.as_str()).count();
        assert_eq!((won, lost), (1, RACERS as usize - 1), "round {round}");
        // Ninety-nine wrong ones alarm; an hour later nobody is asked first.
        house.house.clock.advance(mi_core::time::Millis(HOUR));
    }
    let total = office.call("GET", "/employees", Value::Null).await;
    assert_eq!(total.header("x-total-count"), Some(ROUNDS.to_string().as_str()));
    house.close().await;
}

#[tokio::test]
async fn a_join_whose_answer_was_lost_is_no_second_one() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let text = invite(office).await;
    let keyed = house.nobody().with_header("idempotency-key", "once");
    let first = join(&keyed, &text, "ada").await.ok();
    let again = join(&keyed, &text, "ada").await.ok();
    assert!(first["api_key"].is_string());
    assert_eq!((&again["api_key"], &again["employee_id"]), (&Value::Null, &first["employee_id"]));
    assert_eq!(join(&keyed, &text, "ben").await.refused(), code(422, "idempotency_key_reused"));
    house.close().await;
}
