//! Requests are read liberally: camelCase or snake_case, numbers or numerals.
//!
//! One place turns the top-level keys of a body into camelCase; request shapes
//! are then written once, in camelCase. Keys inside values (environment
//! variables, settings of others) are never touched.

use serde::de::{self, Deserializer, Visitor};
use serde_json::{Map, Value};

/// `assigned_agent` → `assignedAgent`. A key that has both forms keeps the camelCase one.
pub fn camel_keys(object: Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::with_capacity(object.len());
    for (key, value) in object {
        if key.contains('_') {
            out.entry(camel(&key)).or_insert(value);
        } else {
            out.insert(key, value);
        }
    }
    out
}

fn camel(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut raise = false;
    for c in key.chars() {
        if c == '_' && !out.is_empty() {
            raise = true;
        } else if raise {
            out.extend(c.to_uppercase());
            raise = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// Reads a whole number or a text; gives the text of it.
pub fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Either;
    impl Visitor<'_> for Either {
        type Value = String;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number, or a text of one")
        }
        fn visit_i64<E: de::Error>(self, n: i64) -> Result<String, E> {
            Ok(n.to_string())
        }
        fn visit_u64<E: de::Error>(self, n: u64) -> Result<String, E> {
            Ok(n.to_string())
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }
    deserializer.deserialize_any(Either)
}

/// An optional whole number that may come as text (`"50"`).
pub fn loose_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match de::Deserialize::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(n) => n.as_i64().map(Some).ok_or_else(|| de::Error::custom("not a whole number")),
        Value::String(text) => text.trim().parse().map(Some).map_err(|_| de::Error::custom("not a whole number")),
        _ => Err(de::Error::custom("not a whole number")),
    }
}

/// A list that may come as an array or as comma-separated text; numbers become text.
pub fn loose_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let items = match de::Deserialize::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(n) => vec![n.to_string()],
        Value::String(text) => text.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect(),
        Value::Array(items) => items.into_iter().map(list_item).collect::<Result<_, _>>().map_err(de::Error::custom)?,
        Value::Bool(_) | Value::Object(_) => return Err(de::Error::custom("neither a list nor a text")),
    };
    Ok(Some(items))
}

fn list_item(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(n) => Ok(n.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err("a list of texts, please"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_camel_case_at_the_top_only() {
        let body: Map<String, Value> =
            serde_json::from_str(r#"{"assigned_agent":"a","env":{"MY_KEY":"v"},"parentId":1,"parent_id":2}"#).unwrap();
        let out = serde_json::to_string(&camel_keys(body)).unwrap();
        assert_eq!(out, r#"{"assignedAgent":"a","env":{"MY_KEY":"v"},"parentId":1}"#);
    }
}
