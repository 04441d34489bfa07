//! `mi tasks cancel TASK`.

use clap::Args;
use mi_core::wire::tasks::CancelTask;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::TaskTarget;
use crate::views::tasks;

#[derive(Args)]
pub struct CancelArgs {
    #[command(flatten)]
    target: TaskTarget,
    #[arg(long, allow_hyphen_values = true)]
    reason: Option<String>,
}

pub async fn run(desk: &mut Desk, args: CancelArgs) -> Result<(), Fault> {
    let found = args.target.read()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let cancel = CancelTask { reason: args.reason };
    desk.show(client.tasks(office).cancel(found.thing, &cancel), tasks::line).await
}
