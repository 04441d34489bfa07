//! `mi tasks claim [TASK] --agent NAME`, `tq claim [TASK]`.

use clap::Args;
use mi_client::Client;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::Kind;
use mi_core::wire::tasks::ClaimTask;

use crate::args::{ColonyArg, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

#[derive(Args)]
pub struct ClaimArgs {
    #[command(flatten)]
    colony: ColonyArg,
    /// For whom
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    #[command(flatten)]
    wish: Wish,
}

#[derive(Args)]
pub struct Wish {
    /// This task and no other
    #[arg(value_name = "TASK")]
    task: Option<TaskId>,
    /// Only work of this sort
    #[arg(long, value_parser = one_of!(Kind))]
    kind: Option<Kind>,
    /// Wait so many seconds for a task, at most 60
    #[arg(long, value_name = "SECONDS")]
    wait: Option<i64>,
}

pub async fn run(desk: &mut Desk, args: ClaimArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    claim(desk, &client, office, args.wish, args.agent).await
}

pub async fn claim(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    wish: Wish,
    agent: Option<String>,
) -> Result<(), Fault> {
    let claim = ClaimTask { agent, task_id: wish.task, kind: wish.kind, wait: wish.wait };
    // A claim begins an attempt; it is not part of the one before.
    let client = client.clone().with_claim(None);
    desk.show(client.tasks(office).claim(&claim), tasks::claimed).await
}
