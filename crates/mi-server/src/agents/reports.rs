//! What agents say of themselves in a few words: standups and the like.

use mi_core::limits::LOG_LINE_BYTES_MAX;
use mi_core::wire::agents::{Activity, AgentReport};
use serde_json::json;

use super::service::find;
use crate::events::service as events;
use crate::house::View;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;

const REPORT: &str = "agents.report";
const STANDUP: &str = "standup";
const TYPE_BYTES_MAX: usize = 64;

/// By the agent itself, or by an operator for it.
pub fn report(act: &mut Act<'_>, member: &Member, name: &str, wish: &AgentReport) -> Result<Answer, Fault> {
    let agent = find(act.tx, act.office, name)?;
    match member {
        Member::Person(_) => {}
        Member::Agent { id, .. } if *id == agent.id => {}
        Member::Agent { .. } => return Err(fault::not_you(agent.name.as_str())),
    }
    let word = good_type(&wish.kind)?;
    let message = good_message(word, wish.message.as_deref())?;
    let category = if word == STANDUP { Category::Standup } else { Category::Lifecycle };
    let summary =
        if message.is_empty() { format!("{}: {word}", agent.name) } else { format!("{}: {message}", agent.name) };
    let data = json!({"type": word, "message": message});
    let seq = act.event(NewEvent {
        category,
        kind: REPORT,
        actor: member.name(),
        agent: Some(&agent.name),
        task: None,
        summary: summary.clone(),
        data: data.clone(),
    })?;
    Answer::created(&Activity {
        id: seq.to_string(),
        category: category.as_str().to_owned(),
        kind: REPORT.to_owned(),
        summary,
        timestamp: act.now,
        metadata: data,
    })
}

fn good_type(word: &str) -> Result<&str, Fault> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    if !word.is_empty() && word.len() <= TYPE_BYTES_MAX && word.bytes().all(legal) {
        return Ok(word);
    }
    Err(fault::bad_request(format!(
        "`type` is a word of 1 to {TYPE_BYTES_MAX} lower-case letters, digits, `_`, `-`, `.`"
    ))
    .hint("`standup` is what agents mostly send"))
}

/// A standup that says nothing is none.
fn good_message<'a>(word: &str, message: Option<&'a str>) -> Result<&'a str, Fault> {
    let message = message.unwrap_or_default().trim();
    if message.is_empty() && word == STANDUP {
        return Err(fault::bad_request("a standup without a message says nothing")
            .hint("`message`: what was done, what comes next, what holds it up"));
    }
    if message.len() > LOG_LINE_BYTES_MAX {
        return Err(fault::too_long("the report", LOG_LINE_BYTES_MAX, "bytes"));
    }
    Ok(message)
}

/// The newest first, and how many there are.
pub fn list(view: &mut View<'_>, name: &str, page: Page) -> Result<(Vec<Activity>, i64), Fault> {
    let agent = find(view.tx, view.office, name)?;
    events::of_kind(view.tx, view.office, &agent.name, REPORT, page)
}
