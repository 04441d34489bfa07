use mi_core::signing::keys::PublicKey;
use mi_core::signing::payload::sha256_hex;
use mi_core::signing::signature::Signature;
use serde_json::{Value, json};

use super::service;
use crate::infra::act::Act;
use crate::testing::{External, SignatureVersion, Signer, Speaker, TestHouse, TestOffice, TestReply, new_key};

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn me(office: TestOffice<'_>, speaker: &Speaker<'_>) -> TestReply {
    office.house.settle().await;
    speaker.call("GET", "/api/v1/whoami", Value::Null).await
}

async fn rotate(office: TestOffice<'_>, speaker: &Speaker<'_>, name: &str, body: Value) -> TestReply {
    office.call_as(speaker, "POST", &format!("/employees/{name}/credentials/rotate"), body).await
}

fn with_key<'a>(agent: &External<'a>) -> Speaker<'a> {
    agent.office.house.as_key(&agent.api_key)
}

#[tokio::test]
async fn a_hired_agent_has_a_pair_and_the_server_signs_for_it() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.hire("ada").await;
    let public: PublicKey = ada["publicKey"].as_str().unwrap().parse().unwrap();
    assert_eq!(ada["publicKey"], json!(public.to_string()));
    assert_eq!(ada["xmtpAddress"], json!(public.address()));
    let other = office.hire("bob").await;
    assert_ne!(other["publicKey"], ada["publicKey"]);

    let (id, keys) = (ada["id"].as_str().unwrap().parse().unwrap(), house.house.keys.clone());
    let sign = move |act: &mut Act<'_>| service::sign_for(act.tx, &keys, act.office, id, b"a message");
    let signature = house.house.act_as_server(office.id, sign).await.unwrap().unwrap();
    assert!(public.verifies(b"a message", &Signature::parse(&signature).unwrap()));
    house.close().await;
}

#[tokio::test]
async fn an_agent_of_an_older_store_gets_its_pair_at_the_start() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.hire("ada").await;
    let id = ada["id"].as_str().unwrap().parse().unwrap();
    house.house.act_as_server(office.id, move |act| service::revoke_all(act, id)).await.unwrap();
    assert_eq!(office.call("GET", "/employees/ada", Value::Null).await.ok()["publicKey"], Value::Null);
    service::give_missing_pairs(&house.house).await.unwrap();
    let given = office.call("GET", "/employees/ada", Value::Null).await.ok()["publicKey"].clone();
    assert!(given.is_string() && given != ada["publicKey"]);
    service::give_missing_pairs(&house.house).await.unwrap();
    assert_eq!(office.call("GET", "/employees/ada", Value::Null).await.ok()["publicKey"], given, "once");
    house.close().await;
}

#[tokio::test]
async fn an_office_that_is_broken_keeps_no_others_agents_from_their_pairs() {
    let house = TestHouse::new().await;
    let (one, two) = (house.office().await, house.office().await);
    let (broken, well) = if one.id.0 < two.id.0 { (one, two) } else { (two, one) };
    for office in [broken, well] {
        let id = office.hire("ada").await["id"].as_str().unwrap().parse().unwrap();
        house.house.act_as_server(office.id, move |act| service::revoke_all(act, id)).await.unwrap();
    }
    broken.set_raw_settings("{").await;
    service::give_missing_pairs(&house.house).await.unwrap();
    assert!(well.call("GET", "/employees/ada", Value::Null).await.ok()["publicKey"].is_string());
    broken.set_raw_settings("{}").await;
    service::give_missing_pairs(&house.house).await.unwrap();
    assert!(broken.call("GET", "/employees/ada", Value::Null).await.ok()["publicKey"].is_string());
    house.close().await;
}

#[tokio::test]
async fn a_hosted_agent_rotates_to_a_new_pair() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.hire("ada").await;
    let keyed = house.owner().with_header("idempotency-key", "once");
    let rotated = rotate(office, &keyed, "ada", Value::Null).await.ok();
    assert_ne!(rotated["publicKey"], ada["publicKey"]);
    assert_eq!(rotated["apiKey"], Value::Null);
    assert_eq!(rotate(office, &keyed, "ada", Value::Null).await.ok(), rotated, "the same request, the same pair");
    let card = office.call("GET", "/employees/ada", Value::Null).await.ok();
    assert_eq!((&card["publicKey"], &card["xmtpAddress"]), (&rotated["publicKey"], &rotated["xmtpAddress"]));
    let own = json!({"publicKey": new_key().public().to_string()});
    assert_eq!(rotate(office, &house.owner(), "ada", own).await.refused(), code(400, "bad_request"));
    house.close().await;
}

#[tokio::test]
async fn an_external_agent_rotates_its_key_and_its_pair() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    with_key(&ada).call("GET", "/api/v1/whoami", Value::Null).await.ok();
    let (new, keyed) = (new_key(), ada.speaker().with_header("idempotency-key", "once"));
    let wish = json!({"public_key": new.public().to_string()});
    let rotated = rotate(office, &keyed, "ada", wish.clone()).await.ok();
    let key = rotated["apiKey"].as_str().unwrap().to_owned();
    assert!(key.starts_with("mia_") && key != ada.api_key);
    assert_eq!(rotated["publicKey"], json!(new.public().to_string()));

    // A second: so long an API key is believed without a look.
    house.advance(1_000).await;
    assert_eq!(me(office, &ada.speaker()).await.refused(), code(401, "key_revoked"));
    assert_eq!(me(office, &with_key(&ada)).await.refused(), code(401, "key_revoked"));
    let now = house.nobody().signed_by(Signer { key: new.clone(), ..ada.signer() });
    assert_eq!(me(office, &now).await.ok()["name"], json!("ada"));
    assert_eq!(me(office, &house.as_key(&key)).await.ok()["name"], json!("ada"));

    let again = rotate(office, &now.clone().with_header("idempotency-key", "once"), "ada", wish.clone()).await.ok();
    assert_eq!((&again["apiKey"], &again["shown_once"]), (&Value::Null, &json!(true)));
    assert_eq!(rotate(office, &now, "ada", wish).await.refused(), code(409, "public_key_taken"), "it has this one");
    let old = json!({"publicKey": ada.key.public().to_string()});
    assert_eq!(rotate(office, &now, "ada", old).await.refused(), code(409, "public_key_taken"), "given up");
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok().to_string();
    assert!(events.contains("agents.rotate_credentials") && !events.contains(&key));
    house.close().await;
}

#[tokio::test]
async fn nobody_rotates_for_another() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, _bob) = (office.external("ada").await, office.external("bob").await);
    let refused = rotate(office, &ada.speaker(), "bob", Value::Null).await.refused();
    assert_eq!(refused, code(403, "not_you"));
    rotate(office, &house.owner(), "bob", Value::Null).await.ok();
    house.close().await;
}

#[tokio::test]
async fn a_key_is_one_agents_in_an_office() {
    let house = TestHouse::new().await;
    let (office, other) = (house.office().await, house.office().await);
    let ada = office.external("ada").await;
    let bob = office.external("bob").await;
    let wish = json!({"publicKey": ada.key.public().to_string()});
    assert_eq!(rotate(office, &bob.speaker(), "bob", wish).await.refused(), code(409, "public_key_taken"));
    for bad in ["", "04", "zz", &"0".repeat(130)] {
        let refused = rotate(office, &bob.speaker(), "bob", json!({"publicKey": bad})).await.refused();
        assert_eq!(refused, code(400, "bad_request"), "{bad}");
    }
    assert_eq!(me(office, &bob.speaker()).await.ok()["name"], json!("bob"), "a refusal changes nothing");
    // Elsewhere it may be somebody's, and whoever comes back after a firing brings it along.
    other.external_with("ada", ada.key.clone()).await;
    office.call("DELETE", "/employees/ada", Value::Null).await.ok();
    let again = office.external_with("ada", ada.key.clone()).await;
    assert_eq!(me(office, &again.speaker()).await.ok()["id"], json!(again.id.to_string()));
    assert_eq!(me(office, &ada.speaker()).await.refused(), code(401, "key_revoked"));
    house.close().await;
}

#[tokio::test]
async fn an_agent_is_known_by_id_or_by_a_name_that_means_one() {
    let house = TestHouse::new().await;
    let (office, other) = (house.office().await, house.office().await);
    let (ada, twin) = (office.external("ada").await, other.external("ada").await);
    let named = |agent: &External<'_>| house.nobody().signed_by(Signer { agent: "ada".to_owned(), ..agent.signer() });
    let tasks = |office: TestOffice<'_>| office.path("/tasks");
    named(&ada).call("GET", &tasks(office), Value::Null).await.ok();
    let refused = named(&ada).call("GET", &tasks(other), Value::Null).await.refused();
    assert_eq!(refused, code(401, "bad_signature"), "there the name is another's");
    assert_eq!(ada.speaker().call("GET", &tasks(other), Value::Null).await.refused(), code(403, "no_access"));
    for agent in [&ada, &twin] {
        assert_eq!(me(office, &named(agent)).await.ok()["id"], json!(agent.id.to_string()), "its key says which");
    }
    let third = house.office().await;
    let same = third.external_with("ada", ada.key.clone()).await;
    assert_eq!(me(office, &named(&ada)).await.refused(), code(401, "bad_signature"), "its key is in two offices");
    let said = named(&same).with_header("x-office-id", &third.id.to_string());
    assert_eq!(me(office, &said).await.ok()["id"], json!(same.id.to_string()));
    house.close().await;
}

#[tokio::test]
async fn the_first_version_can_be_refused() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    let first = house.nobody().signed_by(Signer { version: SignatureVersion::One, ..ada.signer() });
    let list = office.path("/tasks?status=queued&limit=5");
    first.call("GET", &list, Value::Null).await.ok();
    first.call("POST", &office.path("/tasks"), json!({"title": "by the first version"})).await.ok();
    office.call("PATCH", "/settings", json!({"allowV1Signatures": false})).await.ok();
    assert_eq!(first.call("GET", &list, Value::Null).await.refused(), code(401, "bad_signature"));
    assert_eq!(me(office, &first).await.refused(), code(401, "bad_signature"));
    ada.speaker().call("GET", &list, Value::Null).await.ok();
    house.close().await;
}

/// Made by the programs that they name, at the time at which every test begins.
const OTHERS: [(&str, &str); 7] = [
    (
        "node-in-der-0001",
        "3046022100fe082d3623d6a7ea425de60522ad65a632bc9b0cc66385f0668cd338071252f2022100f3bbaa23e02c7a707b538ab555da3fffb034501b073392c9e21c075ad02316c3",
    ),
    (
        "node-compact-001",
        "2f9cf896c1f97314e01f7b6608d6577f4039e55430f5fdc7fd2ad049b0572fa3d003c4ed901bd19f04c098e55e11c7109c38452ec90e5f7fb89610d33c71f383",
    ),
    (
        "noble-compact-01",
        "b2bf75e68d8037b376dfed702f2ff684efbc6832a9707e2fb90361d11ccc03e27fb9dd64a082751fe986b7ff666a835094050c690b4808d046e77464273f60a5",
    ),
    (
        "noble-in-der-001",
        "3045022100fb8121c503758fd110f0160ef13f0d7ab91d4920a5eabfcb36782bd8be945b8d02203ac229e52d983e5cd3e495345e8dcce9ca3330329a502e2a32fd55ddf73a49e6",
    ),
    (
        "python-ecdsa-001",
        "04debf4879ac19bf14bfcd14b9664d229ef87dfd2c098badfa8ed9780d1b8ff2c078e665b02ab93a9a4e0e4e3ee6a2d93233652fd6aa64306d067cd28d987a4f",
    ),
    (
        "python-ecdsa-der",
        "3046022100d21d148c25288440fa56bdd5c4cc4d9d0a58682ea77b5d370dcfc8517dc8bcca022100d35d18b62d68e6ecee8ce910a9e95f2caa6c1aafe80222fc67ae28b184262584",
    ),
    (
        "python-cryptogra",
        "304502210098a6c7248d2d6827a4df062e308b8db85d373d4ccadb38a0a61a5087b9e403e4022010385fa2a31a904f0bef1fc554bcf4abf6c46f47321f1b853084b061d8cccae1",
    ),
];

#[tokio::test]
async fn requests_that_other_programs_signed_are_let_in() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external_with("ada", "07".repeat(32).parse().unwrap()).await;
    for (nonce, signature) in OTHERS {
        let headers = [
            ("x-agent-id", ada.id.to_string()),
            ("x-timestamp", "1767225600".to_owned()),
            ("x-signature", signature.to_owned()),
            ("x-nonce", nonce.to_owned()),
            ("x-content-sha256", sha256_hex(b"")),
        ];
        let speaker = headers.iter().fold(house.nobody(), |speaker, (name, value)| speaker.with_header(name, value));
        assert_eq!(speaker.call("GET", "/api/v1/whoami", Value::Null).await.ok()["name"], json!("ada"), "{nonce}");
        assert_eq!(speaker.call("GET", "/api/v1/whoami", Value::Null).await.refused(), code(401, "replayed"));
    }
    house.close().await;
}

#[tokio::test]
async fn what_is_open_with_a_key_of_an_agent_ends_with_that_key() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    let stream = office.path("/xmtp/stream");
    let open = async |speaker: &Speaker<'_>| speaker.begin("GET", &stream, Vec::new()).await;

    let (by_key, by_signature) = (open(&with_key(&ada)).await, open(&ada.speaker()).await);
    rotate(office, &house.owner(), "ada", Value::Null).await.ok();
    house.must_end(by_key).await;
    let pair = json!({"publicKey": new_key().public().to_string()});
    rotate(office, &house.owner(), "ada", pair).await.ok();
    house.must_end(by_signature).await;
    house.close().await;
}

#[tokio::test]
async fn a_parked_claim_of_an_agent_ends_with_its_key_and_takes_nothing() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    let (claimer, path) = (with_key(&ada), office.path("/tasks/claim"));
    let claim = claimer.call("POST", &path, json!({"wait": 60}));
    let rotating = async {
        tokio::task::yield_now().await;
        rotate(office, &house.owner(), "ada", Value::Null).await.ok();
        office.task(json!({"title": "not for a revoked key"})).await
    };
    let (reply, task) = tokio::join!(claim, rotating);
    assert_eq!(reply.refused(), code(401, "key_revoked"));
    assert_eq!(office.get_task(task).await["status"], json!("queued"));
    house.close().await;
}

#[tokio::test]
async fn keys_of_an_agent_are_listed_with_the_minute_of_their_use() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    let keys = async || {
        let list = office.call("GET", "/employees/ada/keys", Value::Null).await.ok();
        let used = |kind: &str| {
            let live = |one: &&Value| one["kind"] == kind && one["revokedAt"].is_null();
            list.as_array().unwrap().iter().find(live).unwrap()["lastUsedAt"].clone()
        };
        (used("api"), used("public"), list.to_string())
    };
    let (api, public, text) = keys().await;
    assert_eq!((api, public), (Value::Null, Value::Null));
    assert!(text.contains(&ada.key.public().address()) && !text.contains(&ada.api_key), "{text}");
    me(office, &with_key(&ada)).await.ok();
    house.advance(60_000).await;
    me(office, &ada.speaker()).await.ok();
    house.settle().await;
    let (api, public, _) = keys().await;
    assert_eq!((api, public), (json!("2026-01-01T00:00:00.000Z"), json!("2026-01-01T00:01:00.000Z")));
    rotate(office, &house.owner(), "ada", Value::Null).await.ok();
    assert_eq!(keys().await.0, Value::Null, "the new one wasn't used yet");
    house.close().await;
}
