//! `mi files rm NAME…`.

use clap::Args;
use mi_core::drive::DrivePath;

use super::drive_name;
use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views;

#[derive(Args)]
pub struct RmArgs {
    #[arg(required = true, value_name = "NAME", value_parser = drive_name)]
    names: Vec<DrivePath>,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: RmArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    for name in &args.names {
        desk.show(client.files(office).delete(name), views::nothing).await?;
        desk.out.note(&format!("removed {name}"))?;
    }
    Ok(())
}
