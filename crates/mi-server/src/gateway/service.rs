//! Acts of the gateway: a call of a model from its reservation to its settlement.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::problem::Code;
use mi_core::time::Millis;
use mi_core::wire::runner::Wire;
use mi_core::wire::usage::LlmCall;

use super::account::{self, Order, Session};
use super::bill::{Bill, Pieces, metered};
use super::choice::{self, Choice};
use super::estimate::Bounds;
use super::kinds::Kind;
use super::meter::{Finish, Form};
use super::outside::{self, Reads};
use super::paths::{Target, target};
use super::places::Place;
use super::providers::{self, unknown_provider};
use super::translated::{self, Turn, WayBack};
use super::upstream::{self, Outgoing};
use super::{attempts, limits, outflow, request, store};
use crate::credits::hold::WhenShort;
use crate::house::House;
use crate::infra::act::{enter, look};
use crate::infra::caller::{Caller, Need};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::call::Page;

/// As much of a provider's refusal reaches the caller.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// Of an answer that costs nothing: some providers list a thousand models with all that they say of each.
const FREE_ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
const FREE_ANSWER_SECONDS_MAX: i64 = 30;

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

/// Takes a place, then: reserve, send, settle; if no answer comes, the same with the models that the office named for that.
pub async fn call(house: &House, caller: &Caller, asked: Asked) -> Result<Answered, Fault> {
    let session = session_of(caller)?;
    let kind = providers::known(&asked.provider)?;
    let target = target(kind, &asked.method, &asked.path).ok_or_else(|| no_such_call(&asked))?;
    if matches!(target, Target::Generate { .. }) {
        request::check_object(&asked.body)?;
    }
    let place = Arc::new(house.providers.places.take(session.office)?);
    answer(house, &Asking { session, asked, place }, kind, &target).await
}

/// A call that has its place.
struct Asking {
    session: Session,
    asked: Asked,
    place: Arc<Place>,
}

async fn answer(house: &House, asking: &Asking, kind: Kind, target: &Target) -> Result<Answered, Fault> {
    let session = asking.session;
    let models = choice::of_office(house, session.office).await?;
    let mut outcome = match choice::first(house, &models, kind) {
        Ok(choice) => ask(house, asking, &choice, target).await,
        Err(fault) => Err(fault),
    };
    for other in choice::others(house, &models, target) {
        if !attempts::is_no_answer(&outcome) {
            return outcome;
        }
        match ask(house, asking, &other, target).await {
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
async fn ask(house: &House, asking: &Asking, choice: &Choice, target: &Target) -> Result<Answered, Fault> {
    let (provider, asked) = (&choice.provider, &asking.asked);
    let (target, path, body) = choice.request(target, &asked.path, &asked.body)?;
    if translated::needs_translation(provider, &target) {
        return attempt(house, asking, choice, Turn::to_chat(&body)?).await;
    }
    let answered = attempt(house, asking, choice, Turn::as_it_came(&target, &path, &body)).await?;
    let is_other = !translated::knows_no_responses(provider, &target, answered.status);
    if is_other || translated::names_the_model(&answered.body, &body) {
        return Ok(answered);
    }
    let answered = attempt(house, asking, choice, Turn::to_chat(&body)?).await?;
    if answered.status.is_success() {
        provider.chat_only.note();
    }
    Ok(answered)
}

async fn attempt(house: &House, asking: &Asking, choice: &Choice, turn: Turn) -> Result<Answered, Fault> {
    choice.gate(house.clock.now())?;
    match turn.target {
        Target::Free => {
            if asking.asked.method == Method::POST {
                let reads = outside::reads(choice.provider.kind.wire(), &turn.body).map_err(request::not_a_call)?;
                check_way_out(house, asking.session, reads).await?;
            }
            let outgoing = outgoing(choice, turn.path, turn.body, &asking.asked);
            free(house, asking.session, choice, outgoing).await
        }
        Target::Generate { wire, .. } => paid(house, asking, (choice, wire), turn).await,
    }
}

/// What a provider does for an agent the agent could not do itself: its words would go out in an address or a search.
async fn check_way_out(house: &House, session: Session, reads: Reads) -> Result<(), Fault> {
    let office = session.office;
    if reads != Reads::Outside || choice::of_office(house, office).await?.goes_anywhere {
        return Ok(());
    }
    let sentence = "the call has its provider go out, to an address or with a tool such as web_search, and the office's \
                    egress doesn't let its agents go anywhere";
    Err(Fault::new(Code::EgressDenied, sentence).hint(format!(
        "send what an address holds instead, or an operator allows every host with mi colonies update {office} --allow '*'"
    )))
}

/// What costs nothing is small and read whole here, so that its place doesn't wait for its reader.
async fn free(house: &House, session: Session, choice: &Choice, outgoing: Outgoing) -> Result<Answered, Fault> {
    check(house, session).await?;
    let provider = &choice.provider;
    let exchange = async {
        let response = attempts::send(house, provider, outgoing).await?;
        let (status, headers) = (response.status(), request::answer_headers(response.headers()));
        let body = upstream::whole(provider, response, FREE_ANSWER_BYTES_MAX).await?;
        Ok(Answered { status, headers, body: AnswerBody::Whole(body) })
    };
    let until = house.clock.now() + Millis::seconds(FREE_ANSWER_SECONDS_MAX);
    let late = || Err(fault::upstream_failed(provider.kind.as_str(), "it didn't answer in time"));
    house.clock.timeout_at(until, exchange).await.unwrap_or_else(late)
}

async fn paid(house: &House, asking: &Asking, (choice, wire): (&Choice, Wire), turn: Turn) -> Result<Answered, Fault> {
    let session = asking.session;
    let prepared = request::prepare(&turn.target, turn.body)?;
    check_way_out(house, session, prepared.reads).await?;
    let kept = account::reserve(house, session, order(house, choice, &prepared)).await?;
    let back = turn.asked.map(|asked| WayBack::new(asked, kept.call(), house.clock.now()));
    let body = match kept.limit() {
        None => prepared.body,
        Some(tokens) => limits::write(&choice.provider, wire, prepared.body, tokens)?,
    };
    let mut outgoing = outgoing(choice, turn.path, body, &asking.asked);
    if back.is_some() {
        outgoing.headers = WayBack::request_headers(outgoing.headers);
    }
    let bill = Bill::new(house.clone(), kept.take().map(|reserved| (reserved, wire)));
    let (house, choice, place) = (house.clone(), choice.clone(), Arc::clone(&asking.place));
    // In a task of its own: once the call is out the provider works, so whoever leaves now is owed no discount.
    let exchange = tokio::spawn(async move {
        let answered = send(&house, session, &choice, outgoing, (bill, back)).await?;
        Ok(match answered.body {
            // What is here as a whole needs no place any more.
            AnswerBody::Whole(_) => answered,
            AnswerBody::Pieces(pieces) => {
                Answered { body: AnswerBody::Pieces(outflow::handed_on(&house, pieces, place)), ..answered }
            }
        })
    });
    exchange.await.map_err(fault::internal)?
}

fn outgoing(choice: &Choice, path: String, body: Bytes, asked: &Asked) -> Outgoing {
    Outgoing {
        method: asked.method.clone(),
        path,
        query: request::query(asked.query.as_deref()),
        headers: request::headers(choice.provider.kind, &asked.headers),
        // Whoever answers a GET needs no body, and some servers would read it as the next request on the connection.
        body: if asked.method == Method::POST { body } else { Bytes::new() },
    }
}

/// What the call may cost at most.
fn order(house: &House, choice: &Choice, prepared: &request::Prepared) -> Order {
    let (provider, model) = (choice.provider.kind.as_str(), prepared.model.clone());
    let priced = house.settings.prices.of(provider, &model);
    let bounds = Bounds::new(&priced, prepared.read_bytes_max(), prepared.answer);
    // Whose own model is away for a while has not run out of money because another one is dear.
    let when_short = if choice.instead.is_some() { WhenShort::Tell } else { WhenShort::Suspend };
    Order { provider, model, priced, bounds, when_short }
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
    if status.is_success() {
        note_good(house, session.office, choice).await;
        let pieces = match back {
            None => metered(response, bill),
            Some(back) => back.answer(&mut headers, form, response, bill),
        };
        return Ok(Answered { status, headers, body: AnswerBody::Pieces(pieces) });
    }
    let refusal = upstream::bounded(provider, response, REFUSAL_BYTES_MAX).await;
    bill.close(Finish::Whole).await;
    let refusal = refusal?;
    attempts::refused(house, session.office, provider.kind, (status.as_u16(), &told, &refusal)).await?;
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
