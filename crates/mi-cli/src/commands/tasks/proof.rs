//! `mi tasks proof TASK`.

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::TaskTarget;
use crate::views::proof;

pub async fn run(desk: &mut Desk, target: TaskTarget) -> Result<(), Fault> {
    let found = target.read()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.tasks(office).proof(found.thing), |(records, _), screen| proof::records(records, screen)).await
}
