//! Checks at the door: each becomes a type once, or the sentence says which one is wrong and why.

use serde_json::{Map, Value};

use super::{Check, short};
use crate::ids::excerpt;
use crate::limits::{
    CHECK_COMMAND_BYTES_MAX, CHECK_ROUND_SECONDS_MAX, CHECK_SCHEMA_BYTES_MAX, CHECK_SECONDS_MAX, CHECK_URL_BYTES_MAX,
    CHECKS_PER_TASK_MAX,
};

/// Statements that a shell can give.
const EXIT_CODES: std::ops::RangeInclusive<i64> = 0..=255;
const STATUSES: std::ops::RangeInclusive<i64> = 100..=599;
/// Methods that change nothing where they are sent.
pub const METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const DIGEST_CHARS: usize = 64;

/// Reads what a client sent: objects, or texts in the short form.
pub fn all(wishes: &[Value]) -> Result<Vec<Check>, String> {
    if wishes.len() > CHECKS_PER_TASK_MAX {
        return Err(format!("a task has at most {CHECKS_PER_TASK_MAX} checks"));
    }
    let checks: Vec<Check> = wishes
        .iter()
        .enumerate()
        .map(|(place, wish)| one(wish).map_err(|wrong| format!("check {}: {wrong}", place + 1)))
        .collect::<Result<_, _>>()?;
    let seconds: i64 = checks.iter().map(Check::seconds).sum();
    if seconds > CHECK_ROUND_SECONDS_MAX {
        let sentence =
            format!("the checks of a task together may run for {CHECK_ROUND_SECONDS_MAX} s, not {seconds} s");
        return Err(sentence);
    }
    Ok(checks)
}

/// One check, judged.
pub fn one(wish: &Value) -> Result<Check, String> {
    let check = match wish {
        Value::String(text) => short::parse(text)?,
        Value::Object(object) => object_form(object)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            return Err(format!("it is an object with a kind, or a text such as {}", short::FORMS));
        }
    };
    checked(&check)?;
    Ok(check)
}

/// An unknown field would silently ask for less than its author thinks, so it is refused here.
fn object_form(object: &Map<String, Value>) -> Result<Check, String> {
    let snake: Map<String, Value> = object.iter().map(|(key, value)| (snake(key), value.clone())).collect();
    let kind = snake.get("kind").and_then(Value::as_str).unwrap_or_default();
    let known: &[&str] = match kind {
        "command" => &["command", "exit", "timeout_seconds"],
        "file" => &["path", "sha256", "size_min", "size_max", "words_min", "words_max"],
        "json_schema" => &["path", "schema", "schema_path"],
        "http" => &["method", "url", "status", "timeout_seconds"],
        other => return Err(format!("kind is command, file, json_schema or http, not {:?}", excerpt(other))),
    };
    if let Some(stray) = snake.keys().find(|key| *key != "kind" && !known.contains(&key.as_str())) {
        return Err(format!("a {kind} check has no field {:?}; it has {}", excerpt(stray), known.join(", ")));
    }
    serde_json::from_value(Value::Object(snake)).map_err(|error| error.to_string())
}

/// `sizeMin` → `size_min`.
fn snake(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 2);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// What a form can't hold by its type.
pub fn checked(check: &Check) -> Result<(), String> {
    if !(1..=CHECK_SECONDS_MAX).contains(&check.seconds()) {
        return Err(format!("its time limit lies between 1 and {CHECK_SECONDS_MAX} s"));
    }
    match check {
        Check::Command(check) => command(&check.command, check.exit),
        Check::File(check) => file(check),
        Check::JsonSchema(check) => json(check),
        Check::Http(check) => http(check),
    }
}

fn command(command: &str, exit: i64) -> Result<(), String> {
    if command.trim().is_empty() {
        return Err("its command is empty".to_owned());
    }
    if command.len() > CHECK_COMMAND_BYTES_MAX {
        return Err(format!("its command is longer than {CHECK_COMMAND_BYTES_MAX} bytes; put a script on the drive"));
    }
    if command.contains('\0') {
        return Err("its command holds a NUL".to_owned());
    }
    if !EXIT_CODES.contains(&exit) {
        return Err("its exit code lies between 0 and 255".to_owned());
    }
    Ok(())
}

fn file(check: &super::FileCheck) -> Result<(), String> {
    let hex =
        |text: &String| text.len() == DIGEST_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if check.sha256.as_ref().is_some_and(|text| !hex(text)) {
        return Err("sha256 is 64 hexadecimal digits in lower case".to_owned());
    }
    for (what, least, most) in [("size", check.size_min, check.size_max), ("words", check.words_min, check.words_max)] {
        if least.is_some_and(|n| n < 0) || most.is_some_and(|n| n < 0) {
            return Err(format!("its {what} can't be below 0"));
        }
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            return Err(format!(
                "no file has at least {} and at most {} of {what}",
                least.unwrap_or(0),
                most.unwrap_or(0)
            ));
        }
    }
    Ok(())
}

fn json(check: &super::JsonCheck) -> Result<(), String> {
    match (&check.schema, &check.schema_path) {
        (Some(_), Some(_)) => Err("it has a schema and a schema_path; one of them is enough".to_owned()),
        (Some(schema), None) => json_schema(schema),
        (None, _) => Ok(()),
    }
}

fn json_schema(schema: &Value) -> Result<(), String> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err("its schema is a JSON object".to_owned());
    }
    if schema.to_string().len() > CHECK_SCHEMA_BYTES_MAX {
        return Err(format!("its schema is longer than {CHECK_SCHEMA_BYTES_MAX} bytes; put it on the drive"));
    }
    match remote_reference(schema) {
        Some(address) => {
            Err(format!("its schema refers to {:?}, and only references within it are followed", excerpt(address)))
        }
        None => Ok(()),
    }
}

/// A reference that leads out of the schema. Nothing is ever fetched for a check.
pub fn remote_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) if !target.starts_with('#') => {
                Some(target.as_str())
            }
            (_, value) => remote_reference(value),
        }),
        Value::Array(items) => items.iter().find_map(remote_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn http(check: &super::HttpCheck) -> Result<(), String> {
    if !METHODS.contains(&check.method.as_str()) {
        return Err(format!("its method is one of {}", METHODS.join(", ")));
    }
    if !STATUSES.contains(&check.status) {
        return Err("its status lies between 100 and 599".to_owned());
    }
    if check.url.len() > CHECK_URL_BYTES_MAX {
        return Err(format!("its address is longer than {CHECK_URL_BYTES_MAX} bytes"));
    }
    crate::egress::Target::of_url(&check.url).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_casings_and_the_short_form_are_one_check() {
        let wishes = [
            json!({"kind": "file", "path": "a.md", "wordsMin": 3}),
            json!({"kind": "file", "path": "a.md", "words_min": 3}),
            json!("file: a.md words>=3"),
        ];
        let read = all(&wishes).unwrap();
        assert!(read.iter().all(|check| *check == read[0]));
        assert_eq!(serde_json::to_value(&read[0]).unwrap(), json!({"kind": "file", "path": "a.md", "words_min": 3}));
        let command = one(&json!({"kind": "command", "command": "true"})).unwrap();
        assert_eq!(command, one(&json!("cmd: true")).unwrap());
    }

    #[test]
    fn the_sentence_says_which_check_and_what_is_wrong() {
        let long = "x".repeat(CHECK_COMMAND_BYTES_MAX + 1);
        for (wish, said) in [
            (json!(7), "check 2: it is an object with a kind"),
            (json!({"kind": "mail"}), "check 2: kind is command, file, json_schema or http, not \"mail\""),
            (json!({"kind": "file", "path": "a", "minWords": 3}), "has no field \"min_words\""),
            (json!({"kind": "file", "path": "/etc/passwd"}), "relative to the drive"),
            (json!({"kind": "file"}), "missing field `path`"),
            (json!({"kind": "file", "path": "a", "sha256": "abc"}), "64 hexadecimal digits"),
            (json!("file: a words>=3 words<=2"), "at least 3 and at most 2"),
            (json!("file: a size>=-1"), "below 0"),
            (json!("cmd:  "), "its command is empty"),
            (json!({"kind": "command", "command": long}), "longer than"),
            (json!({"kind": "command", "command": "a\0b"}), "NUL"),
            (json!("cmd[exit=256]: true"), "between 0 and 255"),
            (json!("cmd[timeout=601]: true"), "between 1 and 600 s"),
            (json!("cmd[timeout=0]: true"), "between 1 and 600 s"),
            (json!({"kind": "json_schema", "path": "a", "schema": 3}), "a JSON object"),
            (
                json!({"kind": "json_schema", "path": "a", "schema": {"$ref": "http://x.org/s"}}),
                "refers to \"http://x.org/s\"",
            ),
            (json!({"kind": "json_schema", "path": "a", "schema": {}, "schemaPath": "s"}), "one of them is enough"),
            (json!("http: POST https://example.com"), "one of GET, HEAD, OPTIONS"),
            (json!("http: ftp://example.com"), "http:// or https://"),
            (json!("http: https://u:p@example.com"), "no name or password"),
            (json!("http: https://example.com 999"), "between 100 and 599"),
        ] {
            let refused = all(&[json!("cmd: true"), wish.clone()]).unwrap_err();
            assert!(refused.contains(said), "{wish}: {refused}");
        }
        assert!(all(&vec![json!("file: a"); CHECKS_PER_TASK_MAX + 1]).unwrap_err().contains("at most 20 checks"));
        assert!(all(&vec![json!("cmd[timeout=600]: true"); 4]).unwrap_err().contains("together may run"));
    }
}
