//! What a handler gets: the request, read and judged, without a framework.

use std::net::IpAddr;
use std::pin::Pin;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, Request, Response, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use mi_core::casing::camel_keys;
use mi_core::ids::{AgentId, ClaimToken, OfficeId};
use mi_core::limits::{LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::body::Pieces;
use super::{Door, Upgrade, Wire};
use crate::infra::act::{Answer, Ask, Lateness, idempotency};
use crate::infra::caller::{Caller, Need};
use crate::infra::fault::{self, Fault};
use crate::infra::signed::nonces::Nonce;
use crate::infra::signed::read::BodyDigest;

/// What a request inside a request takes along beside its caller: under which claim, and by which key it is known again.
const CARRIED_HEADERS: [&str; 2] = ["x-mi-claim", "idempotency-key"];
/// The longest answer that one request reads of another: a whole task with everything that hangs on it.
const INSIDE_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Which door a request came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    Tcp,
    /// The socket of this agent's pod.
    Pod(AgentId),
}

/// Goes along with a request inside another one, which was judged before; nothing from outside can carry it.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    pub caller: Caller,
    pub nonce: Option<Nonce>,
}

pub struct Call {
    pub caller: Caller,
    pub operation: &'static str,
    pub need: Need,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub params: Vec<(String, String)>,
    pub body: Bytes,
    /// The unread body of an operation that streams; behind a lock only because a body can't be shared.
    pub(super) stream: std::sync::Mutex<Option<Body>>,
    /// What the connection may become; behind a lock for the same reason.
    pub(super) upgrade: std::sync::Mutex<Option<Upgrade>>,
    pub claim: Option<ClaimToken>,
    pub idempotency: Option<idempotency::Key>,
    /// Of a signed request: what it may spend once.
    pub nonce: Option<Nonce>,
    /// What was signed of the body, where the operation reads it itself.
    pub(super) signed_body: Option<BodyDigest>,
    pub request_id: String,
    pub(super) door: Door,
}

/// `limit` and `offset` of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub limit: i64,
    pub offset: i64,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: LIST_LIMIT_DEFAULT, offset: 0 }
    }
}

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<String>,
    offset: Option<String>,
}

impl Call {
    /// A path parameter as text; routes are declared with their parameters, so a missing one is our fault.
    pub fn param(&self, name: &str) -> Result<&str, Fault> {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| fault::internal(format!("no path parameter {name}")))
    }

    /// The office in the path. What is no UUID can't be an office.
    pub fn office(&self) -> Result<OfficeId, Fault> {
        self.param("office")?.parse().map_err(|_| fault::no_such_office())
    }

    /// The office of the agent whose credential this is, for addresses that name none.
    pub fn own_office(&self) -> Result<OfficeId, Fault> {
        match self.caller {
            Caller::Runner { office, .. } | Caller::Session { office, .. } | Caller::Agent { office, .. } => Ok(office),
            Caller::Nobody | Caller::User { .. } | Caller::Ticket { .. } => {
                Err(fault::internal("an operation of agents let somebody else in"))
            }
        }
    }

    /// The query as a shape; every field of it is text or optional.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let query = self.uri.query().unwrap_or_default();
        let pairs: Map<String, Value> = parse_query(query).into_iter().map(|(k, v)| (k, Value::String(v))).collect();
        serde_json::from_value(Value::Object(camel_keys(pairs)))
            .map_err(|error| fault::bad_request(format!("the query can't be read: {error}")))
    }

    pub fn page(&self) -> Result<Page, Fault> {
        let query: PageQuery = self.query()?;
        let limit = number(query.limit, "limit")?.unwrap_or(LIST_LIMIT_DEFAULT);
        let offset = number(query.offset, "offset")?.unwrap_or(0);
        Ok(Page { limit: limit.clamp(1, LIST_LIMIT_MAX), offset: offset.max(0) })
    }

    /// What the connection becomes after an answer that says so (`Reply::switching`).
    pub fn upgrade(&self, protocol: &'static str) -> Result<Upgrade, Fault> {
        let wanted = self.header("upgrade").is_some_and(|sent| sent.eq_ignore_ascii_case(protocol));
        let mut upgrade = self.upgrade.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let upgrade = upgrade.take().filter(|_| wanted);
        upgrade.ok_or_else(|| fault::upgrade_required(protocol))
    }

    /// The fields of a form; every field of the shape is text.
    pub fn form<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let text = std::str::from_utf8(&self.body).map_err(|_| fault::bad_request("the form is not UTF-8"))?;
        let pairs: Map<String, Value> = parse_query(text).into_iter().map(|(k, v)| (k, Value::String(v))).collect();
        serde_json::from_value(Value::Object(pairs)).map_err(|_| fault::bad_request("the form can't be read"))
    }

    /// `https://mi.example.org`: where the client says it reached this server, good for what it is told itself.
    pub fn origin(&self) -> Option<String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b".:-[]".contains(&b);
        let host = self.header("host").filter(|host| !host.is_empty() && host.bytes().all(legal))?;
        let encrypted = self.wire() == Wire::Encrypted || self.header("x-forwarded-proto") == Some("https");
        Some(format!("{}://{host}", if encrypted { "https" } else { "http" }))
    }

    /// The JSON body, its top-level keys in either casing.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let object = Value::Object(camel_keys(self.object()?));
        serde_json::from_value(object).map_err(|error| fault::bad_request(format!("the body can't be read: {error}")))
    }

    /// The JSON body as it came; an empty one is an empty object.
    pub fn object(&self) -> Result<Map<String, Value>, Fault> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(fault::bad_request("the body is not a JSON object")),
            Err(error) => Err(fault::bad_request(format!("the body is not JSON: {error}"))),
        }
    }

    /// The unread body of an operation that streams; empty the second time.
    pub fn take_stream(&self) -> Pieces {
        let mut stream = self.stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Pieces::new(stream.take().unwrap_or_else(Body::empty), self.signed_body.as_ref())
    }

    /// What was signed of a body that the operation reads itself.
    pub fn signed_body(&self) -> Option<&BodyDigest> {
        self.signed_body.as_ref()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the request came from; `None` through a pod's socket.
    pub fn peer(&self) -> Option<IpAddr> {
        self.door.peer.map(|peer| peer.0)
    }

    /// What came as `Authorization: Bearer`, for operations that read it themselves.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    pub fn via(&self) -> Via {
        self.door.via
    }

    pub fn wire(&self) -> Wire {
        self.door.wire
    }

    /// Sends another request in by the same door, as this one's caller, with its claim, key against repetition and nonce.
    pub async fn ask_inside(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Fault> {
        let mut request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        for name in CARRIED_HEADERS {
            if let Some(value) = self.headers.get(name) {
                request = request.header(name, value);
            }
        }
        if let Some(peer) = self.door.peer {
            request = request.extension(peer);
        }
        request = request.extension(self.door.wire).header("x-request-id", &self.request_id);
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = request.body(Body::from(body)).map_err(fault::internal)?;
        request.extensions_mut().insert(Inside { caller: self.caller.clone(), nonce: self.nonce.clone() });
        // A future that holds the front's whole future would hold itself.
        let answering: Pin<Box<dyn Future<Output = Response<Body>> + Send + '_>> =
            Box::pin(self.door.front.answer(request, self.door.via));
        let (parts, body) = answering.await.into_parts();
        let bytes = Limited::new(body, INSIDE_ANSWER_BYTES_MAX).collect().await.map_err(fault::internal)?.to_bytes();
        let body = String::from_utf8(bytes.to_vec()).map_err(fault::internal)?;
        Ok(Answer { body, ..Answer::empty(parts.status.as_u16()) })
    }

    /// What the act needs to know of this request.
    pub fn ask(&self) -> Ask {
        Ask {
            caller: self.caller.clone(),
            operation: self.operation,
            need: self.need,
            claim: self.claim,
            idempotency: self.idempotency.clone(),
            nonce: self.nonce.clone(),
            lateness: Lateness::Refused,
        }
    }
}

fn number(text: Option<String>, name: &str) -> Result<Option<i64>, Fault> {
    text.map(|text| text.parse().map_err(|_| fault::bad_request(format!("{name} is a whole number")))).transpose()
}

/// `a=1&b=x%20y`; the first of equal names wins.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let key = decode(key);
        if !pairs.iter().any(|(known, _)| *known == key) {
            pairs.push((key, decode(value)));
        }
    }
    pairs
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
