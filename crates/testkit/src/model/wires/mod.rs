//! The four wires: how each provider takes a conversation and shapes an answer.
//!
//! A wire reads a request into a `Conversation` and writes an `Answer` as one JSON body or as events; it decides
//! nothing. Shapes follow the providers' public API references.

pub(super) mod anthropic;
pub(super) mod gemini;
pub(super) mod openai_chat;
pub(super) mod openai_responses;

use super::answer::{Answer, Fault};
use super::conversation::{Conversation, Delivery, StreamUsage};
use super::matching::tokens;
use super::tools::Offered;
use axum::http::Uri;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    OpenAiResponses,
    OpenAiChat,
    Anthropic,
    Gemini,
}

impl Wire {
    /// Reads a request; what a provider would refuse is an error whose words go into its 400.
    pub fn read(self, uri: &Uri, body: &Value) -> anyhow::Result<Conversation> {
        let conversation = match self {
            Self::OpenAiResponses => openai_responses::read(body),
            Self::OpenAiChat => openai_chat::read(body),
            Self::Anthropic => anthropic::read(body),
            Self::Gemini => gemini::read(uri, body),
        }?;
        conversation.check_calls()?;
        Ok(conversation)
    }

    /// The answer to a caller that only wants its tokens counted.
    pub fn token_count(self, uri: &Uri, body: &[u8]) -> Option<Value> {
        let path = uri.path();
        let tokens = tokens(body.len());
        match self {
            Self::Anthropic if path.ends_with("/count_tokens") => Some(json!({"input_tokens": tokens})),
            Self::Gemini if path.ends_with(":countTokens") => Some(json!({"totalTokens": tokens})),
            Self::OpenAiResponses | Self::OpenAiChat | Self::Anthropic | Self::Gemini => None,
        }
    }

    pub fn whole(self, answer: &Answer) -> Value {
        match self {
            Self::OpenAiResponses => openai_responses::whole(answer),
            Self::OpenAiChat => openai_chat::whole(answer),
            Self::Anthropic => anthropic::whole(answer),
            Self::Gemini => gemini::whole(answer),
        }
    }

    /// The answer's events, each as the bytes that go onto the wire.
    pub fn events(self, answer: &Answer, usage: StreamUsage) -> Vec<String> {
        match self {
            Self::OpenAiResponses => openai_responses::events(answer),
            Self::OpenAiChat => openai_chat::events(answer, usage),
            Self::Anthropic => anthropic::events(answer),
            Self::Gemini => gemini::events(answer),
        }
    }

    pub fn fault(self, fault: &Fault) -> Value {
        match self {
            Self::OpenAiResponses | Self::OpenAiChat => openai_fault(fault),
            Self::Anthropic => anthropic::fault(fault),
            Self::Gemini => gemini::fault(fault),
        }
    }

    /// The header in which the provider names the request.
    pub fn request_id_header(self) -> &'static str {
        match self {
            Self::OpenAiResponses | Self::OpenAiChat => "x-request-id",
            Self::Anthropic => "request-id",
            Self::Gemini => "x-goog-request-id",
        }
    }
}

/// The functions in a list of tools; `function` finds what has the name.
fn offered(tools: &Value, function: &dyn Fn(&Value) -> Option<&Value>) -> Vec<Offered> {
    let tools = tools.as_array().into_iter().flatten();
    tools.filter_map(|tool| function(tool)?["name"].as_str()).map(Offered::function).collect()
}

/// Arguments that a wire writes as a text of JSON; what is none stays a text.
fn written(arguments: &Value) -> Value {
    let text = arguments.as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| arguments.clone())
}

pub(super) fn delivery(stream: &Value, usage: StreamUsage) -> Delivery {
    match stream.as_bool() {
        Some(true) => Delivery::Events { usage },
        Some(false) | None => Delivery::Whole,
    }
}

/// One event with a name, as Anthropic and the Responses wire send it.
fn named_event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn openai_fault(fault: &Fault) -> Value {
    let (kind, code) = match fault.status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("insufficient_quota")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        500..600 => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({"error": {"message": fault.message, "type": kind, "param": null, "code": code}})
}
