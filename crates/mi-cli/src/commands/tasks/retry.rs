//! `mi tasks retry TASK`, `tq retry TASK`.

use clap::Args;
use mi_client::Client;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::wire::tasks::RetryTask;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

#[derive(Args)]
pub struct RetryArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[command(flatten)]
    colony: ColonyArg,
    #[command(flatten)]
    again: Again,
}

/// What is different this time.
#[derive(Args)]
pub struct Again {
    /// Why it should work now
    #[arg(long, allow_hyphen_values = true)]
    reason: Option<String>,
    /// `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(
        long = "updatedDescription",
        visible_alias = "updated-description",
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true
    )]
    updated_description: Option<String>,
    /// Who does it this time
    #[arg(long = "assignedAgent", visible_alias = "assigned-agent", value_name = "NAME")]
    assigned_agent: Option<String>,
}

pub async fn run(desk: &mut Desk, args: RetryArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    retry(desk, &client, office, args.id, args.again).await
}

pub async fn retry(desk: &mut Desk, client: &Client, office: OfficeId, id: TaskId, again: Again) -> Result<(), Fault> {
    let retry = RetryTask {
        reason: again.reason,
        updated_description: again.updated_description.map(|given| desk.text_or_file(&given)).transpose()?,
        assigned_agent: again.assigned_agent,
    };
    desk.show(client.tasks(office).retry(id, &retry), tasks::line).await
}
