//! Tools in the form in which models get them: JSON Schema.

use serde_json::{Map, Value, json};

use super::{Effect, Input, Kind, Need, Tool};

/// The input that names the office.
pub const COLONY: &str = "colony";

/// Which offices the caller can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// An agent has one.
    OwnOffice,
    /// An owner may have several.
    AnyOffice,
}

/// The schema of a tool's inputs.
pub fn inputs(tool: &Tool, scope: Scope) -> Map<String, Value> {
    let mut properties: Map<String, Value> =
        tool.inputs.iter().map(|input| (input.name.to_owned(), property(input))).collect();
    if scope == Scope::AnyOffice {
        let about = "The colony (office), by id or name. May be left out when you have only one.";
        properties.insert(COLONY.to_owned(), json!({"type": "string", "description": about}));
    }
    let required: Vec<&str> = tool.inputs.iter().filter(|input| is_required(input, scope)).map(|i| i.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

/// An owner works on no task and is no agent, so must say which.
fn is_required(input: &Input, scope: Scope) -> bool {
    match input.need {
        Need::Required => true,
        Need::Optional | Need::CallerIfKnown => false,
        Need::OwnTask | Need::Caller => scope == Scope::AnyOffice,
    }
}

fn property(input: &Input) -> Value {
    let mut schema = match input.kind {
        Kind::Text | Kind::Name | Kind::File => json!({"type": "string"}),
        Kind::Words => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Number => json!({"type": "integer"}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Task => json!({"type": "integer", "minimum": 1}),
        Kind::Tasks => json!({"type": "array", "items": {"type": "integer", "minimum": 1}}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words()}),
        Kind::SomeOf(words) => json!({"type": "array", "items": {"type": "string", "enum": words()}}),
    };
    schema["description"] = json!(input.about);
    schema
}

/// The whole tool as `tools/list` gives it.
pub fn card(tool: &Tool, scope: Scope) -> Value {
    json!({
        "name": tool.name,
        "description": tool.about,
        "inputSchema": inputs(tool, scope),
        "annotations": {
            "readOnlyHint": tool.effect == Effect::Looks,
            "destructiveHint": tool.effect == Effect::Decides,
            "openWorldHint": false,
        },
    })
}
