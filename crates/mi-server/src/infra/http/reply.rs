//! What a handler gives back, and how a fault becomes the contract's problem.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, UPGRADE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use futures_util::stream::Stream;
use mi_core::limits::LIST_COUNT_MAX;
use mi_core::problem::{Code, Problem};

use crate::infra::act::Answer;
use crate::infra::fault::{self, Fault};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const TOTAL_COUNT_CAPPED: HeaderName = HeaderName::from_static("x-total-count-capped");
const NEVER_STORED: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer of an act, or bytes that flow.
pub enum Reply {
    Answer(Answer),
    Raw(Box<Response<Body>>),
}

/// Of a page's style, so that no other style in it is followed.
const NONCE_BYTES: usize = 16;

/// What a page shows; its texts are escaped already.
pub struct Page {
    pub status: u16,
    pub title: String,
    pub style: &'static str,
    pub body: String,
}

impl Page {
    fn html(&self, nonce: &str) -> String {
        let (title, style, body) = (escaped(&self.title), self.style, &self.body);
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
             <style nonce=\"{nonce}\">{style}</style><main>{body}</main></html>\n"
        )
    }
}

/// Text as HTML shows it, between tags and in quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Reply::Answer(answer)
    }
}

impl Reply {
    pub fn raw(response: Response<Body>) -> Self {
        Reply::Raw(Box::new(response))
    }

    pub fn text(content_type: &'static str, text: String) -> Self {
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Reply::raw(response)
    }

    /// A page for a person's browser: without scripts, not to be framed, kept by nobody.
    pub fn page(page: Page) -> Result<Self, Fault> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(fault::internal)?;
        let nonce = hex::encode(nonce);
        let mut response = Response::new(Body::from(page.html(&nonce)));
        *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).map_err(fault::internal)?);
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(CACHE_CONTROL, NEVER_STORED);
        Ok(Reply::raw(response))
    }

    /// The same, and the browser is told what to keep.
    pub fn page_with_cookie(page: Page, cookie: &str) -> Result<Self, Fault> {
        let mut response = Self::page(page)?.into_response();
        response.headers_mut().insert(SET_COOKIE, HeaderValue::from_str(cookie).map_err(fault::internal)?);
        Ok(Reply::raw(response))
    }

    /// After a form: the browser goes on to another page, with a cookie.
    pub fn see_other(path: &str, cookie: &str) -> Result<Self, Fault> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let headers = response.headers_mut();
        headers.insert(LOCATION, HeaderValue::from_str(path).map_err(fault::internal)?);
        headers.insert(SET_COOKIE, HeaderValue::from_str(cookie).map_err(fault::internal)?);
        headers.insert(CACHE_CONTROL, NEVER_STORED);
        Ok(Reply::raw(response))
    }

    /// An answer whose state has a name: who knows that name already is told that nothing changed.
    pub fn tagged(answer: Answer, tag: &str, known: Option<&str>) -> Self {
        let is_known = known.is_some_and(|known| known.split(',').any(|one| bare(one) == tag));
        let mut response = answer_response(answer);
        if is_known {
            response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
            response.headers_mut().insert(ETAG, tag);
        }
        Reply::raw(response)
    }

    /// A refusal with more in it than the contract's body, worth a repetition after so long.
    pub fn later(answer: Answer, seconds: i64) -> Self {
        let mut response = answer_response(answer);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        Reply::raw(response)
    }

    /// An answer that nobody on its way may keep.
    pub fn private(answer: Answer) -> Self {
        let mut response = answer_response(answer);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Reply::raw(response)
    }

    /// Bytes that come as they are read, and that nobody keeps.
    pub fn flow<S>(content_type: &'static str, pieces: S) -> Self
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let mut response = Response::new(Body::from_stream(pieces));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(CACHE_CONTROL, NEVER_STORED);
        Reply::raw(response)
    }

    /// The connection is HTTP no more.
    pub fn switching(protocol: &'static str) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static(protocol));
        Reply::raw(response)
    }

    pub fn into_response(self) -> Response<Body> {
        match self {
            Reply::Raw(response) => *response,
            Reply::Answer(answer) => answer_response(answer),
        }
    }
}

/// A tag without its quotes and without the mark of a weak one.
fn bare(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

fn answer_response(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if answer.status != 204 {
        headers.insert(CONTENT_TYPE, JSON);
    }
    if let Some(total) = answer.total {
        headers.insert(TOTAL_COUNT, HeaderValue::from(total.min(LIST_COUNT_MAX)));
        if total > LIST_COUNT_MAX {
            headers.insert(TOTAL_COUNT_CAPPED, HeaderValue::from_static("true"));
        }
    }
    response
}

/// Logs a fault once and turns it into the contract's body.
pub fn problem_response(fault: Fault, request_id: &str, operation: &str) -> Response<Body> {
    log(&fault, request_id, operation);
    problem_body(fault, request_id)
}

/// The contract's body, for what is recorded elsewhere.
pub fn problem_body(fault: Fault, request_id: &str) -> Response<Body> {
    let problem = Problem {
        error: fault.sentence,
        code: fault.code.as_str().to_owned(),
        hint: fault.hint,
        request_id: request_id.to_owned(),
        must_stop: matches!(fault.code, Code::StaleClaim | Code::Superseded).then_some(true),
        server_time: fault.server_time_seconds,
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let mut response = answer_response(Answer { body, ..Answer::empty(fault.code.status()) });
    if let Some(seconds) = fault.retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

fn log(fault: &Fault, request_id: &str, act: &str) {
    let code = fault.code.as_str();
    let cause = fault.cause.as_deref().unwrap_or_default();
    match fault.code.status() {
        500 | 507 => tracing::error!(act, code, request_id, cause, "{}", fault.sentence),
        // Whoever is told to wait can ask again at once, and an agent can make that a flood.
        502 => tracing::warn!(act, code, request_id, cause, "{}", fault.sentence),
        _ => tracing::debug!(act, code, request_id, cause, "{}", fault.sentence),
    }
}

/// For addresses that lead nowhere.
pub fn no_such_route(path: &str) -> Fault {
    fault::Fault::new(Code::NoSuchRoute, format!("there is nothing at {}", mi_core::ids::excerpt(path)))
        .hint("GET /openapi.json lists every address")
}
