//! `mi tasks why [TASK]`: what a task waits for, down to the cause, and what would let it go on.

use clap::Args;
use mi_client::Tasks;
use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;
use mi_core::wire::tasks::{Task, TaskDetail};

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::gather;
use crate::output::{Format, Screen, Tone};
use crate::views::{tasks, waiting};

/// Steps from a task to its cause; circles can't be made, but a chain may be long.
const CHAIN_LINKS_MAX: usize = 50;
/// Tasks of one reason that are named with their titles.
const TITLES_SHOWN: usize = 20;
const WAITING: [Status; 2] = [Status::Queued, Status::Blocked];

#[derive(Args)]
pub struct WhyArgs {
    /// The task's number, perhaps after its colony [default: all that wait]
    #[arg(num_args = 0..=2, value_names = ["[COLONY] TASK"])]
    words: Vec<String>,
    #[command(flatten)]
    flag: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: WhyArgs) -> Result<(), Fault> {
    let (colony, id) = read(&args)?;
    let (client, office) = desk.office(colony.as_deref()).await?;
    let calls = client.tasks(office);
    match (id, desk.out.format) {
        (Some(id), Format::Json) => desk.show(calls.get(id), |_, _| String::new()).await,
        (Some(id), Format::People) => of_one(desk, &calls, id).await,
        (None, Format::Json) => {
            let waiting = gather::tasks(&client, office, &WAITING).await?;
            let text =
                serde_json::to_vec(&waiting).map_err(|fault| Fault::io("the tasks can't be written", fault.into()))?;
            desk.out.json(&text)
        }
        (None, Format::People) => of_all(desk, &gather::tasks(&client, office, &WAITING).await?),
    }
}

fn read(args: &WhyArgs) -> Result<(Option<String>, Option<TaskId>), Fault> {
    let wrong = |fault: mi_core::ids::BadId| Fault::usage(fault.to_string(), "the last word is the task's number");
    match (args.words.as_slice(), &args.flag.colony) {
        ([], colony) => Ok((colony.clone(), None)),
        ([id], colony) => Ok((colony.clone(), Some(id.parse().map_err(wrong)?))),
        ([colony, id], None) => Ok((Some(colony.clone()), Some(id.parse().map_err(wrong)?))),
        _ => Err(Fault::usage("the colony is named twice", "leave --colony or the first word out")),
    }
}

async fn of_one(desk: &mut Desk, calls: &Tasks, id: TaskId) -> Result<(), Fault> {
    let first = calls.get(id).await?;
    if first.task.why.is_none() && waiting::fix(&first.task).is_none() {
        return desk.out.data(&tasks::why(&first.task));
    }
    let chain = chain(calls, first).await?;
    let text: String = chain.iter().enumerate().map(|(depth, task)| waiting::link(task, depth)).collect();
    desk.out.data(&text)?;
    match chain.last() {
        Some(cause) => match waiting::fix(cause) {
            Some(fix) => desk.out.hint(&waiting::end_of_block(cause).unwrap_or_else(|| format!("`{fix}`"))),
            None if waiting::goes_on_alone(cause) => desk.out.note("it goes on by itself"),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// The task, what holds it up, what holds that up, and so on.
async fn chain(calls: &Tasks, first: TaskDetail) -> Result<Vec<Task>, Fault> {
    let mut chain = vec![first.task.clone()];
    let mut detail = first;
    while chain.len() < CHAIN_LINKS_MAX {
        let candidates = holders(calls, &detail).await?;
        let Some(next) = waiting::culprit(&candidates).map(|task| task.id) else { break };
        detail = calls.get(next).await?;
        chain.push(detail.task.clone());
    }
    Ok(chain)
}

/// What a task waits for, where it waits for other tasks.
async fn holders(calls: &Tasks, detail: &TaskDetail) -> Result<Vec<Task>, Fault> {
    let task = &detail.task;
    match task.why.as_ref().map(|why| why.code.as_str()) {
        Some("open_subtasks") => Ok(detail.subtasks.clone()),
        Some("waiting_for_dependency" | "dependency_failed" | "dependency_cancelled") => {
            let ids = task.depends_on.as_deref().unwrap_or_default().split(',').filter_map(|id| id.parse().ok());
            let mut found = Vec::new();
            for id in ids {
                found.push(calls.get(id).await?.task);
            }
            Ok(found)
        }
        _ => Ok(Vec::new()),
    }
}

fn of_all(desk: &mut Desk, tasks: &[Task]) -> Result<(), Fault> {
    let groups = waiting::groups(tasks);
    if groups.is_empty() {
        return desk.out.note("nothing waits");
    }
    let screen = desk.out.screen;
    let text: Vec<String> = groups.iter().map(|group| of_group(group, tasks, screen)).collect();
    desk.out.data(&text.join("\n"))?;
    desk.out.hint("`mi tasks why TASK` follows one of them to its cause")
}

fn of_group(group: &waiting::Group, tasks: &[Task], screen: Screen) -> String {
    let members: Vec<&Task> = tasks.iter().filter(|task| group.tasks.contains(&task.id)).collect();
    let count = members.len();
    let head = format!("{} ({count} {})", waiting::word(&group.code), if count == 1 { "task" } else { "tasks" });
    let mut text = format!("{}\n", screen.paint.tint(Tone::Strong, &head));
    for task in members.iter().take(TITLES_SHOWN) {
        text.push_str(&waiting::link(task, 1));
    }
    if count > TITLES_SHOWN {
        text.push_str(&format!("  and {} more\n", count - TITLES_SHOWN));
    }
    if let Some(fix) = members.first().and_then(|task| waiting::fix(task)) {
        text.push_str(&format!("  → {fix}\n"));
    }
    text
}
