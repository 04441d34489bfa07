//! `mi tasks tree [TASK]`.

use clap::Args;
use mi_core::ids::TaskId;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::gather;
use crate::output::Format;
use crate::views::tree::{LEGEND, Tree};

#[derive(Args)]
#[command(after_help = LEGEND)]
pub struct TreeArgs {
    /// Only this task and its parts [default: all]
    #[arg(value_name = "TASK")]
    id: Option<TaskId>,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: TreeArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let tasks = gather::tasks(&client, office, &[]).await?;
    if let Some(id) = args.id.filter(|id| !tasks.iter().any(|task| task.id == *id)) {
        return Err(Fault::not_found(format!("there is no task {id}"), "`mi tasks list` shows what there is"));
    }
    let screen = desk.out.screen;
    let tree = Tree::new(&tasks, (desk.now)(), screen);
    match desk.out.format {
        Format::Json => desk.out.json(tree.json(args.id).to_string().as_bytes()),
        Format::People if tasks.is_empty() => desk.out.note("there are no tasks"),
        Format::People => desk.out.data(&tree.render(args.id)),
    }
}
