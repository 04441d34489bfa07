//! The tools of a request: as a chat knows them, and as its caller knows them.
//!
//! A chat has nothing but functions with plain names. What a caller has besides (tools with
//! free text as input, namespaces, a shell, a search for further tools) becomes a function,
//! and its calls are turned back. The same tool always gets the same name, so that what a
//! provider keeps of a conversation's beginning stays good.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::Refused;

/// The longest name of a function in a chat.
const NAME_BYTES_MAX: usize = 64;
/// Tools of one request.
const TOOLS_MAX: usize = 1_024;

pub const LOCAL_SHELL: &str = "local_shell";
pub const TOOL_SEARCH: &str = "tool_search";
/// The only argument of a tool that takes free text.
pub const INPUT: &str = "input";

/// What a tool is to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Function,
    /// Takes free text.
    Custom,
    LocalShell,
    ToolSearch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    pub kind: Kind,
    pub namespace: Option<String>,
    pub name: String,
}

#[derive(Debug, Default)]
pub struct Tools {
    known: BTreeMap<String, Tool>,
    /// In a chat's shape, until they go into it.
    pub listed: Vec<Value>,
    /// Kinds of tools that a chat's provider can't run.
    pub left_out: Vec<String>,
}

impl Tools {
    pub fn add_all(&mut self, tools: &[Value]) -> Result<(), Refused> {
        tools.iter().try_for_each(|tool| self.add(tool, None))
    }

    /// The tool behind a function's name.
    pub fn get(&self, function: &str) -> Option<&Tool> {
        self.known.get(function)
    }

    fn add(&mut self, tool: &Value, namespace: Option<&str>) -> Result<(), Refused> {
        let kind = tool["type"].as_str().unwrap_or_default();
        match kind {
            "function" => self.insert(Kind::Function, namespace, name_of(tool)?, function(tool)),
            "custom" => self.insert(Kind::Custom, namespace, name_of(tool)?, custom(tool)),
            "local_shell" => self.insert(Kind::LocalShell, None, LOCAL_SHELL, local_shell()),
            "tool_search" if tool["execution"] == "client" => {
                self.insert(Kind::ToolSearch, None, TOOL_SEARCH, function(tool))
            }
            "namespace" if namespace.is_none() => {
                let name = name_of(tool)?;
                let inner = tool["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
                inner.iter().try_for_each(|tool| self.add(tool, Some(name)))
            }
            "" => Err(Refused::Shape("a tool without `type`")),
            _ => {
                if !self.left_out.iter().any(|known| known == kind) && self.left_out.len() < TOOLS_MAX {
                    self.left_out.push(kind.to_owned());
                }
                Ok(())
            }
        }
    }

    /// A tool that is named again (a search may find it twice) is the same tool.
    fn insert(&mut self, kind: Kind, namespace: Option<&str>, name: &str, shape: Value) -> Result<(), Refused> {
        let function = flat(namespace, name);
        let tool = Tool { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() };
        match self.known.get(&function) {
            Some(known) if *known == tool => return Ok(()),
            Some(_) => return Err(Refused::SameName(function)),
            None if self.known.len() >= TOOLS_MAX => return Err(Refused::TooManyTools(TOOLS_MAX)),
            None => {}
        }
        let mut shape = shape;
        shape["name"] = json!(function);
        self.listed.push(json!({"type": "function", "function": shape}));
        self.known.insert(function, tool);
        Ok(())
    }
}

/// A function's name in the chat. Legal there: up to 64 of letters, digits, `_` and `-`.
pub fn flat(namespace: Option<&str>, name: &str) -> String {
    const HASH_CHARS: usize = 9;
    let full = match namespace {
        Some(namespace) if namespace.ends_with("__") => format!("{namespace}{name}"),
        Some(namespace) => format!("{namespace}__{name}"),
        None => name.to_owned(),
    };
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if full.len() <= NAME_BYTES_MAX && full.chars().all(is_legal) {
        return full;
    }
    let start: String =
        full.chars().map(|c| if is_legal(c) { c } else { '_' }).take(NAME_BYTES_MAX - HASH_CHARS).collect();
    format!("{start}_{:08x}", hash(&full))
}

/// FNV-1a: names that were cut stay apart. Not for secrets.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn name_of(tool: &Value) -> Result<&str, Refused> {
    tool["name"].as_str().filter(|name| !name.is_empty()).ok_or(Refused::Shape("a tool without `name`"))
}

/// Everything but the name, which is put in first so that it stands first.
fn shape(description: Option<&str>, parameters: Value) -> Value {
    let mut shape = json!({"name": ""});
    if let Some(description) = description {
        shape["description"] = json!(description);
    }
    shape["parameters"] = parameters;
    shape
}

fn function(tool: &Value) -> Value {
    let parameters = match &tool["parameters"] {
        Value::Object(schema) => Value::Object(schema.clone()),
        _ => json!({"type": "object", "properties": {}}),
    };
    let mut shape = shape(tool["description"].as_str(), parameters);
    if tool["strict"] == true {
        shape["strict"] = json!(true);
    }
    shape
}

fn custom(tool: &Value) -> Value {
    let description = tool["description"].as_str().unwrap_or_default();
    let format = &tool["format"];
    let grammar = match (format["definition"].as_str(), format["syntax"].as_str()) {
        (Some(definition), Some(syntax)) => format!(" It has to follow this grammar ({syntax}):\n{definition}"),
        _ => String::new(),
    };
    let text = format!("{description}\n\nThe argument `{INPUT}` is the tool's whole input, as plain text.{grammar}");
    let input = json!({"type": "string", "description": "The tool's whole input"});
    let parameters = json!({
        "type": "object", "properties": {INPUT: input}, "required": [INPUT], "additionalProperties": false,
    });
    shape(Some(text.trim_start()), parameters)
}

fn local_shell() -> Value {
    let text = "Runs a command in the local shell and returns its output.";
    let words = json!({"type": "array", "items": {"type": "string"}, "description": "The command and its arguments"});
    let parameters = json!({
        "type": "object",
        "properties": {
            "command": words,
            "working_directory": {"type": "string"},
            "timeout_ms": {"type": "integer"},
        },
        "required": ["command"],
    });
    shape(Some(text), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_short_and_apart() {
        assert_eq!(flat(None, "exec_command"), "exec_command");
        assert_eq!(flat(Some("mcp__mi"), "tasks_get"), "mcp__mi__tasks_get");
        assert_eq!(flat(Some("mcp__mi__"), "tasks_get"), "mcp__mi__tasks_get");
        let long = "x".repeat(80);
        let (first, second) = (flat(Some("a"), &long), flat(Some("a"), &format!("{long}y")));
        assert_eq!((first.len(), second.len()), (NAME_BYTES_MAX, NAME_BYTES_MAX));
        assert_ne!(first, second);
        assert_eq!(flat(None, &long), flat(None, &long));
        assert!(flat(None, "files.read/é").starts_with("files_read___"));
    }

    fn tools(list: Value) -> Result<Tools, Refused> {
        let mut tools = Tools::default();
        tools.add_all(list.as_array().unwrap())?;
        Ok(tools)
    }

    #[test]
    fn what_no_provider_of_chats_can_run_is_left_out() {
        let list = json!([{"type": "web_search"}, {"type": "web_search"}, {"type": "tool_search", "execution": "server"},
            {"type": "function", "name": "f"}]);
        let found = tools(list).unwrap();
        assert_eq!(found.left_out, ["web_search", "tool_search"]);
        let empty = json!({"type": "object", "properties": {}});
        assert_eq!(found.listed, [json!({"type": "function", "function": {"name": "f", "parameters": empty}})]);
    }

    #[test]
    fn two_tools_of_one_name_are_refused_and_one_tool_twice_is_one() {
        let function = json!({"type": "function", "name": "n__f"});
        let inner = json!({"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]});
        assert_eq!(tools(json!([inner, inner])).unwrap().listed.len(), 1);
        assert!(matches!(tools(json!([function, inner])), Err(Refused::SameName(_))));
    }
}
