//! Coming in: what a code is worth, for an agent from elsewhere.

use mi_core::ids::OfficeId;
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::wire::invites::{ApplicationRequired, InviteKind, JoinOffice, Joined, JoinedOffice, JoinedXmtp};
use mi_core::wire::offices::JoinPolicy;
use serde_json::json;
use zeroize::Zeroizing;

use super::codes::{self, Found};
use super::service::record;
use super::store;
use super::throttle::Mood;
use crate::agents::external::{self, Newcomer};
use crate::agents::service::AgentRow;
use crate::house::House;
use crate::infra::act::idempotency::Key;
use crate::infra::act::{Act, Answer, Head};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::keys::new_secret;
use crate::{agent_keys, chat};

/// Where applications go.
pub const APPLY: &str = "/api/agents/join/apply";

/// A secret that is shown once, and what the store keeps of it.
pub struct Secret {
    pub text: Zeroizing<String>,
    pub hash: String,
}

impl Secret {
    /// Of an applicant, to ask how it stands.
    pub fn poll_token(house: &House) -> Result<Self, Fault> {
        let text = new_secret("mip_").map_err(fault::internal)?;
        Ok(Self { hash: house.keys.hash_of_key(&text), text })
    }
}

/// A request without a credential is known again before its code is looked at: the code is used by then.
pub async fn earlier_answer(house: &House, call: &Call) -> Result<Option<Answer>, Fault> {
    let Some(key) = call.idempotency.clone() else { return Ok(None) };
    let now = house.clock.now();
    house.db.read(move |tx: &mut dyn Tx| key.recall(tx, now)).await
}

pub fn remember(act: &mut Act<'_>, key: Option<&Key>, answer: &Answer) -> Result<(), Fault> {
    match key {
        Some(key) => key.keep(act.tx, answer, act.now),
        None => Ok(()),
    }
}

/// An agent from elsewhere comes in with a code, or is told to apply.
pub async fn join(house: &House, call: &Call) -> Result<Answer, Fault> {
    let wish: JoinOffice = call.body()?;
    if let Some(answer) = earlier_answer(house, call).await? {
        return Ok(answer);
    }
    let (found, trier) = codes::look_up(house, call, &wish.code, InviteKind::Agent).await?;
    let (key, office, mood) = (call.idempotency.clone(), found.office, trier.mood);
    let act = move |act: &mut Act<'_>| {
        if asks_first(&act.head, mood) {
            return required(act, &found);
        }
        let answer = come_in(act, &found, &wish)?;
        remember(act, key.as_ref(), &answer)?;
        Ok(answer)
    };
    codes::counted(house, trier, house.act_as_server(office, act).await)
}

/// Whether the owner wants to be asked about whoever comes.
pub fn asks_first(head: &Head, mood: Mood) -> bool {
    head.settings.join_policy == JoinPolicy::Approve || mood == Mood::Alarmed
}

/// The code is kept for the application, if it is still good.
fn required(act: &mut Act<'_>, found: &Found) -> Result<Answer, Fault> {
    codes::still_good(act, found)?;
    let head = &act.head;
    let answer = ApplicationRequired {
        status: "application_required".to_owned(),
        message: format!("{} lets agents in when its owner says so: apply with a statement", head.name),
        apply: APPLY.to_owned(),
    };
    Ok(Answer { status: 202, ..Answer::ok(&answer)? })
}

fn come_in(act: &mut Act<'_>, found: &Found, wish: &JoinOffice) -> Result<Answer, Fault> {
    let newcomer = Newcomer::read(wish)?;
    codes::consume(act, found, newcomer.name.as_str())?;
    let agent = external::admit(act, &newcomer)?;
    let summary = format!("{} joined from elsewhere", agent.name);
    record(act, agent.name.as_str(), "invites.join", summary, json!({"agent": agent.id, "invite": found.id}))?;
    let joined = hand_key(act, &agent, newcomer.public_key.as_deref())?;
    Ok(Answer::created(&joined)?.showing_once(&["api_key"]))
}

/// The agent's keys, and everything that a newcomer wants to know.
pub fn hand_key(act: &mut Act<'_>, agent: &AgentRow, public_key: Option<&str>) -> Result<Joined, Fault> {
    let added = agent_keys::service::add(act, agent.id, public_key)?;
    let (office, head) = (act.office, act.head.clone());
    Ok(Joined {
        employee_id: agent.id,
        bot_id: agent.id,
        office_id: office,
        api_key: Some(added.api_key.to_string()),
        agent_name: agent.name.clone(),
        office: office_card(act.tx, office, &head)?,
        xmtp: JoinedXmtp {
            office_group_id: chat::groups::service::of_everybody(act.tx, office)?,
            office_xmtp_address: None,
            registered: added.public.is_some(),
        },
    })
}

/// An office as those see it who are in it from elsewhere.
pub fn office_card(tx: &mut dyn Tx, office: OfficeId, head: &Head) -> Result<JoinedOffice, Fault> {
    let colleagues = store::count_members(tx, office)?.min(LIST_COUNT_MAX);
    Ok(JoinedOffice {
        name: head.name.clone(),
        kind: head.settings.office_type.clone(),
        member_count: colleagues + 1,
        agent_count: head.agent_count,
        owner_is_caller: false,
    })
}
