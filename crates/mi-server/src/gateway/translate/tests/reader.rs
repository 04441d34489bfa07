//! Reads a stream of Responses as a strict client would: every event in its place, every sum right.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::gateway::translate::answering::Answering;
use crate::gateway::translate::request::{Delivery, translate};

/// A response that was told in events.
#[derive(Debug, PartialEq)]
pub struct Heard {
    /// One line an event.
    pub tale: String,
    /// The response of the last event.
    pub response: Value,
}

pub fn tools() -> Value {
    let inner = json!({"type": "function", "name": "tasks_get", "parameters": {"type": "object"}});
    json!([
        {"type": "function", "name": "exec_command", "parameters": {"type": "object"}},
        {"type": "custom", "name": "apply_patch", "description": "Edits files."},
        {"type": "namespace", "name": "mcp__mi", "tools": [inner]},
        {"type": "local_shell"},
        {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}},
    ])
}

/// The way back of a request with those tools.
pub fn answering(wanted: Delivery, comes: Delivery) -> Answering {
    let request = json!({
        "model": "m", "input": "hi", "tools": tools(), "stream": wanted == Delivery::Events, "metadata": {"a": "b"},
    });
    let asked = translate(request.to_string().as_bytes()).unwrap().asked;
    Answering::new(asked, comes, "7".to_owned(), 1_795_660_000)
}

/// All bytes that the caller gets for these pieces.
pub fn answer<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut answering = answering(Delivery::Events, Delivery::Events);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(answering.feed(piece));
    }
    out.extend(answering.end());
    out
}

pub fn hear(stream: &str) -> Heard {
    heard(&answer([stream.as_bytes()]))
}

/// Panics at the first event that has no place there.
pub fn heard(bytes: &[u8]) -> Heard {
    let text = std::str::from_utf8(bytes).unwrap();
    let mut reader = Reader::default();
    for block in text.split_terminator("\n\n").filter(|block| *block != ":") {
        let (name, data) = block.split_once('\n').unwrap();
        let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), event["type"]);
        reader.event(&event);
    }
    Heard { tale: reader.tale, response: reader.last.expect("a last event") }
}

#[derive(Default)]
struct Reader {
    count: u64,
    tale: String,
    /// What is told of each open item, and its deltas so far.
    open: BTreeMap<u64, (Value, String)>,
    done: BTreeMap<u64, Value>,
    added: u64,
    last: Option<Value>,
}

impl Reader {
    fn event(&mut self, event: &Value) {
        assert!(self.last.is_none(), "after the last: {event}");
        assert_eq!(event["sequence_number"], self.count, "{event}");
        let kind = event["type"].as_str().unwrap();
        self.count += 1;
        match (self.count, kind) {
            (1, "response.created") | (2, "response.in_progress") => {
                assert_eq!(event["response"]["status"], "in_progress");
                return;
            }
            (..=2, _) => panic!("begins with {event}"),
            _ => {}
        }
        match kind {
            "response.completed" | "response.incomplete" | "response.failed" => self.end(kind, &event["response"]),
            _ => self.inside(kind, event),
        }
    }

    fn inside(&mut self, kind: &str, event: &Value) {
        let at = event["output_index"].as_u64().unwrap();
        let short = kind.strip_prefix("response.").unwrap();
        if kind == "response.output_item.added" {
            assert_eq!(at, self.added, "{event}");
            self.added += 1;
            self.open.insert(at, (event["item"].clone(), String::new()));
            let item = &event["item"];
            self.say(format!("{at} {short} {} {}", item["type"].as_str().unwrap(), item["id"].as_str().unwrap()));
            return;
        }
        let (item, told) = self.open.get_mut(&at).unwrap_or_else(|| panic!("not open: {event}"));
        if kind != "response.output_item.done" {
            assert_eq!(event["item_id"], item["id"], "{event}");
        }
        let line = if kind.ends_with(".delta") {
            let delta = event["delta"].as_str().unwrap();
            told.push_str(delta);
            format!("{at} {short} {delta:?}")
        } else if let Some(whole) =
            ["text", "refusal", "arguments", "input"].iter().find_map(|name| event[*name].as_str())
        {
            assert_eq!(whole, told, "{event}");
            format!("{at} {short}")
        } else if kind == "response.output_item.done" {
            assert_eq!((&event["item"]["id"], &event["item"]["type"]), (&item["id"], &item["type"]));
            check_told(&event["item"], told);
            self.open.remove(&at);
            self.done.insert(at, event["item"].clone());
            let status = event["item"]["status"].as_str().unwrap_or("-");
            format!("{at} {short} {status}")
        } else {
            format!("{at} {short}")
        };
        self.say(line);
    }

    fn end(&mut self, kind: &str, response: &Value) {
        let output: Vec<&Value> = self.done.values().collect();
        assert_eq!(response["output"], json!(output), "{response}");
        assert_eq!(kind, format!("response.{}", response["status"].as_str().unwrap()));
        if kind == "response.completed" {
            assert!(self.open.is_empty(), "still open: {:?}", self.open);
        }
        self.say(kind.strip_prefix("response.").unwrap().to_owned());
        self.last = Some(response.clone());
    }

    fn say(&mut self, line: String) {
        self.tale.push_str(&line);
        self.tale.push('\n');
    }
}

/// What was told in pieces is what stands in the item.
fn check_told(item: &Value, told: &str) {
    let whole = match item["type"].as_str().unwrap() {
        "message" => {
            let part = &item["content"][0];
            part["text"].as_str().or(part["refusal"].as_str())
        }
        "reasoning" => item["summary"][0]["text"].as_str(),
        "function_call" => item["arguments"].as_str(),
        "custom_tool_call" => item["input"].as_str(),
        _ => return,
    };
    assert_eq!(whole, Some(told), "{item}");
}
