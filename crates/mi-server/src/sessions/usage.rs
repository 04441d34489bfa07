//! What sessions use, added up where it is looked at, so that nothing ever counts rows.

use mi_core::ids::{AgentId, ClaimToken, OfficeId};
use mi_core::limits::SUBTASK_DEPTH_MAX;
use mi_core::time::Time;
use mi_core::wire::sessions::Used;

use super::store::{self, usage};
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

/// What a model call used, in the transaction that settles it: for its session, its agent, its task and the tasks above.
pub fn add(act: &mut Act<'_>, number: ClaimToken, used: &Used, first_token_at: Option<Time>) -> Result<(), Fault> {
    let Some(session) = store::get(act.tx, act.office, number)? else { return Ok(()) };
    usage::add(act.tx, act.office, number, used, first_token_at)?;
    if *used == Used::default() {
        return Ok(());
    }
    usage::add_to_agent(act.tx, act.office, session.agent_id, used)?;
    let Some(task) = session.task else { return Ok(()) };
    usage::add_to_task(act.tx, act.office, task, used)?;
    let mut above = usage::parent_of(act.tx, act.office, task)?;
    for _ in 0..SUBTASK_DEPTH_MAX {
        let Some(parent) = above else { break };
        usage::add_below(act.tx, act.office, parent, used)?;
        above = usage::parent_of(act.tx, act.office, parent)?;
    }
    Ok(())
}

pub fn of_agent(tx: &mut dyn Tx, office: OfficeId, agent: AgentId) -> Result<Used, Fault> {
    Ok(usage::of_agent(tx, office, agent)?)
}
