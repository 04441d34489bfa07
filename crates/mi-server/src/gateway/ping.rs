//! Pings: one tiny call of a model, for whoever sets a server or an office up.
//!
//! It costs the office nothing and is so small and so rare that it costs whoever owns the key next to nothing.

use bytes::Bytes;
use http::{HeaderMap, Method};
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::time::Millis;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::integrations::{ModelPing, PingModel};
use serde_json::{Value, json};

use super::choice::{self, Choice};
use super::kinds::Dialect;
use super::meter::{Finish, Form, Meter};
use super::providers::{self, Giver, Provider};
use super::quota::{self, Refusal};
use super::reach::{Reach, remedy};
use super::upstream::{self, Outgoing};
use super::{attempts, models, request};
use crate::house::House;
use crate::infra::fault::{self, Fault};

/// Enough for a word.
const OUTPUT_TOKENS_MAX: i64 = 16;
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const ANSWER_SECONDS_MAX: i64 = 60;
const SAID_CHARS_MAX: usize = 300;

/// One call, with the office's key or the server's.
pub async fn ping(house: &House, office: OfficeId, reach: &Reach, wish: &PingModel) -> Result<ModelPing, Fault> {
    let (provider, tier) = (word(&wish.provider), word(&wish.model));
    let kind = match provider {
        Some(named) => providers::known(named)?,
        None => reach
            .choose(HarnessKind::Native, None, tier)
            .ok_or_else(|| fault::no_model_key("any provider", &remedy(None)))?,
    };
    let all = choice::of_office(house, office).await?;
    let choice = choice::first(house, &all, kind)?;
    if let Some(seconds) = house.providers.memory.count_ping(office, house.clock.now()) {
        return Err(Fault::new(Code::RateLimited, "too many pings").retry_after(seconds));
    }
    send(house, office, &choice, models::model(kind, tier)).await
}

fn word(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

async fn send(house: &House, office: OfficeId, choice: &Choice, model: String) -> Result<ModelPing, Fault> {
    let (provider, began) = (&choice.provider, house.clock.now());
    let exchange = async {
        let response = attempts::send(house, provider, tiny(provider, &model)).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = upstream::bounded(provider, response, ANSWER_BYTES_MAX).await?;
        Ok::<_, Fault>((status, headers, text))
    };
    let until = began + Millis::seconds(ANSWER_SECONDS_MAX);
    let late = || fault::upstream_failed(provider.kind.as_str(), "it didn't answer in time");
    let (status, headers, text) = house.clock.timeout_at(until, exchange).await.ok_or_else(late)??;
    let latency_ms = (house.clock.now() - began).0;
    let mut meter = Meter::new(provider.kind.wire(), Form::Whole);
    meter.feed(&text);
    let usage = meter.finish(Finish::Whole).usage.unwrap_or_default();
    if status.is_success() {
        attempts::went_well(house, office, choice).await?;
    }
    let refusal = quota::read(provider.kind.dialect(), (status.as_u16(), &headers, &text), house.clock.now());
    let trouble = (!status.is_success()).then(|| trouble(provider, (status.as_u16(), refusal), &text, &model));
    Ok(ModelPing {
        ok: status.is_success(),
        provider: provider.kind.as_str().to_owned(),
        credits: house.settings.prices.of(provider.kind.as_str(), &model).price.cost(usage),
        model,
        key_of: match provider.giver {
            Giver::Office => "office".to_owned(),
            Giver::Server => "server".to_owned(),
        },
        status: i64::from(status.as_u16()),
        latency_ms,
        input_tokens: usage.input,
        output_tokens: usage.output,
        trouble,
    })
}

fn tiny(provider: &Provider, model: &str) -> Outgoing {
    const SAID: &str = "Answer with the word pong.";
    let messages = json!([{"role": "user", "content": SAID}]);
    let (path, body) = match provider.kind.dialect() {
        Dialect::Anthropic => {
            let body = json!({"model": model, "max_tokens": OUTPUT_TOKENS_MAX, "messages": messages});
            ("v1/messages".to_owned(), body)
        }
        Dialect::Openai => {
            // OpenAI's newer models know only the one name, other servers only the other.
            let limit = if provider.is_at_home() { "max_completion_tokens" } else { "max_tokens" };
            let body = json!({"model": model, limit: OUTPUT_TOKENS_MAX, "messages": messages});
            ("v1/chat/completions".to_owned(), body)
        }
        Dialect::Google => {
            let config = json!({"maxOutputTokens": OUTPUT_TOKENS_MAX});
            let body = json!({"contents": [{"parts": [{"text": SAID}]}], "generationConfig": config});
            (format!("v1beta/models/{}:generateContent", percent(model)), body)
        }
    };
    let mut headers = request::headers(provider.kind, &HeaderMap::new());
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Outgoing { method: Method::POST, path, query: None, headers, body: Bytes::from(body.to_string()) }
}

/// A model's name is one part of the address, whatever it holds.
fn percent(model: &str) -> String {
    percent_encoding::utf8_percent_encode(model, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn trouble(provider: &Provider, (status, refusal): (u16, Refusal), text: &[u8], model: &str) -> String {
    let (kind, said) = (provider.kind, said(text));
    match (refusal, status) {
        (Refusal::BadKey, _) => format!("it doesn't take the key; {}", remedy(Some(kind))),
        (Refusal::NotNow(Some(until)), _) => format!("quota: it takes no calls until {until}"),
        (Refusal::NotNow(None), _) => "quota: it takes no calls now, and says no time".to_owned(),
        (Refusal::Other, 402) => format!("its account has no money left: {said}"),
        (Refusal::Other, 404) => {
            format!("it knows no model {model}; mi integrations models --provider {} lists them", kind.as_str())
        }
        (Refusal::Other, 500..) => format!("it has trouble of its own ({status}); try again later"),
        (Refusal::Other, _) => format!("it refused the call ({status}): {said}"),
    }
}

/// The provider's own words, shortened. The key was taken out before.
fn said(text: &[u8]) -> String {
    let whole: Option<Value> = serde_json::from_slice(text).ok();
    let message = whole.as_ref().and_then(|whole| whole["error"]["message"].as_str()).unwrap_or("it didn't say why");
    message.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}
