//! Routes of schedules.

use mi_core::limits::SCHEDULE_MOMENTS_SHOWN_MAX;
use mi_core::problem::Code;
use mi_core::wire::schedules::{CreateSchedule, Schedule, ScheduleMoment, UpdateSchedule};
use mi_core::wire::tasks::Task;
use serde::Deserialize;

use super::{fire, service};
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, delete, get, patch, post};

/// Moments shown unless more or fewer are asked for.
const MOMENTS_DEFAULT: i64 = 5;
/// Everything that can be wrong with the task of a schedule.
const TASK_FAULTS: [Code; 6] = [
    Code::UnknownDependency,
    Code::UnknownAgent,
    Code::UnknownParent,
    Code::ParentCancelled,
    Code::SubtaskTooDeep,
    Code::TooLong,
];
const CREATING: &[Code] = &with(TASK_FAULTS, [Code::BadSchedule, Code::ScheduleExists, Code::TooManySchedules]);
const UPDATING: &[Code] = &with(TASK_FAULTS, [Code::BadSchedule, Code::ScheduleExists, Code::NoSuchSchedule]);
const RUNNING: &[Code] = &with(TASK_FAULTS, [Code::NoSuchSchedule, Code::TooManyOpenTasks, Code::DependencyCycle]);

const fn with(of_task: [Code; 6], own: [Code; 3]) -> [Code; 9] {
    let [a, b, c, d, e, f] = of_task;
    let [x, y, z] = own;
    [a, b, c, d, e, f, x, y, z]
}

pub fn operations() -> Vec<Operation> {
    let gone: &[Code] = &[Code::NoSuchSchedule];
    vec![
        get("schedules.list", "…/schedules", Access::Member, "The schedules of the office, by name")
            .query(&[("limit", "at most so many, up to 500"), ("offset", "leave out so many")])
            .lists::<Schedule>()
            .run(list),
        post("schedules.create", "…/schedules", Access::Operator, "Lets a task come again and again")
            .takes::<CreateSchedule>()
            .gives::<Schedule>(201)
            .fails(CREATING)
            .run(create),
        get("schedules.get", "…/schedules/{schedule}", Access::Member, "A schedule, by its name or id")
            .gives::<Schedule>(200)
            .fails(gone)
            .run(show),
        patch("schedules.update", "…/schedules/{schedule}", Access::Operator, "Changes, pauses or resumes a schedule")
            .takes::<UpdateSchedule>()
            .gives::<Schedule>(200)
            .fails(UPDATING)
            .run(update),
        delete("schedules.delete", "…/schedules/{schedule}", Access::Operator, "Removes a schedule; its tasks stay")
            .fails(gone)
            .run(remove),
        post("schedules.run", "…/schedules/{schedule}/run", Access::Operator, "Creates its task now, out of turn")
            .gives::<Task>(201)
            .fails(RUNNING)
            .run(run),
        get("schedules.next", "…/schedules/{schedule}/next", Access::Member, "When it is due next")
            .query(&[("n", "so many moments, 5 unless told, up to 100")])
            .lists::<ScheduleMoment>()
            .fails(gone)
            .run(next),
    ]
}

fn key(call: &Call) -> Result<String, Fault> {
    Ok(call.param("schedule")?.to_owned())
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let page = call.page()?;
    Ok(house.look(&call, move |view, _| service::list(view, page)).await?.into())
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: CreateSchedule = call.body()?;
    let answer = house.act(&call, move |act, member| Answer::created(&service::create(act, member, &wish)?)).await?;
    Ok(answer.into())
}

async fn show(house: House, call: Call) -> Result<Reply, Fault> {
    let key = key(&call)?;
    Ok(house.look(&call, move |view, _| Answer::ok(&service::get(view, &key)?)).await?.into())
}

async fn update(house: House, call: Call) -> Result<Reply, Fault> {
    let (key, wish) = (key(&call)?, call.body::<UpdateSchedule>()?);
    let answer = house.act(&call, move |act, member| Answer::ok(&service::update(act, member, &key, &wish)?)).await?;
    Ok(answer.into())
}

async fn remove(house: House, call: Call) -> Result<Reply, Fault> {
    let key = key(&call)?;
    Ok(house.act(&call, move |act, member| service::delete(act, member, &key)).await?.into())
}

async fn run(house: House, call: Call) -> Result<Reply, Fault> {
    let key = key(&call)?;
    Ok(house.act(&call, move |act, member| Answer::created(&fire::run(act, member, &key)?)).await?.into())
}

#[derive(Deserialize)]
struct NextQuery {
    n: Option<String>,
}

async fn next(house: House, call: Call) -> Result<Reply, Fault> {
    let (key, query) = (key(&call)?, call.query::<NextQuery>()?);
    let asked = query.n.map(|n| n.parse::<i64>()).transpose();
    let asked = asked.map_err(|_| fault::bad_request("n is a whole number"))?.unwrap_or(MOMENTS_DEFAULT);
    let most = usize::try_from(asked.clamp(1, SCHEDULE_MOMENTS_SHOWN_MAX)).map_err(fault::internal)?;
    let answer = house
        .look(&call, move |view, _| {
            let moments = service::next(view, &key, most)?;
            Answer::list(&moments, moments.len() as i64)
        })
        .await?;
    Ok(answer.into())
}
