//! Sweeps over sessions and agents of offices of which one is broken: it stands in no other's way.

use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::agents;
use crate::infra::sweeps::Offices;
use crate::sessions::store;
use crate::sessions::sweep::{Leases, forget, lapse};
use crate::testing::{TestHouse, TestOffice};

/// The first in every list is the broken one.
async fn two(house: &TestHouse) -> (TestOffice<'_>, TestOffice<'_>) {
    let (one, two) = (house.office().await, house.office().await);
    if one.id.0 < two.id.0 { (one, two) } else { (two, one) }
}

async fn away(office: TestOffice<'_>) -> bool {
    let events = office.call("GET", "/events?limit=500", Value::Null).await.ok();
    events.as_array().unwrap().iter().any(|event| event["type"] == "agents.offline")
}

#[tokio::test]
async fn leases_lapse_and_agents_are_told_away_behind_an_office_that_is_broken() {
    let house = TestHouse::new().await;
    let (broken, well) = two(&house).await;
    for office in [broken, well] {
        let ada = office.remote("ada").await;
        office.task(json!({"title": "t"})).await;
        ada.runner("one").await.must_take().await;
        house.settle().await;
    }
    broken.set_raw_settings("{").await;
    house.house.clock.advance(Millis::seconds(3_600));
    let (leases, presence) = (Leases::default(), Offices::default());
    assert!(lapse(&house.house, &leases).await.is_err());
    assert!(agents::sweep::tell(&house.house, &presence).await.is_err());
    assert_eq!((well.get_task(1).await["status"].as_str(), away(well).await), (Some("queued"), true));
    broken.set_raw_settings("{}").await;
    lapse(&house.house, &leases).await.unwrap();
    agents::sweep::tell(&house.house, &presence).await.unwrap();
    assert_eq!((broken.get_task(1).await["status"].as_str(), away(broken).await), (Some("queued"), true));
    house.close().await;
}

#[tokio::test]
async fn lapsed_leases_are_found_page_by_page() {
    let house = TestHouse::new().await;
    let (one, two) = two(&house).await;
    for office in [two, one] {
        let ada = office.remote("ada").await;
        office.task(json!({"title": "t"})).await;
        ada.runner("one").await.must_take().await;
    }
    let (mut after, mut found): (_, Vec<OfficeId>) = (None, Vec::new());
    house.house.clock.advance(Millis::seconds(3_600));
    let now = house.now();
    while let Some(moment) = house.house.db.read(move |tx| Ok(store::lapsed(tx, now, after, 1)?)).await.unwrap().pop() {
        found.push(moment.0);
        after = Some(moment);
    }
    found.sort();
    assert_eq!(found, [one.id, two.id]);
    house.close().await;
}

#[tokio::test]
async fn words_are_forgotten_behind_an_office_that_is_broken() {
    let house = TestHouse::new().await;
    let (broken, well) = two(&house).await;
    for office in [broken, well] {
        office.hire("ada").await;
        office.task(json!({"title": "t"})).await;
        let mut ada = office.runner("ada").await;
        let grant = ada.must_take().await;
        let items = json!([{"at": house.now().to_string(), "kind": "log", "text": "a line"}]);
        let path = format!("/sessions/{}/events", grant.id);
        office.call_as(&ada.speaker(), "POST", &path, json!({"from": 0, "items": items})).await.ok();
        ada.done(&grant, "done").await.ok();
        ada.end(&grant, "finished").await.ok();
    }
    let kept = async |office: TestOffice<'_>| {
        let session = office.call("GET", "/sessions/1", Value::Null).await.ok();
        !session["items"].as_array().unwrap().is_empty()
    };
    assert_eq!((kept(broken).await, kept(well).await), (true, true));
    broken.set_raw_settings("{").await;
    house.house.clock.advance(Millis(house.house.settings.event_history.0 + 1));
    let offices = Offices::default();
    assert!(forget(&house.house, &offices).await.is_err());
    assert!(!kept(well).await);
    broken.set_raw_settings("{}").await;
    assert!(kept(broken).await);
    forget(&house.house, &offices).await.unwrap();
    assert!(!kept(broken).await);
    house.close().await;
}

/// An agent hired by one, asleep, and a task that waits for it.
async fn with_specialist(office: TestOffice<'_>) -> i64 {
    office.hire("ada").await;
    let task = office.task(json!({"title": "t", "assignedAgent": "ada"})).await;
    let mut ada = office.runner("ada").await;
    let grant = ada.must_take().await;
    let hire = json!({"name": "helper", "harness": "command", "command": "true"});
    office.call_as(&ada.harness(&grant), "POST", "/employees", hire).await.ok();
    let mut helper = office.runner("helper").await;
    let waits = office.task(json!({"title": "t", "assignedAgent": "helper", "dependsOn": [task]})).await;
    assert_eq!(helper.next(0).await.status, 204);
    office.house.house.clock.advance(Millis::seconds(600));
    assert_eq!(helper.next(0).await.json["control"], "hibernate");
    helper.exit(0).await;
    waits
}

async fn has_helper(office: TestOffice<'_>) -> bool {
    office.call("GET", "/employees/helper", Value::Null).await.status == 200
}

#[tokio::test]
async fn specialists_end_behind_an_office_that_is_broken() {
    let house = TestHouse::new().await;
    let (broken, well) = two(&house).await;
    let waits = [(broken, with_specialist(broken).await), (well, with_specialist(well).await)];
    house.house.clock.advance(Millis::seconds(600));
    for (office, task) in waits {
        office.call("POST", &format!("/tasks/{task}/cancel"), json!({})).await.ok();
        assert!(has_helper(office).await);
    }
    broken.set_raw_settings("{").await;
    let offices = Offices::default();
    assert!(agents::sweep::end_specialists(&house.house, &offices).await.is_err());
    assert!(!has_helper(well).await);
    broken.set_raw_settings("{}").await;
    agents::sweep::end_specialists(&house.house, &offices).await.unwrap();
    assert!(!has_helper(broken).await);
    house.close().await;
}
