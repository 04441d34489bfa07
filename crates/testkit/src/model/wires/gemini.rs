//! Gemini: contents in, candidates out; the model's name and the way of delivery are in the path.

use super::offered;
use crate::model::answer::{Answer, Call, Fault, Tokens, fragments};
use crate::model::conversation::{
    Conversation, Delivery, Entry, PastCall, Speaker, StreamUsage, content_text, list_field, strings_within, text_field,
};
use anyhow::{Context, bail, ensure};
use axum::http::Uri;
use serde_json::{Value, json};

pub(in crate::model) fn read(uri: &Uri, body: &Value) -> anyhow::Result<Conversation> {
    let (model, delivery) = target(uri)?;
    let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
    let system = system.map(|system| content_text(&system["parts"])).unwrap_or_default();
    let mut entries = vec![Entry::said(Speaker::System, system)];
    let contents = list_field(body, "contents")?;
    ensure!(!contents.is_empty(), "* GenerateContentRequest.contents: contents is not specified");
    for content in contents {
        let speaker = match content["role"].as_str() {
            Some("user" | "function") | None => Speaker::User,
            Some("model") => Speaker::Model,
            Some(role) => bail!("Please use a valid role: user, model. Not {role}."),
        };
        for part in list_field(content, "parts")? {
            entries.push(entry(speaker, part)?);
        }
    }
    let groups = body["tools"].as_array().into_iter().flatten();
    let tools = groups.flat_map(|group| offered(&group["functionDeclarations"], &|tool| Some(tool))).collect();
    Ok(Conversation { model, entries, tools, delivery })
}

fn target(uri: &Uri) -> anyhow::Result<(String, Delivery)> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let (model, act) = last.split_once(':').context("the path names no model and method")?;
    let delivery = match act {
        "generateContent" => Delivery::Whole,
        "streamGenerateContent" if asks_for_events(uri) => Delivery::Events { usage: StreamUsage::Told },
        "streamGenerateContent" => Delivery::Array,
        _ => bail!("method {act} is not served"),
    };
    Ok((model.to_owned(), delivery))
}

fn asks_for_events(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"))
}

fn entry(speaker: Speaker, part: &Value) -> anyhow::Result<Entry> {
    if let Some(call) = part.get("functionCall") {
        let arguments = call["args"].clone();
        return Ok(Entry::called(vec![PastCall { id: None, name: text_field(call, "name")?, arguments }]));
    }
    if let Some(result) = part.get("functionResponse") {
        text_field(result, "name")?;
        return Ok(Entry::result(None, strings_within(&result["response"])));
    }
    Ok(Entry::said(speaker, content_text(part)))
}

pub(in crate::model) fn whole(answer: &Answer) -> Value {
    let text = answer.text.iter().map(|text| json!({"text": text}));
    chunk(answer, text.chain(answer.calls.iter().map(call_part)).collect(), Some("STOP"))
}

/// The growing answer's chunks: text in pieces, then all calls at once, then the end.
fn chunks(answer: &Answer) -> Vec<Value> {
    let texts = answer.text.iter().flat_map(|text| fragments(text));
    let mut chunks: Vec<Value> = texts.map(|text| chunk(answer, vec![json!({"text": text})], None)).collect();
    if !answer.calls.is_empty() {
        chunks.push(chunk(answer, answer.calls.iter().map(call_part).collect(), None));
    }
    chunks.push(chunk(answer, vec![json!({"text": ""})], Some("STOP")));
    chunks
}

pub(in crate::model) fn events(answer: &Answer) -> Vec<String> {
    chunks(answer).iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
}

/// The pieces of the JSON array that is sent when the caller does not ask for events.
pub(in crate::model) fn array_pieces(answer: &Answer) -> Vec<String> {
    let chunks = chunks(answer);
    let last = chunks.len() - 1;
    let piece = |(index, chunk): (usize, Value)| {
        let before = if index == 0 { "[" } else { ",\r\n" };
        let behind = if index == last { "]" } else { "" };
        format!("{before}{chunk}{behind}")
    };
    chunks.into_iter().enumerate().map(piece).collect()
}

fn chunk(answer: &Answer, parts: Vec<Value>, finish_reason: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = finish_reason {
        candidate["finishReason"] = json!(reason);
    }
    let mut chunk = json!({
        "candidates": [candidate], "modelVersion": answer.model, "responseId": format!("resp-{:020}", answer.serial),
    });
    if let Some(usage) = answer.usage {
        chunk["usageMetadata"] = usage_shape(usage);
    }
    chunk
}

fn call_part(call: &Call) -> Value {
    json!({"functionCall": {"name": call.name, "args": call.arguments}})
}

fn usage_shape(usage: Tokens) -> Value {
    let mut shape = json!({
        "promptTokenCount": usage.input, "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    });
    if usage.cached_input > 0 {
        shape["cachedContentTokenCount"] = json!(usage.cached_input);
    }
    shape
}

pub(in crate::model) fn fault(fault: &Fault) -> Value {
    let status = match fault.status {
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 | 529 => "UNAVAILABLE",
        500..600 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let mut error = json!({"code": fault.status, "message": fault.message, "status": status});
    if let Some(seconds) = fault.retry_after_seconds {
        let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")});
        error["details"] = json!([retry]);
    }
    json!({"error": error})
}
