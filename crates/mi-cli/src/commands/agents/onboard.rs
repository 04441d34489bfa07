//! `mi agent onboard CODE -n NAME`: joins, stays in touch, says hello, and clones if that was asked; run again, it goes on
//! where it was.

use std::path::{Path, PathBuf};

use clap::Args;
use mi_client::{Client, OFFICE_GROUP};
use mi_core::wire::transfers::{CloneAgent, Transfer};
use serde_json::{Map, Value};

use super::clone;
use super::join::{self, Arrived, JoinArgs};
use super::service::{self, Places};
use crate::agent_file::AgentFile;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::machine::Kept;
use crate::output::Format;
use crate::state;
use crate::table::Table;

#[derive(Args)]
pub struct OnboardArgs {
    #[command(flatten)]
    join: JoinArgs,
    /// Install no service that keeps the agent online
    #[arg(long)]
    no_service: bool,
    /// Then make a hosted clone of it, with the state in --state-dir
    #[arg(long, requires = "state_dir")]
    clone: bool,
    /// The folder with its state, as of mi agent clone
    #[arg(long, value_name = "DIR", requires = "clone")]
    state_dir: Option<PathBuf>,
    /// Leave these out of the state (may be repeated)
    #[arg(long, value_name = "GLOB", requires = "clone")]
    exclude: Vec<String>,
    /// The clone's name [default: the agent's, with -clone]
    #[arg(long, value_name = "NAME", requires = "clone")]
    clone_name: Option<String>,
}

/// When the agent came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Now,
    Before,
}

/// A clone that has its state.
struct Copied {
    transfer: Transfer,
    found: state::Found,
}

pub async fn run(desk: &mut Desk, args: OnboardArgs) -> Result<(), Fault> {
    // Whatever can't be used is said before the code is used up.
    let places = if args.no_service { None } else { Some(Places::find(desk)?) };
    let found = args.state_dir.as_deref().map(|folder| clone::look(desk, folder, &args.exclude)).transpose()?;
    let (arrived, came) = arrive(desk, &args.join).await?;
    let file = &arrived.file;
    let endpoint = file.endpoint.parse().map_err(Fault::endpoint)?;
    let client = desk.nobody_at(endpoint)?.with_signer(file.signer()?);
    client.join().heartbeat().await?;
    desk.out.note(&format!("{} is in {}", file.agent, file.office_name))?;
    let service = places.map(|places| service::keep(desk, file, &places)).transpose()?;
    if came == Came::Now {
        let hello = format!("{} joined from elsewhere and takes work.", file.agent);
        client.messages(file.office).send_group(OFFICE_GROUP, &hello).await?;
    }
    let copied = match found {
        Some(found) => Some(copy(desk, &client, found, args.clone_name).await?),
        None => None,
    };
    report(desk, &arrived, service.as_ref(), copied.as_ref())
}

/// Who joined before, here and there, isn't let in twice.
async fn arrive(desk: &mut Desk, args: &JoinArgs) -> Result<(Arrived, Came), Fault> {
    let home = desk.home()?;
    let endpoint = desk.settings.endpoint.to_string();
    let known = AgentFile::all(&home)?;
    let known = known.into_iter().find(|file| file.agent == args.name && file.endpoint == endpoint);
    if let Some(file) = known
        && let Some(body) = own_card(desk, &file).await?
    {
        desk.out.note(&format!("{} joined {} before; the code is left unused", file.agent, file.office_name))?;
        return Ok((Arrived { file, body }, Came::Before));
    }
    Ok((join::join(desk, args).await?, Came::Now))
}

/// What the server says of it. Whoever was fired meanwhile joins anew.
async fn own_card(desk: &Desk, file: &AgentFile) -> Result<Option<Vec<u8>>, Fault> {
    let endpoint = file.endpoint.parse().map_err(Fault::endpoint)?;
    let client = desk.nobody_at(endpoint)?.with_signer(file.signer()?);
    match client.join().own().answer().await {
        Ok(answer) => Ok(Some(answer.body.to_vec())),
        Err(fault) if matches!(fault.status(), Some(401 | 403 | 404)) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

async fn copy(desk: &Desk, client: &Client, found: state::Found, name: Option<String>) -> Result<Copied, Fault> {
    let bundle = clone::pack(desk, &found)?;
    let wish = CloneAgent { code: None, name, provider: None };
    let cloned = client.transfers().clone_self(&wish).await?;
    let transfer = clone::send(desk, client, &cloned, &bundle).await?;
    Ok(Copied { transfer, found })
}

fn report(
    desk: &mut Desk,
    Arrived { file, body }: &Arrived,
    service: Option<&Kept>,
    copied: Option<&Copied>,
) -> Result<(), Fault> {
    match desk.out.format {
        Format::Json => desk.out.json(&with_clone(body, copied)?),
        Format::People => {
            let mut facts = Table::of_facts();
            facts.fact("agent", &file.agent);
            facts.fact("colony", format!("{} ({})", file.office_name, file.office));
            facts.fact("id", file.agent_id);
            facts.fact("heartbeat", heartbeat(file, service));
            if let Some(Copied { transfer, found }) = copied {
                facts.fact("clone", clone::summary(transfer, found));
            }
            let screen = desk.out.screen;
            desk.out.data(&facts.render(screen))?;
            desk.out.hint(&format!("mi tasks claim --as-agent {} takes work", file.agent))
        }
    }
}

fn heartbeat(file: &AgentFile, service: Option<&Kept>) -> String {
    let by_hand = format!("mi agent heartbeat-daemon --as-agent {}", file.agent);
    match service {
        Some(Kept::Running(place)) => format!("kept online by {}", Path::display(place)),
        Some(Kept::Nobody) => format!("nobody keeps services here; leave this running: {by_hand}"),
        None => format!("not kept online; {by_hand} does it"),
    }
}

/// The API's answer, with the clone's beside it.
fn with_clone(body: &[u8], copied: Option<&Copied>) -> Result<Vec<u8>, Fault> {
    let Some(copied) = copied else { return Ok(body.to_vec()) };
    let unreadable =
        |fault: serde_json::Error| Fault::failed(fault.to_string(), "mi agent self --json shows the agent");
    let mut answer: Map<String, Value> = serde_json::from_slice(body).map_err(unreadable)?;
    answer.insert("clone".to_owned(), serde_json::to_value(&copied.transfer).map_err(unreadable)?);
    serde_json::to_vec(&answer).map_err(unreadable)
}
