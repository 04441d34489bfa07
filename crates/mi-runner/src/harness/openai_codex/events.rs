//! The lines of `codex exec --json`, as 0.169 writes them.

use std::collections::BTreeSet;

use mi_core::wire::runner::EndCause;
use serde_json::{Value, json};

use crate::harness::loops::Done;
use crate::harness::trouble::Trouble;
use crate::harness::vendor::{Reader, Said};

/// What it says in place of a provider's status 500.
const HIGH_DEMAND: &str = "experiencing high demand";
/// Before a provider's status, in its sentences.
const STATUS_WORDS: [&str; 2] = ["unexpected status ", "last status: "];

#[derive(Debug, Default)]
pub(super) struct Events {
    /// Calls that were announced; the others come when they are over.
    begun: BTreeSet<String>,
    /// What its last try met with; forgotten once it says itself how it ended.
    trouble: Option<String>,
}

impl Reader for Events {
    fn read(&mut self, event: &Value) -> Vec<Said> {
        match event["type"].as_str() {
            Some("item.started") => self.started(&event["item"]),
            Some("item.completed") => self.completed(&event["item"]),
            Some("turn.completed") => vec![used(&event["usage"]), Said::Ended(Ok(()))],
            Some("turn.failed") => self.failed(&event["error"]),
            Some("error") => self.error(event),
            // They tell nothing but that it goes on.
            Some("thread.started" | "turn.started" | "item.updated") => Vec::new(),
            _ => vec![unknown(event)],
        }
    }

    /// A run that breaks off in the middle of its tries has said why they failed.
    fn close(&mut self, code: Option<i32>) -> Vec<Said> {
        match self.trouble.take() {
            Some(sentence) if code != Some(0) => vec![Said::Ended(Err(trouble(&sentence)))],
            Some(_) | None => Vec::new(),
        }
    }
}

impl Events {
    fn started(&mut self, item: &Value) -> Vec<Said> {
        match called(item) {
            Some(call) => {
                self.begun.insert(text(&item["id"]));
                vec![call]
            }
            None => Vec::new(),
        }
    }

    fn completed(&mut self, item: &Value) -> Vec<Said> {
        match item["type"].as_str() {
            Some("agent_message") => vec![Said::Text(text(&item["text"]))],
            // A summary of the model's thoughts is its own business.
            Some("reasoning") => Vec::new(),
            // Its plan, which it repeats with each step.
            Some("todo_list") => Vec::new(),
            Some("error") => vec![Said::Note(format!("codex: {}", text(&item["message"])))],
            _ => self.answered(item),
        }
    }

    fn answered(&mut self, item: &Value) -> Vec<Said> {
        let Some(call) = called(item) else { return vec![unknown(item)] };
        let id = text(&item["id"]);
        let done = if item["status"] == "completed" { Done::Well } else { Done::Badly };
        let answer = Said::Answered { id: id.clone(), text: answer(item), done };
        if self.begun.remove(&id) { vec![answer] } else { vec![call, answer] }
    }

    fn error(&mut self, event: &Value) -> Vec<Said> {
        let sentence = text(&event["message"]);
        if trouble(&sentence).cause() == EndCause::Stale {
            return vec![Said::ClaimOver];
        }
        self.trouble = Some(sentence.clone());
        vec![Said::Note(format!("codex: {sentence}"))]
    }

    fn failed(&mut self, error: &Value) -> Vec<Said> {
        self.trouble = None;
        vec![Said::Ended(Err(trouble(&text(&error["message"]))))]
    }
}

/// A tool at work, by what it is asked to do; nothing for items that are none.
fn called(item: &Value) -> Option<Said> {
    let (name, arguments) = match item["type"].as_str()? {
        "command_execution" => ("shell".to_owned(), json!({"command": item["command"]})),
        "file_change" => ("apply_patch".to_owned(), json!({"changes": item["changes"]})),
        "mcp_tool_call" => (format!("{}.{}", text(&item["server"]), text(&item["tool"])), item["arguments"].clone()),
        "web_search" => ("web_search".to_owned(), json!({"query": item["query"]})),
        _ => return None,
    };
    Some(Said::Called { id: text(&item["id"]), name, arguments })
}

fn answer(item: &Value) -> String {
    match item["type"].as_str() {
        Some("command_execution") => text(&item["aggregated_output"]),
        Some("mcp_tool_call") if !item["error"].is_null() => text(&item["error"]["message"]),
        Some("mcp_tool_call") => {
            let parts = item["result"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
            parts.iter().map(|part| text(&part["text"])).collect::<Vec<_>>().join("\n")
        }
        _ => text(&item["status"]),
    }
}

fn used(usage: &Value) -> Said {
    let number = |name: &str| usage[name].as_i64().unwrap_or(0);
    Said::Used {
        // It doesn't say which model; a session has one.
        model: String::new(),
        input: number("input_tokens"),
        cached: number("cached_input_tokens"),
        output: number("output_tokens"),
    }
}

/// It says a provider's refusal in a sentence; the status stands in the middle of it.
fn trouble(sentence: &str) -> Trouble {
    let said = STATUS_WORDS.iter().find_map(|words| sentence.split_once(words)).and_then(|(_, rest)| rest.get(..3));
    let status = said.and_then(|digits| digits.parse().ok());
    let status = status.or_else(|| sentence.contains(HIGH_DEMAND).then_some(500));
    Trouble::new(status, sentence)
}

fn unknown(event: &Value) -> Said {
    Said::Note(format!("codex: {event}"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
