//! Members put into a call's body on its way. The rest stays as the caller wrote it: its order is part of the provider's cache
//! key.

use std::fmt;

use bytes::Bytes;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};

use super::request::not_a_call;
use crate::infra::fault::Fault;

/// Makes the member what `make` makes of what it was; of nothing, if it isn't there.
pub fn put(body: Bytes, name: &str, make: impl FnOnce(&Value) -> Value) -> Result<Bytes, Fault> {
    // Mostly it isn't there, and is put in as text: bodies are large.
    if !has(&body, name)? {
        return Ok(spliced(&body, name, &make(&Value::Null)));
    }
    let mut whole: Value = serde_json::from_slice(&body).map_err(not_a_call)?;
    let made = make(&whole[name]);
    whole[name] = made;
    Ok(whole.to_string().into())
}

/// By any spelling of its name, and also as `null`: a second key of one name would leave it to the provider which counts.
fn has(body: &[u8], name: &str) -> Result<bool, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    reader.deserialize_map(Named(name)).map_err(not_a_call)
}

struct Named<'a>(&'a str);

impl<'de> Visitor<'de> for Named<'_> {
    type Value = bool;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<bool, M::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            found |= key == self.0;
            map.next_value::<IgnoredAny>()?;
        }
        Ok(found)
    }
}

fn spliced(body: &[u8], name: &str, value: &Value) -> Bytes {
    // Invariant: the body was read as an object.
    let inside = body.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
    let (before, after) = body.split_at(inside);
    let comma = if after.trim_ascii_start().starts_with(b"}") { "" } else { "," };
    let member = format!("{}:{value}{comma}", json!(name));
    [before, member.as_bytes(), after].concat().into()
}
