//! Routes of agents.

use mi_core::casing::loose_list;
use mi_core::problem::Code;
use mi_core::wire::agents::{
    Activity, Agent, AgentLogs, AgentReport, HireAgent, LastError, Lifecycle, Presence, UpdateAgent,
};
use mi_core::wire::backups::RestoreAgent;
use mi_core::wire::invites::{OwnCard, UpdateSelf};
use serde::Deserialize;
use utoipa::ToSchema;

use super::hire::{self, Desk};
use super::leave::{self, Keepsake};
use super::{change, external, reports, service, traces};
use crate::backups::service::to_its_end;
use crate::house::{House, View};
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{Access, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, delete, get, patch, post};

const PAGE: &[(&str, &str)] = &[("limit", "at most so many, up to 500"), ("offset", "skip so many")];
const LOGS: &[(&str, &str)] = &[
    ("tail", "the last so many lines, up to 2000"),
    ("since", "RFC 3339"),
    ("follow", "true: as server-sent events, until the client hangs up"),
];
const ACTIVITY: &[(&str, &str)] =
    &[("category", "only this one"), ("since", "RFC 3339"), ("limit", "at most so many"), ("offset", "skip so many")];
const HIRING: &[Code] = &[
    Code::BadName,
    Code::ReservedName,
    Code::AgentExists,
    Code::OutOfCredits,
    Code::AgentHiringDisabled,
    Code::HireLimitReached,
    Code::HireRateLimited,
    Code::UnknownProvider,
    Code::UnknownHarness,
    Code::CommandRequired,
    Code::TooLong,
    Code::ReservedKey,
    Code::OperatorOnly,
];
const CHANGING: &[Code] = &[
    Code::NoSuchAgent,
    Code::NotYours,
    Code::UnknownProvider,
    Code::UnknownHarness,
    Code::CommandRequired,
    Code::TooLong,
];
const FIRING: &[Code] = &[Code::NoSuchAgent, Code::NotYours];
const LEAVING: &[Code] =
    &[Code::NoSuchAgent, Code::NotYours, Code::WrongAgentKind, Code::BackupFailed, Code::BackupTooLarge, Code::Busy];
const RETURNING: &[Code] = &[
    Code::NoSuchAgent,
    Code::WrongAgentKind,
    Code::AgentExists,
    Code::NoSuchBackup,
    Code::BackupDamaged,
    Code::OutOfCredits,
    Code::HireLimitReached,
    Code::Busy,
];
const LOOKING: &[Code] = &[Code::NoSuchAgent];

/// `POST …/skills`: removes first, then adds.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillsChange {
    #[serde(default, deserialize_with = "loose_list")]
    pub add: Option<Vec<String>>,
    #[serde(default, deserialize_with = "loose_list")]
    pub remove: Option<Vec<String>>,
}

pub fn operations() -> Vec<Operation> {
    let mut all = people();
    all.extend(at_work());
    all.extend(glances());
    all
}

fn people() -> Vec<Operation> {
    vec![
        post("agents.hire", "…/employees", Access::Member, "Hire an agent; it gets a pod of its own")
            .takes::<HireAgent>()
            .gives::<Agent>(201)
            .fails(HIRING)
            .run(hire_one),
        get("agents.list", "…/employees", Access::Member, "Everybody who works here")
            .query(PAGE)
            .lists::<Agent>()
            .run(list),
        get("agents.get", "…/employees/{name}", Access::Member, "One agent and what it is doing")
            .gives::<Agent>(200)
            .fails(LOOKING)
            .run(get_one),
        patch("agents.update", "…/employees/{name}", Access::Member, "Change an agent, from its next session on")
            .takes::<UpdateAgent>()
            .gives::<Agent>(200)
            .fails(CHANGING)
            .run(update),
        delete("agents.fire", "…/employees/{name}", Access::Member, "Let an agent go; its work returns to the queue")
            .unlimited()
            .query(&[("noBackup", "true: its workspace is not kept")])
            .fails(LEAVING)
            .run(fire),
        post("agents.archive", "…/employees/{name}/archive", Access::Operator, "Put an agent away, its name kept")
            .unlimited()
            .gives::<Agent>(200)
            .fails(LEAVING)
            .run(archive),
        post("agents.restore", "…/employees/{name}/restore", Access::Operator, "Bring an archived or fired agent back")
            .unlimited()
            .takes::<RestoreAgent>()
            .gives::<Agent>(200)
            .fails(RETURNING)
            .run(restore),
    ]
}

fn at_work() -> Vec<Operation> {
    vec![
        post("agents.promote", "…/employees/{name}/promote", Access::Member, "Give an agent another model")
            .takes::<UpdateAgent>()
            .gives::<Agent>(200)
            .fails(CHANGING)
            .run(promote),
        post("agents.change_skills", "…/employees/{name}/skills", Access::Member, "Add and remove skills")
            .takes::<SkillsChange>()
            .gives::<Agent>(200)
            .fails(CHANGING)
            .run(change_skills),
        post("agents.lifecycle", "…/employees/{name}/lifecycle", Access::Operator, "Stop, start or restart an agent")
            .takes::<Lifecycle>()
            .gives::<Agent>(200)
            .fails(&[Code::NoSuchAgent, Code::WrongAgentKind, Code::AgentArchived])
            .run(lifecycle),
        post("agents.heartbeat", "…/employees/{name}/heartbeat", Access::Agent, "An agent says that it is there")
            .fails(&[Code::NoSuchAgent, Code::NotYou])
            .run(heartbeat),
        post(
            "agents.heartbeat_self",
            "/api/agents/heartbeat",
            Access::Agent,
            "The same, for whoever the credential is of",
        )
        .run(heartbeat_self),
        get("agents.self", "/api/agents/self", Access::Agent, "Who the credential belongs to, and what it holds")
            .gives::<OwnCard>(200)
            .run(own_card),
        patch("agents.update_self", "/api/agents/self", Access::Agent, "An agent from elsewhere says what it is")
            .takes::<UpdateSelf>()
            .gives::<Agent>(200)
            .fails(&[Code::WrongAgentKind, Code::TooLong])
            .run(update_self),
        post("agents.leave", "/api/agents/leave", Access::Agent, "An agent from elsewhere leaves its office for good")
            .fails(&[Code::WrongAgentKind])
            .run(leave),
        post("agents.report", "…/employees/{name}/events", Access::Member, "An agent says how it stands: a standup")
            .takes::<AgentReport>()
            .gives::<Activity>(201)
            .fails(&[Code::NoSuchAgent, Code::NotYou, Code::TooLong])
            .run(report),
    ]
}

fn glances() -> Vec<Operation> {
    vec![
        get("agents.logs", "…/employees/{name}/logs", Access::Member, "What its sessions and its pod wrote last")
            .query(LOGS)
            .gives::<AgentLogs>(200)
            .fails(FIRING)
            .run(logs),
        get("agents.activity", "…/employees/{name}/activity", Access::Member, "What it did and met, newest first")
            .query(ACTIVITY)
            .lists::<Activity>()
            .fails(LOOKING)
            .run(activity),
        get("agents.reports", "…/employees/{name}/events", Access::Member, "What it said of itself, newest first")
            .query(PAGE)
            .lists::<Activity>()
            .fails(LOOKING)
            .run(reports_of),
        get("agents.presence", "…/employees/{name}/presence", Access::Member, "Whether it is there")
            .gives::<Presence>(200)
            .fails(LOOKING)
            .run(presence),
        get("agents.last_error", "…/employees/{name}/last-error", Access::Member, "Why its pod failed the last time")
            .gives::<LastError>(200)
            .fails(LOOKING)
            .run(last_error),
    ]
}

async fn hire_one(house: House, call: Call) -> Result<Reply, Fault> {
    let asked: HireAgent = call.body()?;
    let desk = Desk { keys: house.keys.clone(), providers: house.providers.clone() };
    Ok(house.act(&call, move |act, member| hire::hire(act, member, &asked, &desk)).await?.into())
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, providers) = (call.page()?, house.providers.clone());
    let look = move |view: &mut View<'_>, _: &Member| {
        let cards = service::cards_on(view.tx, view.office, (&view.head, view.now), &providers, page)?;
        Ok((cards, view.head.agent_count))
    };
    let (cards, total) = house.look(&call, look).await?;
    Ok(Answer::list(&cards, total)?.into())
}

async fn get_one(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    let look = move |view: &mut View<'_>, _: &Member| {
        let agent = service::find(view.tx, view.office, &name)?;
        service::full_card(view.tx, view.office, (&view.head, view.now), &agent, &providers)
    };
    Ok(Answer::ok(&house.look(&call, look).await?)?.into())
}

async fn update(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: UpdateAgent = call.body()?;
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    let act = move |act: &mut Act<'_>, member: &Member| change::update(act, member, &name, &wish, &providers);
    Ok(house.act(&call, act).await?.into())
}

async fn promote(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: UpdateAgent = call.body()?;
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    let act = move |act: &mut Act<'_>, member: &Member| change::promote(act, member, &name, &wish, &providers);
    Ok(house.act(&call, act).await?.into())
}

async fn change_skills(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: SkillsChange = call.body()?;
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    let (add, remove) = (wish.add.unwrap_or_default(), wish.remove.unwrap_or_default());
    let act = move |act: &mut Act<'_>, member: &Member| {
        change::change_skills(act, member, &name, (&add, &remove), &providers)
    };
    Ok(house.act(&call, act).await?.into())
}

async fn lifecycle(house: House, call: Call) -> Result<Reply, Fault> {
    let asked: Lifecycle = call.body()?;
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    let act =
        move |act: &mut Act<'_>, member: &Member| service::lifecycle(act, member, &name, asked.action, &providers);
    Ok(house.act(&call, act).await?.into())
}

async fn heartbeat(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    Ok(house.act(&call, move |act, member| service::heartbeat(act, member, &name)).await?.into())
}

async fn heartbeat_self(house: House, call: Call) -> Result<Reply, Fault> {
    let office = call.own_office()?;
    Ok(house.act_in(office, call.ask(), service::heartbeat_self).await?.into())
}

async fn own_card(house: House, call: Call) -> Result<Reply, Fault> {
    let providers = house.providers.clone();
    let look = move |view: &mut View<'_>, member: &Member| external::own_card(view, member, &providers);
    Ok(Answer::ok(&house.look_in(call.own_office()?, &call, look).await?)?.into())
}

async fn update_self(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, providers): (UpdateSelf, _) = (call.body()?, house.providers.clone());
    let act = move |act: &mut Act<'_>, member: &Member| external::update_self(act, member, &wish, &providers);
    Ok(house.act_in(call.own_office()?, call.ask(), act).await?.into())
}

async fn leave(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(house.act_in(call.own_office()?, call.ask(), external::leave).await?.into())
}

async fn report(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, name) = (call.body::<AgentReport>()?, call.param("name")?.to_owned());
    Ok(house.act(&call, move |act, member| reports::report(act, member, &name, &wish)).await?.into())
}

async fn reports_of(house: House, call: Call) -> Result<Reply, Fault> {
    let (page, name) = (call.page()?, call.param("name")?.to_owned());
    let (found, total) = house.look(&call, move |view, _| reports::list(view, &name, page)).await?;
    Ok(Answer::list(&found, total)?.into())
}

async fn fire(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    let keepsake = match call.query::<FireQuery>()?.no_backup.as_deref() {
        None | Some("false") => Keepsake::Backup,
        Some("true" | "") => Keepsake::Nothing,
        Some(_) => return Err(fault::bad_request("noBackup is true or false")),
    };
    Ok(to_its_end(async move { leave::fire(&house, &call, name, keepsake).await }).await?.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FireQuery {
    no_backup: Option<String>,
}

async fn archive(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    Ok(to_its_end(async move { leave::archive(&house, &call, name).await }).await?.into())
}

async fn restore(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, wish) = (call.param("name")?.to_owned(), call.body::<RestoreAgent>()?);
    Ok(to_its_end(async move { leave::restore(&house, &call, name, wish).await }).await?.into())
}

async fn logs(house: House, call: Call) -> Result<Reply, Fault> {
    traces::logs(house, call).await
}

async fn activity(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(traces::activity(&house, &call).await?.into())
}

async fn presence(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    Ok(Answer::ok(&house.look(&call, move |view, _| traces::presence(view, &name)).await?)?.into())
}

async fn last_error(house: House, call: Call) -> Result<Reply, Fault> {
    let (name, providers) = (call.param("name")?.to_owned(), house.providers.clone());
    Ok(Answer::ok(&house.look(&call, move |view, _| traces::last_error(view, &name, &providers)).await?)?.into())
}
