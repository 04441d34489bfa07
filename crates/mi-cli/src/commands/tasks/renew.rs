//! `mi tasks renew TASK`.

use clap::Args;
use mi_core::ids::TaskId;

use crate::args::{ClaimArg, ColonyArg};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct RenewArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[command(flatten)]
    colony: ColonyArg,
    #[command(flatten)]
    claim: ClaimArg,
}

pub async fn run(desk: &mut Desk, args: RenewArgs) -> Result<(), Fault> {
    desk.set_claim(args.claim.claim);
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    desk.show(client.tasks(office).renew(args.id), |lease, _| {
        format!("held until {}", views::moment(lease.lease_expires_at))
    })
    .await
}
