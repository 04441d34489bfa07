//! `mi apply -f colony.yaml`: makes a colony as a file declares it.
//!
//! Everything is read and judged before anything is sent. Applying twice changes
//! nothing: agents are known by their names, files by their digests, tasks by the
//! names that the file gives them.
//!
//! `yaml` reads the text, `fields` and `declared` make it a colony, `graph` orders its
//! tasks, `present` looks at what is there, `plan` compares, `carry` sends.

mod carry;
mod declared;
mod difference;
mod fields;
mod graph;
mod plan;
mod present;
#[cfg(test)]
mod tests;
mod view;
mod yaml;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use mi_client::Client;
use mi_core::ids::{OfficeId, TaskId};
use serde_json::json;
use sha2::{Digest, Sha256};

use carry::Carrier;
use declared::{Colony, Source, Text};
use plan::{Fate, Others, Present, Step};
use yaml::{Complaint, Place};

use crate::confirm::{Consent, confirm};
use crate::desk::Desk;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::follow;
use crate::output::Format;

/// The piece in which a file is read.
const CHUNK_BYTES: usize = 256 * 1024;

const HELP: &str = "\
Examples:
  mi apply -f colony.yaml --dry-run     what would be done
  mi apply -f colony.yaml --wait        do it, and follow the tasks to their end
  mi apply -f colony.yaml --prune       fire the agents that the file doesn't name

The file, as docs/apply.md explains it:
  colony: review
  agents:
    scout: {harness: command, command: sh /shared/files/scout.sh}
  files:
    - {path: src/main.go, as: main.go}
    - tools/scout.sh
  tasks:
    collect: {title: Collect the facts, agent: scout}
    report:  {title: Write the report, dependsOn: [collect]}";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct ApplyArgs {
    /// The file, YAML or JSON; `-` reads stdin
    #[arg(short, long, value_name = "FILE")]
    file: String,
    /// The colony, instead of the one that the file names
    #[arg(short = 'c', short_alias = 'o', long, alias = "office", value_name = "COLONY")]
    colony: Option<String>,
    /// Only show what would be done
    #[arg(long, visible_alias = "plan")]
    dry_run: bool,
    /// Fire agents that the file doesn't name; what they hired stays
    #[arg(long)]
    prune: bool,
    /// Don't ask before agents are fired
    #[arg(short, long)]
    yes: bool,
    /// Follow the file's tasks until all are over; exit code 1 when one failed
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// With --wait: give up after so many seconds (exit code 1)
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    timeout: Option<u64>,
}

pub async fn run(desk: &mut Desk, args: ApplyArgs) -> Result<(), Fault> {
    let colony = load(desk, &args)?;
    let folder = folder_of(&args.file);
    let digests = digests(&colony, &folder, &args.file)?;
    let client = desk.client()?;
    present::refuse_unknown(&client, &colony).await?;
    let office = find(desk, &client, &colony).await?;
    let there = match office {
        Some(office) => present::look(&client, office, &colony).await?,
        None => Present::default(),
    };
    let others = if args.prune { Others::AreFired } else { Others::Stay };
    let steps = plan::plan(&colony, &there, &digests, others);
    let complaints = plan::unknown_agents(&colony, &there, &steps);
    if !complaints.is_empty() {
        return Err(wrong(&args.file, &complaints));
    }
    let numbers = there.tasks.iter().map(|(name, task)| (name.clone(), task.id)).collect();
    let mut carrier = Carrier { client: &client, office, numbers, folder };
    if args.dry_run {
        return show_plan(desk, &carrier, &steps);
    }
    ask_before_firing(desk, &args, &steps)?;
    carrier.carry_out(desk, &steps).await?;
    tell(desk, &carrier, &steps)?;
    if !args.wait {
        return Ok(());
    }
    let Some(office) = carrier.office else { return Ok(()) };
    let ids: Vec<TaskId> = colony.tasks.iter().filter_map(|task| carrier.numbers.get(&task.name).copied()).collect();
    follow::tasks(desk, &client.tasks(office), &ids, args.timeout.map(Duration::from_secs)).await
}

/// The file as a colony, the files that it names as texts read in.
fn load(desk: &mut Desk, args: &ApplyArgs) -> Result<Colony, Fault> {
    let text = desk.file_text(&args.file)?;
    let mut colony = declared::read(&text).map_err(|complaints| wrong(&args.file, &complaints))?;
    let folder = folder_of(&args.file);
    let mut complaints = Vec::new();
    for text in texts_of(&mut colony) {
        complaints.extend(fill(text, &folder, desk).err());
    }
    if !complaints.is_empty() {
        return Err(wrong(&args.file, &complaints));
    }
    if let Some(named) = &args.colony {
        colony.name = Some(named.clone());
    }
    Ok(colony)
}

fn texts_of(colony: &mut Colony) -> impl Iterator<Item = &mut Text> {
    let agents = colony.agents.iter_mut();
    let of_agents = agents.flat_map(|agent| agent.system_prompt.iter_mut().chain(agent.env.values_mut()));
    of_agents.chain(colony.tasks.iter_mut().filter_map(|task| task.description.as_mut()))
}

/// Brings a text in that stands elsewhere.
fn fill(text: &mut Text, folder: &Path, desk: &Desk) -> Result<(), Complaint> {
    let Some((source, at)) = &text.from else { return Ok(()) };
    text.text = match source {
        Source::File(file) => std::fs::read_to_string(carry::beside(folder, file))
            .map_err(|fault| Complaint::new(*at, format!("{file} can't be read: {fault}")))?,
        Source::Variable(name) => desk
            .variable(name)
            .ok_or_else(|| Complaint::new(*at, format!("the variable {name} isn't set here")))?
            .to_owned(),
    };
    Ok(())
}

/// `file:line:column: what`, one a line.
fn wrong(file: &str, complaints: &[Complaint]) -> Fault {
    let file = if file == "-" { "stdin" } else { file };
    let line = |complaint: &Complaint| {
        let Place { line, column } = complaint.at;
        format!("{file}:{line}:{column}: {}", complaint.what)
    };
    let lines: Vec<String> = complaints.iter().map(line).collect();
    Fault::usage(lines.join("\n"), "nothing was sent; `mi apply --help` shows what a file looks like")
}

fn folder_of(file: &str) -> PathBuf {
    if file == "-" { PathBuf::new() } else { Path::new(file).parent().map(Path::to_owned).unwrap_or_default() }
}

/// By their names on the drive.
fn digests(colony: &Colony, folder: &Path, declaring: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut digests = BTreeMap::new();
    let mut complaints = Vec::new();
    for file in &colony.files {
        match digest(&carry::beside(folder, &file.path)) {
            Ok(digest) => {
                digests.insert(file.name.to_string(), digest);
            }
            Err(fault) => complaints.push(Complaint::new(file.at, format!("{} can't be read: {fault}", file.path))),
        }
    }
    if complaints.is_empty() { Ok(digests) } else { Err(wrong(declaring, &complaints)) }
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&chunk[..read]),
        }
    }
}

/// The colony that is meant; `None` when it has to be made.
async fn find(desk: &mut Desk, client: &Client, colony: &Colony) -> Result<Option<OfficeId>, Fault> {
    match &colony.name {
        Some(named) => desk.find_office(client, named).await,
        None => desk.office(None).await.map(|(_, office)| Some(office)),
    }
}

fn show_plan(desk: &mut Desk, carrier: &Carrier<'_>, steps: &[Step]) -> Result<(), Fault> {
    match desk.out.format {
        Format::Json => report(desk, carrier, steps, "plan"),
        Format::People => {
            let screen = desk.out.screen;
            desk.out.data(&view::plan(steps, screen))
        }
    }
}

/// What was done, or that nothing was to do.
fn tell(desk: &mut Desk, carrier: &Carrier<'_>, steps: &[Step]) -> Result<(), Fault> {
    if desk.out.format == Format::Json {
        return report(desk, carrier, steps, "done");
    }
    let nothing = steps.iter().all(|step| step.acts.is_empty());
    let left = steps.iter().filter(|step| step.fate == Fate::Left).count();
    if nothing && left == 0 {
        return desk.out.note("everything is as declared");
    }
    desk.out.note(&view::summary(steps, view::Tense::Done))
}

fn report(desk: &mut Desk, carrier: &Carrier<'_>, steps: &[Step], state: &str) -> Result<(), Fault> {
    let steps: Vec<_> = steps.iter().map(|step| view::json(step, carrier.number_of(step))).collect();
    desk.out.json(json!({"state": state, "office_id": carrier.office, "steps": steps}).to_string().as_bytes())
}

fn ask_before_firing(desk: &mut Desk, args: &ApplyArgs, steps: &[Step]) -> Result<(), Fault> {
    let fired: Vec<&str> =
        steps.iter().filter(|step| step.fate == Fate::Remove).map(|step| step.name.as_str()).collect();
    if fired.is_empty() || args.yes {
        return Ok(());
    }
    match confirm(desk, &format!("fire {}?", fired.join(", ")))? {
        Consent::Given => Ok(()),
        Consent::Refused => Err(Fault::Said {
            exit: Exit::Failed,
            message: "nothing was changed".to_owned(),
            hint: Some("leave --prune out to keep these agents".to_owned()),
        }),
    }
}
