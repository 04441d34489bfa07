//! `mi colonies create --name NAME`.

use clap::Args;
use mi_core::wire::offices::CreateOffice;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::offices;

#[derive(Args)]
pub struct CreateArgs {
    /// How people call it
    #[arg(long)]
    name: String,
}

pub async fn run(desk: &mut Desk, args: CreateArgs) -> Result<(), Fault> {
    let client = desk.client()?;
    desk.show(client.offices().create(&CreateOffice { name: args.name }), offices::one).await?;
    desk.out.hint("`mi agents hire --colony ID --name NAME` brings the first agent in")
}
