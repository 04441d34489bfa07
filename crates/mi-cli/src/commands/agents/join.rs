//! `mi agent join CODE -n NAME`: an agent that lives here becomes one of an office.

use clap::Args;
use mi_client::{Client, Joining};
use mi_core::ids::AgentName;
use mi_core::signing::keys::{BadKey, PRIVATE_KEY_BYTES, PrivateKey};
use mi_core::wire::invites::{ApplicationState, ApplicationStatus, JoinOffice, Joined};

use crate::agent_file::{AgentFile, ApplicationFile};
use crate::desk::Desk;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::Format;
use crate::table::Table;

/// Between two questions how an application stands, in paces.
const POLL_PACES: u32 = 5;

#[derive(Args)]
pub struct JoinArgs {
    /// The six characters of the invite
    #[arg(value_name = "CODE")]
    pub code: String,
    /// How the agent shall be called in the office: lower-case letters, digits and dashes
    #[arg(short, long)]
    pub name: AgentName,
    /// The model that it thinks with, for those who look at the list
    #[arg(long)]
    pub model: Option<String>,
    /// What it can do, comma-separated
    #[arg(long, alias = "skills", value_delimiter = ',')]
    pub capabilities: Option<Vec<String>>,
    /// Why it should be let in, where the owner wants to be asked
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub statement: Option<String>,
}

/// What there is to show when an agent is in.
pub struct Arrived {
    pub file: AgentFile,
    /// The API's answer, for programs.
    pub body: Vec<u8>,
}

pub async fn run(desk: &mut Desk, args: JoinArgs) -> Result<(), Fault> {
    let arrived = join(desk, &args).await?;
    match desk.out.format {
        Format::Json => desk.out.json(&arrived.body),
        Format::People => {
            let mut facts = Table::of_facts();
            facts.fact("agent", &arrived.file.agent);
            facts.fact("colony", format!("{} ({})", arrived.file.office_name, arrived.file.office));
            facts.fact("id", arrived.file.agent_id);
            let screen = desk.out.screen;
            desk.out.data(&facts.render(screen))?;
            let home = desk.home()?;
            let place = AgentFile::place(&home, arrived.file.office, &arrived.file.agent);
            desk.out.note(&format!("its key is in {}", place.display()))?;
            desk.out.hint(&format!("mi agent heartbeat-daemon --as-agent {} keeps it online", arrived.file.agent))
        }
    }
}

/// Comes in, or waits for the owner's word; what was begun before goes on.
pub async fn join(desk: &mut Desk, args: &JoinArgs) -> Result<Arrived, Fault> {
    let home = desk.home()?;
    let endpoint = desk.settings.endpoint.to_string();
    // Nobody has to be logged in, and whoever is stays out of it.
    let client = desk.nobody_at(desk.settings.endpoint.clone())?;
    if let Some(waiting) = ApplicationFile::find(&home, &endpoint, &args.name)? {
        return wait(desk, &client, waiting).await;
    }
    desk.warn_of_open_wire()?;
    let key = new_key()?;
    let wish = JoinOffice {
        code: args.code.clone(),
        agent_name: args.name.to_string(),
        public_key: Some(key.public().to_string()),
        xmtp_address: None,
        capabilities: args.capabilities.clone(),
        model: args.model.clone(),
        statement: args.statement.clone(),
    };
    match client.join().join(&wish).both().await? {
        (Joining::In(joined), answer) => arrive(desk, *joined, &key, answer.body.to_vec()),
        (Joining::MustApply(required), _) if args.statement.is_none() => Err(Fault::Said {
            exit: Exit::Denied,
            message: required.message,
            hint: Some(
                "the code is still good: run it again with --statement \"who sends me, and for what\"".to_owned(),
            ),
        }),
        (Joining::MustApply(_), _) => {
            let applied = client.join().apply(&wish).await?;
            let poll_token = applied.poll_token.ok_or_else(|| lost("the token of the application"))?;
            let waiting = ApplicationFile {
                endpoint,
                office: applied.office_id,
                agent: args.name.clone(),
                poll_token,
                private_key: key.to_hex().to_string(),
            };
            waiting.save(&home)?;
            wait(desk, &client, waiting).await
        }
    }
}

/// The agent's own, which never leaves this machine.
fn new_key() -> Result<PrivateKey, Fault> {
    let mut bytes = [0; PRIVATE_KEY_BYTES];
    let no_chance =
        |fault: getrandom::Error| Fault::failed(format!("there are no random numbers: {fault}"), "try again");
    getrandom::fill(&mut bytes).map_err(no_chance)?;
    PrivateKey::from_bytes(&bytes).map_err(bad_key)
}

fn bad_key(bad: BadKey) -> Fault {
    Fault::failed(bad.to_string(), "try again")
}

fn lost(what: &str) -> Fault {
    Fault::failed(
        format!("{what} was in an answer that got lost"),
        "ask for another invite, and join under another name",
    )
}

fn arrive(desk: &mut Desk, joined: Joined, key: &PrivateKey, body: Vec<u8>) -> Result<Arrived, Fault> {
    let home = desk.home()?;
    let file = AgentFile {
        endpoint: desk.settings.endpoint.to_string(),
        office: joined.office_id,
        office_name: joined.office.name,
        agent: joined.agent_name,
        agent_id: joined.employee_id,
        // None where the first answer got lost; the key pair is enough.
        api_key: joined.api_key,
        private_key: Some(key.to_hex().to_string()),
        public_key: Some(key.public().to_string()),
        ca_cert: desk.settings.ca_cert_kept(),
        other: serde_json::Map::new(),
    };
    file.save(&home)?;
    Ok(Arrived { file, body })
}

/// Until the owner has decided. Whoever stops waiting runs the same command again.
async fn wait(desk: &mut Desk, client: &Client, waiting: ApplicationFile) -> Result<Arrived, Fault> {
    desk.out.note("the owner is asked: mi invite applications shows it there")?;
    desk.out.note("waiting; the same command goes on where this one is stopped")?;
    loop {
        let (status, answer): (ApplicationStatus, _) = client.join().poll(&waiting.poll_token).both().await?;
        match (status.status, status.joined) {
            (ApplicationState::Pending, _) => tokio::time::sleep(desk.pace * POLL_PACES).await,
            (ApplicationState::Approved, Some(joined)) => {
                let key = waiting.private_key.parse().map_err(bad_key)?;
                return arrive(desk, joined, &key, answer.body.to_vec());
            }
            (state, _) => return Err(over(desk, &waiting, state, status.reason)?),
        }
    }
}

fn over(
    desk: &Desk,
    waiting: &ApplicationFile,
    state: ApplicationState,
    reason: Option<String>,
) -> Result<Fault, Fault> {
    waiting.forget(&desk.home()?)?;
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Ok(Fault::Said {
        exit: Exit::Denied,
        message: format!("the application of {} is {state}{why}", waiting.agent),
        hint: Some("ask the owner for another invite".to_owned()),
    })
}
