//! `mi tasks late list|accept|drop TASK [N]`.

use clap::{Args, Subcommand};
use mi_core::ids::TaskId;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{proof, tasks};

#[derive(Subcommand)]
pub enum Act {
    /// What lost claims of a task reported
    List(OfTask),
    /// Let a late result count: the task is done by it, and whoever works on it now must stop
    Accept(OneOfThem),
    /// Let a late result go
    Drop(OneOfThem),
}

#[derive(Args)]
pub struct OfTask {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[command(flatten)]
    colony: ColonyArg,
}

#[derive(Args)]
pub struct OneOfThem {
    #[command(flatten)]
    of: OfTask,
    /// Its number in `mi tasks late list TASK`
    #[arg(value_name = "N")]
    number: i64,
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    match act {
        Act::List(of) => {
            let (client, office) = desk.office(of.colony.colony.as_deref()).await?;
            let call = client.tasks(office).late_results(of.id);
            desk.show(call, |(late, _), screen| proof::late_results(late, screen)).await
        }
        Act::Accept(one) => {
            let (client, office) = desk.office(one.of.colony.colony.as_deref()).await?;
            desk.show(client.tasks(office).accept_late(one.of.id, one.number), tasks::line).await
        }
        Act::Drop(one) => {
            let (client, office) = desk.office(one.of.colony.colony.as_deref()).await?;
            let call = client.tasks(office).drop_late(one.of.id, one.number);
            desk.show(call, |late, screen| proof::late_results(std::slice::from_ref(late), screen)).await
        }
    }
}
