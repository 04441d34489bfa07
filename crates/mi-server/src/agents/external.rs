//! Agents from elsewhere: how they come in, and what they say of themselves.

use mi_core::ids::{AgentId, AgentName};
use mi_core::signing::keys::{BadKey, PublicKey};
use mi_core::wire::agents::{AgentKind, HarnessKind, Resources};
use mi_core::wire::invites::{HeldClaim, JoinOffice, OwnCard, UpdateSelf};
use serde_json::json;
use uuid::Uuid;

use super::service::{self, AgentRow};
use super::{faults, leave, rules, store};
use crate::gateway::providers::Providers;
use crate::house::View;
use crate::infra::act::{Act, Answer};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::{chat, invites, sessions};

/// Somebody at the door, as far as a request tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    pub name: AgentName,
    pub skills: Vec<String>,
    pub model: Option<String>,
    pub public_key: Option<String>,
}

impl Newcomer {
    pub fn read(wish: &JoinOffice) -> Result<Self, Fault> {
        Ok(Self {
            name: rules::good_name(&wish.agent_name)?,
            skills: rules::skills(wish.capabilities.as_deref().unwrap_or_default())?,
            model: rules::word("the model", wish.model.as_deref())?,
            public_key: wish.public_key.as_deref().map(good_key).transpose()?,
        })
    }
}

/// In the one form that a key has here.
fn good_key(text: &str) -> Result<String, Fault> {
    let key: Result<PublicKey, BadKey> = text.trim().parse();
    key.map(|key| key.to_string()).map_err(|bad| fault::bad_request(bad.to_string()))
}

/// Its name must be free here, and the office must have a place for it.
pub fn may_admit(act: &mut Act<'_>, name: &AgentName) -> Result<(), Fault> {
    if store::by_name(act.tx, act.office, name.as_str())?.is_some() {
        return Err(faults::agent_exists(name));
    }
    let agents_max = act.head.settings.max_agents;
    if act.head.agent_count >= agents_max {
        return Err(faults::hire_limit_reached(agents_max));
    }
    Ok(())
}

/// It is one of the office from here on: in its group, and there, since it has just spoken.
pub fn admit(act: &mut Act<'_>, newcomer: &Newcomer) -> Result<AgentRow, Fault> {
    may_admit(act, &newcomer.name)?;
    let agent = AgentRow {
        id: AgentId(Uuid::new_v4()),
        name: newcomer.name.clone(),
        role: None,
        model_tier: newcomer.model.clone(),
        model_provider: None,
        // Which one it is, is its own affair; a runner of ours says so when it starts.
        harness: HarnessKind::Native,
        command: None,
        skills: newcomer.skills.clone(),
        system_prompt: None,
        integrations: Vec::new(),
        resources: Resources::default(),
        kind: AgentKind::External,
        spawned_by: None,
        hirer: None,
        created_at: act.now,
        last_seen_at: Some(act.now),
        live_sessions: 0,
        fired_at: None,
    };
    store::insert(act.tx, act.office, &agent)?;
    store::set_seen(act.tx, act.office, agent.id, act.now)?;
    act.head.agent_count += 1;
    chat::service::welcome(act, &agent.name)?;
    Ok(agent)
}

/// The caller itself, with what it holds.
pub fn own_card(view: &mut View<'_>, member: &Member, providers: &Providers) -> Result<OwnCard, Fault> {
    let Member::Agent { id, .. } = member else { return Err(fault::not_you("an agent")) };
    let row = service::by_id(view.tx, view.office, *id)?.ok_or_else(fault::key_revoked)?;
    let held = sessions::context::held_by(view.tx, view.office, *id)?;
    let claims = held.into_iter().filter_map(|session| {
        let task_id = session.task?;
        Some(HeldClaim { task_id, token: session.number, lease_expires_at: session.lease_expires_at })
    });
    Ok(OwnCard {
        employee_id: row.id,
        bot_id: row.id,
        agent_name: row.name.clone(),
        office_id: view.office,
        claims: claims.collect(),
        office: invites::admission::office_card(view.tx, view.office, &view.head)?,
        agent: service::full_card(view.tx, view.office, (&view.head, view.now), &row, providers)?,
        server_time: view.now,
    })
}

/// An agent from elsewhere says with what it thinks and what it can do. For a hosted one its office says so, and pays.
pub fn update_self(
    act: &mut Act<'_>,
    member: &Member,
    wish: &UpdateSelf,
    providers: &Providers,
) -> Result<Answer, Fault> {
    let Member::Agent { id, .. } = member else { return Err(fault::not_you("an agent")) };
    let mut row = service::by_id(act.tx, act.office, *id)?.ok_or_else(fault::key_revoked)?;
    if row.kind == AgentKind::Hosted {
        return Err(faults::lives_here(&row.name));
    }
    if wish.model_tier.is_some() {
        row.model_tier = rules::word("the model", wish.model_tier.as_deref())?;
    }
    if let Some(skills) = &wish.capabilities {
        row.skills = rules::skills(skills)?;
    }
    store::update(act.tx, act.office, &row)?;
    let data = json!({"modelTier": row.model_tier, "skills": row.skills});
    service::record(act, member, &row, "agents.update_self", format!("{} says what it is", row.name), data)?;
    Answer::ok(&service::full_card(act.tx, act.office, (&act.head, act.now), &row, providers)?)
}

/// An agent from elsewhere says goodbye: its name is free, its keys count no more, what it held goes back uncounted.
pub fn leave(act: &mut Act<'_>, member: &Member) -> Result<Answer, Fault> {
    let Member::Agent { id, .. } = member else { return Err(fault::not_you("an agent")) };
    let row = service::by_id(act.tx, act.office, *id)?.ok_or_else(fault::key_revoked)?;
    if row.kind == AgentKind::Hosted {
        return Err(faults::stays_here(&row.name));
    }
    let stopped = leave::dismiss(act, &row, "left")?;
    let data = json!({"id": row.id, "stopped_sessions": stopped});
    service::record(act, member, &row, "agents.leave", format!("{} left", row.name), data)?;
    Ok(Answer::done())
}
