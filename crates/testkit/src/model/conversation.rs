//! A conversation as every wire tells it: who said what, which tools were called, what came back.
//!
//! Rules look only at this, never at a provider's JSON, so that one scenario serves all four wires.
//! Whatever a real provider refuses because a harness lost a tool result is refused here too.

use super::tools::{self, Offered};
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    System,
    User,
    Model,
    Tool,
}

/// A tool call that the model made in an earlier turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PastCall {
    /// Absent where the wire has no call ids (Gemini).
    pub id: Option<String>,
    pub name: String,
    /// A string where the tool takes a text.
    pub arguments: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub speaker: Speaker,
    pub text: String,
    pub calls: Vec<PastCall>,
    /// The call that this entry answers.
    pub answers: Option<String>,
}

impl Entry {
    pub fn said(speaker: Speaker, text: String) -> Self {
        Self { speaker, text, calls: Vec::new(), answers: None }
    }

    pub fn called(calls: Vec<PastCall>) -> Self {
        Self { speaker: Speaker::Model, text: String::new(), calls, answers: None }
    }

    pub fn result(answers: Option<String>, text: String) -> Self {
        Self { speaker: Speaker::Tool, text, calls: Vec::new(), answers }
    }
}

/// How the caller wants the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// One JSON body.
    Whole,
    /// Server-sent events; whether the last of them tells the usage is up to the wire and the caller.
    Events { usage: StreamUsage },
    /// Gemini without `alt=sse`: one JSON array that grows.
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamUsage {
    Told,
    /// OpenAI Chat tells it only when `stream_options.include_usage` is set.
    Withheld,
}

#[derive(Debug, Clone)]
pub(super) struct Conversation {
    pub model: String,
    pub entries: Vec<Entry>,
    /// What the caller can be asked to do; nothing where it says nothing.
    pub tools: Vec<Offered>,
    pub delivery: Delivery,
}

impl Conversation {
    /// What was said from the task's own lines on: what programs tell their models of themselves is not the task.
    pub fn task_text(&self) -> String {
        let text = self.text();
        let is_start = |(at, line): &(usize, &str)| {
            line.starts_with("agent: ") && text[*at..].lines().nth(1).is_some_and(|next| next.starts_with("task id: "))
        };
        let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        });
        let start = lines.find(is_start).map_or(0, |(at, _)| at);
        text[start..].to_owned()
    }

    /// Everything that was said, in order, one entry per line or more.
    pub fn text(&self) -> String {
        joined(&self.entries)
    }

    /// What was said since the model's last turn.
    pub fn last_text(&self) -> String {
        let start = self.entries.iter().rposition(|entry| entry.speaker == Speaker::Model).map_or(0, |index| index + 1);
        joined(&self.entries[start..])
    }

    /// The model's turns so far. What it says and calls in one breath is one turn, however many items the wire uses.
    pub fn turns(&self) -> usize {
        let speakers = self.entries.iter().map(|entry| entry.speaker);
        let before = std::iter::once(Speaker::System).chain(speakers.clone());
        before.zip(speakers).filter(|(before, now)| *before != Speaker::Model && *now == Speaker::Model).count()
    }

    pub fn has_called(&self, tool: &str) -> bool {
        self.entries.iter().flat_map(|entry| &entry.calls).any(|call| tools::is_meant(call, tool))
    }

    /// Every call has its result and every result its call, as the providers demand.
    pub fn check_calls(&self) -> anyhow::Result<()> {
        let calls = self.entries.iter().flat_map(|entry| &entry.calls).filter_map(|call| call.id.as_deref());
        let calls: BTreeSet<&str> = calls.collect();
        let answers: BTreeSet<&str> = self.entries.iter().filter_map(|entry| entry.answers.as_deref()).collect();
        if let Some(id) = calls.difference(&answers).next() {
            anyhow::bail!("No tool output found for function call {id}.");
        }
        if let Some(id) = answers.difference(&calls).next() {
            anyhow::bail!("No tool call found for function call output with call_id {id}.");
        }
        Ok(())
    }
}

fn joined(entries: &[Entry]) -> String {
    entries.iter().map(|entry| entry.text.as_str()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A field that must be there as text.
pub(super) fn text_field(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str).with_context(|| format!("{name}: a string is required"))?;
    ensure!(!text.is_empty(), "{name}: must not be empty");
    Ok(text.to_owned())
}

/// A field that must be there as a list.
pub(super) fn list_field<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a [Value]> {
    let list = value.get(name).and_then(Value::as_array).with_context(|| format!("{name}: a list is required"))?;
    Ok(list)
}

pub(super) fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// The text of a content field: a string, or parts that carry `text` or nested `content`.
pub(super) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().map(content_text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
        }
        Value::Object(part) => part.get("text").or_else(|| part.get("content")).map(content_text).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Every string within a JSON value: the readable part of a structured tool result.
pub(super) fn strings_within(value: &Value) -> String {
    let parts: Vec<String> = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().map(strings_within).collect(),
        Value::Object(fields) => fields.values().map(strings_within).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    };
    parts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}
