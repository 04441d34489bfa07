//! `mi use COLONY`: remembers a colony for commands that name none.

use clap::Args;

use crate::config::{Config, Profile};
use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Args)]
pub struct UseArgs {
    /// Its id or name
    colony: String,
}

pub async fn run(desk: &mut Desk, args: UseArgs) -> Result<(), Fault> {
    let (client, id) = desk.office(Some(&args.colony)).await?;
    let office = client.offices().get(id).await?;
    let home = desk.home()?;
    let mut config = Config::load(&home)?;
    let profile = desk.settings.profile.clone();
    let kept = config.profile(profile.as_deref());
    config.set_profile(profile.as_deref(), Profile { colony: Some(office.id.to_string()), ..kept });
    config.save(&home)?;
    desk.out.note(&format!("commands without --colony now mean {} ({})", office.name, office.id))
}
