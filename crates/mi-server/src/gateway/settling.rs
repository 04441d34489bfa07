//! Settlements, in tasks of their own: they go on when whoever called is gone, and are tried again when the store fails.

use mi_core::problem::Code;
use mi_core::time::Millis;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::account::{self, Order, Outcome, Reserved, Session, settle};
use crate::credits::hold::Patience;
use crate::house::House;
use crate::infra::fault::{self, Fault};

/// Between two tries. After the last one the call stays open until the server's next start, which gives it up.
const PAUSES_SECONDS: [i64; 9] = [1, 2, 5, 10, 30, 60, 120, 300, 600];

/// Ends when the first try has; later ones go on behind it, so that nobody's answer waits for them.
pub fn begin(house: &House, runtime: &Handle, reserved: Reserved, outcome: Outcome) -> JoinHandle<()> {
    let house = house.clone();
    runtime.spawn(async move {
        if let Tried::Again = once(&house, &reserved, outcome).await {
            tokio::spawn(again(house, reserved, outcome));
        }
    })
}

enum Tried {
    Done,
    Again,
}

async fn once(house: &House, reserved: &Reserved, outcome: Outcome) -> Tried {
    let Err(fault) = settle(house, reserved.clone(), outcome).await else { return Tried::Done };
    let cause = fault.cause.as_deref().unwrap_or_default();
    tracing::error!(act = "gateway.settle", call = reserved.call, cause, "{}", fault.sentence);
    // A store that is closed stays so; the next start gives back what was put aside.
    if fault.code == Code::Draining { Tried::Done } else { Tried::Again }
}

async fn again(house: House, reserved: Reserved, outcome: Outcome) {
    for pause in PAUSES_SECONDS {
        house.clock.sleep(Millis::seconds(pause)).await;
        if let Tried::Done = once(&house, &reserved, outcome).await {
            return;
        }
    }
    tracing::error!(call = reserved.call, "a model call was left unsettled: the store failed too often");
}

/// A reservation that nothing was sent for yet: whoever drops it gives it back.
pub struct Kept {
    house: House,
    runtime: Handle,
    reserved: Option<Reserved>,
}

impl Kept {
    pub fn call(&self) -> i64 {
        self.reserved.as_ref().map_or(0, |reserved| reserved.call)
    }

    pub fn limit(&self) -> Option<i64> {
        self.reserved.as_ref().and_then(Reserved::limit)
    }

    /// For the bill, which settles from here on.
    pub fn take(mut self) -> Option<Reserved> {
        self.reserved.take()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            tracing::debug!("a caller went away while its reservation was written");
            begin(&self.house, &self.runtime, reserved, Outcome::nothing_sent());
        }
    }
}

/// One look. In a task of its own, since the store writes to the end what a caller that is gone began.
pub async fn try_reserve(
    house: &House,
    session: Session,
    order: Order,
    patience: Patience,
) -> Result<Option<Kept>, Fault> {
    let house = house.clone();
    let reserving = tokio::spawn(async move {
        let reserved = account::try_reserve(&house, session, order, patience).await?;
        Ok(reserved.map(|reserved| Kept { house, runtime: Handle::current(), reserved: Some(reserved) }))
    });
    reserving.await.map_err(fault::internal)?
}
