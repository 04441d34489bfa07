//! A request of Responses becomes one of a chat.

use serde_json::{Map, Value, json};

use super::conversation;
use super::response::Echo;
use super::tools::{self, Kind, TOOL_SEARCH, Tools};

/// Why a request can't be translated. What a chat can't do is said, not left out in silence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the body is no request of Responses: {0}")]
    NotJson(String),
    #[error("the request holds {0}")]
    Shape(&'static str),
    #[error("`{0}` has no meaning at a provider that speaks only Chat Completions: nothing is kept between requests")]
    Kept(&'static str),
    #[error("a provider that speaks only Chat Completions can't do {0}")]
    Beyond(String),
    #[error("there is no output for the call {0}")]
    NoOutput(String),
    #[error("there is no call for the output {0}")]
    NoCall(String),
    #[error("two tools are called {0}")]
    SameName(String),
    #[error("the request names more than {0} tools")]
    TooManyTools(usize),
}

/// What goes to the provider, and what is needed to turn its answer back.
#[derive(Debug)]
pub struct Translated {
    pub body: Vec<u8>,
    pub asked: Asked,
}

#[derive(Debug)]
pub struct Asked {
    pub delivery: Delivery,
    pub tools: Tools,
    pub echo: Echo,
}

/// How the caller wants its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Events,
    Whole,
}

/// Of a state that the provider would have to keep; a chat has none.
const KEPT: [&str; 3] = ["previous_response_id", "conversation", "prompt"];
/// They mean the same on both sides.
const SAME: [&str; 6] = ["temperature", "top_p", "stop", "seed", "presence_penalty", "frequency_penalty"];

pub fn translate(body: &[u8]) -> Result<Translated, Refused> {
    let request: Value = serde_json::from_slice(body).map_err(|error| Refused::NotJson(error.to_string()))?;
    if !request.is_object() {
        return Err(Refused::Shape("no JSON object"));
    }
    if let Some(kept) = KEPT.into_iter().find(|name| !request[*name].is_null()) {
        return Err(Refused::Kept(kept));
    }
    if request["background"] == true {
        return Err(Refused::Beyond("work in the background".to_owned()));
    }
    let model = request["model"].as_str().ok_or(Refused::Shape("no `model`"))?;
    let mut tools = Tools::default();
    tools.add_all(list(&request["tools"], "`tools` that are no list")?)?;
    let messages = conversation::messages(&request, &mut tools)?;
    let delivery = if request["stream"] == true { Delivery::Events } else { Delivery::Whole };

    let mut chat = Map::new();
    chat.insert("model".to_owned(), json!(model));
    chat.insert("messages".to_owned(), Value::Array(messages));
    put_tools(&mut chat, &request, &mut tools)?;
    put_settings(&mut chat, &request, model)?;
    if delivery == Delivery::Events {
        chat.insert("stream".to_owned(), json!(true));
        // Without it a streamed chat ends without numbers.
        chat.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    let body = Value::Object(chat).to_string().into_bytes();
    Ok(Translated { body, asked: Asked { delivery, tools, echo: Echo::of(&request) } })
}

pub fn list<'a>(value: &'a Value, otherwise: &'static str) -> Result<&'a [Value], Refused> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(list) => Ok(list),
        _ => Err(Refused::Shape(otherwise)),
    }
}

/// A chat without tools may not speak of them at all. What is a chat's default anyway is left out, because not every
/// server knows the word.
fn put_tools(chat: &mut Map<String, Value>, request: &Value, tools: &mut Tools) -> Result<(), Refused> {
    let (choice, listed) = match &request["tool_choice"] {
        allowed @ Value::Object(_) if allowed["type"] == "allowed_tools" => {
            (chosen(&allowed["mode"], tools)?, allowed_of(&allowed["tools"], tools)?)
        }
        choice => (chosen(choice, tools)?, std::mem::take(&mut tools.listed)),
    };
    if listed.is_empty() {
        return Ok(());
    }
    chat.insert("tools".to_owned(), Value::Array(listed));
    if let Some(choice) = choice {
        chat.insert("tool_choice".to_owned(), choice);
    }
    if request["parallel_tool_calls"] == false {
        chat.insert("parallel_tool_calls".to_owned(), json!(false));
    }
    Ok(())
}

fn allowed_of(allowed: &Value, tools: &mut Tools) -> Result<Vec<Value>, Refused> {
    let named = list(allowed, "`tool_choice.tools` that is no list")?;
    let names = named.iter().map(|tool| function_of(tool, tools)).collect::<Result<Vec<String>, Refused>>()?;
    let is_allowed = |shape: &Value| names.iter().any(|name| shape["function"]["name"] == **name);
    let mut listed = std::mem::take(&mut tools.listed);
    listed.retain(is_allowed);
    Ok(listed)
}

fn chosen(choice: &Value, tools: &Tools) -> Result<Option<Value>, Refused> {
    match choice {
        Value::Null => Ok(None),
        Value::String(mode) if mode == "auto" => Ok(None),
        Value::String(mode) if mode == "none" || mode == "required" => Ok(Some(json!(mode))),
        Value::Object(_) => {
            let function = function_of(choice, tools)?;
            Ok(Some(json!({"type": "function", "function": {"name": function}})))
        }
        _ => Err(Refused::Shape("a `tool_choice` that is neither a mode nor a tool")),
    }
}

/// The function that stands for a tool which the request names.
fn function_of(named: &Value, tools: &Tools) -> Result<String, Refused> {
    let kind = named["type"].as_str().unwrap_or_default();
    let name = match kind {
        "tool_search" => TOOL_SEARCH,
        "local_shell" => tools::LOCAL_SHELL,
        _ => named["name"].as_str().unwrap_or_default(),
    };
    let function = tools::flat(named["namespace"].as_str(), name);
    match tools.get(&function) {
        Some(_) => Ok(function),
        None => Err(Refused::Beyond(format!("a choice of the tool `{}`", if name.is_empty() { kind } else { name }))),
    }
}

fn put_settings(chat: &mut Map<String, Value>, request: &Value, model: &str) -> Result<(), Refused> {
    for name in SAME {
        if !request[name].is_null() {
            chat.insert(name.to_owned(), request[name].clone());
        }
    }
    let is_openais = is_openais(model);
    if !request["max_output_tokens"].is_null() {
        // OpenAI's thinking models refuse the older name; other servers know only that one.
        let name = if is_openais { "max_completion_tokens" } else { "max_tokens" };
        chat.insert(name.to_owned(), request["max_output_tokens"].clone());
    }
    if let Some(effort) = request["reasoning"]["effort"].as_str().and_then(|effort| effort_at(effort, is_openais)) {
        chat.insert("reasoning_effort".to_owned(), json!(effort));
    }
    if is_openais && let Some(verbosity) = request["text"]["verbosity"].as_str() {
        chat.insert("verbosity".to_owned(), json!(verbosity));
    }
    if let Some(format) = format_of(&request["text"]["format"])? {
        chat.insert("response_format".to_owned(), format);
    }
    Ok(())
}

/// Whether this is one of OpenAI's thinking models, wherever it is served.
fn is_openais(model: &str) -> bool {
    const STARTS: [&str; 4] = ["gpt-5", "o1", "o3", "o4"];
    let name = model.rsplit('/').next().unwrap_or(model);
    STARTS.iter().any(|start| name.starts_with(start))
}

/// Other servers know three efforts and refuse a request with another word.
fn effort_at(effort: &str, is_openais: bool) -> Option<&str> {
    match effort {
        _ if is_openais => Some(effort),
        "minimal" | "low" => Some("low"),
        "medium" => Some("medium"),
        "high" | "xhigh" | "max" => Some("high"),
        _ => None,
    }
}

fn format_of(format: &Value) -> Result<Option<Value>, Refused> {
    match format["type"].as_str() {
        None | Some("text") => Ok(None),
        Some("json_object") => Ok(Some(json!({"type": "json_object"}))),
        Some("json_schema") => {
            let mut schema = json!({"name": format["name"].as_str().unwrap_or("answer"), "schema": format["schema"]});
            for name in ["description", "strict"] {
                if !format[name].is_null() {
                    schema[name] = format[name].clone();
                }
            }
            Ok(Some(json!({"type": "json_schema", "json_schema": schema})))
        }
        Some(other) => {
            Err(Refused::Beyond(format!("the text format `{}`", other.chars().take(40).collect::<String>())))
        }
    }
}

/// The name of a tool's kind, for calls that a chat's function stands for.
pub fn kind_of_item(item: &Value) -> Option<Kind> {
    match item["type"].as_str()? {
        "function_call" => Some(Kind::Function),
        "custom_tool_call" => Some(Kind::Custom),
        "local_shell_call" => Some(Kind::LocalShell),
        "tool_search_call" => Some(Kind::ToolSearch),
        _ => None,
    }
}
