//! Agents that come by themselves at work: what they prove themselves by decides whether they must name their claim.

use serde_json::{Value, json};

use crate::testing::{External, SignatureVersion, Signer, Speaker, TestHouse};

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn claim(ada: &External<'_>, speaker: &Speaker<'_>) -> Value {
    ada.office.call_as(speaker, "POST", "/tasks/claim", json!({"agent": "ada"})).await.ok()
}

fn by_key<'a>(ada: &External<'a>) -> Speaker<'a> {
    ada.office.house.as_key(&ada.api_key)
}

fn by_v1<'a>(ada: &External<'a>) -> Speaker<'a> {
    ada.office.house.nobody().signed_by(Signer { version: SignatureVersion::One, ..ada.signer() })
}

fn naming<'a>(speaker: &Speaker<'a>, claimed: &Value) -> Speaker<'a> {
    speaker.clone().with_header("x-mi-claim", &claimed["claim"]["token"].to_string())
}

#[tokio::test]
async fn whoever_signs_by_the_second_version_names_the_claim() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    let signed = ada.speaker();
    office.call_as(&signed, "POST", "/tasks", json!({"title": "idle, it names nothing"})).await.ok();
    office.call_as(&signed, "POST", "/messages/send", json!({"to": "owner", "content": "idle"})).await.ok();
    let claimed = claim(&ada, &signed).await;
    assert_eq!(claimed["id"], json!(1));
    let writes = [
        ("POST", "/tasks/1/log", json!({"message": "a line"})),
        ("POST", "/tasks/1/renew", Value::Null),
        ("POST", "/tasks/1/comments", json!({"message": "a word"})),
        ("POST", "/tasks", json!({"title": "another"})),
        ("POST", "/messages/send", json!({"to": "owner", "content": "a word"})),
        ("PATCH", "/tasks/1", json!({"status": "done", "result": "worked"})),
    ];
    for (method, path, body) in &writes {
        let reply = office.call_as(&signed, method, path, body.clone()).await;
        assert_eq!(reply.refused(), code(428, "claim_required"), "{method} {path}");
    }
    assert_eq!(upload(&ada, &signed).await, code(428, "claim_required"));
    for (method, path, body) in writes {
        office.call_as(&naming(&signed, &claimed), method, path, body).await.ok();
    }
    office.call_as(&signed, "POST", "/messages/send", json!({"to": "owner", "content": "idle again"})).await.ok();
    house.close().await;
}

async fn upload(ada: &External<'_>, speaker: &Speaker<'_>) -> (u16, String) {
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\nwords\r\n--b--\r\n";
    let speaker = speaker.clone().with_header("content-type", "multipart/form-data; boundary=b");
    let reply = speaker.send("POST", &ada.office.path("/files"), form.into()).await;
    (reply.status, reply.json["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_plain_key_and_the_first_version_are_judged_by_who_they_are() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let (ada, bob) = (office.external("ada").await, office.external("bob").await);
    for (speaker, other) in [(by_key(&ada), by_key(&bob)), (by_v1(&ada), by_v1(&bob))] {
        let id = office.task(json!({"title": "work"})).await;
        let claimed = claim(&ada, &speaker).await;
        assert_eq!(claimed["id"], json!(id));
        let task = format!("/tasks/{id}");
        let log = format!("{task}/log");
        assert_eq!(
            office.call_as(&other, "POST", &log, json!({"message": "not mine"})).await.refused(),
            code(403, "not_the_claimer")
        );
        office.call_as(&speaker, "POST", &log, json!({"message": "a line"})).await.ok();
        assert_eq!(upload(&ada, &speaker).await.0, 201);
        let done = json!({"status": "done", "result": "worked"});
        office.call_as(&speaker, "PATCH", &task, done.clone()).await.ok();
        assert_eq!(office.get_task(id).await["status"], json!("done"));
        office.call_as(&naming(&speaker, &claimed), "PATCH", &task, done).await.ok();
    }
    house.close().await;
}

/// Whoever names a claim is fenced by it, however it proves itself.
#[tokio::test]
async fn a_lost_claim_writes_nothing_for_anybody() {
    let house = TestHouse::new().await;
    let office = house.office().await;
    let ada = office.external("ada").await;
    for speaker in [ada.speaker(), by_v1(&ada), by_key(&ada)] {
        let id = office.task(json!({"title": "work"})).await;
        let claimed = claim(&ada, &speaker).await;
        office.call("PATCH", &format!("/tasks/{id}"), json!({"status": "queued", "reason": "too slow"})).await.ok();
        let late = naming(&speaker, &claimed);
        let reply = office.call_as(&late, "POST", &format!("/tasks/{id}/log"), json!({"message": "late"})).await;
        assert_eq!(reply.json["must_stop"], json!(true));
        assert_eq!(reply.refused(), code(409, "stale_claim"));
        assert_eq!(upload(&ada, &late).await, code(409, "stale_claim"));
        office.call("POST", &format!("/tasks/{id}/cancel"), Value::Null).await.ok();
    }
    house.close().await;
}
