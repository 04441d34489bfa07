//! `mi schedules pause NAME`, `mi schedules resume NAME`.

use mi_core::wire::schedules::UpdateSchedule;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::schedules;

pub async fn pause(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    set(desk, target, UpdateSchedule { paused: Some(true), ..UpdateSchedule::default() }).await
}

pub async fn resume(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    set(desk, target, UpdateSchedule { paused: Some(false), ..UpdateSchedule::default() }).await
}

async fn set(desk: &mut Desk, target: Target, change: UpdateSchedule) -> Result<(), Fault> {
    let found = target.read::<String>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.schedules(office).update(&found.thing, &change), schedules::line).await
}
