//! What a runner's word about a session's end is worth, and how its loss is told.

use mi_core::wire::runner::{EndCause, EndSession};

use super::row::{Seat, SessionRow};
use crate::infra::act::Act;
use crate::infra::fault::Fault;
use crate::pods;
use crate::runners::service::Draining;

const NOBODY_ASKED: &str = "its runner was stopped from inside of its pod";

/// An end that costs no attempt is one that we asked for. A program in a pod can signal its own runner, and whoever ends
/// its sessions so would do it for ever; that counts as killed.
pub(super) fn believed(
    act: &mut Act<'_>,
    session: &SessionRow,
    draining: Draining,
    wish: &EndSession,
) -> Result<EndSession, Fault> {
    let is_free = matches!(wish.cause, EndCause::Drain | EndCause::Stopped);
    if !is_free || is_wanted(act, session, draining)? {
        return Ok(wish.clone());
    }
    let summary = match wish.summary.as_str() {
        "" => NOBODY_ASKED.to_owned(),
        said => format!("{NOBODY_ASKED}: {said}"),
    };
    Ok(EndSession { cause: EndCause::Killed, summary, ..wish.clone() })
}

/// Whether we want this session's runner to stop.
fn is_wanted(act: &mut Act<'_>, session: &SessionRow, draining: Draining) -> Result<bool, Fault> {
    let Seat::Pod(epoch) = session.seat else { return Ok(true) };
    if draining == Draining::Yes {
        return Ok(true);
    }
    let Some(pod) = pods::service::row(act.tx, act.office, session.agent_id)? else { return Ok(true) };
    Ok(pod.epoch != epoch || !pods::service::may_go_on(act, session.agent_id, &pod)?)
}

/// Why an attempt was lost, in words.
pub(super) fn loss(wish: &EndSession) -> String {
    let how = match (wish.cause, wish.exit, wish.signal) {
        (EndCause::Finished, Some(code), _) => format!("the session ended (exit {code}) without finishing the task"),
        (EndCause::Finished, None, _) => "the session ended without finishing the task".to_owned(),
        (EndCause::Deadline, ..) => "the session ran into its deadline".to_owned(),
        (EndCause::HarnessMissing, ..) => "the harness could not be started".to_owned(),
        (EndCause::HarnessTooOld, ..) => "the harness is too old to be used".to_owned(),
        (EndCause::HarnessHung, ..) => "the harness hung".to_owned(),
        (EndCause::DidNothing, ..) => "the session ended without having done anything".to_owned(),
        (EndCause::Loop, ..) => "the session went in circles".to_owned(),
        (EndCause::Unauthorized, ..) => "the provider refused the key (unauthorized)".to_owned(),
        (EndCause::NoModelKey, ..) => "there is no key for the model (no_model_key)".to_owned(),
        (EndCause::OutOfCredits, ..) => "the model call was refused for want of credits (out_of_credits)".to_owned(),
        (EndCause::RateLimited, ..) => "the provider's quota was used up (rate_limited)".to_owned(),
        (EndCause::ProviderFailed, ..) => "the model's provider failed (provider_failed)".to_owned(),
        (EndCause::StreamCut, ..) => "the model's answer broke off (stream_cut)".to_owned(),
        (_, _, Some(signal)) => format!("the session was killed by signal {signal}"),
        (cause, Some(code), None) => format!("the session ended (exit {code}, {cause}) without finishing the task"),
        (cause, None, None) => format!("the session ended ({cause}) without finishing the task"),
    };
    if wish.summary.is_empty() { how } else { format!("{how}: {}", wish.summary) }
}
