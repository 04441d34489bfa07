//! OpenAI Responses: typed items in, typed items out, every event numbered.

use super::{named_event, written};
use crate::model::answer::{Answer, CREATED_AT_SECONDS, Call, Part, Tokens, fragments};
use crate::model::conversation::{
    Conversation, Entry, PastCall, Speaker, StreamUsage, content_text, list_field, text_field,
};
use crate::model::tools::{Offered, Takes};
use anyhow::{bail, ensure};
use serde_json::{Value, json};

pub(in crate::model) fn read(body: &Value) -> anyhow::Result<Conversation> {
    // Nothing is stored between requests, so there is never a previous response to go on from.
    ensure!(body["previous_response_id"].is_null(), "Previous response with that id not found.");
    let mut entries = vec![Entry::said(Speaker::System, content_text(&body["instructions"]))];
    match &body["input"] {
        Value::String(text) => entries.push(Entry::said(Speaker::User, text.clone())),
        _ => {
            for item in list_field(body, "input")? {
                entries.push(entry(item)?);
            }
        }
    }
    let delivery = super::delivery(&body["stream"], StreamUsage::Told);
    let tools = body["tools"].as_array().into_iter().flatten().flat_map(tools).collect();
    Ok(Conversation { model: text_field(body, "model")?, entries, tools, delivery })
}

fn entry(item: &Value) -> anyhow::Result<Entry> {
    let kind = item["type"].as_str().unwrap_or("message");
    Ok(match kind {
        "message" => Entry::said(speaker(&text_field(item, "role")?)?, content_text(&item["content"])),
        "reasoning" => Entry::said(Speaker::Model, String::new()),
        _ if kind.ends_with("_call") => {
            let name = item["name"].as_str().unwrap_or(kind).to_owned();
            let arguments = item.get("input").cloned().unwrap_or_else(|| written(&item["arguments"]));
            Entry::called(vec![PastCall { id: Some(text_field(item, "call_id")?), name, arguments }])
        }
        _ if kind.ends_with("_call_output") => {
            Entry::result(Some(text_field(item, "call_id")?), content_text(&item["output"]))
        }
        _ => bail!("Invalid value: '{kind}'. The item's type is not known."),
    })
}

/// What one entry of the list offers: a function, a tool that takes a text, a group of such.
fn tools(tool: &Value) -> Vec<Offered> {
    let named = |takes| tool["name"].as_str().map(|name| Offered { takes, ..Offered::function(name) });
    match tool["type"].as_str() {
        Some("function") => named(Takes::Arguments).into_iter().collect(),
        Some("custom") => named(Takes::Text).into_iter().collect(),
        Some("namespace") => {
            let group = tool["name"].as_str().map(str::to_owned);
            let members = tool["tools"].as_array().into_iter().flatten().flat_map(tools);
            members.map(|member| Offered { namespace: group.clone(), ..member }).collect()
        }
        _ => Vec::new(),
    }
}

fn speaker(role: &str) -> anyhow::Result<Speaker> {
    Ok(match role {
        "system" | "developer" => Speaker::System,
        "user" => Speaker::User,
        "assistant" => Speaker::Model,
        _ => bail!("Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
    })
}

pub(in crate::model) fn whole(answer: &Answer) -> Value {
    response(answer, "completed", finished_items(answer), answer.usage)
}

pub(in crate::model) fn events(answer: &Answer) -> Vec<String> {
    let mut events = Events::default();
    let open = || json!({"response": response(answer, "in_progress", Vec::new(), None)});
    events.push("response.created", open());
    events.push("response.in_progress", open());
    for (index, part) in answer.parts().into_iter().enumerate() {
        match part {
            Part::Text(text) => events.push_message(answer, index, text),
            Part::Call(call) => events.push_call(answer, index, call),
        }
    }
    events.push("response.completed", json!({"response": whole(answer)}));
    events.sent
}

#[derive(Default)]
struct Events {
    sent: Vec<String>,
}

impl Events {
    fn push(&mut self, kind: &str, mut data: Value) {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.sent.len());
        self.sent.push(named_event(kind, &data));
    }

    fn push_message(&mut self, answer: &Answer, index: usize, text: &str) {
        let id = message_id(answer, index);
        let at = |fields: Value| {
            let mut data = json!({"item_id": id, "output_index": index, "content_index": 0});
            merge(&mut data, fields);
            data
        };
        let opened = json!({"id": id, "type": "message", "status": "in_progress", "role": "assistant", "content": []});
        self.push("response.output_item.added", json!({"output_index": index, "item": opened}));
        self.push("response.content_part.added", at(json!({"part": text_part("")})));
        for delta in fragments(text) {
            self.push("response.output_text.delta", at(json!({"delta": delta, "logprobs": []})));
        }
        self.push("response.output_text.done", at(json!({"text": text, "logprobs": []})));
        self.push("response.content_part.done", at(json!({"part": text_part(text)})));
        let item = message(answer, index, text);
        self.push("response.output_item.done", json!({"output_index": index, "item": item}));
    }

    fn push_call(&mut self, answer: &Answer, index: usize, call: &Call) {
        let id = call_item_id(answer, index);
        let (event, field) = match call.takes {
            Takes::Arguments => ("response.function_call_arguments", "arguments"),
            Takes::Text => ("response.custom_tool_call_input", "input"),
        };
        let opened = call_item(answer, index, call, "in_progress", "");
        self.push("response.output_item.added", json!({"output_index": index, "item": opened}));
        for delta in fragments(&call_text(call)) {
            self.push(&format!("{event}.delta"), json!({"item_id": id, "output_index": index, "delta": delta}));
        }
        let data = json!({"item_id": id, "output_index": index, "name": call.name, field: call_text(call)});
        self.push(&format!("{event}.done"), data);
        let item = call_item(answer, index, call, "completed", &call_text(call));
        self.push("response.output_item.done", json!({"output_index": index, "item": item}));
    }
}

fn merge(data: &mut Value, fields: Value) {
    if let (Value::Object(data), Value::Object(fields)) = (data, fields) {
        data.extend(fields);
    }
}

fn finished_items(answer: &Answer) -> Vec<Value> {
    let item = |(index, part)| match part {
        Part::Text(text) => message(answer, index, text),
        Part::Call(call) => call_item(answer, index, call, "completed", &call_text(call)),
    };
    answer.parts().into_iter().enumerate().map(item).collect()
}

fn message_id(answer: &Answer, index: usize) -> String {
    format!("msg_{:016}_{index}", answer.serial)
}

fn call_item_id(answer: &Answer, index: usize) -> String {
    format!("fc_{:016}_{index}", answer.serial)
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn message(answer: &Answer, index: usize, text: &str) -> Value {
    json!({
        "id": message_id(answer, index), "type": "message", "status": "completed", "role": "assistant",
        "content": [text_part(text)],
    })
}

/// What a call carries, as it stands on the wire.
fn call_text(call: &Call) -> String {
    match (call.takes, &call.arguments) {
        (Takes::Text, Value::String(text)) => text.clone(),
        (Takes::Text | Takes::Arguments, arguments) => arguments.to_string(),
    }
}

fn call_item(answer: &Answer, index: usize, call: &Call, status: &str, text: &str) -> Value {
    let (kind, field) = match call.takes {
        Takes::Arguments => ("function_call", "arguments"),
        Takes::Text => ("custom_tool_call", "input"),
    };
    let mut item = json!({
        "id": call_item_id(answer, index), "type": kind, "status": status, "call_id": call.id, "name": call.name,
        field: text,
    });
    if let Some(namespace) = &call.namespace {
        item["namespace"] = json!(namespace);
    }
    item
}

fn response(answer: &Answer, status: &str, output: Vec<Value>, usage: Option<Tokens>) -> Value {
    json!({
        "id": format!("resp_{:024}", answer.serial), "object": "response", "created_at": CREATED_AT_SECONDS,
        "status": status, "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "metadata": {}, "model": answer.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": null, "summary": null},
        "service_tier": "default", "store": false, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "user": null,
        "usage": usage.map(usage_shape),
    })
}

fn usage_shape(usage: Tokens) -> Value {
    json!({
        "input_tokens": usage.input, "input_tokens_details": {"cached_tokens": usage.cached_input},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input + usage.output,
    })
}
