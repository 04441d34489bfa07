//! `mi tasks export`: every task with its result, artifacts and times, as one file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use mi_client::{Client, Paging, TaskFilter, Tasks};
use mi_core::ids::OfficeId;
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::tasks::status::{Kind, Status};
use mi_core::wire::tasks::{Task, TaskDetail};

use super::written;
use crate::args::{ColonyNoOutputArg, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::progress::Count;
use crate::whole_file::Draft;

const FILE_MODE: u32 = 0o666;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// One array, each task as the API gives it
    Json,
    /// One task a line
    Ndjson,
    /// A table for spreadsheets
    Csv,
    /// A report for people
    Md,
}

#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    colony: ColonyNoOutputArg,
    #[arg(long, value_enum, default_value = "json")]
    format: Shape,
    /// Where to put it; `-` is stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Only these, comma-separated
    #[arg(long, value_delimiter = ',', value_parser = one_of!(Status))]
    status: Vec<Status>,
    #[arg(long, value_parser = one_of!(Kind))]
    kind: Option<Kind>,
    /// Only those assigned to this agent
    #[arg(long = "assignedAgent", visible_alias = "assigned-agent", value_name = "NAME")]
    assigned_agent: Option<String>,
}

pub async fn run(desk: &mut Desk, args: ExportArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    if args.output == Path::new("-") {
        let count = export(desk, &client, office, &args, None).await?;
        return desk.out.note(&format!("{count} tasks"));
    }
    let place = args.output.clone();
    let unwritable = |fault| Fault::io(format!("{} can't be written", place.display()), fault);
    let (draft, mut file) = Draft::open(&place, FILE_MODE).map_err(unwritable)?;
    let count = export(desk, &client, office, &args, Some(&mut file)).await?;
    file.sync_all().map_err(unwritable)?;
    draft.keep().map_err(unwritable)?;
    desk.out.note(&format!("{count} tasks in {}", place.display()))
}

/// Page by page, each task as soon as it is known; gives how many there were.
async fn export(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    args: &ExportArgs,
    mut file: Option<&mut std::fs::File>,
) -> Result<u64, Fault> {
    let tasks = client.tasks(office);
    let mut counted = Count::start(&desk.out, "tasks");
    let mut done = 0;
    put(desk, &mut file, written::head(args.format))?;
    loop {
        let (page, total) = page(&tasks, args, done).await?;
        counted.of(total);
        for task in &page {
            let (detail, answer) = tasks.get(task.id).both().await?;
            put(desk, &mut file, &piece(args.format, &detail, &answer.body, done)?)?;
            done += 1;
            counted.at(done);
        }
        if (page.len() as i64) < LIST_LIMIT_MAX {
            break;
        }
    }
    put(desk, &mut file, written::foot(args.format))?;
    Ok(done)
}

async fn page(tasks: &Tasks, args: &ExportArgs, offset: u64) -> Result<(Vec<Task>, u64), Fault> {
    let paging = Paging { limit: Some(LIST_LIMIT_MAX), offset: i64::try_from(offset).ok() };
    let filter = TaskFilter {
        status: args.status.clone(),
        kind: args.kind,
        assigned_agent: args.assigned_agent.clone(),
        paging,
        ..TaskFilter::default()
    };
    Ok(tasks.list(&filter).await?)
}

fn piece(shape: Shape, detail: &TaskDetail, raw: &[u8], before: u64) -> Result<String, Fault> {
    let raw = String::from_utf8_lossy(raw);
    Ok(match shape {
        Shape::Json if before == 0 => raw.trim_end().to_owned(),
        Shape::Json => format!(",\n{}", raw.trim_end()),
        Shape::Ndjson => format!("{}\n", raw.trim_end()),
        Shape::Csv => written::csv(detail),
        Shape::Md => written::markdown(detail),
    })
}

fn put(desk: &mut Desk, file: &mut Option<&mut std::fs::File>, text: &str) -> Result<(), Fault> {
    match file {
        Some(file) => file.write_all(text.as_bytes()).map_err(|fault| Fault::io("the file can't be written", fault)),
        None => desk.out.bytes(text.as_bytes()),
    }
}
