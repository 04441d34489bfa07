//! Whether a call makes the model read more than its body holds: a kept conversation, a file, what an address leads to.
//! Pure.

use mi_core::wire::runner::Wire;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How much of its input a call brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// All of it stands in the body.
    Body,
    /// Some of it is elsewhere, so it may be as much as the model takes.
    MoreThanBody,
}

/// Members whose text leads to something elsewhere; `data:` holds it in itself.
const LEADS: [&str; 8] =
    ["cachedContent", "cached_content", "fileUri", "file_id", "file_uri", "file_url", "image_url", "url"];
/// Members that describe tools; what is called like a member above is none there.
const TOOLS: [&str; 4] = ["input_schema", "parameters", "parametersJsonSchema", "schema"];

pub fn reads(wire: Wire, body: &[u8]) -> Result<Reads, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let found = Node(wire).deserialize(&mut json)?;
    Ok(if found == Found::Lead { Reads::MoreThanBody } else { Reads::Body })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// A text that leads somewhere if its member's name says so.
    Text,
    Lead,
}

/// A value of the body, read without keeping it: bodies are large.
#[derive(Clone, Copy)]
struct Node(Wire);

impl Node {
    /// What a model wrote to a tool of the caller's; the provider follows none of it.
    fn is_passed_over(self, name: &str) -> bool {
        let arguments: &[&str] = match self.0 {
            Wire::Anthropic => &["input"],
            Wire::Gemini => &["args", "response"],
            Wire::OpenaiChat | Wire::OpenaiResponses => &["arguments"],
        };
        TOOLS.contains(&name) || arguments.contains(&name)
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Found;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Found, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Found;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        let is_within = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
        Ok(if is_within || text.is_empty() { Found::Nothing } else { Found::Text })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        let mut all = Found::Nothing;
        while let Some(found) = list.next_element_seed(self)? {
            if found == Found::Lead {
                all = found;
            }
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut all = Found::Nothing;
        while let Some(name) = map.next_key::<String>()? {
            if self.is_passed_over(&name) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let found = map.next_value_seed(self)?;
            if found == Found::Lead || (found == Found::Text && LEADS.contains(&name.as_str())) {
                all = Found::Lead;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_leads_elsewhere_is_found_and_what_only_looks_like_it_is_not() {
        let (chat, responses) = (Wire::OpenaiChat, Wire::OpenaiResponses);
        let far = "https://a.example/b.png";
        let near = "data:image/png;base64,AAAA";
        let check = |wire: Wire, body: Value, expected: Reads| {
            assert_eq!(reads(wire, body.to_string().as_bytes()).unwrap(), expected, "{body}");
        };
        let image = |url: &str| json!({"messages": [{"content": [{"type": "image_url", "image_url": {"url": url}}]}]});
        check(chat, image(far), Reads::MoreThanBody);
        check(chat, image(near), Reads::Body);
        check(chat, json!({"messages": [{"content": [{"file": {"file_id": "f"}}]}]}), Reads::MoreThanBody);
        check(
            responses,
            json!({"input": [{"content": [{"type": "input_image", "image_url": far}]}]}),
            Reads::MoreThanBody,
        );
        check(
            responses,
            json!({"input": [{"content": [{"type": "input_file", "file_id": "f"}]}]}),
            Reads::MoreThanBody,
        );
        let source = |source: Value| json!({"messages": [{"content": [{"type": "document", "source": source}]}]});
        check(Wire::Anthropic, source(json!({"type": "url", "url": far})), Reads::MoreThanBody);
        check(Wire::Anthropic, source(json!({"type": "base64", "data": "AAAA"})), Reads::Body);
        check(Wire::Anthropic, json!({"messages": [{"type": "tool_use", "input": {"url": far}}]}), Reads::Body);
        check(Wire::Anthropic, json!({"tools": [{"input_schema": {"properties": {"url": "x"}}}]}), Reads::Body);
        check(Wire::Gemini, json!({"contents": [{"parts": [{"fileData": {"fileUri": "x"}}]}]}), Reads::MoreThanBody);
        check(Wire::Gemini, json!({"cachedContent": "cachedContents/x"}), Reads::MoreThanBody);
        let escaped = br#"{"messages":[{"file\u005fid":"f"},1,2.5,-1,null,true]}"#;
        assert_eq!(reads(chat, escaped).unwrap(), Reads::MoreThanBody);
    }
}
