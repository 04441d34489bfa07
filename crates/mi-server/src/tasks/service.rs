//! Creating and reading tasks.

use mi_core::ids::{AgentName, OfficeId, TaskId, TaskName};
use mi_core::limits;
use mi_core::problem::Code;
use mi_core::tasks::status::{BlockedKind, Kind, Status};
use mi_core::wire::tasks::{CreateTask, Task, TaskDetail};

use super::store::{self, TaskRow};
use super::{cards, chain, flow, times};
use crate::checks;
use crate::credits::purses::{self, Owner};
use crate::house::View;
use crate::infra::act::{Act, Claim};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::integrations::catalogue::canonical;
use crate::sessions;

/// How much of a task's history one answer carries.
pub const LOGS_SHOWN_MAX: i64 = 500;
pub const COMMENTS_SHOWN_MAX: i64 = 500;
pub const ARTIFACTS_SHOWN_MAX: i64 = 500;
pub const REVIEWS_SHOWN_MAX: i64 = 500;
pub const RESULTS_SHOWN_MAX: i64 = 500;

/// Adds a task to the queue.
pub fn create(act: &mut Act<'_>, member: &Member, wish: &CreateTask) -> Result<Task, Fault> {
    create_by(act, member, member.name(), wish)
}

/// The same, where what creates it (a schedule) has another name than whose will it is.
pub fn create_by(act: &mut Act<'_>, member: &Member, creator: &str, wish: &CreateTask) -> Result<Task, Fault> {
    if act.head.tasks.open() >= act.open_tasks_max {
        let sentence = format!("this office has {} open tasks, its limit", act.open_tasks_max);
        return Err(Fault::new(Code::TooManyOpenTasks, sentence)
            .hint("finish or cancel some first; the server's setting is open_tasks_max"));
    }
    let mut task = draft(act, creator, wish)?;
    times::draft(act, &mut task, wish)?;
    let dependencies = parse_ids(wish.depends_on.as_deref())?;
    let parent = parent_for(act, wish.parent_id)?;
    if let Some(parent) = &parent {
        task.depth = parent.depth + 1;
        refuse_ancestors(act, parent, &dependencies)?;
    }
    task.id = act.next_task_id();
    wait_for(act, &mut task, &dependencies)?;
    chain::touch(act, member, &mut task)?;
    if task.status == Status::Queued {
        task.status = chain::into_queue(act, &mut task)?;
    }
    store::insert(act.tx, act.office, &task)?;
    if let Some(name) = &task.name {
        store::save_name(act.tx, act.office, task.id, name)?;
    }
    for id in &dependencies {
        store::add_dependency(act.tx, act.office, task.id, *id)?;
    }
    if let Some(made_in) = sessions::chain::task(act, member)? {
        store::save_maker(act.tx, act.office, task.id, made_in)?;
    }
    checks::service::attach(act, task.id, wish.checks.as_deref())?;
    purses::set_of_task(act, task.id, wish.budget)?;
    act.count_task(None, task.status);
    flow::record(act, &task, "tasks.create", creator, format!("task {} created: {}", task.id, excerpt(&task.title)))?;
    flow::offer(act, &task)?;
    if let Some(parent) = parent {
        adopt(act, member, parent)?;
    }
    cards::card(act.tx, act.office, &act.head, act.now, &task)
}

fn excerpt(title: &str) -> String {
    mi_core::ids::excerpt(title)
}

/// The task as asked for, every text within its limit.
fn draft(act: &mut Act<'_>, creator: &str, wish: &CreateTask) -> Result<TaskRow, Fault> {
    let title = checked_title(&wish.title)?;
    check_description(wish.description.as_deref())?;
    let assigned = checked_assignee(act.tx, act.office, wish.assigned_agent.as_deref())?;
    Ok(TaskRow {
        name: free_name(act, wish.name.as_deref())?,
        parent: wish.parent_id,
        title,
        description: wish.description.clone().filter(|text| !text.is_empty()),
        kind: wish.kind.unwrap_or(Kind::General),
        priority: checked_priority(wish.priority)?,
        assigned,
        created_by: creator.to_owned(),
        required_tools: checked_tools(wish.required_tools.as_deref())?,
        max_attempts: act.head.settings.task_max_attempts,
        created_at: act.now,
        updated_at: act.now,
        ..TaskRow::empty()
    })
}

/// A name that no task of the office has.
fn free_name(act: &mut Act<'_>, name: Option<&str>) -> Result<Option<TaskName>, Fault> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
    let name: TaskName = name.parse().map_err(|bad: mi_core::ids::BadId| Fault::new(Code::BadName, bad.to_string()))?;
    match store::by_name(act.tx, act.office, &name)? {
        None => Ok(Some(name)),
        Some(task) => Err(Fault::new(Code::TaskNameTaken, format!("task {} is already called {name}", task.id))
            .hint(format!("mi tasks get {} shows it; choose another name for a new one", task.id))),
    }
}

/// The tasks of these names, comma-separated, in the order of their numbers; names that nobody has are left out.
pub fn named(view: &mut View<'_>, names: &str) -> Result<Vec<TaskRow>, Fault> {
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > limits::TASK_NAMES_ASKED_MAX {
        return Err(fault::too_long("name", limits::TASK_NAMES_ASKED_MAX, "names"));
    }
    let mut rows = Vec::new();
    for name in names {
        let name = name.parse().map_err(|bad: mi_core::ids::BadId| Fault::new(Code::BadName, bad.to_string()))?;
        rows.extend(store::by_name(view.tx, view.office, &name)?);
    }
    rows.sort_by_key(|row: &TaskRow| row.id);
    rows.dedup_by_key(|row| row.id);
    Ok(rows)
}

pub fn checked_title(title: &str) -> Result<String, Fault> {
    let title = title.trim();
    if title.is_empty() {
        return Err(fault::bad_request("a task needs a title").hint("send title, for example \"Review main.go\""));
    }
    if title.chars().count() > limits::TITLE_CHARS_MAX {
        return Err(fault::too_long("the title", limits::TITLE_CHARS_MAX, "characters"));
    }
    Ok(title.to_owned())
}

pub fn check_description(text: Option<&str>) -> Result<(), Fault> {
    if text.is_some_and(|text| text.len() > limits::DESCRIPTION_BYTES_MAX) {
        return Err(fault::too_long("the description", limits::DESCRIPTION_BYTES_MAX, "bytes"));
    }
    Ok(())
}

pub fn checked_priority(priority: Option<i64>) -> Result<i64, Fault> {
    match priority.unwrap_or(limits::PRIORITY_DEFAULT) {
        n if (0..=limits::PRIORITY_MAX).contains(&n) => Ok(n),
        n => {
            Err(fault::bad_request(format!("priority {n} lies outside 0 (critical) to {} (low)", limits::PRIORITY_MAX)))
        }
    }
}

/// Comma-separated and by their ids, as the store keeps them.
pub fn checked_tools(tools: Option<&[String]>) -> Result<String, Fault> {
    const TOOL_BYTES_MAX: usize = 64;
    let tools = tools.unwrap_or_default();
    if tools.len() > limits::REQUIRED_TOOLS_MAX {
        return Err(fault::too_long("requiredTools", limits::REQUIRED_TOOLS_MAX, "entries"));
    }
    let legal = |tool: &String| {
        let bytes = tool.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= TOOL_BYTES_MAX
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    match tools.iter().find(|tool| !legal(tool)) {
        Some(bad) => Err(fault::bad_request(format!("{:?} is no integration id", excerpt(bad)))),
        None => Ok(tools.iter().map(|tool| canonical(tool)).collect::<Vec<_>>().join(",")),
    }
}

pub fn checked_assignee(
    tx: &mut dyn Tx,
    office: mi_core::ids::OfficeId,
    name: Option<&str>,
) -> Result<Option<String>, Fault> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(None) };
    let agent = crate::agents::service::by_name(tx, office, name)?;
    agent.map(|_| Some(name.to_owned())).ok_or_else(|| fault::unknown_agent(mi_core::ids::excerpt(name)))
}

pub fn parse_ids(ids: Option<&[String]>) -> Result<Vec<TaskId>, Fault> {
    let mut out: Vec<TaskId> = Vec::new();
    for text in ids.unwrap_or_default() {
        let id = text.parse().map_err(|_| unknown_dependency(&excerpt(text)))?;
        if !out.contains(&id) {
            out.push(id);
        }
    }
    if out.len() > limits::DEPENDENCIES_MAX {
        return Err(fault::too_long("dependsOn", limits::DEPENDENCIES_MAX, "entries"));
    }
    Ok(out)
}

fn unknown_dependency(id: &str) -> Fault {
    Fault::new(Code::UnknownDependency, format!("there is no task {id} to depend on"))
        .hint("create that task first; mi tasks list shows what there is")
}

fn dependency_cycle(sentence: String) -> Fault {
    Fault::new(Code::DependencyCycle, sentence).hint("drop one of the dependencies")
}

/// Whether a task that is to be created later could be created now.
pub fn check_template(act: &mut Act<'_>, wish: &CreateTask) -> Result<(), Fault> {
    draft(act, "system", wish)?;
    parent_for(act, wish.parent_id)?;
    for id in parse_ids(wish.depends_on.as_deref())? {
        store::get(act.tx, act.office, id)?.ok_or_else(|| unknown_dependency(&id.to_string()))?;
    }
    Ok(())
}

/// Counts what is still open and blocks the task if something it needs is broken.
pub fn wait_for(act: &mut Act<'_>, task: &mut TaskRow, dependencies: &[TaskId]) -> Result<(), Fault> {
    let mut open = 0;
    for id in dependencies {
        let found = store::get(act.tx, act.office, *id)?.ok_or_else(|| unknown_dependency(&id.to_string()))?;
        open += i64::from(!found.is_accepted());
        let kind = match found.status {
            Status::Failed => BlockedKind::DependencyFailed,
            Status::Cancelled => BlockedKind::DependencyCancelled,
            Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Done => continue,
        };
        task.status = Status::Blocked;
        task.blocked_kind = Some(kind);
        task.blocked_reason = Some(format!("task {} ({}) {}", found.id, found.title, found.status));
    }
    let texts: Vec<String> = dependencies.iter().map(ToString::to_string).collect();
    task.depends_on = (!texts.is_empty()).then(|| texts.join(","));
    task.open_dependencies = open;
    Ok(())
}

fn parent_for(act: &mut Act<'_>, id: Option<TaskId>) -> Result<Option<TaskRow>, Fault> {
    let Some(id) = id else { return Ok(None) };
    let Some(parent) = store::get(act.tx, act.office, id)? else {
        let fault = Fault::new(Code::UnknownParent, format!("there is no task {id} to be a parent"));
        return Err(fault.hint("mi tasks list shows what there is"));
    };
    if parent.status == Status::Cancelled {
        let fault = Fault::new(Code::ParentCancelled, format!("task {id} is cancelled and takes no subtasks"));
        return Err(fault.hint(format!("mi tasks retry {id} brings it back")));
    }
    if parent.depth + 1 > limits::SUBTASK_DEPTH_MAX as i64 {
        let sentence = format!("subtasks nest at most {} deep", limits::SUBTASK_DEPTH_MAX);
        return Err(Fault::new(Code::SubtaskTooDeep, sentence));
    }
    Ok(Some(parent))
}

/// A subtask that waits for an ancestor would never start, since the ancestor waits for it.
fn refuse_ancestors(act: &mut Act<'_>, parent: &TaskRow, dependencies: &[TaskId]) -> Result<(), Fault> {
    let mut ancestor = Some(parent.clone());
    while let Some(task) = ancestor {
        let waits_too = store::dependency_ids(act.tx, act.office, task.id)?;
        if dependencies.contains(&task.id) {
            return Err(dependency_cycle(format!("a subtask of task {} can't wait for it", task.id)));
        }
        debug_assert!(!waits_too.contains(&task.id));
        ancestor = task.parent.map(|id| flow::need(act, id)).transpose()?;
    }
    for id in dependencies {
        if reaches(act, *id, parent.id)? {
            return Err(dependency_cycle(format!("task {id} waits for task {}, which would wait for it", parent.id)));
        }
    }
    Ok(())
}

/// Whether `from` waits, directly or through others, for `to`. Bounded by the office's open tasks.
pub fn reaches(act: &mut Act<'_>, from: TaskId, to: TaskId) -> Result<bool, Fault> {
    let mut seen = std::collections::HashSet::new();
    let mut left = vec![from];
    while let Some(id) = left.pop() {
        if id == to {
            return Ok(true);
        }
        if seen.insert(id) {
            left.extend(store::dependency_ids(act.tx, act.office, id)?);
            left.extend(store::children(act.tx, act.office, id)?.into_iter().map(|child| child.id));
        }
    }
    Ok(false)
}

/// The parent gets an open subtask: a finished one is reopened, a held one is given back unless its holder splits it.
fn adopt(act: &mut Act<'_>, member: &Member, mut parent: TaskRow) -> Result<(), Fault> {
    parent.subtask_count += 1;
    parent.open_subtasks += 1;
    chain::touch(act, member, &mut parent)?;
    match parent.status {
        Status::Done | Status::Failed => {
            may_reopen(act, member, &parent)?;
            flow::reopen(act, parent, member.name())
        }
        Status::Claimed | Status::Running if !splits_its_own(act, member, &parent) => {
            if let Some(session) = parent.session {
                sessions::service::withdraw(act, session, "subtasks_added")?;
            }
            flow::release(act, &mut parent, "system", "subtasks_added")
        }
        Status::Queued | Status::Claimed | Status::Running | Status::Blocked | Status::Cancelled => {
            store::save(act.tx, act.office, &parent)?;
            Ok(())
        }
    }
}

/// Its holder adds the subtask: by its credential, or a key that writes with the claim it got for an agent.
fn splits_its_own(act: &Act<'_>, member: &Member, parent: &TaskRow) -> bool {
    let with_its_claim = matches!(act.claim, Claim::Live(token) if parent.session == Some(token));
    with_its_claim || (member.agent().is_some() && member.agent() == parent.claimed_by.as_ref())
}

/// A new part takes a finished task's result back: not under those who build on it, and no agent does so to others.
fn may_reopen(act: &mut Act<'_>, member: &Member, parent: &TaskRow) -> Result<(), Fault> {
    super::update::must_own(parent, member)?;
    if parent.status == Status::Done { super::review::refuse_if_built_on(act, parent) } else { Ok(()) }
}

/// A task with everything that hangs on it.
pub fn detail(view: &mut View<'_>, id: TaskId) -> Result<TaskDetail, Fault> {
    let row = store::get(view.tx, view.office, id)?.ok_or_else(|| fault::no_such_task(id))?;
    let children = store::children(view.tx, view.office, id)?;
    Ok(TaskDetail {
        task: cards::card(view.tx, view.office, &view.head, view.now, &row)?,
        logs: store::notes::logs(view.tx, view.office, id, LOGS_SHOWN_MAX)?,
        comments: store::notes::comments(view.tx, view.office, id, COMMENTS_SHOWN_MAX)?,
        subtasks: cards::cards(view.tx, view.office, &view.head, view.now, &children)?,
        artifacts: store::notes::artifacts(view.tx, view.office, id, ARTIFACTS_SHOWN_MAX)?,
        linked_messages: Vec::new(),
        sessions: sessions::service::of_task(view.tx, view.office, id)?,
        reviews: store::notes::reviews(view.tx, view.office, id, REVIEWS_SHOWN_MAX)?,
        late_results: store::late::list(view.tx, view.office, id)?,
        checks: checks::service::shown(view.tx, view.office, id)?,
        budget: purses::card(view.tx, view.office, Owner::Task(id))?,
    })
}

/// Whether something in the queue, or blocked, is assigned to this agent.
pub fn any_waits_for(tx: &mut dyn Tx, office: OfficeId, agent: &AgentName) -> Result<bool, Fault> {
    Ok(store::any_open_of(tx, office, agent)?)
}
