//! The items of a request become the messages of a chat.
//!
//! Chats are stricter about order: an answer's text and calls are one message, and the calls'
//! outputs follow it at once. Many servers' templates also want one system message, at the
//! beginning, and turns of user and assistant that alternate; so neighbours are joined.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use super::request::{Refused, kind_of_item, list};
use super::tools::{INPUT, Kind, LOCAL_SHELL, TOOL_SEARCH, Tools, flat};

const BETWEEN: &str = "\n\n";
/// The output of a call that is nothing but an image.
const SHOWN_BELOW: &str = "The image is shown below.";

/// Finds further tools in what a search for them had found.
pub fn messages(request: &Value, tools: &mut Tools) -> Result<Vec<Value>, Refused> {
    let mut conversation = Conversation::default();
    if let Some(instructions) = request["instructions"].as_str() {
        conversation.system.push(instructions.to_owned());
    }
    match &request["input"] {
        Value::String(text) => conversation.user(vec![Part::Text(text.clone())]),
        input => {
            let items = list(input, "an `input` that is neither text nor a list")?;
            conversation.outputs = outputs(items)?;
            for item in items {
                conversation.item(item, tools)?;
            }
        }
    }
    conversation.finish(tools)
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Image(Value),
}

/// What an assistant's message holds so far.
#[derive(Debug, Default)]
struct Answer {
    text: Vec<String>,
    calls: Vec<(String, Value)>,
}

#[derive(Debug, Default)]
struct Conversation<'a> {
    system: Vec<String>,
    /// The user's, until somebody else speaks.
    said: Vec<Part>,
    answer: Answer,
    outputs: HashMap<&'a str, VecDeque<&'a Value>>,
    messages: Vec<Value>,
}

/// Everything that answers a call, by the call's id.
fn outputs(items: &[Value]) -> Result<HashMap<&str, VecDeque<&Value>>, Refused> {
    let mut found: HashMap<&str, VecDeque<&Value>> = HashMap::new();
    for item in items.iter().filter(|item| is_output(item)) {
        found.entry(call_id(item)?).or_default().push_back(item);
    }
    Ok(found)
}

fn is_output(item: &Value) -> bool {
    matches!(
        item["type"].as_str(),
        Some("function_call_output" | "custom_tool_call_output" | "local_shell_call_output" | "tool_search_output")
    )
}

fn call_id(item: &Value) -> Result<&str, Refused> {
    let id = item["call_id"].as_str().or(item["id"].as_str());
    id.filter(|id| !id.is_empty()).ok_or(Refused::Shape("a call or an output without `call_id`"))
}

impl Conversation<'_> {
    fn item(&mut self, item: &Value, tools: &mut Tools) -> Result<(), Refused> {
        if let Some(kind) = kind_of_item(item) {
            self.close_user();
            let (id, call) = call(kind, item)?;
            self.answer.calls.push((id, call));
            return Ok(());
        }
        if is_output(item) {
            return self.close_answer(tools);
        }
        match item["type"].as_str().unwrap_or("message") {
            "message" => self.message(item, tools),
            // Thoughts are the provider's own business, and what a provider's tool did is in its answer.
            "reasoning" | "web_search_call" | "file_search_call" | "image_generation_call" => Ok(()),
            "item_reference" => Err(Refused::Kept("item_reference")),
            other => {
                Err(Refused::Beyond(format!("an item of the type `{}`", other.chars().take(40).collect::<String>())))
            }
        }
    }

    fn message(&mut self, item: &Value, tools: &mut Tools) -> Result<(), Refused> {
        let parts = parts(&item["content"])?;
        match item["role"].as_str() {
            Some("user") => {
                self.close_answer(tools)?;
                self.user(parts);
            }
            Some("assistant") => {
                self.close_user();
                if !self.answer.calls.is_empty() {
                    self.close_answer(tools)?;
                }
                self.answer.text.push(text_of(&parts));
            }
            Some("system" | "developer") if self.has_only_system() => self.system.push(text_of(&parts)),
            // Later instructions: templates refuse a system message that is not the first.
            Some("system" | "developer") => {
                self.close_answer(tools)?;
                self.user(parts);
            }
            _ => return Err(Refused::Shape("a message without a `role` that is known")),
        }
        Ok(())
    }

    fn has_only_system(&self) -> bool {
        self.messages.is_empty() && self.said.is_empty() && self.answer.text.is_empty() && self.answer.calls.is_empty()
    }

    fn user(&mut self, parts: Vec<Part>) {
        self.said.extend(parts);
    }

    fn close_user(&mut self) {
        if !self.said.is_empty() {
            let content = content(std::mem::take(&mut self.said));
            self.messages.push(json!({"role": "user", "content": content}));
        }
    }

    /// The assistant's message, its calls' outputs behind it.
    fn close_answer(&mut self, tools: &mut Tools) -> Result<(), Refused> {
        let Answer { text, calls } = std::mem::take(&mut self.answer);
        let text = text.join(BETWEEN);
        if calls.is_empty() {
            if !text.is_empty() {
                self.messages.push(json!({"role": "assistant", "content": text}));
            }
            return Ok(());
        }
        let content = if text.is_empty() { Value::Null } else { json!(text) };
        let shapes: Vec<&Value> = calls.iter().map(|(_, call)| call).collect();
        self.messages.push(json!({"role": "assistant", "content": content, "tool_calls": shapes}));
        for (id, _) in &calls {
            self.output(id, tools)?;
        }
        Ok(())
    }

    /// A tool's message holds text only; images follow as the user's.
    fn output(&mut self, id: &str, tools: &mut Tools) -> Result<(), Refused> {
        let item = self.outputs.get_mut(id).and_then(VecDeque::pop_front);
        let item = item.ok_or_else(|| Refused::NoOutput(id.chars().take(80).collect()))?;
        let parts = if item["type"] == "tool_search_output" { found_tools(item, tools)? } else { output_parts(item)? };
        let text = text_of(&parts);
        let images: Vec<Part> = parts.into_iter().filter(|part| matches!(part, Part::Image(_))).collect();
        let text = if text.is_empty() && !images.is_empty() { SHOWN_BELOW.to_owned() } else { text };
        self.messages.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
        self.said.extend(images);
        Ok(())
    }

    fn finish(mut self, tools: &mut Tools) -> Result<Vec<Value>, Refused> {
        self.close_answer(tools)?;
        self.close_user();
        if let Some((id, _)) = self.outputs.iter().find(|(_, left)| !left.is_empty()) {
            return Err(Refused::NoCall(id.chars().take(80).collect()));
        }
        self.system.retain(|text| !text.is_empty());
        if !self.system.is_empty() {
            self.messages.insert(0, json!({"role": "system", "content": self.system.join(BETWEEN)}));
        }
        if self.messages.is_empty() { Err(Refused::Shape("no `input`")) } else { Ok(self.messages) }
    }
}

/// A past call and its id.
fn call(kind: Kind, item: &Value) -> Result<(String, Value), Refused> {
    let id = call_id(item)?.to_owned();
    let name = || item["name"].as_str().ok_or(Refused::Shape("a call without `name`"));
    let (function, arguments) = match kind {
        Kind::Function => {
            let arguments = object_text(item["arguments"].as_str().unwrap_or_default());
            (flat(item["namespace"].as_str(), name()?), arguments)
        }
        Kind::Custom => {
            let arguments = json!({INPUT: item["input"].as_str().unwrap_or_default()}).to_string();
            (flat(item["namespace"].as_str(), name()?), arguments)
        }
        Kind::LocalShell => (LOCAL_SHELL.to_owned(), shell_arguments(&item["action"]).to_string()),
        Kind::ToolSearch => (TOOL_SEARCH.to_owned(), object_text(&item["arguments"].to_string())),
    };
    let shape = json!({"id": id, "type": "function", "function": {"name": function, "arguments": arguments}});
    Ok((id, shape))
}

/// Servers that hand arguments to a template read them first, and would refuse the whole
/// conversation for a slip of the model's that is long past.
fn object_text(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(_)) => arguments.to_owned(),
        _ if arguments.trim().is_empty() => "{}".to_owned(),
        _ => json!({"malformed": arguments}).to_string(),
    }
}

fn shell_arguments(action: &Value) -> Value {
    let mut arguments = json!({"command": action["command"]});
    for name in ["working_directory", "timeout_ms"] {
        if !action[name].is_null() {
            arguments[name] = action[name].clone();
        }
    }
    arguments
}

/// What a search for tools found can be called from now on.
fn found_tools(item: &Value, tools: &mut Tools) -> Result<Vec<Part>, Refused> {
    let before = tools.listed.len();
    tools.add_all(list(&item["tools"], "found `tools` that are no list")?)?;
    let names: Vec<&str> =
        tools.listed[before..].iter().filter_map(|shape| shape["function"]["name"].as_str()).collect();
    let text = if names.is_empty() {
        "No further tool was found.".to_owned()
    } else {
        format!("These tools can be called now: {}.", names.join(", "))
    };
    Ok(vec![Part::Text(text)])
}

fn output_parts(item: &Value) -> Result<Vec<Part>, Refused> {
    match &item["output"] {
        text @ (Value::String(_) | Value::Array(_) | Value::Null) => parts(text),
        other => Ok(vec![Part::Text(other.to_string())]),
    }
}

fn parts(content: &Value) -> Result<Vec<Part>, Refused> {
    match content {
        Value::String(text) => Ok(vec![Part::Text(text.clone())]),
        content => list(content, "a `content` that is neither text nor a list")?.iter().map(part).collect(),
    }
}

fn part(part: &Value) -> Result<Part, Refused> {
    let text = |name: &str| Part::Text(part[name].as_str().unwrap_or_default().to_owned());
    match part["type"].as_str().unwrap_or_default() {
        "input_text" | "output_text" | "text" | "summary_text" => Ok(text("text")),
        "refusal" => Ok(text("refusal")),
        "input_image" => {
            let url =
                part["image_url"].as_str().ok_or_else(|| Refused::Beyond("an image kept as a file".to_owned()))?;
            let mut image = json!({"url": url});
            // A chat knows these words; another one would be refused.
            if let Some(detail @ ("low" | "high" | "auto")) = part["detail"].as_str() {
                image["detail"] = json!(detail);
            }
            Ok(Part::Image(json!({"type": "image_url", "image_url": image})))
        }
        other => Err(Refused::Beyond(format!("a part of the type `{}`", other.chars().take(40).collect::<String>()))),
    }
}

fn text_of(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<&str>>().join("\n")
}

/// Plain text where there is nothing else: not every server reads parts.
fn content(parts: Vec<Part>) -> Value {
    if parts.iter().all(|part| matches!(part, Part::Text(_))) {
        let texts = parts.into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Image(_) => None,
        });
        return json!(texts.collect::<Vec<String>>().join(BETWEEN));
    }
    let shape = |part| match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image(image) => image,
    };
    parts.into_iter().map(shape).collect()
}
