//! The reply of a session that messages woke: the last text goes to whoever asked last.
//!
//! It goes nowhere else, for what one asked in confidence is answered to that one. Others who asked are named in the
//! prompt, so that the model writes to each of them, and in the session's summary where it didn't.

use mi_core::mentions::{Speaker, means};
use mi_core::wire::runner::{EndCause, InboxMessage, SessionContext};

use super::{Job, Outcome};
use crate::control::Verdict;

/// As whom people write.
const OWNER: &str = "owner";
/// Other people than the owner write as `user:NAME`.
const COLLEAGUE: &str = "user:";

/// To whom answers go: senders, and groups where something was asked, each once, the last to ask at the end.
pub(crate) fn askers(context: &SessionContext) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for message in context.messages.iter().filter(|message| is_asked(context, message)) {
        // What was asked in a group is answered there.
        let asker = message.group_id.map_or_else(|| message.from_agent.clone(), |group| group.to_string());
        out.retain(|known| *known != asker);
        out.push(asker);
    }
    out
}

/// Sends the text, unless the model has already written to whom it would go. Says what became of it, and whom nobody
/// has answered.
pub(crate) async fn send(job: &Job, text: &str, written_to: &[String]) -> Result<String, Outcome> {
    let mut others = askers(&job.context);
    let Some(last) = others.pop() else { return Ok("there was no message to answer".into()) };
    others.retain(|asker| !written_to.contains(asker));
    let done = if written_to.contains(&last) || text.trim().is_empty() {
        format!("the talk with {last} is over")
    } else {
        reply(job, &last, text).await?
    };
    Ok(if others.is_empty() { done } else { format!("{done}; not answered: {}", others.join(", ")) })
}

async fn reply(job: &Job, to: &str, text: &str) -> Result<String, Outcome> {
    match job.desk.send_message(to.to_owned(), text.trim().to_owned()).await {
        Ok(()) => Ok(format!("replied to {to}")),
        Err(error) => {
            let cause = if error.verdict() == Verdict::Stale { EndCause::Stale } else { EndCause::Failed };
            Err(Outcome::of(cause, format!("the reply to {to} can't be sent: {error}")))
        }
    }
}

/// What others say to each other in a group is only overheard.
fn is_asked(context: &SessionContext, message: &InboxMessage) -> bool {
    let is_person = message.from_agent == OWNER || message.from_agent.starts_with(COLLEAGUE);
    let speaker = if is_person { Speaker::Owner } else { Speaker::Agent };
    message.group_id.is_none() || means(&message.body, &context.agent.name, speaker)
}
