//! OpenAI Chat Completions: messages in, one choice out, `[DONE]` at the end of a stream.

use super::{offered, written};
use crate::model::answer::{Answer, CREATED_AT_SECONDS, Call, Tokens, fragments};
use crate::model::conversation::{
    Conversation, Entry, PastCall, Speaker, StreamUsage, content_text, is_true, list_field, text_field,
};
use anyhow::{bail, ensure};
use serde_json::{Map, Value, json};

pub(in crate::model) fn read(body: &Value) -> anyhow::Result<Conversation> {
    let messages = list_field(body, "messages")?;
    ensure!(!messages.is_empty(), "[] is too short - 'messages'");
    let entries = messages.iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
    let usage = match is_true(&body["stream_options"], "include_usage") {
        true => StreamUsage::Told,
        false => StreamUsage::Withheld,
    };
    let tools = offered(&body["tools"], &|tool| tool.get("function"));
    let delivery = super::delivery(&body["stream"], usage);
    Ok(Conversation { model: text_field(body, "model")?, entries, tools, delivery })
}

fn entry(message: &Value) -> anyhow::Result<Entry> {
    let text = content_text(&message["content"]);
    Ok(match text_field(message, "role")?.as_str() {
        "system" | "developer" => Entry::said(Speaker::System, text),
        "user" => Entry::said(Speaker::User, text),
        "assistant" => Entry { calls: past_calls(message)?, ..Entry::said(Speaker::Model, text) },
        "tool" => Entry::result(Some(text_field(message, "tool_call_id")?), text),
        role => bail!("'{role}' is not one of ['system', 'assistant', 'user', 'developer', 'tool'] - 'role'"),
    })
}

fn past_calls(message: &Value) -> anyhow::Result<Vec<PastCall>> {
    if message["tool_calls"].is_null() {
        return Ok(Vec::new());
    }
    let call = |call: &Value| {
        let (id, function) = (text_field(call, "id")?, &call["function"]);
        Ok(PastCall { id: Some(id), name: text_field(function, "name")?, arguments: written(&function["arguments"]) })
    };
    list_field(message, "tool_calls")?.iter().map(call).collect()
}

pub(in crate::model) fn whole(answer: &Answer) -> Value {
    let mut message = json!({"role": "assistant", "content": answer.text, "refusal": null, "annotations": []});
    if !answer.calls.is_empty() {
        message["tool_calls"] = answer.calls.iter().map(call_shape).collect();
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(answer)});
    let mut body = json!({
        "id": id(answer), "object": "chat.completion", "created": CREATED_AT_SECONDS, "model": answer.model,
        "choices": [choice], "service_tier": "default", "system_fingerprint": null,
    });
    if let Some(usage) = answer.usage {
        body["usage"] = usage_shape(usage);
    }
    body
}

pub(in crate::model) fn events(answer: &Answer, usage: StreamUsage) -> Vec<String> {
    let usage = match usage {
        StreamUsage::Told => answer.usage,
        StreamUsage::Withheld => None,
    };
    let chunk = |choices: Value| {
        let mut chunk = chunk(answer, choices);
        if usage.is_some() {
            // Asked for usage, the provider writes null into every chunk but the last.
            chunk["usage"] = Value::Null;
        }
        chunk
    };
    let mut chunks: Vec<Value> = deltas(answer).into_iter().map(|delta| chunk(choice(delta, None))).collect();
    chunks.push(chunk(choice(json!({}), Some(finish_reason(answer)))));
    if let Some(usage) = usage {
        let mut last = chunk(json!([]));
        last["usage"] = usage_shape(usage);
        chunks.push(last);
    }
    let done = std::iter::once("data: [DONE]\n\n".to_owned());
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(done).collect()
}

fn deltas(answer: &Answer) -> Vec<Value> {
    let opening = answer.text.as_ref().map(|_| "");
    let mut deltas = vec![json!({"role": "assistant", "content": opening, "refusal": null})];
    for text in answer.text.iter().flat_map(|text| fragments(text)) {
        deltas.push(json!({"content": text}));
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let opening = json!({"index": index, "id": call.id, "type": "function", "function": function});
        deltas.push(json!({"tool_calls": [opening]}));
        for arguments in fragments(&call.arguments.to_string()) {
            deltas.push(json!({"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}));
        }
    }
    deltas
}

fn choice(delta: Value, finish_reason: Option<&str>) -> Value {
    json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}])
}

fn chunk(answer: &Answer, choices: Value) -> Value {
    let mut chunk = Map::new();
    chunk.insert("id".to_owned(), json!(id(answer)));
    chunk.insert("object".to_owned(), json!("chat.completion.chunk"));
    chunk.insert("created".to_owned(), json!(CREATED_AT_SECONDS));
    chunk.insert("model".to_owned(), json!(answer.model));
    chunk.insert("service_tier".to_owned(), json!("default"));
    chunk.insert("system_fingerprint".to_owned(), Value::Null);
    chunk.insert("choices".to_owned(), choices);
    Value::Object(chunk)
}

fn id(answer: &Answer) -> String {
    format!("chatcmpl-{:024}", answer.serial)
}

fn finish_reason(answer: &Answer) -> &'static str {
    if answer.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn call_shape(call: &Call) -> Value {
    json!({
        "id": call.id, "type": "function",
        "function": {"name": call.name, "arguments": call.arguments.to_string()},
    })
}

fn usage_shape(usage: Tokens) -> Value {
    json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    })
}
