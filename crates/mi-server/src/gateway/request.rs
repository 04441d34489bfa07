//! What of a caller's request goes to the provider.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use mi_core::wire::runner::Wire;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::estimate::Wanted;
use super::kinds::{Dialect, Kind};
use super::members;
use super::outside::{Reads, reads};
use super::paths::Target;
use super::tools;
use crate::infra::fault::{self, Fault};

const MODEL_NAME_BYTES_MAX: usize = 200;
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Headers of the caller that end here: who it is, what its connection needs, whom it wants to be charged.
const KEPT_BACK: [&str; 28] = [
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "openai-organization",
    "openai-project",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-api-key",
    "x-content-sha256",
    "x-goog-api-key",
    "x-goog-fieldmask",
    "x-goog-user-project",
    "x-office-id",
];
const KEPT_BACK_STARTS: [&str; 5] = ["x-mi-", "x-agent-", "x-forwarded-", "x-signature", "x-real-"];
/// Ways to put a key into the query.
const KEYS_IN_QUERY: [&str; 4] = ["key", "api_key", "api-key", "access_token"];
/// Ways to have an answer without the numbers that it is paid by.
const MASKS_IN_QUERY: [&str; 2] = ["fields", "$fields"];
/// The one form of an answer, besides JSON, that can be asked for in the query.
const EVENTS: &str = "sse";

/// The caller's headers without those that end here.
pub fn headers(kind: Kind, sent: &HeaderMap) -> HeaderMap {
    let named = named_by_connection(sent);
    let mut out = HeaderMap::new();
    for (name, value) in sent {
        let text = name.as_str();
        let is_kept_back = KEPT_BACK.contains(&text)
            || KEPT_BACK_STARTS.iter().any(|start| text.starts_with(start))
            || named.iter().any(|named| named == text);
        if !is_kept_back {
            out.append(name.clone(), value.clone());
        }
    }
    if kind.dialect() == Dialect::Anthropic {
        let version = HeaderName::from_static("anthropic-version");
        out.entry(version).or_insert(HeaderValue::from_static(ANTHROPIC_VERSION));
    }
    out
}

/// `Connection: close, X-Other` makes `X-Other` a header of this connection only. Source: RFC 9110, 7.6.1.
fn named_by_connection(sent: &HeaderMap) -> Vec<String> {
    let lists = sent.get_all(http::header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// The query without keys, and without what would keep the call from being metered.
pub fn query(sent: Option<&str>) -> Option<String> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().to_ascii_lowercase();
    let ends_here = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (decoded(name), decoded(value));
        let is_other_form = matches!(name.as_str(), "alt" | "$alt") && value != EVENTS;
        KEYS_IN_QUERY.contains(&name.as_str()) || MASKS_IN_QUERY.contains(&name.as_str()) || is_other_form
    };
    let kept: Vec<&str> = sent?.split('&').filter(|part| !part.is_empty() && !ends_here(part)).collect();
    if kept.is_empty() { None } else { Some(kept.join("&")) }
}

/// What an address leads to or a search finds counts as this much: a whole context would be more than most offices have at
/// once, and who needs more of it pays no more than that. What a caller had the provider keep may be a whole one.
const FOUND_OUTSIDE_BYTES: usize = 600_000;

/// What the gateway reads of a call's body.
#[derive(Deserialize)]
struct Peek {
    model: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<Value>,
    max_tokens: Option<Value>,
    max_completion_tokens: Option<Value>,
    max_output_tokens: Option<Value>,
    n: Option<Value>,
    #[serde(rename = "generationConfig", alias = "generation_config")]
    generation: Option<Value>,
    thinking: Option<Value>,
    background: Option<Value>,
    #[serde(alias = "serviceTier")]
    service_tier: Option<Value>,
    inference_geo: Option<Value>,
    speed: Option<Value>,
    /// OpenRouter's own: further models that may answer.
    models: Option<IgnoredAny>,
    previous_response_id: Option<IgnoredAny>,
    conversation: Option<IgnoredAny>,
    prompt: Option<IgnoredAny>,
}

/// A call's model, what it may answer, and the body that goes out.
#[derive(Debug, PartialEq, Eq)]
pub struct Prepared {
    pub model: String,
    pub answer: Wanted,
    pub reads: Reads,
    pub body: Bytes,
}

impl Prepared {
    /// As many bytes the model reads, as far as that can be told; it stops by itself where its context ends.
    pub fn read_bytes_max(&self) -> usize {
        match self.reads {
            Reads::Body => self.body.len(),
            Reads::Kept => usize::MAX,
            Reads::Outside => self.body.len() + FOUND_OUTSIDE_BYTES,
        }
    }
}

pub fn not_a_call(error: serde_json::Error) -> Fault {
    fault::bad_request(format!("the body is no call of a model: {error}"))
}

/// Reads the model's name and makes streamed chats report their usage; all else stays as it came.
pub fn prepare(target: &Target, body: Bytes) -> Result<Prepared, Fault> {
    let Target::Generate { wire, model } = target else {
        return Ok(Prepared { model: String::new(), answer: Wanted::default(), reads: Reads::Body, body });
    };
    let peek = Peek::read(&body)?;
    peek.check(*wire)?;
    let answer = peek.answer(*wire)?;
    let found = match reads(*wire, &body).map_err(not_a_call)? {
        Reads::Body if peek.is_kept_elsewhere() => Reads::Kept,
        found => found,
    };
    let model = model.clone().or(peek.model).ok_or_else(|| fault::bad_request("the body names no model"))?;
    if model.len() > MODEL_NAME_BYTES_MAX {
        return Err(fault::too_long("the model's name", MODEL_NAME_BYTES_MAX, "bytes"));
    }
    let reads = if tools::is_searching(&model) { Reads::Outside } else { found };
    let is_streamed_chat = *wire == Wire::OpenaiChat && peek.stream == Some(true);
    let body = if is_streamed_chat { with_usage(body, peek.stream_options)? } else { body };
    Ok(Prepared { model, answer, reads, body })
}

/// A list would be read as the members in their order.
pub fn check_object(body: &[u8]) -> Result<(), Fault> {
    match body.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        Some(_) | None => Err(fault::bad_request("the body is no call of a model: it is no JSON object")),
    }
}

impl Peek {
    fn read(body: &[u8]) -> Result<Self, Fault> {
        check_object(body)?;
        serde_json::from_slice(body).map_err(not_a_call)
    }

    /// What can't be paid for as the call goes by.
    fn check(&self, wire: Wire) -> Result<(), Fault> {
        if wire == Wire::OpenaiResponses && self.background.as_ref().is_some_and(|value| *value != json!(false)) {
            return Err(fault::bad_request(
                "background: the gateway pays for answers that pass through it, and this one doesn't",
            )
            .hint("leave background out of the call"));
        }
        for (word, value, dear) in [("service_tier", &self.service_tier, "priority"), ("speed", &self.speed, "fast")] {
            let said = value.as_ref().and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
            if said.ends_with(dear) {
                return Err(fault::bad_request(format!("{word}: {dear} costs more than the price that is put aside"))
                    .hint(format!("leave {word} out of the call")));
            }
        }
        let place = self.inference_geo.as_ref().and_then(Value::as_str);
        if place.is_some_and(|place| place != "global") {
            return Err(fault::bad_request(
                "inference_geo: another place than global costs more than the price that is put aside",
            )
            .hint("leave inference_geo out of the call"));
        }
        if self.models.is_some() {
            return Err(fault::bad_request(
                "models: the gateway puts aside what one model may cost, so a call names one",
            )
            .hint("name it in model; fallbackModels in the office's settings name others"));
        }
        Ok(())
    }

    /// The provider keeps a part of what the model reads.
    const fn is_kept_elsewhere(&self) -> bool {
        self.previous_response_id.is_some() || self.conversation.is_some() || self.prompt.is_some()
    }

    /// By the words of the call's own wire: another's mean nothing there, and would only make a dear call look cheap.
    fn answer(&self, wire: Wire) -> Result<Wanted, Fault> {
        let limits = match wire {
            Wire::Anthropic => vec![("max_tokens", self.max_tokens.as_ref())],
            Wire::OpenaiChat => vec![
                ("max_tokens", self.max_tokens.as_ref()),
                ("max_completion_tokens", self.max_completion_tokens.as_ref()),
            ],
            Wire::OpenaiResponses => vec![("max_output_tokens", self.max_output_tokens.as_ref())],
            Wire::Gemini => ["maxOutputTokens", "max_output_tokens"].map(|word| (word, self.generation(word))).into(),
        };
        let counts = match wire {
            Wire::Anthropic | Wire::OpenaiResponses => vec![],
            Wire::OpenaiChat => vec![("n", self.n.as_ref())],
            Wire::Gemini => ["candidateCount", "candidate_count"].map(|word| (word, self.generation(word))).into(),
        };
        // Anthropic refuses a call whose limit is not above them.
        let thoughts = self
            .thinking
            .as_ref()
            .and_then(|thinking| thinking.get("budget_tokens"))
            .filter(|budget| !budget.is_null());
        let thoughts = if wire == Wire::Anthropic { vec![("budget_tokens", thoughts)] } else { vec![] };
        Ok(Wanted {
            // Some servers take 0 for no limit, and the others refuse it.
            output_max: largest(&limits)?.filter(|limit| *limit > 0),
            count: largest(&counts)?.unwrap_or(1).max(1),
            thoughts: largest(&thoughts)?.unwrap_or(0),
        })
    }

    fn generation(&self, word: &str) -> Option<&Value> {
        self.generation.as_ref()?.get(word).filter(|value| !value.is_null())
    }
}

/// Of those that are there. A number in another dress, such as `8.0` or `"8"`, might be one to the provider, so it isn't
/// overlooked.
fn largest(words: &[(&str, Option<&Value>)]) -> Result<Option<u64>, Fault> {
    let mut found = None;
    for (word, value) in words.iter().filter_map(|(word, value)| Some((word, (*value)?))) {
        let number = value.as_u64().ok_or_else(|| fault::bad_request(format!("{word}: it is no whole number")))?;
        found = found.max(Some(number));
    }
    Ok(found)
}

/// `stream_options.include_usage`: without it a streamed chat ends without numbers.
fn with_usage(body: Bytes, options: Option<Value>) -> Result<Bytes, Fault> {
    if options.as_ref().is_some_and(|options| options["include_usage"] == json!(true)) {
        return Ok(body);
    }
    members::put(body, "stream_options", |before| {
        let mut options = before.as_object().cloned().unwrap_or_default();
        options.insert("include_usage".to_owned(), json!(true));
        Value::Object(options)
    })
}

/// Headers of a provider's answer that reach the caller; everything that tells whose account it is stays here.
const PASSED_ON: [&str; 7] = [
    "cache-control",
    "content-type",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "anthropic-version",
];
const PASSED_ON_STARTS: [&str; 2] = ["anthropic-ratelimit-", "x-ratelimit-"];

pub fn answer_headers(from: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (name, value) in from {
        let text = name.as_str();
        if PASSED_ON.contains(&text) || PASSED_ON_STARTS.iter().any(|start| text.starts_with(start)) {
            out.append(name.clone(), value.clone());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: Target = Target::Generate { wire: Wire::OpenaiChat, model: None };

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut out = HeaderMap::new();
        for (name, value) in pairs {
            out.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        out
    }

    #[test]
    fn what_belongs_to_the_caller_stays_here() {
        let sent = map(&[
            ("Authorization", "Bearer mis_secret"),
            ("X-Api-Key", "mis_secret"),
            ("x-goog-api-key", "mis_secret"),
            ("X-Agent-Api-Key", "mis_secret"),
            ("Cookie", "a=b"),
            ("X-Mi-Claim", "7"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("Connection", "keep-alive, X-Hop"),
            ("X-Hop", "1"),
            ("Host", "127.0.0.1:7700"),
            ("Accept-Encoding", "gzip"),
            ("OpenAI-Organization", "org"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Type", "application/json"),
            ("Anthropic-Beta", "a"),
            ("Anthropic-Beta", "b"),
            ("User-Agent", "x/1"),
        ]);
        let kept = [
            ("content-type", "application/json"),
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("user-agent", "x/1"),
        ];
        assert_eq!(headers(Kind::Openai, &sent), map(&kept));
        let mut anthropic = map(&kept);
        anthropic.insert("anthropic-version", HeaderValue::from_static(ANTHROPIC_VERSION));
        assert_eq!(headers(Kind::Anthropic, &sent), anthropic);
    }

    #[test]
    fn keys_leave_the_query() {
        assert_eq!(query(Some("alt=sse&key=mis_x")).as_deref(), Some("alt=sse"));
        assert_eq!(query(Some("k%65y=1&beta=true&KEY=2")).as_deref(), Some("beta=true"));
        assert_eq!(query(Some("key=1")), None);
        assert_eq!(query(Some("fields=candidates&alt=proto&%24fields=a&alt=SSE")).as_deref(), Some("alt=SSE"));
        assert_eq!(query(None), None);
    }

    fn check(body: &str, expected: &str) {
        let prepared = prepare(&CHAT, Bytes::copy_from_slice(body.as_bytes())).unwrap();
        assert_eq!(std::str::from_utf8(&prepared.body).unwrap(), expected);
        assert_eq!(prepared.model, "m");
    }

    #[test]
    fn streamed_chats_are_made_to_report_their_usage() {
        check(
            r#" {"model":"m","stream":true,"z":1,"a":2}"#,
            r#" {"stream_options":{"include_usage":true},"model":"m","stream":true,"z":1,"a":2}"#,
        );
        check(r#"{"model":"m","stream":false}"#, r#"{"model":"m","stream":false}"#);
        check(r#"{"model":"m"}"#, r#"{"model":"m"}"#);
        let asked = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true,"x":1}}"#;
        check(asked, asked);
        for options in ["null", "{}", r#"{"include_usage":false}"#] {
            let body = format!(r#"{{"model":"m","stream":true,"stream_options":{options}}}"#);
            let prepared = prepare(&CHAT, body.into()).unwrap();
            let sent: Value = serde_json::from_slice(&prepared.body).unwrap();
            assert_eq!(sent["stream_options"], json!({"include_usage": true}), "{options}");
        }
    }

    #[test]
    fn a_body_that_is_no_call_is_refused() {
        for body in ["", "[]", "7", "{", "{}", r#"{"model":7}"#, r#"{"model":"a","model":"b"}"#] {
            assert!(prepare(&CHAT, Bytes::copy_from_slice(body.as_bytes())).is_err(), "{body}");
        }
        let gemini = Target::Generate { wire: Wire::Gemini, model: Some("g".to_owned()) };
        assert_eq!(prepare(&gemini, Bytes::from_static(b"{}")).unwrap().model, "g");
    }

    #[test]
    fn only_the_words_of_the_calls_own_wire_limit_its_answer() {
        let all = r#"{"model":"m","max_tokens":1,"max_completion_tokens":2,"max_output_tokens":3,"n":4,
            "generationConfig":{"maxOutputTokens":5,"candidateCount":6}}"#;
        let none = |without: &str| all.replace(without, "\"x\"");
        for (wire, own, limit, count) in [
            (Wire::Anthropic, "\"max_tokens\"", 1, 1),
            (Wire::OpenaiChat, "\"max_completion_tokens\"", 2, 4),
            (Wire::OpenaiResponses, "\"max_output_tokens\"", 3, 1),
            (Wire::Gemini, "\"maxOutputTokens\"", 5, 6),
        ] {
            let target = Target::Generate { wire, model: None };
            let answer = |body: &str| prepare(&target, Bytes::copy_from_slice(body.as_bytes())).unwrap().answer;
            assert_eq!(answer(all), Wanted { output_max: Some(limit), count, thoughts: 0 }, "{wire:?}");
            let other = if wire == Wire::OpenaiChat { Some(1) } else { None };
            assert_eq!(answer(&none(own)).output_max, other, "{wire:?}");
        }
    }

    #[test]
    fn a_number_in_another_dress_is_refused_and_not_overlooked() {
        for (wire, body) in [
            (Wire::OpenaiChat, r#"{"model":"m","max_tokens":9e9,"max_completion_tokens":1}"#),
            (Wire::OpenaiChat, r#"{"model":"m","max_tokens":1,"n":64.0}"#),
            (Wire::OpenaiResponses, r#"{"model":"m","max_output_tokens":"7"}"#),
            (Wire::Anthropic, r#"{"model":"m","max_tokens":-1}"#),
            (Wire::Anthropic, r#"{"model":"m","max_tokens":9,"thinking":{"budget_tokens":5.0}}"#),
            (Wire::Gemini, r#"{"model":"m","generationConfig":{"candidateCount":"8"}}"#),
        ] {
            let told = prepare(&Target::Generate { wire, model: None }, body.into()).unwrap_err();
            assert!(told.sentence.ends_with("it is no whole number"), "{body}: {}", told.sentence);
        }
        let none = r#"{"model":"m","max_tokens":null,"n":null,"thinking":{"budget_tokens":null}}"#;
        assert_eq!(prepare(&CHAT, none.into()).unwrap().answer.output_max, None);
    }

    #[test]
    fn what_cant_be_paid_for_is_refused() {
        let responses = Target::Generate { wire: Wire::OpenaiResponses, model: None };
        let told = |body: &'static str| prepare(&responses, body.into()).map_err(|fault| fault.sentence);
        assert!(told(r#"{"model":"m","background":true}"#).unwrap_err().starts_with("background:"));
        assert!(told(r#"{"model":"m","models":["a","b"]}"#).unwrap_err().starts_with("models:"));
        assert!(told(r#"{"model":"m","service_tier":"priority"}"#).unwrap_err().starts_with("service_tier:"));
        assert!(told(r#"{"model":"m","serviceTier":"SERVICE_TIER_PRIORITY"}"#).is_err());
        assert!(told(r#"{"model":"m","inference_geo":"us"}"#).unwrap_err().starts_with("inference_geo:"));
        assert!(told(r#"{"model":"m","background":false,"models":null,"service_tier":"auto"}"#).is_ok());
    }

    #[test]
    fn what_the_provider_keeps_or_finds_is_more_than_the_body() {
        let responses = Target::Generate { wire: Wire::OpenaiResponses, model: None };
        let reads = |body: &'static str| prepare(&responses, body.into()).unwrap().read_bytes_max();
        assert_eq!(reads(r#"{"model":"m"}"#), 13);
        for body in [
            r#"{"model":"m","previous_response_id":"r"}"#,
            r#"{"model":"m","conversation":{"id":"c"}}"#,
            r#"{"model":"m","prompt":{"id":"p"}}"#,
        ] {
            assert_eq!(reads(body), usize::MAX, "{body}");
        }
        let found = r#"{"model":"m","input":[{"type":"input_file","file_url":"https://a.example"}]}"#;
        assert_eq!(reads(found), found.len() + FOUND_OUTSIDE_BYTES);
    }

    #[test]
    fn an_answer_doesnt_tell_whose_account_it_is() {
        let from = map(&[
            ("content-type", "text/event-stream"),
            ("set-cookie", "a=b"),
            ("openai-organization", "org"),
            ("anthropic-organization-id", "org"),
            ("retry-after", "3"),
            ("x-ratelimit-remaining-tokens", "7"),
            ("transfer-encoding", "chunked"),
        ]);
        let kept =
            map(&[("content-type", "text/event-stream"), ("retry-after", "3"), ("x-ratelimit-remaining-tokens", "7")]);
        assert_eq!(answer_headers(&from), kept);
    }
}
