//! Acts of transfers.

use std::fs::File;
use std::path::PathBuf;

use mi_core::ids::{AgentId, AgentName, OfficeId, UserId};
use mi_core::limits::TRANSFER_SECONDS_MAX;
use mi_core::time::{Millis, Time};
use mi_core::transfer::plan;
use mi_core::wire::agents::{AgentKind, HarnessKind, HireAgent};
use mi_core::wire::invites::InviteKind;
use mi_core::wire::transfers::{CloneAgent, Cloned, Manifest, Transfer, TransferReport, TransferState};
use serde_json::json;
use uuid::Uuid;

use super::faults;
use super::store::{self, TransferRow};
use super::unpack::{Staging, Stopped, unpack};
use crate::agents::hire::{self, Desk};
use crate::agents::service::{self as agents, AgentRow};
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Ask, NewEvent, enter, look, nonce};
use crate::infra::caller::{Caller, Member, Need, Person};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::invites::{admission, codes};
use crate::pods::{self, Desired, Observed};

/// Names tried for a clone that was given none.
const NAMES_TRIED_MAX: usize = 100;
const NAME_SUFFIX: &str = "-clone";

/// Hires the clone of an agent of this office; its pod waits for the state.
pub fn clone(act: &mut Act<'_>, member: &Member, name: &str, wish: &CloneAgent, desk: &Desk) -> Result<Answer, Fault> {
    let origin = agents::find(act.tx, act.office, name)?;
    agents::must_stand_behind(member, &origin)?;
    let maker = match member {
        Member::Person(person) => of_person(person.id),
        Member::Agent { id, .. } => of_agent(*id),
    };
    Answer::created(&bring(act, (member, maker), &origin, wish, desk)?)
}

/// With a code the clone goes into the office that the code opens: who made the code let it in.
pub async fn clone_into(
    house: &House,
    call: &Call,
    (home, name): (OfficeId, String),
    (wish, code): (CloneAgent, String),
    desk: Desk,
) -> Result<Answer, Fault> {
    let caller = call.caller.clone();
    let read = move |tx: &mut dyn Tx| {
        let head = look(tx, home)?;
        let member = enter(tx, &caller, Need::Operate, home, head.owner)?;
        let origin = agents::find(tx, home, &name)?;
        agents::must_stand_behind(&member, &origin)?;
        Ok((origin, identity(tx, &caller)?))
    };
    let (origin, who) = house.db.read(read).await?;
    if let Some(answer) = admission::earlier_answer(house, call).await? {
        return Ok(answer);
    }
    let (found, trier) = codes::look_up(house, call, &code, InviteKind::Agent).await?;
    let (office, mood, key, nonce) = (found.office, trier.mood, call.idempotency.clone(), call.nonce.clone());
    let act = move |act: &mut Act<'_>| {
        if let Some(nonce) = &nonce {
            nonce::spend(act.tx, nonce)?;
        }
        if admission::asks_first(&act.head, mood) {
            return Err(faults::gated());
        }
        let inviter = Member::Person(Person::owner(act.head.owner));
        let cloned = bring(act, (&inviter, with_code(&who)), &origin, &wish, &desk)?;
        codes::consume(act, &found, cloned.clone_name.as_str())?;
        let answer = Answer::created(&cloned)?;
        admission::remember(act, key.as_ref(), &answer)?;
        Ok(answer)
    };
    codes::counted(house, trier, house.act_as_server(office, act).await)
}

fn bring(
    act: &mut Act<'_>,
    (member, maker): (&Member, String),
    origin: &AgentRow,
    wish: &CloneAgent,
    desk: &Desk,
) -> Result<Cloned, Fault> {
    let name = match &wish.name {
        Some(name) => name.clone(),
        None => free_name(act, &origin.name)?,
    };
    hire::hire(act, member, &likeness(origin, &name, wish), desk)?;
    let clone = agents::find(act.tx, act.office, &name)?;
    pods::service::wish(act, clone.id, Desired::Stopped)?;
    let row = TransferRow {
        id: Uuid::new_v4().simple().to_string(),
        office: act.office,
        agent: clone.id,
        origin: origin.name.to_string(),
        caller: maker,
        is_done: false,
        report: None,
        created_at: act.now,
        expires_at: act.now + Millis::seconds(TRANSFER_SECONDS_MAX),
        completed_at: None,
    };
    store::insert(act.tx, &row)?;
    let summary = format!("{} is a clone of {} and waits for its state", clone.name, origin.name);
    agents::record(act, member, &clone, "agents.clone", summary, json!({"origin": origin.id, "transfer": row.id}))?;
    Ok(Cloned {
        clone_name: clone.name,
        clone_id: clone.id,
        office_id: act.office,
        origin_name: origin.name.clone(),
        status: TransferState::Waiting,
        transfer_id: row.id,
    })
}

/// What a clone takes from its origin: what it is, never what it was trusted with (variables, integrations, keys).
fn likeness(origin: &AgentRow, name: &str, wish: &CloneAgent) -> HireAgent {
    // The program of a machine elsewhere isn't here.
    let harness = match (origin.harness, &origin.command) {
        (HarnessKind::Command, None) => HarnessKind::Native,
        (harness, _) => harness,
    };
    HireAgent {
        name: name.to_owned(),
        role: origin.role.clone(),
        model_tier: origin.model_tier.clone(),
        provider: wish.provider.clone().or_else(|| origin.model_provider.clone()),
        skills: Some(origin.skills.clone()),
        system_prompt: origin.system_prompt.clone(),
        harness: Some(harness.to_string()),
        command: origin.command.clone(),
        resources: (origin.kind == AgentKind::Hosted).then(|| origin.resources.clone()),
        ..HireAgent::default()
    }
}

fn free_name(act: &mut Act<'_>, origin: &AgentName) -> Result<String, Fault> {
    let room = mi_core::limits::AGENT_NAME_BYTES_MAX - NAME_SUFFIX.len() - NAMES_TRIED_MAX.to_string().len() - 1;
    let stem: String = origin.as_str().chars().take(room).collect();
    for number in 1..=NAMES_TRIED_MAX {
        let name = if number == 1 { format!("{stem}{NAME_SUFFIX}") } else { format!("{stem}{NAME_SUFFIX}-{number}") };
        if agents::by_name(act.tx, act.office, &name)?.is_none() {
            return Ok(name);
        }
    }
    Err(fault::bad_request("this agent has too many clones to name another").hint("give it a name"))
}

fn of_person(id: UserId) -> String {
    format!("user:{id}")
}

fn of_agent(id: AgentId) -> String {
    format!("agent:{id}")
}

/// Somebody who came in with a code need not belong to the office.
fn with_code(who: &str) -> String {
    format!("code:{who}")
}

/// A transfer, for who began it; also for the people of its office.
pub fn seen(tx: &mut dyn Tx, caller: &Caller, id: &str, now: Time) -> Result<Transfer, Fault> {
    let who = identity(tx, caller)?;
    let row = store::find(tx, id)?.ok_or_else(faults::no_such_transfer)?;
    if row.caller != who && row.caller != with_code(&who) {
        let head = look(tx, row.office)?;
        match caller {
            Caller::User { .. } => {
                enter(tx, caller, Need::Look, row.office, head.owner).map_err(|_| faults::no_such_transfer())?;
            }
            _ => return Err(faults::no_such_transfer()),
        }
    }
    card(tx, &row, now)
}

/// Who a live caller is, however it comes: an agent is the same with its key, in its session and as its runner.
fn identity(tx: &mut dyn Tx, caller: &Caller) -> Result<String, Fault> {
    match caller {
        Caller::Nobody | Caller::Ticket { .. } => Err(fault::unauthenticated("this needs a key")),
        Caller::User { id, .. } => Ok(of_person(*id)),
        Caller::Runner { office, agent, .. }
        | Caller::Session { office, agent, .. }
        | Caller::Agent { office, agent, .. } => {
            let head = look(tx, *office)?;
            enter(tx, caller, Need::Look, *office, head.owner)?;
            Ok(of_agent(*agent))
        }
    }
}

fn card(tx: &mut dyn Tx, row: &TransferRow, now: Time) -> Result<Transfer, Fault> {
    let clone = agents::by_id(tx, row.office, row.agent)?.ok_or_else(faults::no_such_transfer)?;
    let report = row.report.as_deref().map(serde_json::from_str).transpose().map_err(fault::internal)?;
    let status = match row.is_done {
        true => TransferState::Done,
        false if row.expires_at <= now => TransferState::Expired,
        false => TransferState::Waiting,
    };
    Ok(Transfer {
        transfer_id: row.id.clone(),
        status,
        clone_name: clone.name,
        clone_id: clone.id,
        office_id: row.office,
        origin_name: row.origin.parse().map_err(|_| fault::internal("an origin's name"))?,
        report,
        created_at: row.created_at,
        expires_at: row.expires_at,
        completed_at: row.completed_at,
    })
}

/// The transfer that this caller may complete now.
fn open_for(tx: &mut dyn Tx, caller: &Caller, id: &str, now: Time) -> Result<TransferRow, Fault> {
    let who = identity(tx, caller)?;
    let row = store::find(tx, id)?.ok_or_else(faults::no_such_transfer)?;
    let is_guest = row.caller == with_code(&who);
    if !is_guest && row.caller != who {
        return Err(faults::no_such_transfer());
    }
    if let (Caller::User { .. }, false) = (caller, is_guest) {
        let head = look(tx, row.office)?;
        enter(tx, caller, Need::Operate, row.office, head.owner)?;
    }
    check(tx, &row, now)?;
    Ok(row)
}

fn check(tx: &mut dyn Tx, row: &TransferRow, now: Time) -> Result<(), Fault> {
    if row.is_done {
        return Err(faults::over("its state has come"));
    }
    if row.expires_at <= now {
        return Err(faults::over("it waited too long"));
    }
    let clone = agents::by_id(tx, row.office, row.agent)?.filter(|clone| clone.fired_at.is_none());
    if clone.is_none() {
        return Err(faults::over("the clone was fired"));
    }
    let pod = pods::service::row(tx, row.office, row.agent)?;
    match pod {
        Some(pod) if pod.desired == Desired::Stopped && pod.observed == Observed::None && pod.epoch == 0 => Ok(()),
        Some(_) | None => Err(faults::over("the clone was started without it")),
    }
}

/// Unpacks the bundle and lets the clone begin.
pub async fn complete(
    house: &House,
    Ask { caller, nonce, .. }: Ask,
    id: String,
    manifest: Manifest,
    (bundle, packed): (File, u64),
) -> Result<Transfer, Fault> {
    let turn = house.transfers.turn(&id).ok_or_else(|| fault::busy("this transfer, which is being completed,"))?;
    let planned = plan(&manifest, packed).map_err(|bad| faults::bad_bundle(&bad))?;
    let (asked, clock) = (id.clone(), house.clock.clone());
    let row = house.db.read(move |tx| open_for(tx, &caller, &asked, clock.now())).await?;
    let uid = house.pod_uid(row.office).await?;
    let workspace = house.workspace_dir(row.office, row.agent);
    let beside = workspace.with_file_name(format!(".arriving-{}", row.id));
    let unpacking = tokio::task::spawn_blocking(move || -> Result<(Staging, TransferReport), Stopped> {
        let staging = fresh(beside)?;
        let report = unpack(bundle, planned, &staging)?;
        if let Some(uid) = uid {
            mi_pods::own_tree(staging.path(), uid)?;
        }
        Ok((staging, report))
    });
    let (staging, report) = unpacking.await.map_err(fault::internal)?.map_err(stopped)?;
    let placing = tokio::task::spawn_blocking(move || staging.keep(&workspace));
    placing.await.map_err(fault::internal)?.map_err(|error| fault::io("place the state", &error))?;
    let office = row.office;
    let act = move |act: &mut Act<'_>| {
        if let Some(nonce) = &nonce {
            nonce::spend(act.tx, nonce)?;
        }
        finish(act, &row, &report)
    };
    let done = house.act_as_server(office, act).await;
    drop(turn);
    done
}

/// The folder of this transfer, without what an interrupted try may have left.
fn fresh(path: PathBuf) -> std::io::Result<Staging> {
    mi_pods::remove_tree(&path)?;
    if let Some(parent) = path.parent() {
        pods::make_passable(parent)?;
    }
    Staging::create(path)
}

fn stopped(stopped: Stopped) -> Fault {
    match stopped {
        Stopped::Refused(bad) => faults::bad_bundle(&bad),
        Stopped::Io(error) => fault::io("unpack the state", &error),
    }
}

fn finish(act: &mut Act<'_>, row: &TransferRow, report: &TransferReport) -> Result<Transfer, Fault> {
    check(act.tx, row, act.now)?;
    let text = serde_json::to_string(report).map_err(fault::internal)?;
    if !store::complete(act.tx, row.office, &row.id, &text, act.now)? {
        return Err(faults::over("its state has come"));
    }
    pods::service::wish(act, row.agent, Desired::Running)?;
    let row = TransferRow { is_done: true, report: Some(text), completed_at: Some(act.now), ..row.clone() };
    let transfer = card(act.tx, &row, act.now)?;
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind: "transfers.complete",
        actor: "system",
        agent: Some(&transfer.clone_name),
        task: None,
        summary: format!("{} got its state from {}: {} files", transfer.clone_name, row.origin, report.files),
        data: json!({"transfer": row.id, "files": report.files, "bytes": report.bytes}),
    })?;
    Ok(transfer)
}

/// The agent that calls, and its office: `POST /api/agents/clone` names neither.
pub fn of_caller(caller: &Caller) -> Result<(OfficeId, AgentId), Fault> {
    match caller {
        Caller::Runner { office, agent, .. }
        | Caller::Session { office, agent, .. }
        | Caller::Agent { office, agent, .. } => Ok((*office, *agent)),
        Caller::Nobody | Caller::User { .. } | Caller::Ticket { .. } => {
            Err(fault::unauthenticated("an agent clones itself; a person names it: POST …/employees/{name}/clone"))
        }
    }
}
