//! Placeholders: `{{name}}` in texts and tool arguments, filled from the conversation.
//!
//! Nothing is filled silently: a name without a value is an error that says which.

use super::conversation::Conversation;
use super::scenario::Capture;
use anyhow::Context;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Values every conversation has, or has as soon as its prompt carries the harness's lines.
pub(super) const BUILT_IN: [&str; 6] = ["agent", "task_id", "task_title", "model", "turn", "last"];

/// What is known of a conversation by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts(BTreeMap<String, String>);

impl Facts {
    pub fn of(conversation: &Conversation, captures: &[Capture]) -> Self {
        let text = conversation.task_text();
        let mut facts = Self::default();
        facts.put("model", Some(conversation.model.clone()));
        facts.put("turn", Some(conversation.turns().to_string()));
        facts.put("last", Some(conversation.last_text()));
        facts.put("agent", line_value(&text, "agent: "));
        facts.put("task_id", line_value(&text, "task id: "));
        facts.put("task_title", line_value(&text, "task title: "));
        for capture in captures {
            facts.put(&capture.name, find(capture, &text).or_else(|| capture.default.clone()));
        }
        facts
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn put(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }

    pub fn fill(&self, template: &str) -> anyhow::Result<String> {
        let mut filled = String::with_capacity(template.len());
        for piece in pieces(template)? {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => {
                    let value = self.get(name).with_context(|| format!("the conversation has no `{name}`"))?;
                    filled.push_str(value);
                }
            }
        }
        Ok(filled)
    }

    pub fn fill_arguments(&self, arguments: &Map<String, Value>) -> anyhow::Result<Value> {
        self.fill_within(&Value::Object(arguments.clone()))
    }

    fn fill_within(&self, value: &Value) -> anyhow::Result<Value> {
        Ok(match value {
            Value::String(template) => Value::String(self.fill(template)?),
            Value::Array(values) => {
                Value::Array(values.iter().map(|value| self.fill_within(value)).collect::<anyhow::Result<_>>()?)
            }
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.fill_within(value)?)))
                    .collect::<anyhow::Result<_>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

/// The names that a text wants filled.
pub(super) fn placeholders(template: &str) -> anyhow::Result<Vec<String>> {
    let names = pieces(template)?.into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name.to_owned()),
        Piece::Text(_) => None,
    });
    Ok(names.collect())
}

/// The names that any string within a JSON value wants filled.
pub(super) fn placeholders_within(value: &Value) -> anyhow::Result<Vec<String>> {
    let parts: Vec<&Value> = match value {
        Value::String(template) => return placeholders(template),
        Value::Array(values) => values.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    };
    let mut names = Vec::new();
    for part in parts {
        names.extend(placeholders_within(part)?);
    }
    Ok(names)
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces(template: &str) -> anyhow::Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, behind)) = rest.split_once("{{") {
        let (name, tail) = behind.split_once("}}").context("a `{{` without its `}}`")?;
        pieces.extend([Piece::Text(text), Piece::Name(name.trim())]);
        rest = tail;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// The rest of the first line that begins with `label`.
fn line_value(text: &str, label: &str) -> Option<String> {
    text.lines().find_map(|line| line.trim_start().strip_prefix(label)).map(|value| value.trim().to_owned())
}

fn find(capture: &Capture, text: &str) -> Option<String> {
    match &capture.after {
        Some(after) => between(text, after, &capture.until),
        None => word_ending(text, &capture.word_ending),
    }
}

fn between(text: &str, after: &str, until: &[String]) -> Option<String> {
    let (_, tail) = text.split_once(after)?;
    let end = until.iter().filter_map(|stop| tail.find(stop.as_str())).min().unwrap_or(tail.len());
    let value = tail[..end].trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn word_ending(text: &str, endings: &[String]) -> Option<String> {
    text.split(|letter: char| !(letter.is_alphanumeric() || "._-".contains(letter)))
        .map(|word| word.trim_end_matches('.'))
        .find(|word| endings.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending.as_str())))
        .map(str::to_owned)
}
