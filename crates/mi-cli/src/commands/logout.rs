//! `mi logout`: forgets the key, and ends it if that is wanted.

use clap::Args;
use mi_client::ClientError;

use crate::config::{Config, Profile};
use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Args)]
pub struct LogoutArgs {
    /// End the key itself, for whoever else may have it
    #[arg(long)]
    revoke: bool,
}

pub async fn run(desk: &mut Desk, args: LogoutArgs) -> Result<(), Fault> {
    let home = desk.home()?;
    let mut config = Config::load(&home)?;
    let name = desk.settings.profile.clone();
    let kept = config.profile(name.as_deref());
    let Some(key) = kept.key.clone() else { return desk.out.note("you were not logged in") };
    if args.revoke {
        revoke(desk, key).await?;
    }
    config.set_profile(name.as_deref(), Profile { key: None, ..kept });
    config.save(&home)?;
    if args.revoke {
        desk.out.note("logged out; the key is worth nothing any more")
    } else {
        desk.out.note("logged out; the key itself is still valid for whoever has it")?;
        desk.out.hint("`mi logout --revoke` ends it as well")
    }
}

/// The kept key, whatever else was given. One that is no good already needs no ending.
async fn revoke(desk: &mut Desk, key: String) -> Result<(), Fault> {
    desk.settings.key = Some(key);
    let client = desk.client()?;
    let revoked = async {
        let who = client.server().whoami().await?;
        match who.key_id {
            Some(id) => client.keys().revoke(&id).await.map(|_| ()),
            None => Ok(()),
        }
    };
    match revoked.await {
        Ok(()) | Err(ClientError::Problem { status: 401, .. }) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}
