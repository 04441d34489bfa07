//! From a message to its answer.

use mi_core::hands::rpc::{self, Asked, Incoming, Question};
use mi_core::hands::{self, Here, Outcome, Scope};
use mi_core::ids::{OfficeId, excerpt};
use mi_core::limits::LIST_LIMIT_MAX;
use mi_core::problem::Problem;
use mi_core::wire::offices::Office;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::faults;
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Caller;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::sessions;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Whose pages a browser may use this from: this machine's.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

pub async fn answer(house: &House, call: &Call) -> Result<Answer, Fault> {
    refuse_foreign_pages(house, call)?;
    let question = match rpc::read(&call.body, call.header("mcp-protocol-version")) {
        Ok(Incoming::Question(question)) => question,
        Ok(Incoming::Notice) => return Ok(Answer::empty(202)),
        Err(broken) => return Ok(Answer { body: broken.reply.to_string(), ..Answer::empty(broken.status) }),
    };
    let scope = scope(&call.caller);
    let reply = match &question.asked {
        Asked::Initialize { version } => question.initialized(version, VERSION, scope),
        Asked::Discover => question.discovered(VERSION, scope),
        Asked::Ping => question.pong(),
        Asked::Tools => question.tools(scope),
        Asked::Call { tool, inputs } => called(house, call, &question, tool, inputs).await?,
        Asked::Other { method } => question.unknown(method),
    };
    Answer::ok(&reply)
}

/// A page that a stranger's name was bound to this address for still says whose it is.
fn refuse_foreign_pages(house: &House, call: &Call) -> Result<(), Fault> {
    let Some(origin) = call.header("origin") else { return Ok(()) };
    let host = host_of(origin);
    let own = host_of(&house.settings.endpoint);
    let welcome = host.is_some_and(|host| LOOPBACK.contains(&host.as_str()) || own.is_some_and(|own| own == host));
    if welcome { Ok(()) } else { Err(faults::foreign_origin(origin)) }
}

/// `http://[::1]:7700/x` → `[::1]`; of web pages only, read as browsers read it.
fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let is_a_page = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if is_a_page { url.host_str().map(str::to_owned) } else { None }
}

/// An agent has one office, a person may have several.
fn scope(caller: &Caller) -> Scope {
    match caller {
        Caller::Runner { .. } | Caller::Session { .. } | Caller::Agent { .. } => Scope::OwnOffice,
        Caller::User { .. } | Caller::Nobody | Caller::Ticket { .. } => Scope::AnyOffice,
    }
}

async fn called(
    house: &House,
    call: &Call,
    question: &Question,
    tool: &str,
    inputs: &Map<String, Value>,
) -> Result<Value, Fault> {
    let outcome = match carry_out(house, call, tool, inputs.clone()).await {
        Ok(outcome) => outcome,
        // The model can mend what it asked for; what we failed at is the caller's to know.
        Err(fault) if fault.code.status() < 500 => {
            Outcome::failure(&fault.sentence, fault.hint.as_deref().unwrap_or("look again"), fault.code.as_str())
        }
        Err(fault) => return Err(fault),
    };
    Ok(question.called(&outcome))
}

async fn carry_out(house: &House, call: &Call, name: &str, mut inputs: Map<String, Value>) -> Result<Outcome, Fault> {
    let Some(tool) = hands::find(name) else {
        return Ok(Outcome::refused(&hands::Refusal::UnknownTool { name: excerpt(name) }));
    };
    let (office, here) = match &call.caller {
        Caller::Runner { office, .. } | Caller::Session { office, .. } | Caller::Agent { office, .. } => {
            (*office, here(house, call).await?)
        }
        Caller::User { .. } | Caller::Nobody | Caller::Ticket { .. } => {
            let named = match hands::take_colony(&mut inputs) {
                Ok(named) => named,
                Err(refusal) => return Ok(Outcome::refused(&refusal)),
            };
            (office(call, named.as_deref()).await?, Here::default())
        }
    };
    let request = match hands::request(tool, &inputs, &here) {
        Ok(request) => request,
        Err(refusal) => return Ok(Outcome::refused(&refusal)),
    };
    let path = format!("/api/v1/offices/{office}{}", request.target);
    let answer = call.ask_inside(request.verb.as_str(), &path, request.body.as_ref()).await?;
    if (200..300).contains(&answer.status) {
        return Ok(Outcome::success(tool, &answer.body));
    }
    let problem: Problem = serde_json::from_str(&answer.body).map_err(fault::internal)?;
    Ok(Outcome::problem(&problem))
}

/// Who the agent is and what it works on: what its tools mean when they name nobody and no task.
async fn here(house: &House, call: &Call) -> Result<Here, Fault> {
    let caller = call.caller.clone();
    house
        .db
        .read(move |tx| match caller {
            Caller::Session { office, session, .. } => {
                let found = sessions::service::get(tx, office, session)?;
                Ok(found.map_or_else(Here::default, |row| Here { agent: Some(row.agent), task: row.task }))
            }
            Caller::Runner { office, agent, .. } | Caller::Agent { office, agent, .. } => {
                let found = crate::agents::service::by_id(tx, office, agent)?;
                Ok(Here { agent: found.map(|row| row.name), task: None })
            }
            Caller::User { .. } | Caller::Nobody | Caller::Ticket { .. } => Ok(Here::default()),
        })
        .await
}

#[derive(Deserialize)]
struct ColonyQuery {
    colony: Option<String>,
}

/// Of the call, of the address, of the header `X-Office-Id`, or the only one that there is.
async fn office(call: &Call, named: Option<&str>) -> Result<OfficeId, Fault> {
    let query: ColonyQuery = call.query()?;
    let named = named.or(query.colony.as_deref()).or_else(|| call.header("x-office-id"));
    if let Some(id) = named.and_then(|named| named.parse().ok()) {
        return Ok(id);
    }
    let answer = call.ask_inside("GET", &format!("/api/v1/offices?limit={LIST_LIMIT_MAX}"), None).await?;
    let offices: Vec<Office> = serde_json::from_str(&answer.body).map_err(fault::internal)?;
    let wanted: Vec<&Office> = match named {
        Some(named) => offices.iter().filter(|office| office.name == named).collect(),
        None => offices.iter().collect(),
    };
    match (wanted.as_slice(), named) {
        ([office], _) => Ok(office.id),
        (_, Some(named)) => Err(faults::no_office_named(named)),
        (several, None) => Err(faults::which_office(several.len())),
    }
}
