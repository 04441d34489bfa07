//! One attempt: what is sent, and what became of it.

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use mi_core::ids::OfficeId;
use mi_core::time::Millis;
use mi_core::wire::webhooks::DeliveryCause;
use serde_json::json;

use super::deliver::Job;
use super::rules::Success;
use super::secret;
use crate::house::House;
use crate::infra::fault::{self, Fault};
use crate::infra::outbound::Outgoing;

const SIGNATURE: HeaderName = HeaderName::from_static("x-mi-signature");
const EVENT: HeaderName = HeaderName::from_static("x-mi-event");
const DELIVERY: HeaderName = HeaderName::from_static("x-mi-delivery");
const ATTEMPT: HeaderName = HeaderName::from_static("x-mi-attempt");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("mi/", env!("CARGO_PKG_VERSION")));
/// A receiver takes a delivery and works on it later.
pub const DELIVERY_SECONDS_MAX: i64 = 10;
/// What a receiver says is not kept.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
const EVENT_PRUNED: &str = "the event is older than the history and is gone";

pub struct Outcome {
    pub status: Option<i64>,
    /// `None` for a success.
    pub error: Option<String>,
    pub duration_ms: i64,
}

impl Outcome {
    pub fn success(&self) -> Success {
        if self.error.is_none() { Success::Yes } else { Success::No }
    }

    fn unsent(error: impl ToString) -> Self {
        Self { status: None, error: Some(error.to_string()), duration_ms: 0 }
    }
}

/// A fault is ours; everything else is an outcome.
pub async fn send(house: &House, office: OfficeId, job: &Job) -> Result<Outcome, Fault> {
    if job.event.is_none() && job.delivery.cause != DeliveryCause::Test {
        return Ok(Outcome::unsent(EVENT_PRUNED));
    }
    // What is allowed may be another today than when the webhook was made.
    let address = match house.outbound.read(&job.webhook.url) {
        Ok(address) => address,
        Err(bad) => return Ok(Outcome::unsent(bad)),
    };
    let body = body(house, office, job);
    let headers = headers(house, office, job, &body)?;
    let outgoing = Outgoing {
        method: Method::POST,
        address,
        headers,
        body: Bytes::from(body),
        time_max: Millis::seconds(DELIVERY_SECONDS_MAX),
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let line = house.webhooks.line(office).await.map_err(fault::internal)?;
    let began = house.clock.now();
    let answered = house.outbound.send(&house.clock, outgoing).await;
    drop(line);
    let Millis(duration_ms) = house.clock.now() - began;
    Ok(match answered {
        Ok(answered) => Outcome { status: Some(answered.status.into()), error: refusal(answered.status), duration_ms },
        Err(failure) => Outcome { status: None, error: Some(failure.to_string()), duration_ms },
    })
}

fn refusal(status: u16) -> Option<String> {
    match status {
        200..=299 => None,
        300..=399 => Some(format!("the receiver answered {status}, and redirects are not followed")),
        _ => Some(format!("the receiver answered {status}")),
    }
}

/// The same in every attempt.
fn body(house: &House, office: OfficeId, job: &Job) -> String {
    let delivery = secret::delivery_name(&house.keys, office, job.webhook.id, job.delivery.n);
    json!({
        "delivery": delivery,
        "webhook": job.webhook.id,
        "office": office,
        "type": job.delivery.kind,
        "event": job.event,
    })
    .to_string()
}

fn headers(house: &House, office: OfficeId, job: &Job, body: &str) -> Result<HeaderMap, Fault> {
    let secret = secret::open(&house.keys, office, job.webhook.id, &job.webhook.sealed)?;
    let delivery = secret::delivery_name(&house.keys, office, job.webhook.id, job.delivery.n);
    let value = |text: &str| HeaderValue::from_str(text).map_err(fault::internal);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(USER_AGENT, AGENT);
    headers.insert(EVENT, value(&job.delivery.kind)?);
    headers.insert(DELIVERY, value(&delivery)?);
    headers.insert(ATTEMPT, HeaderValue::from(job.delivery.attempts + 1));
    headers.insert(SIGNATURE, value(&secret::signature(&secret, house.clock.now(), body))?);
    Ok(headers)
}
