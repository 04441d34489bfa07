//! The items of an answer: what a model said and thought, and the tools that it called.

use serde_json::{Value, json};

use super::tools::{INPUT, Kind, Tool};

/// What a model says in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    Text,
    Refusal,
    /// Thoughts, shown as their summary.
    Thoughts,
}

/// Names of the events that tell an item of words.
pub struct Telling {
    pub part_added: &'static str,
    pub delta: &'static str,
    pub done: &'static str,
    pub part_done: &'static str,
}

impl Voice {
    pub const fn telling(self) -> Telling {
        match self {
            Voice::Text => Telling {
                part_added: "response.content_part.added",
                delta: "response.output_text.delta",
                done: "response.output_text.done",
                part_done: "response.content_part.done",
            },
            Voice::Refusal => Telling {
                part_added: "response.content_part.added",
                delta: "response.refusal.delta",
                done: "response.refusal.done",
                part_done: "response.content_part.done",
            },
            Voice::Thoughts => Telling {
                part_added: "response.reasoning_summary_part.added",
                delta: "response.reasoning_summary_text.delta",
                done: "response.reasoning_summary_text.done",
                part_done: "response.reasoning_summary_part.done",
            },
        }
    }

    pub fn id(self, seed: &str, at: usize) -> String {
        match self {
            Voice::Text | Voice::Refusal => format!("msg_{seed}_{at}"),
            Voice::Thoughts => format!("rs_{seed}_{at}"),
        }
    }

    /// The name under which an event gives the number of the part.
    pub const fn part_index(self) -> &'static str {
        match self {
            Voice::Text | Voice::Refusal => "content_index",
            Voice::Thoughts => "summary_index",
        }
    }

    /// The field of a part, and of the event that ends it, that holds the words.
    pub const fn words(self) -> &'static str {
        match self {
            Voice::Text | Voice::Thoughts => "text",
            Voice::Refusal => "refusal",
        }
    }

    pub fn part(self, words: &str) -> Value {
        match self {
            Voice::Text => json!({"type": "output_text", "text": words, "annotations": [], "logprobs": []}),
            Voice::Refusal => json!({"type": "refusal", "refusal": words}),
            Voice::Thoughts => json!({"type": "summary_text", "text": words}),
        }
    }

    /// `words`: `None` while it is only opened.
    pub fn item(self, id: &str, status: &str, words: Option<&str>) -> Value {
        let parts: Vec<Value> = words.map(|words| self.part(words)).into_iter().collect();
        match self {
            Voice::Text | Voice::Refusal => {
                json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": parts})
            }
            Voice::Thoughts => json!({"id": id, "type": "reasoning", "summary": parts}),
        }
    }
}

/// A call as its caller knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    pub tool: Tool,
    pub id: String,
    pub call_id: String,
}

impl Called {
    pub fn new(tool: Tool, call_id: String, seed: &str, at: usize) -> Self {
        let start = match tool.kind {
            Kind::Function => "fc",
            Kind::Custom => "ctc",
            Kind::LocalShell => "lsh",
            Kind::ToolSearch => "tsc",
        };
        Self { tool, id: format!("{start}_{seed}_{at}"), call_id }
    }

    /// `told`: arguments, or a custom tool's input; empty while it is only opened.
    pub fn item(&self, status: &str, told: &str) -> Value {
        let (id, call_id, name) = (&self.id, &self.call_id, &self.tool.name);
        let mut item = match self.tool.kind {
            Kind::Function => json!({
                "id": id, "type": "function_call", "status": status, "call_id": call_id, "name": name, "arguments": told,
            }),
            Kind::Custom => json!({
                "id": id, "type": "custom_tool_call", "status": status, "call_id": call_id, "name": name, "input": told,
            }),
            Kind::LocalShell => json!({
                "id": id, "type": "local_shell_call", "status": status, "call_id": call_id, "action": shell_action(told),
            }),
            Kind::ToolSearch => json!({
                "id": id, "type": "tool_search_call", "status": status, "call_id": call_id, "execution": "client",
                "arguments": object(told).unwrap_or_else(|| json!({})),
            }),
        };
        if let Some(namespace) = &self.tool.namespace {
            item["namespace"] = json!(namespace);
        }
        item
    }
}

pub fn object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

fn shell_action(told: &str) -> Value {
    let arguments = object(told).unwrap_or_default();
    let command = if arguments["command"].is_array() { arguments["command"].clone() } else { json!([]) };
    let mut action = json!({"type": "exec", "command": command, "env": {}});
    for name in ["working_directory", "timeout_ms"] {
        if !arguments[name].is_null() {
            action[name] = arguments[name].clone();
        }
    }
    action
}

/// A custom tool's input out of the arguments of its function. Models that forget the JSON, or
/// name the argument as they please, are understood as well.
pub fn input(arguments: &str) -> String {
    let Some(Value::Object(object)) = object(arguments) else { return arguments.to_owned() };
    let mut texts = object.values().filter_map(Value::as_str);
    match (object.get(INPUT), texts.next(), texts.next()) {
        (Some(Value::String(input)), _, _) => input.clone(),
        (None, Some(only), None) => only.to_owned(),
        _ => arguments.to_owned(),
    }
}
