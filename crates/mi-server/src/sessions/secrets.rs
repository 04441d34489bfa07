//! What must not stand in what a session said: the office's secrets.

use mi_core::redact::Redactor;

use super::service::SessionRow;
use crate::infra::act::Act;
use crate::infra::fault::Fault;
use crate::infra::keys::Token;
use crate::{env, integrations};

/// Knows the values of the session's environment, of the office's integrations, and the session's own credential.
pub(super) fn of_session(act: &mut Act<'_>, session: &SessionRow) -> Result<Redactor, Fault> {
    let keys = act.keys();
    let mut known = env::service::for_session(act.tx, keys, act.office, session.agent_id)?;
    known.extend(integrations::service::all_secrets(act.tx, keys, act.office)?);
    let credential = Token::Session { office: act.office, agent: session.agent_id, session: session.number };
    known.push(("session credential".to_owned(), keys.issue(credential)));
    Ok(Redactor::new(known.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}
