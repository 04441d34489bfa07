//! `mi schedules list`, `get`, `run` and `rm`.

use super::ListArgs;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::{self, schedules, tasks};

pub async fn list(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    desk.show(client.schedules(office).list((&args.paging).into()), |(list, total), screen| {
        views::listed(schedules::list(list, screen), list.len(), *total)
    })
    .await
}

pub async fn get(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read::<String>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.schedules(office).get(&found.thing), schedules::detail).await
}

pub async fn run_now(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read::<String>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.schedules(office).run(&found.thing), tasks::line).await
}

pub async fn remove(desk: &mut Desk, target: Target) -> Result<(), Fault> {
    let found = target.read::<String>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.schedules(office).delete(&found.thing), views::nothing).await?;
    desk.out.note(&format!("removed {}; its tasks stay", found.thing))
}
