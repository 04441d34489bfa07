//! `mi tasks list`, `tq list`, `tq mine`.

use clap::Args;
use mi_client::{Client, TaskFilter};
use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::{Kind, Status};

use crate::args::{ColonyPlace, PagingArgs, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{self, tasks};

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: ColonyPlace,
    #[command(flatten)]
    filter: FilterArgs,
    /// Only those assigned to this agent
    #[arg(long = "assignedAgent", visible_alias = "assigned-agent", value_name = "NAME")]
    assigned_agent: Option<String>,
}

#[derive(Args)]
pub struct FilterArgs {
    /// Only these, comma-separated
    #[arg(long, value_delimiter = ',', value_parser = one_of!(Status))]
    status: Vec<Status>,
    #[arg(long, value_parser = one_of!(Kind))]
    kind: Option<Kind>,
    /// Only subtasks of this task
    #[arg(long = "parentId", visible_alias = "parent-id", value_name = "TASK")]
    parent_id: Option<TaskId>,
    /// Only those that missed their deadline
    #[arg(long)]
    late: bool,
    #[command(flatten)]
    paging: PagingArgs,
}

pub async fn run(desk: &mut Desk, args: ListArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    list(desk, &client, office, args.filter, args.assigned_agent).await
}

pub async fn list(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    filter: FilterArgs,
    assigned_agent: Option<String>,
) -> Result<(), Fault> {
    let paging = (&filter.paging).into();
    let FilterArgs { status, kind, parent_id, late, .. } = filter;
    let filter = TaskFilter { status, assigned_agent, kind, parent_id, late, paging, ..TaskFilter::default() };
    desk.show(client.tasks(office).list(&filter), |(list, total), screen| {
        views::listed(tasks::list(list, screen), list.len(), *total)
    })
    .await
}
