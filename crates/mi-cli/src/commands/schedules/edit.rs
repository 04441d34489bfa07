//! `mi schedules edit NAME`.

use clap::Args;
use mi_core::schedules::name::ScheduleName;
use mi_core::wire::schedules::UpdateSchedule;
use serde_json::{Map, Value};

use super::add::Habits;
use crate::args::ColonyArg;
use crate::commands::tasks::create::Details;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::schedules;

#[derive(Args)]
pub struct EditArgs {
    /// The schedule, by name or id
    #[arg(value_name = "NAME")]
    schedule: String,
    #[command(flatten)]
    colony: ColonyArg,
    /// Call it so from now on
    #[arg(long, value_name = "NAME")]
    rename: Option<ScheduleName>,
    /// When: "0 9 * * mon-fri", @daily, "every 15m"
    #[arg(long, value_name = "TIME")]
    cron: Option<String>,
    #[arg(long, allow_hyphen_values = true)]
    title: Option<String>,
    #[command(flatten)]
    habits: Habits,
    /// Tasks have no deadline any more
    #[arg(long = "noDeadline", visible_alias = "no-deadline", conflicts_with = "deadline_after")]
    no_deadline: bool,
    #[command(flatten)]
    details: Details,
}

pub async fn run(desk: &mut Desk, args: EditArgs) -> Result<(), Fault> {
    let task = changes(&args.details.task(desk, args.title.clone().unwrap_or_default())?, args.title.is_some())?;
    let changes = UpdateSchedule {
        name: args.rename,
        cron: args.cron,
        timezone: args.habits.timezone,
        task: (!task.is_empty()).then_some(task),
        deadline_seconds: if args.no_deadline { Some(0) } else { args.habits.deadline_after },
        catch_up: args.habits.catch_up,
        overlap: args.habits.overlap,
        paused: None,
    };
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    desk.show(client.schedules(office).update(&args.schedule, &changes), schedules::line).await
}

/// The fields of the task that were named.
fn changes(task: &mi_core::wire::tasks::CreateTask, with_title: bool) -> Result<Map<String, Value>, Fault> {
    let object = serde_json::to_value(task).map_err(|fault| Fault::failed(fault.to_string(), "name fewer fields"))?;
    let Value::Object(mut object) = object else { return Ok(Map::new()) };
    if !with_title {
        object.remove("title");
    }
    Ok(object)
}
