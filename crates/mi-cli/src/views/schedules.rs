//! Schedules, as people see them.

use mi_core::moment::say_length;
use mi_core::time::Millis;
use mi_core::wire::schedules::{Outcome, Schedule, ScheduleMoment};

use super::moment;
use crate::output::{Screen, Tone, clean};
use crate::table::{Cell, Table};

pub fn list(schedules: &[Schedule], screen: Screen) -> String {
    let mut table = Table::new(&["NAME", "WHEN", "TIMEZONE", "NEXT (UTC)", "TASK", "RUNS", "LAST"]);
    for schedule in schedules {
        table.row([
            schedule.name.as_str().into(),
            (&schedule.cron).into(),
            (&schedule.timezone).into(),
            next(schedule),
            (&schedule.task.title).into(),
            schedule.runs.into(),
            last(schedule),
        ]);
    }
    table.render(screen)
}

fn next(schedule: &Schedule) -> Cell {
    match schedule.next_at {
        Some(at) => moment(at).into(),
        None if schedule.paused => Cell::toned("paused", Tone::Waiting),
        None => Cell::maybe(None::<&str>),
    }
}

/// `created #12`, or what went wrong.
fn last(schedule: &Schedule) -> Cell {
    let error = schedule.last_error.as_deref().unwrap_or_default();
    match (schedule.last_outcome, schedule.last_task) {
        (None, _) => Cell::maybe(None::<&str>),
        (Some(Outcome::Created), Some(task)) => Cell::toned(format!("created #{task}"), Tone::Good),
        (Some(Outcome::Created), None) => Cell::toned("created", Tone::Good),
        (Some(Outcome::Skipped), _) => Cell::toned(format!("skipped: {error}"), Tone::Waiting),
        (Some(Outcome::Failed), _) => Cell::toned(format!("failed: {error}"), Tone::Bad),
    }
}

/// `nightly  0 3 * * *  next 2026-04-27 01:00:00 UTC`.
pub fn line(schedule: &Schedule, screen: Screen) -> String {
    let name = screen.paint.tint(Tone::Strong, schedule.name.as_str());
    let next = match schedule.next_at {
        Some(at) => format!("next {} UTC", moment(at)),
        None => "paused".to_owned(),
    };
    format!("{name}  {}  {next}", clean(&schedule.cron))
}

pub fn detail(schedule: &Schedule, screen: Screen) -> String {
    let mut facts = Table::of_facts();
    facts.fact("name", schedule.name.as_str());
    facts.fact("when", &schedule.cron);
    facts.fact("timezone", &schedule.timezone);
    facts.fact("next (UTC)", next(schedule));
    facts.fact("missed runs", format!("catch up: {}", schedule.catch_up));
    facts.fact("overlap", schedule.overlap);
    facts.fact("task", &schedule.task.title);
    let task = &schedule.task;
    let tools = task.required_tools.as_ref().filter(|tools| !tools.is_empty()).map(|tools| tools.join(", "));
    for (name, value) in [
        ("description", task.description.clone()),
        ("kind", task.kind.map(|kind| kind.to_string())),
        ("priority", task.priority.map(|priority| priority.to_string())),
        ("assigned to", task.assigned_agent.clone()),
        ("part of", task.parent_id.map(|id| format!("#{id}"))),
        ("depends on", task.depends_on.as_ref().map(|ids| ids.join(", "))),
        ("needs", tools),
        (
            "deadline",
            schedule.deadline_seconds.map(|s| format!("{} after each moment", say_length(Millis::seconds(s)))),
        ),
        ("last due", schedule.last_run_at.map(moment)),
    ] {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    facts.fact("runs", schedule.runs);
    facts.fact("last", last(schedule));
    facts.fact("created", moment(schedule.created_at));
    facts.render(screen)
}

pub fn moments(moments: &[ScheduleMoment], screen: Screen) -> String {
    let mut table = Table::new(&["UTC", "LOCAL"]);
    for one in moments {
        table.row([moment(one.at).into(), (&one.local).into()]);
    }
    table.render(screen)
}
