//! A tool call becomes a request of the public API.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Here, Input, Kind, Need, Place, Tool, Verb};
use crate::drive::DrivePath;
use crate::ids::{AgentName, TaskId, excerpt};

/// A request below `/api/v1/offices/{office}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub verb: Verb,
    /// `/tasks?status=done`, encoded.
    pub target: String,
    pub body: Option<Value>,
}

/// Why a call can't become a request; said to the model, which can mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    UnknownTool { name: String },
    UnknownInput { tool: &'static str, name: String },
    Missing { tool: &'static str, name: &'static str, why: &'static str },
    Wrong { name: &'static str, rule: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownTool { name } => write!(f, "there is no tool {name:?}"),
            Refusal::UnknownInput { tool, name } => write!(f, "{tool} takes no input {name:?}"),
            Refusal::Missing { tool, name, why } => write!(f, "{tool} needs `{name}`: {why}"),
            Refusal::Wrong { name, rule } => write!(f, "`{name}` {rule}"),
        }
    }
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Refusal::UnknownTool { .. } => "tools/list names every tool".to_owned(),
            Refusal::UnknownInput { tool, .. } | Refusal::Missing { tool, .. } => match super::find(tool) {
                Some(tool) => format!("it takes {}", names(tool)),
                None => "tools/list names every tool with its inputs".to_owned(),
            },
            Refusal::Wrong { .. } => "call it again with a value of that sort".to_owned(),
        }
    }
}

fn names(tool: &Tool) -> String {
    let names: Vec<&str> = tool.inputs.iter().map(|input| input.name).collect();
    if names.is_empty() { "no inputs".to_owned() } else { names.join(", ") }
}

/// Takes out which colony the call is about, if it says so.
pub fn take_colony(given: &mut Map<String, Value>) -> Result<Option<String>, Refusal> {
    match given.remove(super::schema::COLONY) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => Err(Refusal::Wrong { name: super::schema::COLONY, rule: "is a text, an id or a name".to_owned() }),
    }
}

/// The request that a call of this tool stands for.
pub fn request(tool: &'static Tool, given: &Map<String, Value>, here: &Here) -> Result<Request, Refusal> {
    if let Some(name) = given.keys().find(|name| !tool.inputs.iter().any(|input| input.name == name.as_str())) {
        return Err(Refusal::UnknownInput { tool: tool.name, name: excerpt(name) });
    }
    let mut path = tool.path.to_owned();
    let mut query: Vec<String> = Vec::new();
    let mut body = Map::new();
    for input in tool.inputs {
        let Some(value) = value_of(tool, input, given, here)? else { continue };
        match input.place {
            Place::Path => path = path.replace(&format!("{{{}}}", input.name), &plain(&value)),
            Place::Query(name) => query.push(format!("{name}={}", encoded(&plain(&value)))),
            Place::Body(name) => {
                body.insert(name.to_owned(), value);
            }
        }
    }
    body.extend(tool.fixed.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    let body = (tool.verb != Verb::Get).then_some(Value::Object(body));
    Ok(Request { verb: tool.verb, target, body })
}

fn value_of(
    tool: &'static Tool,
    input: &'static Input,
    given: &Map<String, Value>,
    here: &Here,
) -> Result<Option<Value>, Refusal> {
    if let Some(value) = given.get(input.name).filter(|value| !value.is_null()) {
        return checked(input, value).map(Some);
    }
    let missing = |why| Refusal::Missing { tool: tool.name, name: input.name, why };
    let agent = || here.agent.as_ref().map(|agent| json!(agent.as_str()));
    match input.need {
        Need::Required => Err(missing("it can't be left out")),
        Need::Optional => Ok(None),
        Need::OwnTask => here.task.map(|task| Some(json!(task.0))).ok_or_else(|| missing("you work on no task")),
        Need::Caller => agent().map(Some).ok_or_else(|| missing("you are no agent of this office")),
        Need::CallerIfKnown => Ok(agent()),
    }
}

/// Of the right sort; what else is wrong with it the server says.
fn checked(input: &'static Input, value: &Value) -> Result<Value, Refusal> {
    let wrong = |rule: &str| Refusal::Wrong { name: input.name, rule: rule.to_owned() };
    let text = || value.as_str().ok_or_else(|| wrong("is a text"));
    match input.kind {
        Kind::Text => text().map(|text| json!(text)),
        Kind::Name => {
            let name: AgentName = text()?.parse().map_err(|_| wrong("is the name of an agent"))?;
            Ok(json!(name))
        }
        Kind::File => match DrivePath::from_typed(text()?) {
            Ok(path) => Ok(json!(path)),
            Err(bad) => Err(wrong(&format!("is a file on the shared drive: {bad}"))),
        },
        Kind::Flag => value.as_bool().map(|flag| json!(flag)).ok_or_else(|| wrong("is true or false")),
        Kind::Number => number(value).map(|number| json!(number)).ok_or_else(|| wrong("is a whole number")),
        Kind::Task => task(value).ok_or_else(|| wrong("is the number of a task")),
        Kind::Tasks => each(value, task).ok_or_else(|| wrong("is a list of numbers of tasks")),
        Kind::Words => each(value, word).ok_or_else(|| wrong("is a list of texts")),
        Kind::OneOf(words) => {
            let known = value.as_str().filter(|text| words().contains(text));
            known.map(|text| json!(text)).ok_or_else(|| wrong(&format!("is one of {}", words().join(", "))))
        }
        Kind::SomeOf(words) => {
            let known = each(value, |item| item.as_str().filter(|text| words().contains(text)).map(|text| json!(text)));
            known.ok_or_else(|| wrong(&format!("is a list of {}", words().join(", "))))
        }
    }
}

/// Models mix numbers and texts of numbers.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn task(value: &Value) -> Option<Value> {
    let id: TaskId = number(value)?.to_string().parse().ok()?;
    Some(json!(id.0))
}

fn word(value: &Value) -> Option<Value> {
    value.as_str().map(|text| json!(text))
}

/// One alone is a list of one.
fn each(value: &Value, read: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    match value {
        Value::Array(items) => items.iter().map(read).collect::<Option<Vec<Value>>>().map(Value::Array),
        one => read(one).map(|one| json!([one])),
    }
}

/// As it stands in a path or a query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// RFC 3986: everything but "unreserved" is encoded.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
