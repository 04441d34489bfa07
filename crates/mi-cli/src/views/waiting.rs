//! What waits and why: short words for lists, groups for a colony, and the command that mends it.

use std::collections::BTreeMap;

use mi_core::ids::TaskId;
use mi_core::tasks::status::{Status, Verification};
use mi_core::wire::tasks::Task;

use crate::output::{Screen, Tone, clean};
use crate::table::{Cell, Table};

/// Numbers that one line names.
const IDS_SHOWN: usize = 5;

/// The reason in a word or two.
pub fn word(code: &str) -> String {
    let word = match code {
        "waiting_for_dependency" => "dependency",
        "open_subtasks" => "subtasks",
        "no_eligible_agent" => "no agent",
        "assigned_agent_offline" => "agent offline",
        "assigned_agent_gone" => "agent gone",
        "office_suspended" => "suspended",
        "out_of_credits" => "no credits",
        "waiting_for_pod" => "pod starts",
        "waiting_for_agent" => "agents busy",
        other => return other.replace('_', " "),
    };
    word.to_owned()
}

/// Tasks that wait for the same reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    pub code: String,
    /// Of the first of them.
    pub message: String,
    pub tasks: Vec<TaskId>,
}

/// The largest first.
pub fn groups(tasks: &[Task]) -> Vec<Group> {
    let mut by_code: BTreeMap<&str, Group> = BTreeMap::new();
    for task in tasks {
        let Some(why) = &task.why else { continue };
        let empty = || Group { code: why.code.clone(), message: why.message.clone(), tasks: Vec::new() };
        by_code.entry(&why.code).or_insert_with(empty).tasks.push(task.id);
    }
    let mut groups: Vec<Group> = by_code.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.tasks.len()));
    groups
}

/// A line a reason, with the first numbers.
pub fn table(groups: &[Group], screen: Screen) -> String {
    let mut table = Table::new(&["WHY", "TASKS", "WHICH", "FOR EXAMPLE"]);
    for group in groups {
        table.row([
            Cell::toned(word(&group.code), Tone::Waiting),
            group.tasks.len().into(),
            ids(&group.tasks).into(),
            (&group.message).into(),
        ]);
    }
    table.render(screen)
}

/// `#3 #4 #5 …`
pub fn ids(ids: &[TaskId]) -> String {
    let shown: Vec<String> = ids.iter().take(IDS_SHOWN).map(|id| format!("#{id}")).collect();
    let more = if ids.len() > IDS_SHOWN { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

/// The command that lets a task go on; `None` where it goes on by itself.
pub fn fix(task: &Task) -> Option<String> {
    let id = task.id;
    match task.status {
        Status::Failed | Status::Cancelled => Some(format!("mi tasks retry {id}")),
        Status::Claimed | Status::Running => None,
        Status::Done => (task.verification == Verification::Pending && !goes_on_alone(task))
            .then(|| format!("mi tasks verify {id} --accept")),
        Status::Queued | Status::Blocked => fix_of_waiting(task),
    }
}

fn fix_of_waiting(task: &Task) -> Option<String> {
    let (id, why) = (task.id, task.why.as_ref()?);
    let agent = task.assigned_agent.as_deref().unwrap_or("NAME");
    let tool = task.required_tools.first();
    let command = match why.code.as_str() {
        "no_eligible_agent" => match tool {
            Some(tool) => format!("mi integrations enable {tool} {agent}"),
            None => "mi agents hire --name NAME".to_owned(),
        },
        "assigned_agent_offline" if why.message.contains("is archived") => format!("mi restore {agent}"),
        "assigned_agent_offline" => format!("mi start {agent}"),
        "assigned_agent_gone" => format!("mi tasks update {id} --assignedAgent NAME"),
        "office_suspended" => "mi colonies resume".to_owned(),
        "out_of_credits" => "mi credits add --amount 100".to_owned(),
        "needs_input" => format!("mi tasks comment {id} \"the answer\""),
        "needs_integration" => format!("mi integrations enable {} {agent}", tool.map_or("ID", String::as_str)),
        "no_model_key" => set_key(&why.message)?,
        // Its provider says when it ends.
        "quota" if task.status == Status::Queued => return None,
        "dependency" | "quota" | "other" => format!("mi tasks update {id} --status queued"),
        _ => return None,
    };
    Some(command)
}

/// The command that the server names for it.
fn set_key(message: &str) -> Option<String> {
    const COMMAND: &str = "mi integrations set ";
    let (_, rest) = message.split_once(COMMAND)?;
    let id = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
    Some(format!("{COMMAND}{id}"))
}

/// What ends a block, after its kind; other tasks have none.
pub fn end_of_block(task: &Task) -> Option<String> {
    if task.status != Status::Blocked {
        return None;
    }
    let code = task.why.as_ref()?.code.as_str();
    let end = match code {
        "needs_input" => "an operator's comment ends it",
        "needs_integration" => "enabling the integration ends it",
        "dependency" => "it ends when all that it waits for is accepted, or by hand",
        "quota" => "it ends by itself, or by hand",
        "other" => "no comment ends it, only an operator or the creator",
        "dependency_failed" | "dependency_cancelled" => "it ends when that task is retried, or edited away",
        _ => return None,
    };
    let command = fix(task).map(|command| format!(": `{command}`")).unwrap_or_default();
    Some(format!("{code}; {end}{command}"))
}

/// Nobody has to do anything: time, agents or other tasks bring it on.
pub fn goes_on_alone(task: &Task) -> bool {
    const BY_ITSELF: [&str; 8] = [
        "waiting_for_dependency",
        "open_subtasks",
        "backing_off",
        "not_before",
        "waiting_for_pod",
        "waiting_for_agent",
        "checks_running",
        "checks_delayed",
    ];
    let code = task.why.as_ref().map(|why| why.code.as_str());
    let is_parked = task.status == Status::Queued && code == Some("quota");
    task.status.is_held() || is_parked || code.is_some_and(|code| BY_ITSELF.contains(&code))
}

/// One step on the way from a task to what holds it up.
pub fn link(task: &Task, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let title = clean(&task.title).replace('\n', " ");
    format!("{indent}#{} {title}: {}\n", task.id, standing(task))
}

fn standing(task: &Task) -> String {
    let by = || task.claimed_by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
    let text = match (task.status, &task.why) {
        (Status::Queued | Status::Blocked | Status::Done, Some(why)) => why.message.clone(),
        (Status::Failed, _) => format!("failed: {}", task.error.as_deref().unwrap_or("no cause was given")),
        (Status::Claimed | Status::Running, _) => format!("is {}{}", task.status, by()),
        (Status::Done, _) if task.verification == Verification::Pending => {
            "is done, and waits to be verified".to_owned()
        }
        (status, _) => format!("is {status}"),
    };
    clean(text.trim()).replace('\n', " ")
}

/// Of several tasks that hold one up, the one that says most: what is broken before what waits before what moves.
pub fn culprit(candidates: &[Task]) -> Option<&Task> {
    let rank = |task: &Task| match (task.status, task.verification) {
        (Status::Failed, _) => Some(0),
        (Status::Cancelled, _) => Some(1),
        (Status::Blocked, _) => Some(2),
        (Status::Done, Verification::Pending) => Some(3),
        (Status::Queued, _) => Some(4),
        (Status::Claimed | Status::Running, _) => Some(5),
        (Status::Done, Verification::None | Verification::Accepted | Verification::Rejected) => None,
    };
    candidates
        .iter()
        .filter_map(|task| Some((rank(task)?, task)))
        .min_by_key(|(rank, task)| (*rank, task.id))
        .map(|(_, task)| task)
}
