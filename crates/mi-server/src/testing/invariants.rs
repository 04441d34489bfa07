//! What is always true, looked at from outside.

use mi_core::ids::OfficeId;
use mi_core::tasks::status::Status;

use super::store;
use crate::events::chain::verify_chain;
use crate::house::House;
use crate::infra::act::look;
use crate::infra::db::Tx;
use crate::tasks::calls;

/// Every rule of the store that is broken, in words.
pub async fn broken(house: &House) -> Vec<String> {
    let mut broken = house.db.read(|tx| Ok(store::broken_rules(tx)?)).await.unwrap();
    broken.extend(unheard(house).await);
    broken
}

/// Nobody sleeps although there is work for it.
async fn unheard(house: &House) -> Vec<String> {
    let now = house.clock.now();
    let read = move |tx: &mut dyn Tx| {
        let mut found = Vec::new();
        for office in store::offices(tx)? {
            let head = look(tx, office)?;
            found.extend(calls::unheard(tx, office, &head, now)?);
        }
        Ok(found)
    };
    let found = house.db.read(read).await.unwrap();
    found.iter().map(|call| format!("{} sleeps although there is work: {:?}", call.name, call.cause)).collect()
}

/// Fails the test with everything that is broken.
pub async fn check(house: &House) {
    let broken = broken(house).await;
    assert!(broken.is_empty(), "broken rules:\n{}", broken.join("\n"));
    for office in house.db.read(|tx| Ok(store::offices(tx)?)).await.unwrap() {
        check_counters(house, office).await;
        let keys = house.keys.clone();
        let altered = house.db.read(move |tx| verify_chain(tx, &keys, office)).await.unwrap();
        assert_eq!(altered, None, "the event chain of {office} breaks at this number");
    }
}

async fn check_counters(house: &House, office: OfficeId) {
    let (mut head, counted) =
        house.db.read(move |tx| Ok((look(tx, office)?, store::task_counts(tx, office)?))).await.unwrap();
    for status in Status::ALL {
        let found = counted.iter().find(|(name, _)| name == status.as_str()).map_or(0, |(_, count)| *count);
        assert_eq!(*head.tasks.of(*status), found, "tasks that are {status} in {office}");
    }
}
