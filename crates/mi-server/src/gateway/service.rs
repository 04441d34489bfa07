//! Acts of the gateway: a call of a model from its reservation to its settlement.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::problem::Code;
use mi_core::wire::usage::LlmCall;

use super::account::{self, Order, Session};
use super::bill::{Bill, Pieces, metered};
use super::meter::{Finish, Form};
use super::paths::{Target, target};
use super::providers::{Provider, unknown_provider, variable};
use super::translated::{self, Turn, WayBack};
use super::upstream::{self, Outgoing};
use super::{estimate, request, store};
use crate::house::House;
use crate::infra::act::{enter, look};
use crate::infra::caller::{Caller, Need};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;

/// As much of a provider's refusal reaches the caller.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// A call as it came.
pub struct Asked {
    pub provider: String,
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A provider's answer on its way to the caller.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: AnswerBody,
}

pub enum AnswerBody {
    Whole(Bytes),
    Pieces(Pieces),
}

/// Whether there is such a provider, for clients that try the address first.
pub fn probe(house: &House, provider: &str) -> Result<(), Fault> {
    house.providers.resolve(provider).map(|_| ()).ok_or_else(|| unknown_provider(provider))
}

/// Asks a provider that turns out to know no Responses once more, by chat.
pub async fn call(house: &House, caller: &Caller, asked: Asked) -> Result<Answered, Fault> {
    let session = session_of(caller)?;
    let providers = &house.providers;
    let provider = providers.resolve(&asked.provider).ok_or_else(|| unknown_provider(&asked.provider))?;
    let target = target(provider.kind, &asked.method, &asked.path).ok_or_else(|| no_such_call(&asked))?;
    if !provider.is_configured() {
        return Err(fault::no_model_key(provider.kind.as_str(), variable(provider.kind.as_str())));
    }
    let wanted = if translated::needs_translation(provider, &target) {
        Turn::to_chat(&asked.body)?
    } else {
        Turn::as_it_came(&target, &asked.path, &asked.body)
    };
    let answered = attempt(house, session, provider, wanted, &asked).await?;
    if !translated::knows_no_responses(provider, &target, answered.status) {
        return Ok(answered);
    }
    let answered = attempt(house, session, provider, Turn::to_chat(&asked.body)?, &asked).await?;
    if answered.status.is_success() {
        provider.chat_only.note();
    }
    Ok(answered)
}

/// Reserve, send, settle.
async fn attempt(
    house: &House,
    session: Session,
    provider: &Provider,
    turn: Turn,
    asked: &Asked,
) -> Result<Answered, Fault> {
    let prepared = request::prepare(&turn.target, turn.body)?;
    let place = Arc::clone(&house.providers.calls);
    let place = place.try_acquire_owned().map_err(|_| fault::busy("the model gateway"))?;
    let open = match turn.target {
        Target::Free => {
            check(house, session).await?;
            None
        }
        Target::Generate { wire, .. } => {
            let order = order(house, provider, &prepared);
            Some((account::reserve(house, session, order).await?, wire))
        }
    };
    let call = open.as_ref().map_or(0, |(reserved, _)| reserved.call);
    let back = turn.asked.map(|asked| WayBack::new(asked, call, house.clock.now()));
    let headers = request::headers(provider.kind, &asked.headers);
    let outgoing = Outgoing {
        method: asked.method.clone(),
        path: turn.path,
        query: request::query(asked.query.as_deref()),
        headers: if back.is_some() { WayBack::request_headers(headers) } else { headers },
        body: prepared.body,
    };
    send(provider, outgoing, Bill::new(house.clone(), open, place), back).await
}

/// What the call may cost at most.
fn order(house: &House, provider: &Provider, prepared: &request::Prepared) -> Order {
    let (provider, model) = (provider.kind.as_str(), prepared.model.clone());
    let priced = house.settings.prices.of(provider, &model);
    let worst = estimate::worst(&priced, prepared.body.len(), prepared.answer);
    Order { provider, model, priced, worst }
}

async fn send(
    provider: &Provider,
    outgoing: Outgoing,
    mut bill: Bill,
    back: Option<WayBack>,
) -> Result<Answered, Fault> {
    let response = match upstream::send(provider, outgoing).await {
        Ok(response) => response,
        Err(fault) => {
            bill.close(Finish::Whole).await;
            return Err(fault);
        }
    };
    let status = response.status();
    let mut headers = request::answer_headers(response.headers());
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::of(content_type);
    bill.answered(status.as_u16(), content_type);
    if status.is_success() {
        let pieces = match back {
            None => metered(response, bill),
            Some(back) => back.answer(&mut headers, form, response, bill),
        };
        return Ok(Answered { status, headers, body: AnswerBody::Pieces(pieces) });
    }
    let refusal = refusal(provider, response).await;
    bill.close(Finish::Whole).await;
    let refusal = match back {
        None => refusal?,
        Some(_) => WayBack::refusal(status, &mut headers, &refusal?),
    };
    Ok(Answered { status, headers, body: AnswerBody::Whole(refusal) })
}

/// Why the provider refused, without the key should it repeat it.
async fn refusal(provider: &Provider, mut response: reqwest::Response) -> Result<Bytes, Fault> {
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| upstream::failed(provider, error))? {
        text.extend_from_slice(&piece[..piece.len().min(REFUSAL_BYTES_MAX - text.len())]);
        if text.len() >= REFUSAL_BYTES_MAX {
            break;
        }
    }
    Ok(provider.redact(String::from_utf8_lossy(&text).into_owned()).into())
}

/// Only a session calls models, with its own credential.
fn session_of(caller: &Caller) -> Result<Session, Fault> {
    match caller {
        Caller::Session { office, agent, session } => Ok(Session { office: *office, agent: *agent, number: *session }),
        Caller::Nobody | Caller::User { .. } | Caller::Ticket { .. } | Caller::Runner { .. } | Caller::Agent { .. } => {
            Err(Fault::new(Code::NotYou, "models are called by a session, with the session's credential"))
        }
    }
}

fn no_such_call(asked: &Asked) -> Fault {
    let path = mi_core::ids::excerpt(&asked.path);
    Fault::new(Code::NoSuchRoute, format!("the gateway has no {} {path} at this provider", asked.method))
        .hint("it passes on the calls of models, lists of models and counts of tokens")
}

/// For calls that cost nothing: the session lives.
async fn check(house: &House, session: Session) -> Result<(), Fault> {
    let read = move |tx: &mut dyn Tx| {
        let head = look(tx, session.office)?;
        enter(tx, &session.caller(), Need::Look, session.office, head.owner)?;
        Ok(())
    };
    house.db.read(read).await
}

/// Whose calls are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Everybody,
    Agent(AgentName),
}

impl Whose {
    fn as_str(&self) -> &str {
        match self {
            Whose::Everybody => "",
            Whose::Agent(name) => name.as_str(),
        }
    }
}

/// The newest calls first, and how many there are.
pub fn calls(tx: &mut dyn Tx, office: OfficeId, whose: &Whose, page: Page) -> Result<(Vec<LlmCall>, i64), Fault> {
    Ok((store::calls(tx, office, whose.as_str(), page)?, store::count(tx, office, whose.as_str())?))
}
