//! Schedules: camelCase on the wire, so that what is shown can be sent again.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::tasks::CreateTask;
use crate::casing::{camel_keys, loose_number};
use crate::ids::TaskId;
use crate::schedules::name::ScheduleName;
use crate::schedules::plan::{CatchUp, Overlap};
use crate::tasks::status::words;
use crate::time::Time;

words! {
    /// What came of the last moment that was due.
    Outcome { Created = "created", Skipped = "skipped", Failed = "failed" }
}

/// Something that is to be done again and again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    pub id: i64,
    #[schema(value_type = String)]
    pub name: ScheduleName,
    /// Five fields, a nickname such as `@daily`, or `every 15m`.
    pub cron: String,
    /// IANA name, such as `Europe/Berlin`.
    pub timezone: String,
    /// What each run creates.
    pub task: CreateTask,
    /// The deadline of each task, counted from the moment at which it was due.
    pub deadline_seconds: Option<i64>,
    pub catch_up: CatchUp,
    pub overlap: Overlap,
    pub paused: bool,
    /// None while it is paused.
    pub next_at: Option<Time>,
    /// Tasks created so far.
    pub runs: i64,
    pub last_run_at: Option<Time>,
    pub last_task: Option<TaskId>,
    pub last_outcome: Option<Outcome>,
    /// Why the last run was skipped or failed.
    pub last_error: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateSchedule {
    #[schema(value_type = String)]
    pub name: ScheduleName,
    /// Five fields, a nickname such as `@daily`, or `every 15m`.
    #[schema(example = "0 9 * * mon-fri")]
    pub cron: String,
    /// IANA name; the office's `timezone` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// As `tasks.create` takes it, without times; `{date}`, `{time}` and `{n}` in the title are filled in.
    #[serde(deserialize_with = "task")]
    pub task: CreateTask,
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub deadline_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// What is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSchedule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<ScheduleName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Merged into the task, key by key; null takes a key away.
    #[serde(default, deserialize_with = "change_of_task", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub task: Option<Map<String, Value>>,
    /// 0 takes the deadline away.
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub deadline_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// A moment at which a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleMoment {
    pub at: Time,
    /// What clocks in the schedule's time zone show then.
    #[schema(example = "2026-04-27T09:00:00+02:00")]
    pub local: String,
}

/// A task inside of something else is read as liberally as one by itself.
fn task<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CreateTask, D::Error> {
    let object = Value::Object(camel_keys(Map::deserialize(deserializer)?));
    serde_json::from_value(object).map_err(|error| de::Error::custom(format!("task: {error}")))
}

fn change_of_task<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Map<String, Value>>, D::Error> {
    Ok(Option::<Map<String, Value>>::deserialize(deserializer)?.map(camel_keys))
}
