//! Routes of tasks.

use mi_core::ids::{AgentName, TaskId};
use mi_core::limits::{CLAIM_WAIT_SECONDS_MAX, LIST_COUNT_MAX};
use mi_core::problem::Code;
use mi_core::tasks::status::{Kind, Status};
use mi_core::time::{Millis, Time};
use mi_core::wire::tasks::{
    AddArtifact, AddComment, AddLog, Artifact, CancelTask, ClaimTask, Comment, CreateTask, LateResult, LeaseRenewed,
    ProofRecord, RetryTask, Task, TaskDetail, TaskLog, TaskStats, UpdateTask, VerifyTask,
};
use serde::Deserialize;

use super::claim::{self, Wanted};
use super::store::list::{self as lists, Filter};
use super::{cards, late, notes, proof, review, service, stream, update};
use crate::house::House;
use crate::infra::act::{Act, Answer, Ask, Lateness};
use crate::infra::caller::{Access, Caller, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, Standing, get, patch, post};
use crate::infra::wakeups::{Interest, Parked};
use crate::sessions::service::Terms;

pub fn operations() -> Vec<Operation> {
    let mut all = vec![
        post("tasks.create", "…/tasks", Access::Member, "Adds a task to the queue")
            .takes::<CreateTask>()
            .gives::<Task>(201)
            .fails(&[
                Code::UnknownDependency,
                Code::UnknownAgent,
                Code::UnknownParent,
                Code::DependencyCycle,
                Code::ParentCancelled,
                Code::DependentsStarted,
                Code::NotYours,
                Code::SubtaskTooDeep,
                Code::TooManyOpenTasks,
                Code::TooLong,
                Code::BadName,
                Code::TaskNameTaken,
            ])
            .run(create),
        get("tasks.list", "…/tasks", Access::Member, "The tasks of the office, by number")
            .query(&[
                ("status", "comma-separated statuses"),
                ("assignedAgent", "only of this assignee"),
                ("kind", "only of this kind"),
                ("parentId", "only subtasks of this task"),
                ("name", "comma-separated names; whatever else is asked for is left out"),
                ("late", "true: only those that missed their deadline"),
                ("limit", "at most so many, up to 500"),
                ("offset", "leave out so many"),
            ])
            .lists::<Task>()
            .fails(&[Code::BadName])
            .run(list),
        get("tasks.stats", "…/tasks/stats", Access::Member, "How many tasks stand where")
            .gives::<TaskStats>(200)
            .run(stats),
        post("tasks.claim", "…/tasks/claim", Access::Member, "Takes the next task; 204 when there is none")
            .takes::<ClaimTask>()
            .gives::<Task>(200)
            .fails(&[Code::NoSuchTask, Code::UnknownAgent, Code::NotYou, Code::NotClaimable, Code::IllegalTransition])
            .run(claim),
        get("tasks.stream", "…/tasks/{id}/stream", Access::Member, "A task as it goes on, as server-sent events")
            .fails(&[Code::NoSuchTask])
            .unlimited()
            .run(follow),
        get("tasks.get", "…/tasks/{id}", Access::Member, "A task with everything that hangs on it")
            .gives::<TaskDetail>(200)
            .fails(&[Code::NoSuchTask])
            .run(detail),
    ];
    all.extend(operations_on_one());
    all.extend(judgements());
    all.extend(late_results());
    all
}

fn operations_on_one() -> Vec<Operation> {
    let gone: &[Code] = &[Code::NoSuchTask];
    vec![
        patch("tasks.update", "…/tasks/{id}", Access::Member, "Moves or edits a task")
            .takes::<UpdateTask>()
            .gives::<Task>(200)
            .fails(&[
                Code::NoSuchTask,
                Code::ClaimRequired,
                Code::VerdictRequired,
                Code::ResultRequired,
                Code::ReasonRequired,
                Code::IllegalTransition,
                Code::NotTheClaimer,
                Code::NotYours,
                Code::SubtasksOpen,
                Code::TaskHeld,
                Code::UnknownDependency,
                Code::UnknownAgent,
                Code::DependencyCycle,
                Code::NoSuchIntegration,
                Code::TooLong,
            ])
            .run(change),
        post("tasks.renew", "…/tasks/{id}/renew", Access::Member, "Renews the lease of the claim")
            .gives::<LeaseRenewed>(200)
            .fails(&[Code::NoSuchTask, Code::NotTheClaimer, Code::ClaimRequired])
            .run(renew),
        post("tasks.log", "…/tasks/{id}/log", Access::Member, "Adds a line to the task's log")
            .takes::<AddLog>()
            .gives::<TaskLog>(201)
            .fails(&[Code::NoSuchTask, Code::NotTheClaimer, Code::ClaimRequired, Code::TooLong])
            .run(log),
        get("tasks.subtasks", "…/tasks/{id}/subtasks", Access::Member, "The subtasks")
            .lists::<Task>()
            .fails(gone)
            .run(subtasks),
        get("tasks.artifacts", "…/tasks/{id}/artifacts", Access::Member, "The linked files")
            .lists::<Artifact>()
            .fails(gone)
            .run(artifacts),
        post("tasks.artifact", "…/tasks/{id}/artifacts", Access::Member, "Links a file of the drive with its digest")
            .takes::<AddArtifact>()
            .gives::<Artifact>(201)
            .fails(&[
                Code::NoSuchTask,
                Code::NoSuchFile,
                Code::BadPath,
                Code::NotAFile,
                Code::NotTheClaimer,
                Code::ClaimRequired,
                Code::TooLong,
            ])
            .run(add_artifact),
        get("tasks.comments", "…/tasks/{id}/comments", Access::Member, "The discussion")
            .lists::<Comment>()
            .fails(gone)
            .run(comments),
        post("tasks.comment", "…/tasks/{id}/comments", Access::Member, "Adds a comment")
            .takes::<AddComment>()
            .gives::<Comment>(201)
            .fails(&[Code::NoSuchTask, Code::NotYou, Code::UnknownAgent, Code::TooLong])
            .run(comment),
    ]
}

fn judgements() -> Vec<Operation> {
    vec![
        post("tasks.verify", "…/tasks/{id}/verify", Access::Member, "Accepts or rejects a done task")
            .takes::<VerifyTask>()
            .gives::<Task>(200)
            .fails(&[
                Code::NoSuchTask,
                Code::SelfReview,
                Code::IllegalTransition,
                Code::ReasonRequired,
                Code::ChecksPending,
                Code::DependentsStarted,
                Code::ParentCancelled,
                Code::TooLong,
            ])
            .run(verify),
        post("tasks.retry", "…/tasks/{id}/retry", Access::Member, "Brings a failed or cancelled task back")
            .takes::<RetryTask>()
            .gives::<Task>(200)
            .fails(&[
                Code::NoSuchTask,
                Code::IllegalTransition,
                Code::ParentCancelled,
                Code::NotYours,
                Code::UnknownAgent,
                Code::TooLong,
            ])
            .run(retry),
        post("tasks.cancel", "…/tasks/{id}/cancel", Access::Member, "Cancels a task and its open subtasks")
            .takes::<CancelTask>()
            .gives::<Task>(200)
            .fails(&[Code::NoSuchTask, Code::IllegalTransition, Code::NotYours])
            .run(cancel),
    ]
}

fn late_results() -> Vec<Operation> {
    vec![
        get("tasks.proof", "…/tasks/{id}/proof", Access::Member, "What each attempt has to show for itself")
            .lists::<ProofRecord>()
            .fails(&[Code::NoSuchTask])
            .run(proof_records),
        get("tasks.late_results", "…/tasks/{id}/late-results", Access::Member, "Results of claims that were lost")
            .lists::<LateResult>()
            .fails(&[Code::NoSuchTask])
            .run(late_list),
        post("tasks.accept_late", "…/tasks/{id}/late-results/{n}/accept", Access::Operator, "Lets a late result count")
            .gives::<Task>(200)
            .fails(&[
                Code::NoSuchTask,
                Code::NoSuchLateResult,
                Code::IllegalTransition,
                Code::SubtasksOpen,
                Code::VerdictRequired,
            ])
            .run(late_accept),
        post("tasks.drop_late", "…/tasks/{id}/late-results/{n}/drop", Access::Operator, "Lets a late result go")
            .gives::<LateResult>(200)
            .fails(&[Code::NoSuchTask, Code::NoSuchLateResult, Code::IllegalTransition])
            .run(late_drop),
    ]
}

fn task_id(call: &Call) -> Result<TaskId, Fault> {
    Ok(call.param("id")?.parse()?)
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: CreateTask = call.body()?;
    let answer = house.act(&call, move |act, member| Answer::created(&service::create(act, member, &wish)?)).await?;
    Ok(answer.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    status: Option<String>,
    assigned_agent: Option<String>,
    kind: Option<Kind>,
    parent_id: Option<TaskId>,
    name: Option<String>,
    late: Option<String>,
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, query) = (call.page()?, call.query::<ListQuery>()?);
    if let Some(names) = query.name {
        return list_named(house, call, names).await;
    }
    let filter = Filter {
        statuses: statuses(query.status.as_deref())?,
        assigned: query.assigned_agent.unwrap_or_default(),
        kind: query.kind.map_or(String::new(), |kind| kind.as_str().to_owned()),
        parent: query.parent_id,
        late_at: is_true(query.late.as_deref())?.then(|| house.clock.now()),
    };
    let answer = house
        .look(&call, move |view, _| {
            let rows = lists::page(view.tx, view.office, &filter, page)?;
            let total = lists::count(view.tx, view.office, &view.head, &filter, LIST_COUNT_MAX + 1)?;
            Answer::list(&cards::cards(view.tx, view.office, &view.head, view.now, &rows)?, total)
        })
        .await?;
    Ok(answer.into())
}

async fn list_named(house: House, call: Call, names: String) -> Result<Reply, Fault> {
    let answer = house
        .look(&call, move |view, _| {
            let rows = service::named(view, &names)?;
            let total = rows.len() as i64;
            Answer::list(&cards::cards(view.tx, view.office, &view.head, view.now, &rows)?, total)
        })
        .await?;
    Ok(answer.into())
}

fn is_true(text: Option<&str>) -> Result<bool, Fault> {
    match text {
        None | Some("" | "false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(fault::bad_request("late is true or false")),
    }
}

/// `queued,blocked`, every one of them known.
fn statuses(text: Option<&str>) -> Result<Vec<Status>, Fault> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Ok(part.parse()?)).collect()
}

async fn stats(house: House, call: Call) -> Result<Reply, Fault> {
    let answer = house.look(&call, |view, _| Answer::ok(&view.head.tasks.stats())).await?;
    Ok(answer.into())
}

async fn detail(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    Ok(Answer::ok(&proof::detail_now(&house, &call, id).await?)?.into())
}

async fn claim(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: ClaimTask = call.body()?;
    let office = call.office()?;
    let wait = wish.wait.unwrap_or(0).clamp(0, CLAIM_WAIT_SECONDS_MAX);
    let until = house.clock.now() + Millis::seconds(wait);
    let name = claimer_name(&house, &call, wish.agent.as_deref()).await?;
    let wanted = Wanted { task: wish.task_id, kind: wish.kind };
    let mut standing = Standing::of(&house, &call);
    loop {
        let mut parked = house.wakeups.park(office, Interest::Work(name.clone()));
        if house.is_draining() {
            return Err(fault::draining());
        }
        let (wanted, claimer) = (wanted.clone(), name.clone());
        let answer = house.act_in(office, call.ask(), move |act, member| take(act, member, &claimer, &wanted)).await?;
        if answer.status != 204 {
            parked.used();
            return Ok(answer.into());
        }
        if !wait_for_work(&house, &call, &name, &mut parked, &mut standing, until).await? {
            return Ok(answer.into());
        }
        standing.check().await?;
    }
}

/// Waits until there may be something for the agent, at most until `until`; false if there is nothing then. A claimer
/// that nobody woke looks again by itself, without writing: idle claimers cost no disk and next to no time.
async fn wait_for_work(
    house: &House,
    call: &Call,
    name: &AgentName,
    parked: &mut Parked,
    standing: &mut Standing,
    until: Time,
) -> Result<bool, Fault> {
    while house.clock.now() < until {
        let look_at = until.min(house.clock.now() + Millis(POLL_FLOOR_MS));
        let woken = async {
            tokio::select! {
                biased;
                () = parked.woken() => true,
                () = standing.changed() => false,
            }
        };
        match house.clock.timeout_at(look_at, woken).await {
            Some(true) => return Ok(true),
            Some(false) => {
                standing.check().await?;
                continue;
            }
            None => {}
        }
        let name = name.clone();
        if house.look(call, move |view, _| claim::is_any(view, &name)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Under every parked claim: how often it looks again without a wake-up. So long a lost one may cost.
const POLL_FLOOR_MS: i64 = 30_000;

/// The agent that claims: the one named, or the caller itself. Whether that may be is judged in `take`.
async fn claimer_name(house: &House, call: &Call, named: Option<&str>) -> Result<AgentName, Fault> {
    match (named, &call.caller) {
        (Some(named), _) => named.parse().map_err(|_| fault::unknown_agent(mi_core::ids::excerpt(named))),
        (None, Caller::User { .. }) => {
            Err(fault::bad_request("say for which agent: {\"agent\": \"name\"}").hint("mi agents list shows them"))
        }
        (None, _) => {
            let own = house.look(call, |_, member| Ok(member.agent().cloned())).await?;
            own.ok_or_else(|| fault::bad_request("say for which agent"))
        }
    }
}

/// An agent's key claims only for itself, an operator's for any agent of the office.
fn take(act: &mut Act<'_>, member: &Member, name: &AgentName, wanted: &Wanted) -> Result<Answer, Fault> {
    if member.agent().is_some_and(|own| own != name) {
        return Err(fault::not_you(name.as_str()));
    }
    let found = crate::agents::service::by_name(act.tx, act.office, name.as_str())?;
    let agent = found.ok_or_else(|| fault::unknown_agent(name))?;
    match claim::take(act, &agent, wanted, &Terms::external())? {
        Some((task, session)) => Answer::ok(&claim::granted(act, &task, &session)?),
        None => Ok(Answer::nothing()),
    }
}

async fn change(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<UpdateTask>()?);
    let ask = Ask { lateness: Lateness::Told, ..call.ask() };
    let update = move |act: &mut Act<'_>, member: &Member| Answer::ok(&update::update(act, member, id, &wish)?);
    let answer = house.act_in(call.office()?, ask, update).await?;
    Ok(answer.into())
}

async fn renew(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    let answer = house.act(&call, move |act, member| Answer::ok(&notes::renew(act, member, id)?)).await?;
    Ok(answer.into())
}

async fn log(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<AddLog>()?);
    let answer = house.act(&call, move |act, member| Answer::created(&notes::log(act, member, id, &wish)?)).await?;
    Ok(answer.into())
}

async fn subtasks(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    let answer = house
        .look(&call, move |view, _| {
            let subtasks = service::detail(view, id)?.subtasks;
            Answer::list(&subtasks, subtasks.len() as i64)
        })
        .await?;
    Ok(answer.into())
}

async fn artifacts(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    let artifacts = proof::detail_now(&house, &call, id).await?.artifacts;
    Ok(Answer::list(&artifacts, artifacts.len() as i64)?.into())
}

async fn add_artifact(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<AddArtifact>()?);
    let path = notes::artifact_path(&wish)?;
    // Who may not enter the office learns nothing about its files.
    house.look(&call, |_, _| Ok(())).await?;
    let file = crate::files::service::digest(&house, call.office()?, &path).await?;
    let act =
        move |act: &mut Act<'_>, member: &Member| Answer::created(&notes::add_artifact(act, member, id, &wish, &file)?);
    Ok(house.act(&call, act).await?.into())
}

async fn comments(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    let answer = house
        .look(&call, move |view, _| {
            let comments = service::detail(view, id)?.comments;
            Answer::list(&comments, comments.len() as i64)
        })
        .await?;
    Ok(answer.into())
}

async fn comment(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<AddComment>()?);
    let answer = house.act(&call, move |act, member| Answer::created(&notes::comment(act, member, id, &wish)?)).await?;
    Ok(answer.into())
}

async fn follow(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    stream::open(house, call, id).await
}

async fn verify(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<VerifyTask>()?);
    let answer = house.act(&call, move |act, member| Answer::ok(&review::verify(act, member, id, &wish)?)).await?;
    Ok(answer.into())
}

async fn retry(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<RetryTask>()?);
    let answer = house.act(&call, move |act, member| Answer::ok(&review::retry(act, member, id, &wish)?)).await?;
    Ok(answer.into())
}

async fn cancel(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (task_id(&call)?, call.body::<CancelTask>()?);
    let answer = house.act(&call, move |act, member| Answer::ok(&review::cancel(act, member, id, &wish)?)).await?;
    Ok(answer.into())
}

async fn proof_records(house: House, call: Call) -> Result<Reply, Fault> {
    let records = proof::records_now(&house, &call, task_id(&call)?).await?;
    Ok(Answer::list(&records, records.len() as i64)?.into())
}

async fn late_list(house: House, call: Call) -> Result<Reply, Fault> {
    let id = task_id(&call)?;
    let answer = house
        .look(&call, move |view, _| {
            let late = service::detail(view, id)?.late_results;
            Answer::list(&late, late.len() as i64)
        })
        .await?;
    Ok(answer.into())
}

/// The number of a late result; what is no number can't be one.
fn late_number(call: &Call) -> Result<i64, Fault> {
    let text = call.param("n")?;
    text.parse().map_err(|_| fault::bad_request("a late result's number is a whole number"))
}

async fn late_accept(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, n) = (task_id(&call)?, late_number(&call)?);
    let answer = house.act(&call, move |act, member| Answer::ok(&late::accept(act, member, id, n)?)).await?;
    Ok(answer.into())
}

async fn late_drop(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, n) = (task_id(&call)?, late_number(&call)?);
    let answer = house.act(&call, move |act, member| Answer::ok(&late::drop(act, member, id, n)?)).await?;
    Ok(answer.into())
}
