//! A map of the file, taken apart key by key: wrong types and unknown keys are complained about.
//!
//! A key may be written in camelCase, snake_case or kebab-case.

use std::fmt::Display;
use std::str::FromStr;

use super::yaml::{Complaint, Entry, Node, Place, Value};

/// What is wrong with a file, in the order in which it was found.
#[derive(Debug, Default)]
pub struct Complaints(Vec<Complaint>);

impl Complaints {
    pub fn add(&mut self, at: Place, what: impl Into<String>) {
        self.0.push(Complaint::new(at, what));
    }

    /// By line.
    pub fn into_sorted(mut self) -> Vec<Complaint> {
        self.0.sort_by_key(|complaint| complaint.at);
        self.0
    }

    /// `expected` is what should stand there, such as "a text".
    fn wrong(&mut self, key: &str, node: &Node, expected: &str) {
        self.add(node.at, format!("{key} is {expected}, not {}", node.kind()));
    }
}

/// How far a word may be from another one to be taken for it.
const LIKENESS_MIN: f64 = 0.8;

/// ` (did you mean x?)`, or nothing.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let likeness = |word: &str| strsim::jaro_winkler(&plain(given), &plain(word));
    let best = known.into_iter().map(|word| (likeness(word), word)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, word)) if likeness >= LIKENESS_MIN => format!(" (did you mean {word}?)"),
        _ => String::new(),
    }
}

fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The keys of one map that are still to be looked at.
pub struct Fields<'a> {
    what: String,
    left: Vec<&'a Entry>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// `what` names the map in complaints, such as "task collect".
    pub fn of(node: &'a Node, what: impl Into<String>, complaints: &mut Complaints) -> Self {
        let what = what.into();
        let left = match &node.value {
            Value::Map(entries) => entries.iter().collect(),
            Value::Null => Vec::new(),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                complaints.wrong(&what, node, "a map");
                Vec::new()
            }
        };
        Self { what, left, known: Vec::new() }
    }

    /// The value under any of these names; an empty one counts as left out.
    pub fn take(&mut self, names: &[&'static str]) -> Option<&'a Node> {
        self.known.extend(names.first());
        let at = self.left.iter().position(|entry| names.iter().any(|name| plain(name) == plain(&entry.key)))?;
        let node = &self.left.remove(at).node;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    pub fn text(&mut self, names: &[&'static str], complaints: &mut Complaints) -> Option<(String, Place)> {
        let node = self.take(names)?;
        text_of(names[0], node, complaints).map(|text| (text, node.at))
    }

    /// A text that is one of our words or names.
    pub fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        names: &[&'static str],
        complaints: &mut Complaints,
    ) -> Option<T> {
        let (text, at) = self.text(names, complaints)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(fault) => {
                complaints.add(at, format!("{}: {fault}", names[0]));
                None
            }
        }
    }

    pub fn number(&mut self, names: &[&'static str], complaints: &mut Complaints) -> Option<i64> {
        let node = self.take(names)?;
        match &node.value {
            Value::Number(number) if number.is_i64() => number.as_i64(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                complaints.wrong(names[0], node, "a whole number");
                None
            }
        }
    }

    /// A list of texts, or one text with commas.
    pub fn texts(&mut self, names: &[&'static str], complaints: &mut Complaints) -> Option<Vec<(String, Place)>> {
        let node = self.take(names)?;
        match &node.value {
            Value::List(items) => {
                let texts = items.iter().filter_map(|item| Some((text_of(names[0], item, complaints)?, item.at)));
                Some(texts.collect())
            }
            Value::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(|part| (part.to_owned(), node.at)).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Map(_) => {
                complaints.wrong(names[0], node, "a list of texts");
                None
            }
        }
    }

    /// What nobody asked for is wrong.
    pub fn end(self, complaints: &mut Complaints) {
        for entry in self.left {
            let hint = did_you_mean(&entry.key, self.known.iter().copied());
            complaints.add(entry.at, format!("{} has no key {:?}{hint}", self.what, entry.key));
        }
    }
}

/// A number or a truth value is taken as it is written.
pub fn text_of(key: &str, node: &Node, complaints: &mut Complaints) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => {
            complaints.wrong(key, node, "a text");
            None
        }
    }
}

/// The named entries of a map, or of a list whose items say their `name`.
pub fn named<'a>(node: &'a Node, what: &str, complaints: &mut Complaints) -> Vec<(String, Place, &'a Node)> {
    match &node.value {
        Value::Null => Vec::new(),
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.at, &entry.node)).collect(),
        Value::List(items) => items.iter().filter_map(|item| name_of(item, what, complaints)).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            complaints.wrong(what, node, "a map of names");
            Vec::new()
        }
    }
}

fn name_of<'a>(item: &'a Node, what: &str, complaints: &mut Complaints) -> Option<(String, Place, &'a Node)> {
    let entry = match &item.value {
        Value::Map(entries) => entries.iter().find(|entry| entry.key == "name"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
    };
    let Some(entry) = entry else {
        complaints.add(item.at, format!("an item of {what} needs a name"));
        return None;
    };
    Some((text_of("name", &entry.node, complaints)?, entry.node.at, item))
}
