//! OpenAPI 3.1 from the operations themselves, so that it can't disagree with them.

use mi_core::problem::{Code, Problem};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use super::operation::{Many, Operation, Schemas, Shape};
use crate::infra::act::OF_AN_ATTEMPT;
use crate::infra::caller::Access;

/// Problems that any operation can meet.
const COMMON: [Code; 6] =
    [Code::BadRequest, Code::RequestTimeout, Code::Internal, Code::Busy, Code::Draining, Code::DriveFull];
const CREDENTIAL: [Code; 7] = [
    Code::Unauthenticated,
    Code::KeyExpired,
    Code::KeyRevoked,
    Code::WrongPod,
    Code::BadSignature,
    Code::TimestampOutOfRange,
    Code::Replayed,
];
const OFFICE: [Code; 2] = [Code::NoSuchOffice, Code::NoAccess];
/// What an agent's credential can have become.
const AGENT: [Code; 2] = [Code::StaleClaim, Code::Superseded];
const WRITING: [Code; 3] = [Code::BodyTooLarge, Code::UnsupportedMediaType, Code::IdempotencyKeyReused];

pub fn document(operations: &[Operation]) -> Value {
    let mut schemas: Schemas = vec![("Problem".to_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let mut paths = Map::new();
    for operation in operations {
        for shape in operation.request.iter().chain(&operation.response) {
            (shape.collect)(&mut schemas);
        }
        let path = operation.paths().into_iter().next().unwrap_or_default().replace("{*", "{");
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(operation.method.as_str().to_lowercase(), describe(operation));
        }
    }
    let schemas: Map<String, Value> =
        schemas.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or(Value::Null))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Mitosis",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Offices, agents, tasks, files: the platform for autonomous agents that prove their work. \
                            Offices also answer under /api/offices.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}
        }
    })
}

/// Every code that an operation may answer.
pub fn codes(operation: &Operation) -> Vec<Code> {
    let mut codes = COMMON.to_vec();
    if operation.access != Access::Open {
        codes.extend(CREDENTIAL);
    }
    if operation.path.contains('…') || operation.path.contains("{office}") {
        codes.extend(OFFICE);
    }
    match operation.access {
        Access::Open => {}
        // An operator may write with an agent's claim, and that may be stale.
        Access::User | Access::Viewer | Access::Operator => codes.extend([Code::OperatorOnly, Code::StaleClaim]),
        Access::Owner => codes.extend([Code::OwnerOnly, Code::StaleClaim]),
        Access::Known | Access::Member => codes.extend(AGENT),
        Access::Ticket | Access::Runner | Access::Session | Access::Agent => {
            codes.extend(AGENT);
            codes.push(Code::NotYou);
        }
    }
    if OF_AN_ATTEMPT.contains(&operation.id) {
        codes.push(Code::ClaimRequired);
    }
    if operation.is_mutating() && operation.access == Access::Member {
        // A colleague who may only look.
        codes.push(Code::OperatorOnly);
    }
    if operation.is_mutating() {
        codes.extend(WRITING);
    }
    codes.extend(operation.fails);
    codes.sort();
    codes.dedup();
    codes
}

fn describe(operation: &Operation) -> Value {
    let mut out = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.id.split('.').next().unwrap_or_default()],
        "x-access": operation.access.as_str(),
        "parameters": parameters(operation),
        "responses": responses(operation),
    });
    if operation.access != Access::Open {
        out["security"] = json!([{"key": []}]);
    }
    if let Some(shape) = &operation.request {
        out["requestBody"] = json!({"content": {"application/json": {"schema": reference(shape)}}});
    }
    out
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let path = operation.paths().into_iter().next().unwrap_or_default();
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}').map(str::to_owned));
    let mut out: Vec<Value> = in_path
        .map(|name| json!({"name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let query = operation.query.iter();
    out.extend(
        query.map(
            |(name, about)| json!({"name": name, "in": "query", "description": about, "schema": {"type": "string"}}),
        ),
    );
    out
}

fn responses(operation: &Operation) -> Value {
    let mut out = Map::new();
    let mut success = json!({"description": "Done."});
    if let Some(shape) = &operation.response {
        success["content"] = json!({"application/json": {"schema": reference(shape)}});
    }
    out.insert(operation.status.to_string(), success);
    for code in codes(operation) {
        let entry = out.entry(code.status().to_string()).or_insert_with(|| {
            let schema = json!({"$ref": "#/components/schemas/Problem"});
            json!({"description": "", "content": {"application/json": {"schema": schema}}, "x-codes": []})
        });
        let known = entry["description"].as_str().unwrap_or_default().to_owned();
        let line = format!("`{}`: {}", code.as_str(), code.meaning());
        entry["description"] = json!(if known.is_empty() { line } else { format!("{known}\n{line}") });
        if let Some(list) = entry["x-codes"].as_array_mut() {
            list.push(json!(code.as_str()));
        }
    }
    Value::Object(out)
}

fn reference(shape: &Shape) -> Value {
    let one = json!({"$ref": format!("#/components/schemas/{}", (shape.name)())});
    match shape.many {
        Many::One => one,
        Many::List => json!({"type": "array", "items": one}),
    }
}
