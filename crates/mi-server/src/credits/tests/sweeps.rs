//! Sweeps over offices of which one is broken.

use mi_core::credits::Micro;
use mi_core::ids::AgentId;
use mi_core::time::Millis;
use serde_json::{Value, json};

use crate::credits::{minutes, suspend};
use crate::gateway::kinds::Kind;
use crate::gateway::{marks, sweep};
use crate::infra::act::Act;
use crate::infra::sweeps::Offices;
use crate::testing::{TestHouse, TestOffice};

const DAY_MS: i64 = 24 * 3_600_000;

/// From now on its agent waits for tomorrow's budget, and its calls for the end of a quota.
async fn hold_up(office: TestOffice<'_>, agent: AgentId, quota: Millis) {
    let suspend = move |act: &mut Act<'_>| {
        let name = "ada".parse().unwrap();
        suspend::suspend(act, agent, &name, suspend::Lack::BudgetOfDay, Micro::credits(1))?;
        marks::park(act, Kind::Openai, Some(act.now + quota))
    };
    office.house.house.act_as_server(office.id, suspend).await.unwrap();
}

/// Whether minutes of its pod were counted, and whether its agent still waits for money.
async fn state(office: TestOffice<'_>) -> (bool, bool) {
    let usage = office.call("GET", "/usage?by=agent", Value::Null).await.ok();
    let phase = office.call("GET", "/employees/ada", Value::Null).await.ok()["status"]["phase"].clone();
    (usage[0]["pod_minutes"].as_i64().is_some_and(|minutes| minutes > 1), phase == "Suspended")
}

#[tokio::test]
async fn an_office_that_is_broken_keeps_no_other_from_its_turn() {
    let house = TestHouse::with_pod_minute(Micro(100_000)).await;
    let (one, two) = (house.office().await, house.office().await);
    // The first in every list is the broken one.
    let (broken, well) = if one.id.0 < two.id.0 { (one, two) } else { (two, one) };
    let (long, short) = (Millis::seconds(60), Millis::seconds(30));
    for office in [broken, well] {
        office.hire("ada").await;
        office.call("PATCH", "/employees/ada", json!({"budgetPerDay": 1})).await.ok();
    }
    let runners = (broken.runner("ada").await, well.runner("ada").await);
    hold_up(broken, runners.0.agent, long).await;
    hold_up(well, runners.1.agent, short).await;
    broken.set_raw_settings("{").await;
    let begin = house.now();
    house.house.clock.advance(Millis(DAY_MS));
    let (pods, days, quotas) = (Offices::default(), Offices::default(), Offices::default());
    assert!(minutes::charge(&house.house, &pods).await.is_err());
    assert!(suspend::begin_day(&house.house, &days).await.is_err());
    assert!(sweep::unpark(&house.house, &quotas).await.is_err());
    assert_eq!(state(well).await, (true, false));
    let left = house.house.db.read(|tx| Ok(sweep::next(tx)?)).await.unwrap();
    assert!(left.is_some_and(|until| until > begin + short), "the well one's quota is over");
    broken.set_raw_settings("{}").await;
    assert!(minutes::charge(&house.house, &pods).await.is_ok());
    assert!(suspend::begin_day(&house.house, &days).await.is_ok());
    assert!(sweep::unpark(&house.house, &quotas).await.is_ok());
    assert_eq!(state(broken).await, (true, false));
    assert_eq!(house.house.db.read(|tx| Ok(sweep::next(tx)?)).await.unwrap(), None);
    drop(runners);
    house.close().await;
}
