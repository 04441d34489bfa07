//! `mi login`: gets a key by a yes in the browser, or stores one that is given.

use clap::Args;
use mi_client::{Claiming, Client, ClientError, Credential};
use mi_core::wire::invites::{ApplicationState, Applied, ClaimCode, Claimed};
use mi_core::wire::login::{BeginLogin, LoginAnswer, LoginBegun, LoginState, PollLogin};
use mi_core::wire::offices::WhoAmI;

use crate::config::{Config, Profile};
use crate::desk::Desk;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::settings::{ENDPOINT_DEFAULT, KeyFrom};

// `--key` and `--endpoint` are the flags of every command; here they are stored. `--key -` reads the key from stdin.
#[derive(Args)]
#[command(
    after_help = "Without a key it shows a code and an address: whoever is signed in there says yes, and the key is\n\
    stored here. It opens a browser if there is one; any browser on any machine will do.\n\
    With --key it checks and stores that key (`--key -` reads it from stdin).\n\
    With --invite you come in for the first time, as the person that --name says.\n\
    --endpoint, --ca-cert and --profile are stored with it."
)]
pub struct LoginArgs {
    /// Only show the address, and open no browser
    #[arg(long)]
    no_browser: bool,
    /// The code of an invite for a person
    #[arg(long, value_name = "CODE", conflicts_with = "no_browser")]
    invite: Option<String>,
    /// With --invite: how you are called there; lower-case letters, digits and dashes
    #[arg(long, value_name = "NAME", requires = "invite")]
    name: Option<String>,
}

/// Between two questions whether the owner has decided: so many paces.
const DECISION_PACES: u32 = 5;

pub async fn run(desk: &mut Desk, args: LoginArgs) -> Result<(), Fault> {
    if let Some(code) = &args.invite {
        return by_invite(desk, code, args.name.clone()).await;
    }
    let Some(key) = desk.settings.key.clone() else { return by_browser(desk, &args).await };
    match desk.settings.key_from {
        KeyFrom::Given => by_key(desk, &key).await,
        KeyFrom::Kept => again(desk, &key, &args).await,
    }
}

/// A key that somebody brought.
async fn by_key(desk: &mut Desk, key: &str) -> Result<(), Fault> {
    let key = desk.text_or_file(key)?.trim().to_owned();
    desk.settings.key = Some(key.clone());
    let client = desk.any_client()?;
    match whoami(&client, &key).await {
        Ok(who) => {
            store(desk, key)?;
            welcome(desk, &who)
        }
        // Whoever answers there isn't the server that was meant; that is no reason to believe a key.
        Err(fault) if fault.is_unreachable() && !fault.is_untrusted() => {
            store(desk, key)?;
            desk.out.warn(&format!("{fault}: the key is stored, but nobody has checked it"))
        }
        Err(ClientError::Problem { status: 401, problem, .. }) => Err(Fault::Said {
            exit: Exit::Denied,
            message: format!("the server refuses this key: {}", problem.error),
            hint: Some("nothing was stored; `mi login` without --key gets a new one".to_owned()),
        }),
        Err(fault) => Err(fault.into()),
    }
}

/// A key is stored already; if it is no good any more, a new one is fetched.
async fn again(desk: &mut Desk, key: &str, args: &LoginArgs) -> Result<(), Fault> {
    let client = desk.any_client()?;
    match whoami(&client, key).await {
        Ok(who) => {
            desk.out.note(&format!("logged in at {} as {} {} already", desk.settings.endpoint, who.kind, who.name))?;
            desk.out.hint("`mi logout` first to log in anew, or --profile NAME for a second login")
        }
        Err(ClientError::Problem { status: 401, problem, .. }) => {
            desk.out.note(&format!("the stored key is no good any more: {}", problem.error))?;
            desk.settings.key = None;
            by_browser(desk, args).await
        }
        Err(fault) => Err(fault.into()),
    }
}

/// The code works once, so nothing that was stored before is lost for it.
async fn by_invite(desk: &mut Desk, code: &str, name: Option<String>) -> Result<(), Fault> {
    if desk.settings.key.is_some() {
        return Err(Fault::usage(
            "you are logged in here already; the code is still good",
            "--profile NAME keeps a second login beside the first",
        ));
    }
    desk.warn_of_open_wire()?;
    let client = desk.any_client()?;
    let wish = ClaimCode { code: code.trim().to_owned(), name, public_key: None };
    let claimed = match client.join().claim(&wish).await? {
        Claiming::In(claimed) => *claimed,
        Claiming::Applied(applied) => decided(desk, &client, &applied).await?,
    };
    let key = claimed.key.ok_or_else(|| Fault::failed("the server sent no key", "ask for another invite"))?;
    store(desk, key.clone())?;
    let who = whoami(&client, &key).await?;
    welcome(desk, &who)
}

/// Waits until the owner has let the person in or not; the application has an end of its own.
async fn decided(desk: &mut Desk, client: &Client, applied: &Applied) -> Result<Claimed, Fault> {
    let token = applied.poll_token.as_deref();
    let token = token.ok_or_else(|| Fault::failed("the server sent no token to ask with", "ask for another invite"))?;
    desk.out.tell("the owner is asked to let you in; this waits for the answer")?;
    loop {
        let status = client.join().poll(token).await?;
        match (status.status, status.claimed) {
            (ApplicationState::Pending, _) => tokio::time::sleep(desk.pace * DECISION_PACES).await,
            (_, Some(claimed)) => return Ok(claimed),
            (_, None) => {
                return Err(Fault::Said {
                    exit: Exit::Denied,
                    message: format!("the owner didn't let you in: {}", status.reason.unwrap_or_default()),
                    hint: None,
                });
            }
        }
    }
}

async fn by_browser(desk: &mut Desk, args: &LoginArgs) -> Result<(), Fault> {
    desk.warn_of_open_wire()?;
    let client = desk.any_client()?;
    let begun = client.login().begin(&BeginLogin { client_name: Some(client_name()) }).await?;
    let address = format!("{}/login?code={}", desk.settings.endpoint, begun.user_code);
    desk.out.tell(&format!("open {address}"))?;
    desk.out.tell(&format!("and say yes if it shows the code {}", begun.user_code))?;
    if !args.no_browser && !(desk.open_page)(&address) {
        desk.out.hint("there is no browser here; open the address on any machine that reaches the server")?;
    }
    let answer = approved(desk, &client, &begun).await?;
    let key =
        answer.key.ok_or_else(|| Fault::failed("the server said yes and sent no key", "`mi login` begins anew"))?;
    let who = whoami(&client, &key).await?;
    store(desk, key)?;
    welcome(desk, &who)
}

/// As the page shows who asks, and the list of keys who has one.
fn client_name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    host.map_or_else(|| "mi".to_owned(), |host| format!("mi on {host}"))
}

/// Asks until somebody has said yes or no, or the time is over.
async fn approved(desk: &Desk, client: &Client, begun: &LoginBegun) -> Result<LoginAnswer, Fault> {
    let interval = begun.interval.max(1);
    let questions = u64::try_from(begun.expires_in).unwrap_or(0) / interval + 1;
    let wish = PollLogin { device_code: begun.device_code.clone() };
    for _ in 0..questions {
        tokio::time::sleep(desk.pace * u32::try_from(interval).unwrap_or(1)).await;
        match client.login().poll(&wish).await {
            Ok(answer) if answer.status == LoginState::Approved => return Ok(answer),
            Ok(_) => {}
            // A server that restarts is asked again.
            Err(fault) if fault.is_unreachable() => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Fault::Said {
        exit: Exit::Denied,
        message: "nobody said yes in time".to_owned(),
        hint: Some("`mi login` shows a new code".to_owned()),
    })
}

async fn whoami(client: &Client, key: &str) -> Result<WhoAmI, ClientError> {
    client.clone().with_credential(Credential::Bearer(key.to_owned())).server().whoami().await
}

fn welcome(desk: &mut Desk, who: &WhoAmI) -> Result<(), Fault> {
    desk.out.note(&format!("logged in at {} as {} {}", desk.settings.endpoint, who.kind, who.name))
}

fn store(desk: &mut Desk, key: String) -> Result<(), Fault> {
    let home = desk.home()?;
    let mut config = Config::load(&home)?;
    let name = desk.settings.profile.clone();
    let kept = config.profile(name.as_deref());
    let endpoint = desk.settings.endpoint.to_string();
    let is_told = kept.endpoint.is_some() || name.is_some() || endpoint != ENDPOINT_DEFAULT;
    let ca_cert = desk.settings.ca_cert_kept().map(|path| path.display().to_string());
    let endpoint = if is_told { Some(endpoint) } else { None };
    config.set_profile(name.as_deref(), Profile { endpoint, key: Some(key), ca_cert, ..kept });
    config.save(&home)?;
    let path = Config::path(&home);
    desk.out.note(&format!("stored in {}", path.display()))
}
