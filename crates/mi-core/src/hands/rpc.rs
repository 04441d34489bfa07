//! The Model Context Protocol over HTTP, as far as tools need it: JSON-RPC without sessions.
//!
//! Every question stands alone, so a client may ask any server at any time. Versions
//! up to 2025-11-25 begin with `initialize`; from 2026-07-28 on each request says its
//! version itself and `server/discover` tells what there is.
//! (modelcontextprotocol.io/specification)

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Outcome, Scope, TOOLS, instructions, schema};
use crate::ids::excerpt;

/// What this server speaks, the oldest first.
pub const VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", STATELESS];
/// The newest that begins with `initialize`.
const NEWEST_WITH_INITIALIZE: &str = "2025-11-25";
/// From here on answers say that they are complete and how long they may be kept.
const STATELESS: &str = "2026-07-28";
const VERSION_IN_META: &str = "io.modelcontextprotocol/protocolVersion";
const SERVER_IN_META: &str = "io.modelcontextprotocol/serverInfo";

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const UNSUPPORTED_VERSION: i64 = -32022;

/// What is sent, for those who only look: the protocol itself says what is in it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = McpMessage)]
pub struct Message {
    /// `2.0`
    pub jsonrpc: String,
    #[schema(value_type = Option<String>)]
    pub id: Option<Value>,
    pub method: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub params: Option<Value>,
}

/// What came.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    Question(Question),
    /// Wants no answer: a notification, or an answer to something that we never ask.
    Notice,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    id: Value,
    era: Era,
    pub asked: Asked,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Initialize { version: String },
    Discover,
    Ping,
    Tools,
    Call { tool: String, inputs: Map<String, Value> },
    Other { method: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Initialized,
    Stateless,
}

/// What can't be answered, with the HTTP status that goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    pub status: u16,
    pub reply: Value,
}

/// One message. `version` is the header `MCP-Protocol-Version`.
pub fn read(body: &[u8], version: Option<&str>) -> Result<Incoming, Broken> {
    let message: Value = serde_json::from_slice(body)
        .map_err(|error| broken(&Value::Null, PARSE_ERROR, &format!("the message is not JSON: {error}")))?;
    let id = message.get("id").cloned().unwrap_or(Value::Null);
    let Value::Object(message) = message else {
        return Err(broken(&id, INVALID_REQUEST, "a message is one JSON object; batches are no longer part of MCP"));
    };
    if message.get("jsonrpc") != Some(&json!("2.0")) {
        return Err(broken(&id, INVALID_REQUEST, "a message says \"jsonrpc\": \"2.0\""));
    }
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        let is_answer = message.contains_key("result") || message.contains_key("error");
        return if is_answer { Ok(Incoming::Notice) } else { Err(broken(&id, INVALID_REQUEST, "there is no method")) };
    };
    if !message.contains_key("id") {
        return Ok(Incoming::Notice);
    }
    if !id.is_string() && !id.is_i64() && !id.is_u64() {
        return Err(broken(&Value::Null, INVALID_REQUEST, "an id is a text or a whole number"));
    }
    let params = message.get("params").and_then(Value::as_object).cloned().unwrap_or_default();
    let era = era(&id, version, &params)?;
    Ok(Incoming::Question(Question { asked: asked(&id, method, params)?, era, id }))
}

/// What to answer to a line of a stream that no library could take to us: one that is no JSON, or a call without the
/// parameters that a call has.
pub fn unreadable(line: &[u8]) -> Option<Value> {
    let reply = read(line, None).err()?.reply;
    let code = reply.pointer("/error/code").and_then(Value::as_i64);
    matches!(code, Some(PARSE_ERROR | INVALID_PARAMS)).then_some(reply)
}

fn era(id: &Value, header: Option<&str>, params: &Map<String, Value>) -> Result<Era, Broken> {
    let in_meta = params.get("_meta").and_then(|meta| meta.get(VERSION_IN_META)).and_then(Value::as_str);
    let Some(version) = in_meta.or(header) else { return Ok(Era::Initialized) };
    if !VERSIONS.contains(&version) {
        let data = json!({"requested": excerpt(version), "supported": VERSIONS});
        let error = json!({"code": UNSUPPORTED_VERSION, "message": "Unsupported protocol version", "data": data});
        return Err(Broken { status: 400, reply: json!({"jsonrpc": "2.0", "id": id, "error": error}) });
    }
    // Dates of this form stand in the order of their texts.
    Ok(if version >= STATELESS { Era::Stateless } else { Era::Initialized })
}

fn asked(id: &Value, method: &str, mut params: Map<String, Value>) -> Result<Asked, Broken> {
    Ok(match method {
        "initialize" => {
            let version = params.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
            Asked::Initialize { version: version.to_owned() }
        }
        "server/discover" => Asked::Discover,
        "ping" => Asked::Ping,
        "tools/list" => Asked::Tools,
        "tools/call" => {
            let Some(tool) = params.get("name").and_then(Value::as_str).map(str::to_owned) else {
                return Err(broken(id, INVALID_PARAMS, "params.name says which tool"));
            };
            let inputs = match params.remove("arguments") {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(inputs)) => inputs,
                Some(_) => return Err(broken(id, INVALID_PARAMS, "params.arguments is an object")),
            };
            Asked::Call { tool, inputs }
        }
        other => Asked::Other { method: other.to_owned() },
    })
}

/// JSON-RPC's own mistakes are answers of HTTP, too, except where the message was well formed.
fn broken(id: &Value, code: i64, message: &str) -> Broken {
    let status = if code == INVALID_PARAMS || code == METHOD_NOT_FOUND { 200 } else { 400 };
    Broken { status, reply: json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}) }
}

impl Question {
    fn reply(&self, mut result: Value) -> Value {
        if self.era == Era::Stateless {
            result["resultType"] = json!("complete");
        }
        json!({"jsonrpc": "2.0", "id": self.id, "result": result})
    }

    pub fn initialized(&self, asked: &str, server: &str, scope: Scope) -> Value {
        let known = VERSIONS.into_iter().find(|version| *version == asked && *version <= NEWEST_WITH_INITIALIZE);
        self.reply(json!({
            "protocolVersion": known.unwrap_or(NEWEST_WITH_INITIALIZE),
            "capabilities": {"tools": {"listChanged": false}},
            "serverInfo": server_info(server),
            "instructions": instructions(scope),
        }))
    }

    pub fn discovered(&self, server: &str, scope: Scope) -> Value {
        let mut result = self.kept(json!({
            "supportedVersions": VERSIONS,
            "capabilities": {"tools": {}},
            "instructions": instructions(scope),
        }));
        result["resultType"] = json!("complete");
        result["_meta"] = json!({SERVER_IN_META: server_info(server)});
        self.reply(result)
    }

    pub fn pong(&self) -> Value {
        self.reply(json!({}))
    }

    pub fn tools(&self, scope: Scope) -> Value {
        let tools: Vec<Value> = TOOLS.iter().map(|tool| schema::card(tool, scope)).collect();
        let result = json!({"tools": tools});
        self.reply(if self.era == Era::Stateless { self.kept(result) } else { result })
    }

    /// What is the same for a caller until the next version of this server.
    fn kept(&self, mut result: Value) -> Value {
        result["ttlMs"] = json!(0);
        result["cacheScope"] = json!("private");
        result
    }

    pub fn called(&self, outcome: &Outcome) -> Value {
        self.reply(outcome.card())
    }

    pub fn unknown(&self, method: &str) -> Value {
        let message = format!("there is no method {}", excerpt(method));
        broken(&self.id, METHOD_NOT_FOUND, &message).reply
    }
}

fn server_info(version: &str) -> Value {
    json!({"name": "mitosis", "title": "Mitosis", "version": version})
}
