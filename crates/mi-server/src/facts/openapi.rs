//! The description of the API: kept in the repository, and whole.

use std::collections::BTreeSet;

use mi_core::problem::Code;
use serde_json::Value;

use crate::house::operations;
use crate::infra::http::openapi::{codes, document};

const METHODS: [&str; 6] = ["get", "put", "post", "delete", "patch", "head"];

fn described() -> Value {
    document(&operations())
}

/// Every operation of the document: path, method, what it says.
fn each(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn the_document_in_the_repository_is_current() {
    let text = serde_json::to_string_pretty(&described()).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contract/openapi.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    // The order of keys depends on which crates are built together, so documents are compared, not texts. No difference
    // is shown: half a megabyte of it takes minutes to compute and nobody reads it.
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
    let current: Value = serde_json::from_str(&text).unwrap();
    assert!(
        kept == current,
        "contract/openapi.json is not current: run this test with UPDATE_EXPECT=1 and look at git diff"
    );
}

#[test]
fn no_operation_hides_another() {
    let (document, all) = (described(), operations());
    let ids: BTreeSet<&str> = all.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), all.len(), "two operations share an id");
    assert_eq!(each(&document).len(), all.len(), "two operations share a method and a path");
    for (path, method, operation) in each(&document) {
        assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.contains(id), "{id}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id} says nothing of itself");
    }
}

#[test]
fn the_document_has_the_shape_of_openapi_3_1() {
    let document = described();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    for (path, method, operation) in each(&document) {
        let place = format!("{method} {path}");
        assert!(path.starts_with('/') && !path.contains('*') && !path.contains('…'), "{place}");
        check_parameters(&place, &path, &operation);
        check_responses(&place, &operation);
        let body = &operation["requestBody"];
        assert!(body.is_null() || body["content"].as_object().is_some_and(|kinds| !kinds.is_empty()), "{place}");
        let open = operation["x-access"] == "open";
        assert_eq!(operation["security"].is_null(), open, "{place}: a key is asked for, or not, and this must say so");
    }
}

/// Each `{name}` of a path is declared once, and nothing else is declared as part of it.
fn check_parameters(place: &str, path: &str, operation: &Value) {
    let named: Vec<&str> =
        path.split('/').filter_map(|part| part.strip_prefix('{')).map(|part| part.trim_end_matches('}')).collect();
    let parameters = operation["parameters"].as_array().unwrap();
    let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
    let declared: Vec<&str> = in_path
        .map(|parameter| {
            assert_eq!(parameter["required"], true, "{place}");
            parameter["name"].as_str().unwrap()
        })
        .collect();
    assert_eq!(declared, named, "{place}");
    let mut seen = BTreeSet::new();
    for parameter in parameters {
        let known = parameter["in"] == "path" || parameter["in"] == "query";
        assert!(known && parameter["schema"].is_object(), "{place}: {parameter}");
        assert!(
            seen.insert((parameter["in"].to_string(), parameter["name"].to_string())),
            "{place}: {parameter} twice"
        );
    }
}

/// A connection that becomes something else is a success, too.
const SWITCHING: u16 = 101;

fn check_responses(place: &str, operation: &Value) {
    let responses = operation["responses"].as_object().unwrap();
    for (status, response) in responses {
        let number: u16 = status.parse().unwrap_or_else(|_| panic!("{place}: {status}"));
        assert!(number == SWITCHING || (200..600).contains(&number), "{place}: {status}");
        assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{place}: {status}");
    }
    let succeeds = |status: &String| status.starts_with('2') || *status == SWITCHING.to_string();
    assert!(responses.keys().any(succeeds), "{place} never succeeds");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = described();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads out of the document"));
        assert!(document.pointer(pointer).is_some_and(|shape| !shape.is_null()), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema.is_object(), "{name} has no schema");
    }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match (key.as_str(), inner) {
                    ("$ref", Value::String(reference)) => found.push(reference.clone()),
                    _ => collect(inner, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| collect(inner, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_operation_lists_its_errors_under_their_statuses() {
    let (document, all) = (described(), operations());
    for (path, method, operation) in each(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let mut listed = BTreeSet::new();
        for (status, response) in operation["responses"].as_object().unwrap() {
            for code in response["x-codes"].as_array().into_iter().flatten() {
                let text = code.as_str().unwrap();
                let code = Code::parse(text).unwrap_or_else(|| panic!("{method} {path}: no such code {text}"));
                assert_eq!(code.status().to_string(), *status, "{method} {path}: {text}");
                listed.insert(code);
            }
        }
        let promised = codes(all.iter().find(|operation| operation.id == id).unwrap());
        assert_eq!(listed, promised.into_iter().collect::<BTreeSet<_>>(), "{method} {path}");
        assert!(listed.contains(&Code::Internal), "{method} {path}");
    }
}

/// The words of the wire, not the names that Rust has for them; only the phases of agents are written large there.
#[test]
fn every_word_is_told_as_it_travels() {
    let document = described();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let words = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let large: Vec<&str> = words.filter(|word| word.starts_with(char::is_uppercase)).collect();
        assert_eq!(large.is_empty(), name != "AgentPhase", "{name}: {large:?}");
    }
}
