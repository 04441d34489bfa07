//! Acts of offices.

use mi_core::credits::Micro;
use mi_core::identity::Role;
use mi_core::ids::{OfficeId, UserId};
use mi_core::limits::{LIST_COUNT_MAX, OFFICE_NAME_CHARS_MAX};
use mi_core::problem::Code;
use mi_core::wire::offices::{CreateOffice, Office, OfficeStatus, Settings};
use mi_core::wire::usage::LedgerKind;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{closing, settings, store};
use crate::agents::service as agents;
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Head, NewEvent};
use crate::infra::caller::{Caller, Member, OWNER, Scope};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::wakeups::Wake;
use crate::tasks::calls;
use crate::{chat, credits, files, identity, sessions};

pub async fn list(house: &House, call: &Call) -> Result<Answer, Fault> {
    let (caller, page) = (call.caller.clone(), call.page()?);
    let read = move |tx: &mut dyn Tx| {
        let (user, key) = match &caller {
            Caller::User { id, scope: Scope::Everywhere, .. } => (*id, None),
            Caller::User { id, key, scope: Scope::Offices(_) } => (*id, Some(key.as_str())),
            Caller::Nobody
            | Caller::Ticket { .. }
            | Caller::Runner { .. }
            | Caller::Session { .. }
            | Caller::Agent { .. } => return Err(fault::operator_only()),
        };
        let found = store::of_person(tx, user, key, page)?;
        Ok((found, store::count_of_person(tx, user, key, LIST_COUNT_MAX + 1)?))
    };
    let (found, total) = house.db.read(read).await?;
    Answer::list(&found, total)
}

/// The office of that id or name in which somebody has a role, if there is exactly one.
pub fn of_person_named(tx: &mut dyn Tx, user: UserId, named: &str) -> Result<Option<OfficeId>, Fault> {
    if let Ok(id) = named.parse() {
        return Ok(store::has_role(tx, id, user)?.then_some(id));
    }
    match store::of_person_named(tx, user, named)?.as_slice() {
        [one] => Ok(Some(*one)),
        _ => Ok(None),
    }
}

/// The folders come first, so that no office is ever without its drive.
pub async fn create(house: &House, call: &Call) -> Result<Answer, Fault> {
    let asked: CreateOffice = call.body()?;
    let office = Office {
        id: OfficeId(Uuid::new_v4()),
        name: good_name(&asked.name)?,
        owner_id: identity::keys::whole(&call.caller)?.0,
        status: OfficeStatus::Active,
        created_at: house.clock.now(),
        settings: Settings::default(),
        role: Some(Role::Owner),
    };
    let id = office.id;
    files::service::make_dirs(house, id)?;
    let made = open(house, call, office).await;
    let is_new = matches!(made, Ok(Opened { new: true, .. }));
    if !is_new && !house.db.read(move |tx| Ok(store::exists(tx, id)?)).await? {
        closing::remove_folder(house, id).await?;
    }
    Ok(made?.answer)
}

fn good_name(name: &str) -> Result<String, Fault> {
    let name = name.trim();
    let legal = !name.is_empty() && name.chars().count() <= OFFICE_NAME_CHARS_MAX && !name.contains(char::is_control);
    if legal {
        return Ok(name.to_owned());
    }
    let sentence = format!("an office's name has 1 to {OFFICE_NAME_CHARS_MAX} characters and no control characters");
    Err(Fault::new(Code::BadName, sentence))
}

struct Opened {
    answer: Answer,
    new: bool,
}

/// One transaction: the row, the first credits, the event and the answer that a repetition gets.
async fn open(house: &House, call: &Call, office: Office) -> Result<Opened, Fault> {
    let (keys, clock, idempotency) = (house.keys.clone(), house.clock.clone(), call.idempotency.clone());
    let grant = Micro::credits(house.settings.initial_credits);
    let write = move |tx: &mut dyn Tx| {
        if let Some(key) = &idempotency
            && let Some(answer) = key.recall(tx, clock.now())?
        {
            return Ok((Opened { answer, new: false }, Vec::new()));
        }
        store::insert(tx, &office, &settings::text(&office.settings)?)?;
        let mut act = Act::begin(tx, &keys, office.id, clock.now())?;
        let summary = format!("office {} was opened", office.name);
        act.event(event(OWNER, "offices.create", summary, json!({"name": office.name})))?;
        chat::groups::service::open_office_group(&mut act)?;
        if grant.0 > 0 {
            credits::ledger::grant(&mut act, LedgerKind::Grant, grant, "initial grant")?;
        }
        let answer = Answer::created(&office)?;
        if let Some(key) = &idempotency {
            key.keep(act.tx, &answer, act.now)?;
        }
        let committed = act.finish(Opened { answer, new: true })?;
        Ok((committed.value, committed.wakes))
    };
    let (opened, wakes) = house.db.write(write).await?;
    house.wakeups.send(&wakes);
    Ok(opened)
}

fn event<'a>(actor: &'a str, kind: &'static str, summary: String, data: Value) -> NewEvent<'a> {
    NewEvent { category: Category::Office, kind, actor, agent: None, task: None, summary, data }
}

pub fn card(id: OfficeId, head: &Head, member: &Member) -> Office {
    Office {
        id,
        name: head.name.clone(),
        owner_id: head.owner,
        status: head.status,
        created_at: head.created_at,
        settings: head.settings.as_ref().clone(),
        role: member.person().map(|person| person.role),
    }
}

pub fn update_settings(act: &mut Act<'_>, member: &Member, change: Map<String, Value>) -> Result<Answer, Fault> {
    let keys: Vec<String> = change.keys().cloned().collect();
    let new = settings::merged(&act.head.settings, change)?;
    if new != *act.head.settings {
        store::set_settings(act.tx, act.office, &settings::text(&new)?)?;
        let summary = "the settings changed".to_owned();
        act.event(event(member.name(), "offices.update_settings", summary, json!({"keys": keys})))?;
        act.head.settings = std::sync::Arc::new(new);
        // Other models may answer from now on.
        act.wake(Wake::Models);
        // A longer chain of wake-ups may be allowed now.
        calls::for_everything(act)?;
    }
    Answer::ok(&*act.head.settings)
}

/// Nothing runs in the office from here on; its work is handed back uncounted. Wishes stay as they are: what was
/// stopped by hand stays stopped when the office works again.
pub fn suspend(act: &mut Act<'_>, member: &Member) -> Result<Answer, Fault> {
    if act.head.status != OfficeStatus::Suspended {
        set_status(act, OfficeStatus::Suspended)?;
        for agent in agents::list(act.tx, act.office)? {
            sessions::service::stop_all(act, agent.id, "office_suspended")?;
        }
        act.event(event(member.name(), "offices.suspend", "the office was suspended".to_owned(), json!({})))?;
    }
    Answer::ok(&card(act.office, &act.head, member))
}

pub fn resume(act: &mut Act<'_>, member: &Member) -> Result<Answer, Fault> {
    if act.head.status == OfficeStatus::Suspended {
        set_status(act, OfficeStatus::Active)?;
        for agent in agents::list(act.tx, act.office)? {
            act.wake_agent(&agent.name);
        }
        act.event(event(member.name(), "offices.resume", "the office works again".to_owned(), json!({})))?;
        calls::for_everything(act)?;
        act.wake(Wake::TaskReady { office: act.office, assigned: None });
        act.wake(Wake::Due);
    }
    Answer::ok(&card(act.office, &act.head, member))
}

/// The supervisor starts and ends pods by it.
fn set_status(act: &mut Act<'_>, status: OfficeStatus) -> Result<(), Fault> {
    store::set_status(act.tx, act.office, status)?;
    act.head.status = status;
    act.wake(Wake::Pods);
    Ok(())
}
