//! Acts of schedules.

use mi_core::ids::OfficeId;
use mi_core::limits::{SCHEDULE_DEADLINE_SECONDS_MAX, SCHEDULES_PER_OFFICE_MAX};
use mi_core::schedules::name::ScheduleName;
use mi_core::schedules::plan::{CatchUp, Overlap};
use mi_core::schedules::rhythm::{Calendar, Rhythm};
use mi_core::schedules::title;
use mi_core::schedules::zone::Zone;
use mi_core::time::Time;
use mi_core::wire::schedules::{CreateSchedule, Schedule, ScheduleMoment, UpdateSchedule};
use mi_core::wire::tasks::CreateTask;
use serde_json::{Map, Value, json};

use super::faults;
use super::store::{self, ScheduleRow};
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;
use crate::infra::wakeups::Wake;
use crate::tasks;

const DEADLINE_SECONDS: std::ops::RangeInclusive<i64> = 60..=SCHEDULE_DEADLINE_SECONDS_MAX;

pub fn create(act: &mut Act<'_>, member: &Member, wish: &CreateSchedule) -> Result<Schedule, Fault> {
    if store::count(act.tx, act.office)? >= SCHEDULES_PER_OFFICE_MAX {
        return Err(faults::too_many());
    }
    refuse_taken(act, &wish.name)?;
    let timezone = wish.timezone.as_ref().unwrap_or(&act.head.settings.timezone);
    let mut row = ScheduleRow {
        id: 0,
        name: wish.name.clone(),
        cron: wish.cron.trim().to_owned(),
        timezone: zone(timezone)?.name().to_owned(),
        template: text(&wish.task)?,
        deadline_seconds: checked_deadline(wish.deadline_seconds)?,
        catch_up: wish.catch_up.unwrap_or(CatchUp::One),
        overlap: wish.overlap.unwrap_or(Overlap::Skip),
        paused: wish.paused.unwrap_or(false),
        anchor_at: act.now,
        next_at: None,
        runs: 0,
        last_run_at: None,
        last_task: None,
        last_outcome: None,
        last_error: None,
        created_at: act.now,
        updated_at: act.now,
    };
    check_task(act, &row)?;
    aim(act, &mut row)?;
    row.id = act.next_row();
    store::insert(act.tx, act.office, &row)?;
    record(act, member, "schedules.create", &row, format!("schedule {} was made: {}", row.name, row.cron))?;
    card(&row)
}

pub fn update(act: &mut Act<'_>, member: &Member, key: &str, wish: &UpdateSchedule) -> Result<Schedule, Fault> {
    let mut row = find(act.tx, act.office, key)?;
    let before = row.clone();
    if let Some(name) = wish.name.as_ref().filter(|name| **name != row.name) {
        refuse_taken(act, name)?;
        row.name = name.clone();
    }
    if let Some(change) = &wish.task {
        row.template = merged(&row.template, change)?;
        check_task(act, &row)?;
    }
    if let Some(seconds) = wish.deadline_seconds {
        row.deadline_seconds = checked_deadline(Some(seconds).filter(|seconds| *seconds != 0))?;
    }
    row.catch_up = wish.catch_up.unwrap_or(row.catch_up);
    row.overlap = wish.overlap.unwrap_or(row.overlap);
    retime(act, &mut row, wish)?;
    row.updated_at = act.now;
    store::save_edits(act.tx, act.office, &row)?;
    let verb = match (before.paused, row.paused) {
        (false, true) => "was paused",
        (true, false) => "goes on",
        (true, true) | (false, false) => "was changed",
    };
    record(act, member, "schedules.update", &row, format!("schedule {} {verb}", row.name))?;
    card(&row)
}

/// What was due before a change of its time, or during its pause, is not made up for.
fn retime(act: &mut Act<'_>, row: &mut ScheduleRow, wish: &UpdateSchedule) -> Result<(), Fault> {
    let before = (row.cron.clone(), row.timezone.clone(), row.paused);
    if let Some(cron) = &wish.cron {
        row.cron = cron.trim().to_owned();
    }
    if let Some(timezone) = &wish.timezone {
        row.timezone = zone(timezone)?.name().to_owned();
    }
    row.paused = wish.paused.unwrap_or(row.paused);
    if before.0 != row.cron {
        row.anchor_at = act.now;
    }
    if before == (row.cron.clone(), row.timezone.clone(), row.paused) {
        return Ok(());
    }
    aim(act, row)
}

/// Sets the next moment, counted from now; refuses a time that can't be read or never comes.
fn aim(act: &mut Act<'_>, row: &mut ScheduleRow) -> Result<(), Fault> {
    let rhythm: Rhythm = row.cron.parse().map_err(faults::bad_cron)?;
    let calendar = Calendar { rhythm, zone: zone(&row.timezone)?, anchor: row.anchor_at };
    let next = calendar.next(act.now).ok_or_else(|| faults::never_due(&row.cron))?;
    row.next_at = (!row.paused).then_some(next);
    act.wake(Wake::Due);
    Ok(())
}

fn refuse_taken(act: &mut Act<'_>, name: &ScheduleName) -> Result<(), Fault> {
    match store::by_name(act.tx, act.office, name.as_str())? {
        Some(_) => Err(faults::schedule_exists(name)),
        None => Ok(()),
    }
}

fn checked_deadline(seconds: Option<i64>) -> Result<Option<i64>, Fault> {
    match seconds {
        Some(seconds) if !DEADLINE_SECONDS.contains(&seconds) => Err(faults::bad_deadline()),
        other => Ok(other),
    }
}

fn zone(name: &str) -> Result<Zone, Fault> {
    Zone::parse(name).map_err(faults::bad_zone)
}

/// What a run would refuse is refused at once.
fn check_task(act: &mut Act<'_>, row: &ScheduleRow) -> Result<(), Fault> {
    let mut wish = template(row)?;
    if wish.not_before.is_some() || wish.deadline.is_some() {
        return Err(faults::fixed_times());
    }
    if wish.name.is_some() {
        return Err(faults::fixed_name());
    }
    wish.title = title::fill(&wish.title, act.now, &zone(&row.timezone)?, row.runs + 1);
    tasks::service::check_template(act, &wish)
}

fn merged(template: &str, change: &Map<String, Value>) -> Result<String, Fault> {
    let mut object: Map<String, Value> = serde_json::from_str(template).map_err(fault::internal)?;
    for (key, value) in change {
        match value {
            Value::Null => object.remove(key),
            other => object.insert(key.clone(), other.clone()),
        };
    }
    let task: CreateTask = serde_json::from_value(Value::Object(object)).map_err(|error| faults::bad_task(&error))?;
    text(&task)
}

fn text(task: &CreateTask) -> Result<String, Fault> {
    serde_json::to_string(task).map_err(fault::internal)
}

pub fn template(row: &ScheduleRow) -> Result<CreateTask, Fault> {
    serde_json::from_str(&row.template).map_err(fault::internal)
}

/// Of a row: what was written there could be read once.
pub fn calendar(row: &ScheduleRow) -> Result<Calendar, Fault> {
    let rhythm = row.cron.parse().map_err(fault::internal)?;
    let zone = Zone::parse(&row.timezone).map_err(fault::internal)?;
    Ok(Calendar { rhythm, zone, anchor: row.anchor_at })
}

/// By its name or its id.
pub fn find(tx: &mut dyn Tx, office: OfficeId, key: &str) -> Result<ScheduleRow, Fault> {
    let found = match key.parse() {
        Ok(id) => store::get(tx, office, id)?,
        Err(_) => store::by_name(tx, office, key)?,
    };
    found.ok_or_else(|| faults::no_such_schedule(key))
}

pub fn delete(act: &mut Act<'_>, member: &Member, key: &str) -> Result<Answer, Fault> {
    let row = find(act.tx, act.office, key)?;
    store::remove(act.tx, act.office, row.id)?;
    record(act, member, "schedules.delete", &row, format!("schedule {} was removed", row.name))?;
    Ok(Answer::done())
}

pub fn list(view: &mut View<'_>, page: Page) -> Result<Answer, Fault> {
    let rows = store::list(view.tx, view.office, page)?;
    let cards = rows.iter().map(card).collect::<Result<Vec<_>, _>>()?;
    Answer::list(&cards, store::count(view.tx, view.office)?)
}

pub fn get(view: &mut View<'_>, key: &str) -> Result<Schedule, Fault> {
    card(&find(view.tx, view.office, key)?)
}

/// The next moments; of a paused one, those that would come if it went on now.
pub fn next(view: &mut View<'_>, key: &str, most: usize) -> Result<Vec<ScheduleMoment>, Fault> {
    let row = find(view.tx, view.office, key)?;
    let calendar = calendar(&row)?;
    let first = row.next_at.or_else(|| calendar.next(view.now));
    let moment = |at: Time| ScheduleMoment { at, local: calendar.zone.local(at) };
    Ok(std::iter::successors(first, |at| calendar.next(*at)).take(most).map(moment).collect())
}

fn card(row: &ScheduleRow) -> Result<Schedule, Fault> {
    Ok(Schedule {
        id: row.id,
        name: row.name.clone(),
        cron: row.cron.clone(),
        timezone: row.timezone.clone(),
        task: template(row)?,
        deadline_seconds: row.deadline_seconds,
        catch_up: row.catch_up,
        overlap: row.overlap,
        paused: row.paused,
        next_at: row.next_at,
        runs: row.runs,
        last_run_at: row.last_run_at,
        last_task: row.last_task,
        last_outcome: row.last_outcome,
        last_error: row.last_error.clone(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn record(
    act: &mut Act<'_>,
    member: &Member,
    kind: &'static str,
    row: &ScheduleRow,
    summary: String,
) -> Result<(), Fault> {
    let data = json!({"schedule": row.id, "name": row.name, "cron": row.cron, "timezone": row.timezone});
    let category = Category::Office;
    act.event(NewEvent { category, kind, actor: member.name(), agent: None, task: None, summary, data })?;
    Ok(())
}
