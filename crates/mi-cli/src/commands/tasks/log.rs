//! `mi tasks log TASK MESSAGE`, `tq log [TASK] MESSAGE`.

use clap::Args;
use mi_core::ids::TaskId;
use mi_core::wire::tasks::AddLog;

use crate::args::{ClaimArg, ColonyArg};
use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Args)]
pub struct LogArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[arg(allow_hyphen_values = true)]
    message: String,
    #[command(flatten)]
    colony: ColonyArg,
    /// What sort of line it is
    #[arg(long)]
    event: Option<String>,
    #[command(flatten)]
    claim: ClaimArg,
}

pub async fn run(desk: &mut Desk, args: LogArgs) -> Result<(), Fault> {
    desk.set_claim(args.claim.claim);
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let line = AddLog { message: args.message, event: args.event };
    desk.show(client.tasks(office).log(args.id, &line), |_, _| String::new()).await?;
    desk.out.note(&format!("logged to task {}", args.id))
}
