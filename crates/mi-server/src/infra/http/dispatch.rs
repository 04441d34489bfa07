//! Carries a request to its operation and its answer back.
//!
//! In order: request id, signature or key, access, body within its limit and time,
//! idempotency key, handler. Whatever goes wrong, the client gets the contract's problem.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mi_core::ids::ClaimToken;
use mi_core::limits::{IDEMPOTENCY_KEY_BYTES_MAX, REQUEST_ID_BYTES_MAX};
use mi_core::problem::Code;
use mi_core::time::Millis;

use super::body;
use super::call::Inside;
use super::operation::{Intake, Operation, Patience};
use super::reply::{no_such_route, problem_response};
use super::{Call, Door, Reply, Standing, Upgrade, Via};
use crate::agent_keys::judge::{Came, Signatory};
use crate::house::House;
use crate::infra::act::idempotency;
use crate::infra::caller::{Access, Caller};
use crate::infra::fault::{self, Fault};
use crate::infra::keys::sha256_hex;
use crate::infra::signed::nonces::Nonce;
use crate::infra::signed::read::{BodyDigest, Signed, Version};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CLAIM: &str = "x-mi-claim";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longer than the longest parked claim.
const REQUEST_MS_MAX: i64 = 90_000;

/// Every operation as a route; what has none is a problem too. The door (`serve`) says through which one a request came.
pub fn router(house: House, operations: Vec<Operation>) -> Router {
    let mut routes: Vec<(String, MethodRouter<House>)> = Vec::new();
    for operation in operations {
        let operation = Arc::new(operation);
        for path in operation.paths() {
            let method = route(&operation);
            match routes.iter_mut().find(|(known, _)| *known == path) {
                Some((_, router)) => *router = std::mem::take(router).merge(method),
                None => routes.push((path, method)),
            }
        }
    }
    let mut router = Router::new();
    for (path, method) in routes {
        router = router.route(&path, method.fallback(wrong_method));
    }
    router.fallback(nowhere).with_state(house)
}

fn route(operation: &Arc<Operation>) -> MethodRouter<House> {
    let filter = match operation.method {
        Method::GET => MethodFilter::GET,
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        Method::HEAD => MethodFilter::HEAD,
        _ => MethodFilter::POST,
    };
    let operation = Arc::clone(operation);
    on(filter, move |State(house): State<House>, request: Request<Body>| {
        let operation = Arc::clone(&operation);
        async move { dispatch(house, operation, request).await }
    })
}

async fn wrong_method(request: Request<Body>) -> Response<Body> {
    let request_id = request_id(request.headers());
    let sentence = format!("{} is not possible at this address", request.method());
    let fault = Fault::new(Code::MethodNotAllowed, sentence).hint("GET /openapi.json lists every address");
    with_request_id(problem_response(fault, &request_id, "none"), &request_id)
}

async fn nowhere(request: Request<Body>) -> Response<Body> {
    let request_id = request_id(request.headers());
    let fault = no_such_route(request.uri().path());
    with_request_id(problem_response(fault, &request_id, "none"), &request_id)
}

async fn dispatch(house: House, operation: Arc<Operation>, request: Request<Body>) -> Response<Body> {
    let request_id = request_id(request.headers());
    let work = AssertUnwindSafe(handle(house.clone(), &operation, request, request_id.clone())).catch_unwind();
    let result = match operation.patience {
        Patience::Unlimited => Some(work.await),
        Patience::Usual => house.clock.timeout_at(house.clock.now() + Millis(REQUEST_MS_MAX), work).await,
    };
    let reply = match result {
        Some(Ok(reply)) => reply,
        Some(Err(_)) => Err(fault::panicked()),
        None => Err(Fault::new(Code::RequestTimeout, "the request took too long").hint("try again")),
    };
    let response = match reply {
        Ok(reply) => reply.into_response(),
        Err(fault) => problem_response(fault, &request_id, operation.id),
    };
    with_request_id(response, &request_id)
}

async fn handle(
    house: House,
    operation: &Operation,
    request: Request<Body>,
    request_id: String,
) -> Result<Reply, Fault> {
    let (mut parts, body) = request.into_parts();
    let door = parts.extensions.get::<Door>().cloned();
    let door = door.ok_or_else(|| fault::internal("a request came through no door"))?;
    let upgrade = Upgrade::of(&mut parts.extensions);
    let params = path_params(&mut parts).await?;
    let Known { caller, nonce, signed_body } = identify(&house, operation, &parts, &params, door.via).await?;
    let claim = claim_of(&parts.headers, &caller)?;
    let (body, stream) = match operation.intake {
        Intake::Stream => (Bytes::new(), Some(body)),
        Intake::Whole { bytes_max } => {
            let whole = read_whole(&parts.headers, body, bytes_max).await?;
            (json_only(&parts.headers, whole)?, None)
        }
        Intake::Form { bytes_max } => (read_whole(&parts.headers, body, bytes_max).await?, None),
    };
    match stream {
        Some(_) => body::check_form(signed_body.as_ref(), &parts.headers)?,
        None => body::check_whole(signed_body.as_ref(), &body)?,
    }
    let idempotency = idempotency_key(operation, &parts, &caller, &body)?;
    let call = Call {
        caller,
        operation: operation.id,
        need: operation.need(),
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        params,
        body,
        stream: std::sync::Mutex::new(stream),
        upgrade: std::sync::Mutex::new(upgrade),
        claim,
        idempotency,
        nonce,
        signed_body,
        request_id,
        door,
    };
    let standing = Standing::of(&house, &call);
    match (operation.handler)(house, call).await? {
        Reply::Raw(response) => Ok(Reply::raw(standing.guard(*response))),
        answer @ Reply::Answer(_) => Ok(answer),
    }
}

/// Whoever asks, and what goes with it if the request was signed.
struct Known {
    caller: Caller,
    nonce: Option<Nonce>,
    signed_body: Option<BodyDigest>,
}

impl Known {
    fn unsigned(caller: Caller) -> Self {
        Self { caller, nonce: None, signed_body: None }
    }
}

async fn identify(
    house: &House,
    operation: &Operation,
    parts: &Parts,
    params: &[(String, String)],
    via: Via,
) -> Result<Known, Fault> {
    if operation.access == Access::Open {
        return Ok(Known::unsigned(Caller::Nobody));
    }
    let known = know(house, parts, params, via).await?;
    if operation.access.admits(&known.caller) {
        return Ok(known);
    }
    match known.caller {
        Caller::Nobody => Err(fault::unauthenticated("this needs a key")),
        Caller::Ticket { .. } => Err(fault::unauthenticated("a ticket starts a runner and nothing else")),
        Caller::User { .. } | Caller::Runner { .. } | Caller::Session { .. } | Caller::Agent { .. } => {
            Err(refuse(operation.access))
        }
    }
}

/// A signature decides alone, whatever key comes with it. What comes from inside was judged at the door.
async fn know(house: &House, parts: &Parts, params: &[(String, String)], via: Via) -> Result<Known, Fault> {
    if let Some(inside) = parts.extensions.get::<Inside>() {
        let Inside { caller, nonce } = inside.clone();
        return Ok(Known { caller, nonce, signed_body: None });
    }
    let Some(signed) = Signed::read(&parts.headers)? else {
        return Ok(Known::unsigned(house.identify(credential(&parts.headers), via).await?));
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let office = params.iter().find(|(name, _)| name == "office").and_then(|(_, id)| id.parse().ok());
    let came = Came { method: parts.method.as_str(), target, office };
    let Signatory { caller, nonce } = house.identify_signatory(&signed, came, via).await?;
    let signed_body = match signed.version {
        Version::One => None,
        Version::Two { body, .. } => Some(body),
    };
    Ok(Known { caller, nonce, signed_body })
}

fn refuse(access: Access) -> Fault {
    match access {
        Access::Ticket | Access::Runner | Access::Session | Access::Agent => {
            Fault::new(Code::NotYou, "only the agent's own runner or session may do this")
        }
        Access::Owner => fault::owner_only(),
        Access::Open | Access::User | Access::Known | Access::Viewer | Access::Operator | Access::Member => {
            fault::operator_only()
        }
    }
}

/// The key of the request. Model clients send a session's credential in their providers' headers.
fn credential(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some(key.trim());
    }
    let named = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    named("x-agent-api-key").or_else(|| named("x-api-key")).or_else(|| named("x-goog-api-key"))
}

/// The claim that a write carries. A session's credential implies its own; another one beside it is a mistake.
fn claim_of(headers: &HeaderMap, caller: &Caller) -> Result<Option<ClaimToken>, Fault> {
    let sent = match headers.get(CLAIM) {
        None => None,
        Some(value) => {
            let text = value.to_str().unwrap_or_default();
            Some(text.parse::<ClaimToken>().map_err(|_| fault::bad_request("X-Mi-Claim is a claim token"))?)
        }
    };
    match (caller, sent) {
        (Caller::Session { session, .. }, Some(sent)) if sent != *session => Err(fault::stale_claim(sent)),
        (Caller::Session { session, .. }, _) => Ok(Some(*session)),
        (
            Caller::Nobody | Caller::User { .. } | Caller::Ticket { .. } | Caller::Runner { .. } | Caller::Agent { .. },
            sent,
        ) => Ok(sent),
    }
}

async fn path_params(parts: &mut Parts) -> Result<Vec<(String, String)>, Fault> {
    let found = RawPathParams::from_request_parts(parts, &()).await;
    let found = found.map_err(|_| fault::bad_request("the address is not UTF-8"))?;
    Ok(found.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

async fn read_whole(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(body_too_large(bytes_max));
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(body_too_large(bytes_max)),
        Err(_) => Err(fault::bad_request("the body broke off")),
    }
}

fn json_only(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Fault> {
    let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("application/json");
    if body.is_empty() || kind.contains("json") {
        return Ok(body);
    }
    let sentence = format!("this reads JSON, not {}", mi_core::ids::excerpt(kind));
    Err(Fault::new(Code::UnsupportedMediaType, sentence).hint("send Content-Type: application/json"))
}

pub fn body_too_large(bytes_max: usize) -> Fault {
    Fault::new(Code::BodyTooLarge, format!("the body is larger than {bytes_max} bytes"))
}

fn idempotency_key(
    operation: &Operation,
    parts: &Parts,
    caller: &Caller,
    body: &Bytes,
) -> Result<Option<idempotency::Key>, Fault> {
    let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    if !operation.is_mutating() {
        return Ok(None);
    }
    let key = value.to_str().unwrap_or_default();
    let visible = key.bytes().all(|b| b.is_ascii_graphic());
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX || !visible {
        return Err(fault::bad_request("Idempotency-Key is 1 to 255 visible ASCII characters"));
    }
    Ok(Some(idempotency::Key {
        caller: caller.key(),
        // The same routes answer under both prefixes, so they are the same request.
        route: format!("{} {}", parts.method, parts.uri.path().replacen("/api/offices", "/api/v1/offices", 1)),
        key: key.to_owned(),
        body_sha256: sha256_hex(body),
    }))
}

/// The client's own, if it is one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !sent.is_empty() && sent.len() <= REQUEST_ID_BYTES_MAX && sent.bytes().all(legal) {
        return sent.to_owned();
    }
    uuid::Uuid::new_v4().simple().to_string()
}

fn with_request_id(mut response: Response<Body>, request_id: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
