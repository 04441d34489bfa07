//! `mi tasks comment TASK MESSAGE`, `tq comment [TASK] MESSAGE`.

use clap::Args;
use mi_core::ids::TaskId;
use mi_core::wire::tasks::AddComment;

use crate::args::{ClaimArg, ColonyArg};
use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Args)]
pub struct CommentArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[arg(allow_hyphen_values = true)]
    message: String,
    #[command(flatten)]
    colony: ColonyArg,
    /// In this agent's name [default: yours]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    #[command(flatten)]
    claim: ClaimArg,
}

pub async fn run(desk: &mut Desk, args: CommentArgs) -> Result<(), Fault> {
    desk.set_claim(args.claim.claim);
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let comment = AddComment { agent: args.agent, message: args.message };
    desk.show(client.tasks(office).comment(args.id, &comment), |_, _| String::new()).await?;
    desk.out.note(&format!("commented on task {}", args.id))
}
