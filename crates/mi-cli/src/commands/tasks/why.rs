//! `mi tasks why TASK`.

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::TaskTarget;
use crate::views::tasks;

pub async fn run(desk: &mut Desk, target: TaskTarget) -> Result<(), Fault> {
    let found = target.read()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.tasks(office).get(found.thing), |detail, _| tasks::why(&detail.task)).await
}
