//! Applications: where the owner wants to be asked who comes in.
//!
//! An application uses its code up; its applicant asks with a token how it stands. What was approved gets its key with
//! the first question after that, and never again: the key is nowhere before, and nowhere but with its owner after.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::limits::{APPLICATION_SECONDS_MAX, APPLICATIONS_OPEN_PER_OFFICE_MAX, STATEMENT_BYTES_MAX};
use mi_core::time::{Millis, Time};
use mi_core::wire::invites::{
    Application, ApplicationState, ApplicationStatus, Applied, Decision, InviteKind, JoinOffice, Joined,
};
use serde_json::json;

use super::admission::{self, Secret};
use super::codes::{self, Found};
use super::service::record;
use super::store::{self, ApplicationRow};
use super::throttle::Source;
use super::{faults, people};
use crate::agents::external::{self, Newcomer};
use crate::agents::service as agents;
use crate::house::{House, View};
use crate::infra::act::{Act, Answer};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::http::call::Page;

/// Why an application was refused.
pub const REASON_CHARS_MAX: usize = 500;

/// An agent asks to be let in.
pub async fn apply(house: &House, call: &Call) -> Result<Answer, Fault> {
    let wish: JoinOffice = call.body()?;
    if let Some(answer) = admission::earlier_answer(house, call).await? {
        return Ok(answer);
    }
    let (found, trier) = codes::look_up(house, call, &wish.code, InviteKind::Agent).await?;
    let (token, key, office) = (Secret::poll_token(house)?, call.idempotency.clone(), found.office);
    let act = move |act: &mut Act<'_>| {
        let row = of_agent(act, &wish, trier.source)?;
        let answer = file(act, &found, row, &token)?;
        admission::remember(act, key.as_ref(), &answer)?;
        Ok(answer)
    };
    codes::counted(house, trier, house.act_as_server(office, act).await)
}

fn of_agent(act: &mut Act<'_>, wish: &JoinOffice, source: Source) -> Result<ApplicationRow, Fault> {
    let newcomer = Newcomer::read(wish)?;
    external::may_admit(act, &newcomer.name)?;
    let statement = wish.statement.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let statement = statement.ok_or_else(faults::statement_required)?;
    if statement.len() > STATEMENT_BYTES_MAX {
        return Err(fault::too_long("the statement", STATEMENT_BYTES_MAX, "bytes"));
    }
    Ok(ApplicationRow {
        statement: statement.to_owned(),
        capabilities: newcomer.skills,
        model: newcomer.model,
        public_key: newcomer.public_key,
        ..blank(act, InviteKind::Agent, newcomer.name.to_string(), source)
    })
}

/// One that nobody has decided on.
pub fn blank(act: &mut Act<'_>, kind: InviteKind, name: String, source: Source) -> ApplicationRow {
    ApplicationRow {
        id: act.next_row(),
        kind,
        role: None,
        name,
        statement: String::new(),
        capabilities: Vec::new(),
        model: None,
        public_key: None,
        source: source.shown(),
        state: ApplicationState::Pending,
        subject: None,
        created_at: act.now,
        expires_at: act.now + Millis::seconds(APPLICATION_SECONDS_MAX),
        decided_at: None,
        decided_by: None,
        reason: None,
    }
}

/// The code is used up; the owner is told by an event.
pub fn file(act: &mut Act<'_>, found: &Found, row: ApplicationRow, token: &Secret) -> Result<Answer, Fault> {
    codes::consume(act, found, &row.name)?;
    if store::count_pending(act.tx, act.office, act.now)? >= APPLICATIONS_OPEN_PER_OFFICE_MAX {
        return Err(faults::too_many_applications(APPLICATIONS_OPEN_PER_OFFICE_MAX));
    }
    store::insert_application(act.tx, act.office, &token.hash, &row)?;
    let data = json!({"application": row.id, "kind": row.kind, "name": row.name, "invite": found.id});
    record(act, "system", "invites.apply", format!("{} asks to be let in", row.name), data)?;
    let applied = Applied {
        status: row.state,
        application_id: row.id,
        poll_token: Some(token.text.to_string()),
        office_id: act.office,
        expires_at: row.expires_at,
    };
    Ok(Answer { status: 202, ..Answer::ok(&applied)? }.showing_once(&["poll_token"]))
}

/// The newest first, for those who may decide.
pub fn list(view: &mut View<'_>, page: Page) -> Result<Answer, Fault> {
    let now = view.now;
    let rows = store::applications(view.tx, view.office, page.limit, page.offset)?;
    let cards: Vec<Application> = rows.into_iter().map(|row| card(row, now)).collect();
    Answer::list(&cards, store::count_applications(view.tx, view.office)?)
}

/// Nobody decides on it any more, and nobody gets a key for it.
fn state(row: &ApplicationRow, now: Time) -> ApplicationState {
    match row.state {
        ApplicationState::Pending | ApplicationState::Approved if row.expires_at <= now => ApplicationState::Expired,
        other => other,
    }
}

pub(super) fn card(row: ApplicationRow, now: Time) -> Application {
    Application {
        state: state(&row, now),
        id: row.id,
        kind: row.kind,
        role: row.role,
        name: row.name,
        statement: row.statement,
        capabilities: row.capabilities,
        model: row.model,
        public_key: row.public_key,
        source: row.source,
        created_at: row.created_at,
        expires_at: row.expires_at,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
        reason: row.reason,
    }
}

pub(super) fn open(act: &mut Act<'_>, id: &str) -> Result<ApplicationRow, Fault> {
    let id = id.parse().map_err(|_| faults::no_such_application())?;
    let row = store::application(act.tx, act.office, id)?.ok_or_else(faults::no_such_application)?;
    match state(&row, act.now) {
        ApplicationState::Pending => Ok(row),
        other => Err(faults::already_decided(row.id, other)),
    }
}

/// The applicant belongs to the office from here on; its key it gets when it asks.
pub fn approve(act: &mut Act<'_>, member: &Member, id: &str) -> Result<Answer, Fault> {
    let row = open(act, id)?;
    let subject = match row.kind {
        InviteKind::Agent => admit_agent(act, &row)?,
        InviteKind::Human => people::admit(act, &row)?,
    };
    let expires_at = act.now + Millis::seconds(APPLICATION_SECONDS_MAX);
    decide(act, member, ApplicationRow { state: ApplicationState::Approved, subject: Some(subject), expires_at, ..row })
}

fn admit_agent(act: &mut Act<'_>, row: &ApplicationRow) -> Result<String, Fault> {
    let newcomer = Newcomer {
        name: row.name.parse::<AgentName>()?,
        skills: row.capabilities.clone(),
        model: row.model.clone(),
        public_key: row.public_key.clone(),
    };
    Ok(external::admit(act, &newcomer)?.id.to_string())
}

pub fn refuse(act: &mut Act<'_>, member: &Member, id: &str, wish: &Decision) -> Result<Answer, Fault> {
    let row = open(act, id)?;
    let reason = wish.reason.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    if reason.as_ref().is_some_and(|text| text.chars().count() > REASON_CHARS_MAX) {
        return Err(fault::too_long("the reason", REASON_CHARS_MAX, "characters"));
    }
    decide(act, member, ApplicationRow { state: ApplicationState::Refused, reason, ..row })
}

fn decide(act: &mut Act<'_>, member: &Member, row: ApplicationRow) -> Result<Answer, Fault> {
    let row = ApplicationRow { decided_at: Some(act.now), decided_by: Some(member.name().to_owned()), ..row };
    store::decide(act.tx, act.office, &row)?;
    let kind = if row.state == ApplicationState::Approved { "invites.approve" } else { "invites.refuse" };
    let summary = format!("{}: {} by {}", row.name, row.state, member.name());
    record(act, member.name(), kind, summary, json!({"application": row.id, "kind": row.kind, "name": row.name}))?;
    let now = act.now;
    Answer::ok(&card(row, now))
}

/// An applicant asks how it stands, by its token.
pub async fn poll(house: &House, token: Option<&str>) -> Result<Answer, Fault> {
    let hash = house.keys.hash_of_key(token.ok_or_else(faults::no_such_application)?);
    let found = house.db.read(move |tx: &mut dyn Tx| Ok(store::by_token(tx, &hash)?)).await?;
    let (office, id) = found.ok_or_else(faults::no_such_application)?;
    let row = house.db.read(move |tx: &mut dyn Tx| Ok(store::application(tx, office, id)?)).await?;
    let row = row.ok_or_else(faults::no_such_application)?;
    match state(&row, house.clock.now()) {
        ApplicationState::Approved => hand_out(house, office, id).await,
        other => Answer::ok(&status(other, row.reason)),
    }
}

fn status(status: ApplicationState, reason: Option<String>) -> ApplicationStatus {
    ApplicationStatus { status, reason, joined: None, claimed: None }
}

/// The key is made now, for the one question that finds the application approved.
async fn hand_out(house: &House, office: OfficeId, id: i64) -> Result<Answer, Fault> {
    let keys = house.keys.clone();
    let act = move |act: &mut Act<'_>| {
        let moved = (ApplicationState::Approved, ApplicationState::Joined);
        let row = store::application(act.tx, act.office, id)?.ok_or_else(faults::no_such_application)?;
        if !store::move_application(act.tx, act.office, id, moved)? {
            return Answer::ok(&status(row.state, row.reason));
        }
        let approved = status(ApplicationState::Approved, None);
        let answer = match row.kind {
            InviteKind::Agent => ApplicationStatus { joined: Some(joined(act, &row)?), ..approved },
            InviteKind::Human => ApplicationStatus { claimed: Some(people::hand_key(act, &row, &keys)?), ..approved },
        };
        Answer::ok(&answer)
    };
    house.act_as_server(office, act).await
}

fn joined(act: &mut Act<'_>, row: &ApplicationRow) -> Result<Joined, Fault> {
    let id = row.subject.as_deref().unwrap_or_default().parse()?;
    let agent = agents::by_id(act.tx, act.office, id)?.filter(|agent| agent.fired_at.is_none());
    let agent = agent.ok_or_else(fault::key_revoked)?;
    agents::touch(act.tx, act.office, agent.id, act.now)?;
    admission::hand_key(act, &agent, row.public_key.as_deref())
}
