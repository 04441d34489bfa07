//! Acts of the gateway: a call of a model from its reservation to its settlement.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::problem::Code;
use mi_core::wire::runner::Wire;
use mi_core::wire::usage::LlmCall;

use super::account::{self, Order, Session};
use super::bill::{Bill, Pieces, metered};
use super::choice::{self, Choice};
use super::meter::{Finish, Form};
use super::paths::{Target, target};
use super::providers::{self, unknown_provider};
use super::settling::Kept;
use super::translated::{self, Turn, WayBack};
use super::upstream::{self, Outgoing};
use super::{attempts, estimate, request, store};
use crate::credits::hold::WhenShort;
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

/// Reserve, send, settle; if no answer comes, the same with the models that the office named for that.
pub async fn call(house: &House, caller: &Caller, asked: Asked) -> Result<Answered, Fault> {
    let session = session_of(caller)?;
    let kind = providers::known(&asked.provider)?;
    let target = target(kind, &asked.method, &asked.path).ok_or_else(|| no_such_call(&asked))?;
    let models = choice::of_office(house, session.office).await?;
    let mut outcome = match choice::first(house, &models, kind) {
        Ok(choice) => ask(house, session, &choice, &target, &asked).await,
        Err(fault) => Err(fault),
    };
    for other in choice::others(house, &models, &target) {
        if !attempts::is_no_answer(&outcome) {
            return outcome;
        }
        match ask(house, session, &other, &target, &asked).await {
            // What the first model answered counts then.
            Err(fault) if attempts::is_too_dear(&fault) => {}
            answer => outcome = answer,
        }
    }
    if attempts::is_no_answer(&outcome) {
        attempts::in_vain(house, session.office, session.number, kind).await?;
    }
    outcome
}

/// Asks a provider that turns out to know no Responses once more, by chat.
async fn ask(
    house: &House,
    session: Session,
    choice: &Choice,
    target: &Target,
    asked: &Asked,
) -> Result<Answered, Fault> {
    let provider = &choice.provider;
    let (target, path, body) = choice.request(target, &asked.path, &asked.body)?;
    if translated::needs_translation(provider, &target) {
        return attempt(house, session, choice, Turn::to_chat(&body)?, asked).await;
    }
    let answered = attempt(house, session, choice, Turn::as_it_came(&target, &path, &body), asked).await?;
    if !translated::knows_no_responses(provider, &target, answered.status) {
        return Ok(answered);
    }
    let answered = attempt(house, session, choice, Turn::to_chat(&body)?, asked).await?;
    if answered.status.is_success() {
        provider.chat_only.note();
    }
    Ok(answered)
}

/// Reserve, send, settle.
async fn attempt(
    house: &House,
    session: Session,
    choice: &Choice,
    turn: Turn,
    asked: &Asked,
) -> Result<Answered, Fault> {
    let provider = &choice.provider;
    let prepared = request::prepare(&turn.target, turn.body)?;
    choice.gate(house.clock.now())?;
    let open = match turn.target {
        Target::Free => {
            check(house, session).await?;
            None
        }
        Target::Generate { wire, .. } => {
            let order = order(house, choice, &prepared);
            Some((account::reserve(house, session, order).await?, wire))
        }
    };
    // After the reservation, so that a call that waits for credits of its office takes nobody's place.
    let Ok(place) = Arc::clone(&house.providers.calls).try_acquire_owned() else {
        give_up(open).await;
        return Err(fault::busy("the model gateway"));
    };
    let call = open.as_ref().map_or(0, |(kept, _)| kept.call());
    let back = turn.asked.map(|asked| WayBack::new(asked, call, house.clock.now()));
    let headers = request::headers(provider.kind, &asked.headers);
    let outgoing = Outgoing {
        method: asked.method.clone(),
        path: turn.path,
        query: request::query(asked.query.as_deref()),
        headers: if back.is_some() { WayBack::request_headers(headers) } else { headers },
        body: prepared.body,
    };
    let open = open.and_then(|(kept, wire)| Some((kept.take()?, wire)));
    send(house, session, choice, outgoing, (Bill::new(house.clone(), open, place), back)).await
}

/// Nothing was sent, so nothing is paid.
async fn give_up(open: Option<(Kept, Wire)>) {
    if let Some((kept, _)) = open {
        kept.give_back().await;
    }
}

/// What the call may cost at most.
fn order(house: &House, choice: &Choice, prepared: &request::Prepared) -> Order {
    let (provider, model) = (choice.provider.kind.as_str(), prepared.model.clone());
    let priced = house.settings.prices.of(provider, &model);
    let worst = estimate::worst(&priced, prepared.read_bytes_max(), prepared.answer);
    // Whose own model is away for a while has not run out of money because another one is dear.
    let when_short = if choice.instead.is_some() { WhenShort::Tell } else { WhenShort::Suspend };
    Order { provider, model, priced, worst, when_short }
}

async fn send(
    house: &House,
    session: Session,
    choice: &Choice,
    outgoing: Outgoing,
    (mut bill, back): (Bill, Option<WayBack>),
) -> Result<Answered, Fault> {
    let provider = &choice.provider;
    bill.goes_out();
    let response = match attempts::send(house, provider, outgoing).await {
        Ok(response) => response,
        Err(fault) => {
            bill.close(Finish::Whole).await;
            return Err(fault);
        }
    };
    let (status, told) = (response.status(), response.headers().clone());
    let mut headers = request::answer_headers(&told);
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::of(content_type);
    bill.answered(status.as_u16(), content_type);
    // What is free says nothing of what costs: a spent quota lists its models all the same.
    let counts = bill.is_open();
    if status.is_success() {
        if counts {
            note_good(house, session.office, choice).await;
        }
        let pieces = match back {
            None => metered(response, bill),
            Some(back) => back.answer(&mut headers, form, response, bill),
        };
        return Ok(Answered { status, headers, body: AnswerBody::Pieces(pieces) });
    }
    let refusal = upstream::bounded(provider, response, REFUSAL_BYTES_MAX).await;
    bill.close(Finish::Whole).await;
    let refusal = refusal?;
    if counts {
        attempts::refused(house, session.office, provider.kind, (status.as_u16(), &told, &refusal)).await?;
    }
    let refusal = match back {
        None => refusal,
        Some(_) => WayBack::refusal(status, &mut headers, &refusal),
    };
    Ok(Answered { status, headers, body: AnswerBody::Whole(refusal) })
}

/// A good answer is told whatever becomes of the note.
async fn note_good(house: &House, office: OfficeId, choice: &Choice) {
    if let Err(fault) = attempts::went_well(house, office, choice).await {
        let cause = fault.cause.as_deref().unwrap_or_default();
        tracing::error!(act = "gateway.went_well", cause, "{}", fault.sentence);
    }
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
