//! `mi login`: stores a key, or says who is logged in already.

use clap::Args;
use mi_client::{Client, ClientError, Credential};
use mi_core::wire::offices::WhoAmI;

use crate::config::Config;
use crate::desk::Desk;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::settings::ENDPOINT_DEFAULT;

// `--key` and `--endpoint` are the flags of every command; here they are stored. `--key -` reads the key from stdin.
#[derive(Args)]
#[command(
    after_help = "With --key it checks and stores the key (`--key -` reads it from stdin), and --endpoint with it.\n\
    Without, it says who is logged in already, or how to get a key."
)]
pub struct LoginArgs {}

pub async fn run(desk: &mut Desk, _: LoginArgs) -> Result<(), Fault> {
    let Some(key) = desk.settings.key.clone() else { return Err(Fault::not_logged_in()) };
    let key = desk.text_or_file(&key)?.trim().to_owned();
    desk.settings.key = Some(key.clone());
    let client = desk.any_client()?;
    match whoami(&client, &key).await {
        Ok(who) => {
            store(desk, key)?;
            desk.out.note(&format!("logged in at {} as {} {}", desk.settings.endpoint, who.kind, who.name))
        }
        Err(fault) if fault.is_unreachable() => {
            store(desk, key)?;
            desk.out.warn(&format!("{fault}: the key is stored, but nobody has checked it"))
        }
        Err(ClientError::Problem { status: 401, problem, .. }) => Err(Fault::Said {
            exit: Exit::Denied,
            message: format!("the server refuses this key: {}", problem.error),
            hint: Some("nothing was stored; `mi up` writes a key on its first start".to_owned()),
        }),
        Err(fault) => Err(fault.into()),
    }
}

async fn whoami(client: &Client, key: &str) -> Result<WhoAmI, ClientError> {
    client.clone().with_credential(Credential::Bearer(key.to_owned())).server().whoami().await
}

fn store(desk: &mut Desk, key: String) -> Result<(), Fault> {
    let home = desk.home()?;
    let mut config = Config::load(&home)?;
    let endpoint = desk.settings.endpoint.to_string();
    if config.endpoint.is_some() || endpoint != ENDPOINT_DEFAULT {
        config.endpoint = Some(endpoint);
    }
    config.key = Some(key);
    config.save(&home)?;
    let path = Config::path(&home);
    desk.out.note(&format!("stored in {}", path.display()))
}
