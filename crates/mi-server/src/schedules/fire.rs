//! A run: the task is created, and the schedule steps on, in one transaction.

use mi_core::moment::Moment;
use mi_core::schedules::plan::{CatchUp, Overlap, plan};
use mi_core::schedules::title;
use mi_core::time::{Millis, Time};
use mi_core::wire::schedules::Outcome;
use mi_core::wire::tasks::Task;
use serde_json::json;

use super::service::{calendar, find, template};
use super::store::{self, ScheduleRow};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::caller::{Member, Person};
use crate::infra::fault::Fault;
use crate::tasks;

/// Does what is due since `since`; nothing if somebody else has, or the schedule was changed meanwhile.
pub fn fire(act: &mut Act<'_>, id: i64, since: Time) -> Result<(), Fault> {
    let Some(mut row) = still_due(act, id, since)? else { return Ok(()) };
    let catch_up = match (row.catch_up, row.overlap) {
        // While the first one is open there is no second one.
        (CatchUp::All, Overlap::Skip) => CatchUp::One,
        (catch_up, _) => catch_up,
    };
    let plan = plan(&calendar(&row)?, since, act.now, catch_up);
    if plan.missed {
        let summary = format!("schedule {} missed runs from {since} on", row.name);
        record(act, &row, "schedules.miss", "system", summary, since)?;
    }
    for due in plan.runs {
        run_when_due(act, &mut row, due)?;
    }
    row.next_at = plan.next_at;
    Ok(store::save_run(act.tx, act.office, &row)?)
}

/// The task was refused: the schedule says so and waits for its next moment.
pub fn give_up(act: &mut Act<'_>, id: i64, since: Time, sentence: &str) -> Result<(), Fault> {
    let Some(mut row) = still_due(act, id, since)? else { return Ok(()) };
    row.next_at = calendar(&row)?.next(act.now);
    row.last_outcome = Some(Outcome::Failed);
    row.last_error = Some(sentence.to_owned());
    record(act, &row, "schedules.fail", "system", format!("schedule {} failed: {sentence}", row.name), since)?;
    Ok(store::save_run(act.tx, act.office, &row)?)
}

fn still_due(act: &mut Act<'_>, id: i64, since: Time) -> Result<Option<ScheduleRow>, Fault> {
    let row = store::get(act.tx, act.office, id)?;
    Ok(row.filter(|row| !row.paused && row.next_at == Some(since)))
}

fn run_when_due(act: &mut Act<'_>, row: &mut ScheduleRow, due: Time) -> Result<(), Fault> {
    if let Some(open) = open_task(act, row)? {
        return skip(act, row, due, &open);
    }
    let owner = Member::Person(Person::owner(act.head.owner));
    create(act, &owner, row, due)?;
    Ok(())
}

/// The last run's task, if nobody may begin another while it is open.
fn open_task(act: &mut Act<'_>, row: &ScheduleRow) -> Result<Option<tasks::store::TaskRow>, Fault> {
    let Some(id) = row.last_task.filter(|_| row.overlap == Overlap::Skip) else { return Ok(None) };
    Ok(tasks::store::get(act.tx, act.office, id)?.filter(tasks::store::TaskRow::is_open))
}

/// Told once, however often it happens on end.
fn skip(act: &mut Act<'_>, row: &mut ScheduleRow, due: Time, open: &tasks::store::TaskRow) -> Result<(), Fault> {
    let reason = format!("task {} of the last run is still {}", open.id, open.status);
    if row.last_outcome != Some(Outcome::Skipped) {
        record(act, row, "schedules.skip", "system", format!("schedule {} skipped: {reason}", row.name), due)?;
    }
    row.last_outcome = Some(Outcome::Skipped);
    row.last_error = Some(reason);
    Ok(())
}

/// Now, because somebody wants it: neither a pause nor an open task keeps it from running.
pub fn run(act: &mut Act<'_>, member: &Member, key: &str) -> Result<Task, Fault> {
    let mut row = find(act.tx, act.office, key)?;
    let now = act.now;
    let task = create(act, member, &mut row, now)?;
    store::save_run(act.tx, act.office, &row)?;
    Ok(task)
}

fn create(act: &mut Act<'_>, member: &Member, row: &mut ScheduleRow, due: Time) -> Result<Task, Fault> {
    let (mut wish, n) = (template(row)?, row.runs + 1);
    wish.title = title::fill(&wish.title, due, &calendar(row)?.zone, n);
    // A run that comes late has the time that is left, and a minute at least.
    let deadline = row.deadline_seconds.map(|seconds| due + Millis::seconds(seconds));
    wish.deadline = deadline.map(|at| Moment::At(at.max(act.now + DEADLINE_LEFT_MIN)));
    let task = tasks::service::create_by(act, member, &row.name.as_creator(), &wish)?;
    row.runs = n;
    row.last_run_at = Some(due);
    row.last_task = Some(task.id);
    row.last_outcome = Some(Outcome::Created);
    row.last_error = None;
    record(act, row, "schedules.run", member.name(), format!("schedule {} created task {}", row.name, task.id), due)?;
    Ok(task)
}

const DEADLINE_LEFT_MIN: Millis = Millis::seconds(60);

fn record(
    act: &mut Act<'_>,
    row: &ScheduleRow,
    kind: &'static str,
    actor: &str,
    summary: String,
    due: Time,
) -> Result<(), Fault> {
    let task = row.last_task.filter(|_| kind == "schedules.run");
    let data = json!({"schedule": row.id, "name": row.name, "due": due, "runs": row.runs});
    act.event(NewEvent { category: Category::Task, kind, actor, agent: None, task, summary, data })?;
    Ok(())
}
