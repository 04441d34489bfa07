//! What becomes true of agents elsewhere with time: they come and go.

use mi_core::limits::PRESENCE_SECONDS_MAX;
use mi_core::time::Millis;
use mi_core::wire::agents::AgentKind;
use serde_json::json;

use super::phase::is_online;
use super::store;
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::fault::Fault;
use crate::infra::sweeps::Offices;
use mi_core::ids::{AgentId, OfficeId};

pub use super::leave::end_specialists;

/// Between two looks.
pub const LOOK_MS: i64 = 2_000;
/// Agents told of in one round; the next round takes the rest.
const TURNED_PER_ROUND_MAX: i64 = 500;
const SYSTEM: &str = "system";

/// Tells of every agent elsewhere that was not heard of for too long, and of those that were heard of again.
pub async fn tell(house: &House, offices: &Offices<(OfficeId, AgentId)>) -> Result<(), Fault> {
    let (since, after) = (house.clock.now() + Millis::seconds(-PRESENCE_SECONDS_MAX), offices.after());
    let turned = house.db.read(move |tx| Ok(store::turned(tx, since, after, TURNED_PER_ROUND_MAX)?)).await?;
    let tell = |(office, id)| house.act_as_server(office, move |act| tell_of(act, id));
    offices.each("presence", turned, TURNED_PER_ROUND_MAX, tell).await
}

/// Looked at again inside the transaction: a heartbeat may have come first.
fn tell_of(act: &mut Act<'_>, id: AgentId) -> Result<(), Fault> {
    let Some(agent) = store::by_id(act.tx, act.office, id)?.filter(|agent| agent.fired_at.is_none()) else {
        return Ok(());
    };
    let online = is_online(agent.last_seen_at, act.now);
    if agent.kind != AgentKind::External || store::said_online(act.tx, act.office, id)? == online {
        return Ok(());
    }
    store::say_online(act.tx, act.office, id, online)?;
    let (kind, word) = if online { ("agents.online", "is there") } else { ("agents.offline", "is away") };
    act.event(NewEvent {
        category: Category::Lifecycle,
        kind,
        actor: SYSTEM,
        agent: Some(&agent.name),
        task: None,
        summary: format!("{} {word}", agent.name),
        data: json!({"last_seen": agent.last_seen_at}),
    })?;
    Ok(())
}
