//! Anthropic Messages: content blocks in, content blocks out.
//!
//! Cached input is counted apart from `input_tokens` here, unlike on the other wires.

use super::{named_event, offered};
use crate::model::answer::{Answer, Fault, Part, Tokens, fragments};
use crate::model::conversation::{
    Conversation, Entry, PastCall, Speaker, StreamUsage, content_text, list_field, text_field,
};
use anyhow::{bail, ensure};
use serde_json::{Value, json};

pub(in crate::model) fn read(body: &Value) -> anyhow::Result<Conversation> {
    ensure!(body["max_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "max_tokens: Field required");
    let mut entries = vec![Entry::said(Speaker::System, content_text(&body["system"]))];
    for message in list_field(body, "messages")? {
        let speaker = match text_field(message, "role")?.as_str() {
            "user" => Speaker::User,
            "assistant" => Speaker::Model,
            // In the middle of a conversation too, as Claude Code speaks to models that it doesn't know.
            "system" => Speaker::System,
            role => bail!("messages: Unexpected role \"{role}\""),
        };
        entries.extend(blocks(speaker, &message["content"])?);
    }
    let delivery = super::delivery(&body["stream"], StreamUsage::Told);
    let tools = offered(&body["tools"], &|tool| Some(tool));
    Ok(Conversation { model: text_field(body, "model")?, entries, tools, delivery })
}

fn blocks(speaker: Speaker, content: &Value) -> anyhow::Result<Vec<Entry>> {
    match content {
        Value::String(text) => Ok(vec![Entry::said(speaker, text.clone())]),
        Value::Array(blocks) => blocks.iter().map(|block| entry(speaker, block)).collect(),
        _ => bail!("messages: content must be a string or a list"),
    }
}

fn entry(speaker: Speaker, block: &Value) -> anyhow::Result<Entry> {
    Ok(match text_field(block, "type")?.as_str() {
        "text" => Entry::said(speaker, content_text(block)),
        "tool_use" => {
            let (id, name) = (text_field(block, "id")?, text_field(block, "name")?);
            Entry::called(vec![PastCall { id: Some(id), name, arguments: block["input"].clone() }])
        }
        "tool_result" => Entry::result(Some(text_field(block, "tool_use_id")?), content_text(&block["content"])),
        "thinking" | "redacted_thinking" => Entry::said(Speaker::Model, String::new()),
        "image" | "document" => Entry::said(speaker, String::new()),
        kind => bail!("messages: Input tag '{kind}' found using 'type' does not match any of the expected tags"),
    })
}

pub(in crate::model) fn whole(answer: &Answer) -> Value {
    let blocks = answer.parts().into_iter().map(|part| match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Call(call) => {
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
        }
    });
    let mut body = message(answer, blocks.collect(), Some(stop_reason(answer)));
    if let Some(usage) = answer.usage {
        body["usage"] = usage_shape(usage, usage.output);
    }
    body
}

pub(in crate::model) fn events(answer: &Answer) -> Vec<String> {
    let mut opened = message(answer, Vec::new(), None);
    if let Some(usage) = answer.usage {
        // The first token is out by the time the stream opens; the true count comes with the closing delta.
        opened["usage"] = usage_shape(usage, usage.output.min(1));
    }
    let mut events = vec![event("message_start", json!({"message": opened}))];
    for (index, part) in answer.parts().into_iter().enumerate() {
        block_events(&mut events, index, part);
        if index == 0 {
            events.push(event("ping", json!({})));
        }
    }
    let mut closing = json!({"delta": {"stop_reason": stop_reason(answer), "stop_sequence": null}});
    if let Some(usage) = answer.usage {
        closing["usage"] = usage_shape(usage, usage.output);
    }
    events.push(event("message_delta", closing));
    events.push(event("message_stop", json!({})));
    events
}

fn block_events(events: &mut Vec<String>, index: usize, part: Part<'_>) {
    let (opened, deltas): (Value, Vec<Value>) = match part {
        Part::Text(text) => (
            json!({"type": "text", "text": ""}),
            fragments(text).iter().map(|text| json!({"type": "text_delta", "text": text})).collect(),
        ),
        Part::Call(call) => {
            let pieces = std::iter::once(String::new()).chain(fragments(&call.arguments.to_string()));
            (
                json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}),
                pieces.map(|json| json!({"type": "input_json_delta", "partial_json": json})).collect(),
            )
        }
    };
    events.push(event("content_block_start", json!({"index": index, "content_block": opened})));
    for delta in deltas {
        events.push(event("content_block_delta", json!({"index": index, "delta": delta})));
    }
    events.push(event("content_block_stop", json!({"index": index})));
}

fn event(kind: &str, mut data: Value) -> String {
    data["type"] = json!(kind);
    named_event(kind, &data)
}

fn message(answer: &Answer, content: Vec<Value>, stop_reason: Option<&str>) -> Value {
    json!({
        "id": format!("msg_{:024}", answer.serial), "type": "message", "role": "assistant", "model": answer.model,
        "content": content, "stop_reason": stop_reason, "stop_sequence": null,
    })
}

fn stop_reason(answer: &Answer) -> &'static str {
    if answer.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn usage_shape(usage: Tokens, output: u64) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached_input, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_input, "output_tokens": output, "service_tier": "standard",
    })
}

pub(in crate::model) fn fault(fault: &Fault) -> Value {
    let kind = match fault.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500..600 => "api_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": fault.message}})
}
