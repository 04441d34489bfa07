//! The reply of a session that messages woke: the last text goes to whom it answers.

use mi_core::mentions::{Speaker, means};
use mi_core::wire::runner::{EndCause, InboxMessage};

use super::{Job, Outcome};
use crate::control::Verdict;

/// As whom people write.
const OWNER: &str = "owner";
/// Other people than the owner write as `user:NAME`.
const COLLEAGUE: &str = "user:";

/// Sends the text, unless the model has already written to whom it would go. Says what became of it.
pub(crate) async fn send(job: &Job, text: &str, written_to: &[String]) -> Result<String, Outcome> {
    let Some(asked) = job.context.messages.iter().rfind(|message| is_asked(job, message)) else {
        return Ok("there was no message to answer".into());
    };
    // What was asked in a group is answered there.
    let group = asked.group_id.map(|group| group.to_string());
    let sender = group.as_ref().unwrap_or(&asked.from_agent);
    if written_to.contains(sender) || text.trim().is_empty() {
        return Ok(format!("the talk with {sender} is over"));
    }
    match job.desk.send_message(sender.clone(), text.trim().to_owned()).await {
        Ok(()) => Ok(format!("replied to {sender}")),
        Err(error) => {
            let cause = if error.verdict() == Verdict::Stale { EndCause::Stale } else { EndCause::Failed };
            Err(Outcome::of(cause, format!("the reply to {sender} can't be sent: {error}")))
        }
    }
}

/// What others say to each other in a group is only overheard.
fn is_asked(job: &Job, message: &InboxMessage) -> bool {
    let is_person = message.from_agent == OWNER || message.from_agent.starts_with(COLLEAGUE);
    let speaker = if is_person { Speaker::Owner } else { Speaker::Agent };
    message.group_id.is_none() || means(&message.body, &job.context.agent.name, speaker)
}
