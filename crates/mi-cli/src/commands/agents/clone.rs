//! `mi agent clone`: a hosted agent that goes on where an agent stands, with its state.

use std::path::{Path, PathBuf};

use clap::Args;
use mi_client::{Client, ClientError};
use mi_core::wire::transfers::{CloneAgent, Cloned, Transfer, TransferState};

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::progress::{Bar, size};
use crate::state;
use crate::variables;

const HELP: &str = "\
Examples:
  mi agent clone --state-dir ~/agents/scout --dry-run      what would go along, and what stays behind
  mi agent clone --agent scout --state-dir ~/agents/scout  a hosted clone of scout, with that folder
  mi agent clone ABC234 --agent scout --state-dir DIR      into the colony that made this code
  mi agent clone                                           in a pod: this agent, with its workspace

The folder becomes the clone's workspace; `memory/` and `skills/` in it are told apart. Links, and whatever looks like
somebody's keys, stay behind; the clone gets no variables and no integrations of its origin.";

/// Reasons shown before the rest is only counted.
const SKIPPED_SHOWN_MAX: usize = 20;

#[derive(Args)]
#[command(after_help = HELP)]
pub struct CloneArgs {
    /// An invite for agents, of the colony into which the clone goes; without one that is the agent's own
    #[arg(value_name = "CODE")]
    code: Option<String>,
    #[command(flatten)]
    colony: ColonyArg,
    /// The agent that is cloned; an agent that calls clones itself
    #[arg(long = "agent", value_name = "NAME")]
    origin: Option<String>,
    /// The clone's name [default: the agent's, with -clone]
    #[arg(short = 'n', long, value_name = "NAME")]
    name: Option<String>,
    /// The folder with its state [default in a pod: the workspace]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Leave these out, such as `*.log`, `node_modules` or `docs/**/draft*` (may be repeated)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Where the clone's model comes from, when not from where the agent's does
    #[arg(long)]
    provider: Option<String>,
    /// Only say what would go along and what would stay behind
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(desk: &mut Desk, args: CloneArgs) -> Result<(), Fault> {
    let folder = folder(desk, &args)?;
    let found = look(desk, &folder, &args.exclude)?;
    if args.dry_run {
        return list(desk, &found);
    }
    let bundle = pack(desk, &found)?;
    let (client, cloned) = clone(desk, &args).await?;
    let transfer = send(desk, &client, &cloned, &bundle).await?;
    show(desk, &transfer, &found)
}

/// What would go along; what stays behind is told.
pub fn look(desk: &mut Desk, folder: &Path, exclude: &[String]) -> Result<state::Found, Fault> {
    let found = state::scan(folder, exclude)?;
    tell(desk, &found)?;
    Ok(found)
}

pub fn pack(desk: &Desk, found: &state::Found) -> Result<state::Bundle, Fault> {
    let bar = Bar::start(&desk.out, "packing", Some(found.bytes));
    state::pack(found, &std::env::temp_dir(), |bytes| bar.add(bytes.cast_signed()))
}

/// The state goes to the clone that waits for it.
pub async fn send(desk: &Desk, client: &Client, cloned: &Cloned, bundle: &state::Bundle) -> Result<Transfer, Fault> {
    let bar = Bar::start(&desk.out, "sending", Some(bundle.bytes));
    let sent = client.transfers().send(&cloned.transfer_id, &bundle.manifest, &bundle.path, bar.progress()).await;
    drop(bar);
    match sent {
        Ok(transfer) => Ok(transfer),
        Err(fault) => settled(client, cloned, fault).await,
    }
}

/// In one line.
pub fn summary(transfer: &Transfer, found: &state::Found) -> String {
    let files = transfer.report.as_ref().map_or(0, |report| report.files);
    let (name, origin, stayed) = (&transfer.clone_name, &transfer.origin_name, found.skipped.len());
    format!("{name} is a clone of {origin}: {files} files, {}; {stayed} left out", size(found.bytes))
}

fn folder(desk: &Desk, args: &CloneArgs) -> Result<PathBuf, Fault> {
    let workspace = desk.agent().and(desk.variable(variables::HOME)).map(PathBuf::from);
    args.state_dir.clone().or(workspace).ok_or_else(|| {
        Fault::usage(
            "which folder holds the agent's state?",
            "--state-dir DIR names it; with --dry-run nothing is sent",
        )
    })
}

async fn clone(desk: &mut Desk, args: &CloneArgs) -> Result<(Client, Cloned), Fault> {
    let wish = CloneAgent { code: args.code.clone(), name: args.name.clone(), provider: args.provider.clone() };
    let Some(origin) = &args.origin else {
        let client = desk.client()?;
        let cloned = client.transfers().clone_self(&wish).await.map_err(person_or)?;
        return Ok((client, cloned));
    };
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let cloned = client.transfers().clone_agent(office, origin, &wish).await?;
    Ok((client, cloned))
}

/// A person that names no agent.
fn person_or(fault: ClientError) -> Fault {
    match fault.status() {
        Some(403) => Fault::usage("which agent?", "--agent NAME names it"),
        _ => fault.into(),
    }
}

/// A reply may be lost after the state was taken.
async fn settled(client: &Client, cloned: &Cloned, fault: ClientError) -> Result<Transfer, Fault> {
    match client.transfers().get(&cloned.transfer_id).await {
        Ok(transfer) if transfer.status == TransferState::Done => Ok(transfer),
        Ok(_) | Err(_) => {
            let hint =
                format!("the clone {0} waits without a state: mi agents fire {0}, then again", cloned.clone_name);
            let told = Fault::from(fault);
            Err(Fault::Said { exit: told.exit(), message: told.to_string(), hint: Some(hint) })
        }
    }
}

/// What stays behind is said in any case: somebody may miss it.
fn tell(desk: &mut Desk, found: &state::Found) -> Result<(), Fault> {
    for (name, reason) in found.skipped.iter().take(SKIPPED_SHOWN_MAX) {
        desk.out.note(&format!("left out: {name}: {reason}"))?;
    }
    match found.skipped.len().saturating_sub(SKIPPED_SHOWN_MAX) {
        0 => Ok(()),
        more => desk.out.note(&format!("left out: {more} more")),
    }
}

fn list(desk: &mut Desk, found: &state::Found) -> Result<(), Fault> {
    match desk.out.format {
        Format::Json => {
            let files: Vec<_> =
                found.items.iter().map(|item| json_of(&item.kind.to_string(), &item.name, item.size)).collect();
            let skipped: Vec<_> = found
                .skipped
                .iter()
                .map(|(path, reason)| serde_json::json!({"path": path, "reason": reason}))
                .collect();
            let body = serde_json::json!({"files": files, "bytes": found.bytes, "skipped": skipped});
            desk.out.json(body.to_string().as_bytes())
        }
        Format::People => {
            let lines: Vec<String> = found
                .items
                .iter()
                .map(|item| format!("{}{}  {}", item.kind.folder(), item.name, size(item.size)))
                .collect();
            desk.out.data(&lines.join("\n"))?;
            desk.out.note(&format!("{} files, {}; nothing was sent", found.items.len(), size(found.bytes)))
        }
    }
}

fn json_of(kind: &str, path: &str, size: u64) -> serde_json::Value {
    serde_json::json!({"kind": kind, "path": path, "size": size})
}

fn show(desk: &mut Desk, transfer: &Transfer, found: &state::Found) -> Result<(), Fault> {
    match desk.out.format {
        Format::Json => {
            let text = serde_json::to_vec(transfer)
                .map_err(|fault| Fault::failed(fault.to_string(), "mi api GET shows the transfer"))?;
            desk.out.json(&text)
        }
        Format::People => {
            desk.out.data(&summary(transfer, found))?;
            desk.out.note(&format!("mi agents get {} shows how it does", transfer.clone_name))
        }
    }
}
