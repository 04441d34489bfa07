//! Members put into a call's body on its way. The rest stays as the caller wrote it: its order is part of the provider's cache
//! key.

use bytes::Bytes;
use serde_json::{Value, json};

use super::request::not_a_call;
use crate::infra::fault::Fault;

/// Makes the member what `make` makes of what it was; of nothing, if it isn't there.
pub fn put(body: Bytes, name: &str, make: impl FnOnce(&Value) -> Value) -> Result<Bytes, Fault> {
    // Mostly it isn't there, and is put in as text: bodies are large.
    if !mentions(&body, name) {
        return Ok(spliced(&body, name, &make(&Value::Null)));
    }
    let mut whole: Value = serde_json::from_slice(&body).map_err(not_a_call)?;
    let made = make(&whole[name]);
    whole[name] = made;
    Ok(whole.to_string().into())
}

/// Also where it is only a word of a text, or `null`: a second key of one name would be a mistake.
fn mentions(body: &[u8], name: &str) -> bool {
    let word = format!("\"{name}\"");
    body.windows(word.len()).any(|window| window == word.as_bytes())
}

fn spliced(body: &[u8], name: &str, value: &Value) -> Bytes {
    // Invariant: the body was read as an object.
    let inside = body.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
    let (before, after) = body.split_at(inside);
    let comma = if after.trim_ascii_start().starts_with(b"}") { "" } else { "," };
    let member = format!("{}:{value}{comma}", json!(name));
    [before, member.as_bytes(), after].concat().into()
}
