//! The server ends without a word and starts again on the same store: pods fall with it, claims from elsewhere don't.

use std::sync::Arc;

use mi_pods::FakeDriver;

use super::{Ending, Standing, TestHouse, open};
use crate::gateway::account;
use crate::house::{House, Parts};
use crate::pods;

impl TestHouse {
    /// Nothing that it had in memory survives; its clock runs on.
    pub async fn restart(mut self) -> Self {
        let ending = std::mem::replace(&mut self.ending, Ending::Closed);
        let Ending::Open { schema } = ending else { panic!("a closed house can't be restarted") };
        self.house.pods.starts_settled().await;
        let db = self.house.db.clone();
        tokio::task::spawn_blocking(move || db.close()).await.unwrap();
        let driver = Arc::new(FakeDriver::new());
        let house = House::new(Parts {
            db: open(&self.location).await,
            clock: self.house.clock.clone(),
            keys: self.house.keys.clone(),
            settings: self.house.settings.clone(),
            driver: driver.clone(),
            providers: self.house.providers.clone(),
            outbound: self.house.outbound.clone(),
            egress: self.house.egress.clone(),
        });
        account::release_lost(&house).await.unwrap();
        pods::start_up(&house).await.unwrap();
        let standing = Standing {
            location: self.location.clone(),
            folder: Arc::clone(&self.folder),
            owner_key: self.owner_key.clone(),
            schema,
        };
        Self::furnish(house, driver, standing)
    }
}
