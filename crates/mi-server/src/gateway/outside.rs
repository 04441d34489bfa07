//! Whether a call makes the model read more than its body holds: a kept conversation, a file, what an address leads to, what
//! a tool finds that the provider runs itself. Pure.

use mi_core::wire::runner::Wire;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::tools;

/// How much of its input a call brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// All of it stands in the body.
    Body,
    /// Some of it is kept at the provider, so it may be as much as the model takes.
    Kept,
    /// The provider goes out for it: to an address, or with a tool of its own. That is a way out.
    Outside,
}

/// Members whose text names what the provider keeps; names are compared in lower case and without `_`.
const KEPT: [&str; 2] = ["cachedcontent", "fileid"];
/// How members end whose text is an address; `data:` holds what it leads to in itself.
const ADDRESSES: [&str; 2] = ["url", "uri"];
/// And whose text is an address or the data itself.
const DATA: &str = "filedata";
/// No longer beginning is looked at.
const HEAD_CHARS: usize = 5;
/// Where Google keeps the files that it was given.
const STORE: &str = "https://generativelanguage.googleapis.com/";
/// Members that describe something, or are for the caller's own books: what is called like an address there is none.
const DESCRIPTIONS: [&str; 12] = [
    "annotations",
    "input_examples",
    "input_schema",
    "metadata",
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "responseJsonSchema",
    "responseSchema",
    "response_json_schema",
    "response_schema",
    "schema",
];

pub fn reads(wire: Wire, body: &[u8]) -> Result<Reads, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let found = Node(wire).deserialize(&mut json)?;
    Ok(match found {
        Found::Outside => Reads::Outside,
        _ if tools::go_out(wire, body)? => Reads::Outside,
        Found::Kept => Reads::Kept,
        Found::Nothing | Found::Text | Found::OfStore | Found::Address => Reads::Body,
    })
}

/// What a value leads to, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    /// A text that is an address, or names what is kept, if its member says so.
    Text,
    /// The same, and where it leads the provider keeps files.
    OfStore,
    /// The same, and it surely is an address.
    Address,
    Kept,
    Outside,
}

impl Found {
    /// As the value of a member.
    fn under(self, name: &str) -> Self {
        if matches!(self, Found::Nothing | Found::Kept | Found::Outside) {
            return self;
        }
        let name = name.to_ascii_lowercase().replace('_', "");
        let is_data = name.ends_with(DATA);
        let is_address = ADDRESSES.iter().any(|end| name.ends_with(end));
        match self {
            Found::OfStore if is_address || is_data => Found::Kept,
            Found::Address if is_data => Found::Outside,
            _ if is_address => Found::Outside,
            _ if KEPT.contains(&name.as_str()) => Found::Kept,
            _ => Found::Nothing,
        }
    }
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
        DESCRIPTIONS.contains(&name) || arguments.contains(&name)
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
        let text = text.trim_start();
        let head: String = text.chars().take(HEAD_CHARS).collect();
        Ok(match () {
            () if text.is_empty() || head.eq_ignore_ascii_case("data:") => Found::Nothing,
            () if self.0 == Wire::Gemini && text.starts_with(STORE) => Found::OfStore,
            () if head.to_ascii_lowercase().starts_with("http") => Found::Address,
            () => Found::Text,
        })
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
            // Texts of a list belong to no member that would say what they are.
            all = all.max(found.under(""));
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
            all = all.max(map.next_value_seed(self)?.under(&name));
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
        check(chat, image(far), Reads::Outside);
        check(chat, image(near), Reads::Body);
        check(chat, json!({"messages": [{"content": [{"file": {"file_id": "f"}}]}]}), Reads::Kept);
        check(responses, json!({"input": [{"content": [{"type": "input_image", "image_url": far}]}]}), Reads::Outside);
        check(responses, json!({"input": [{"content": [{"type": "input_file", "file_id": "f"}]}]}), Reads::Kept);
        let source = |source: Value| json!({"messages": [{"content": [{"type": "document", "source": source}]}]});
        check(Wire::Anthropic, source(json!({"type": "url", "url": far})), Reads::Outside);
        check(Wire::Anthropic, source(json!({"type": "base64", "data": "AAAA"})), Reads::Body);
        check(Wire::Anthropic, json!({"messages": [{"type": "tool_use", "input": {"url": far}}]}), Reads::Body);
        check(Wire::Anthropic, json!({"tools": [{"input_schema": {"properties": {"url": "x"}}}]}), Reads::Body);
        let file = |uri: &str| json!({"contents": [{"parts": [{"fileData": {"fileUri": uri}}]}]});
        check(Wire::Gemini, file(far), Reads::Outside);
        check(Wire::Gemini, file(&format!("{STORE}v1beta/files/x")), Reads::Kept);
        check(Wire::Gemini, json!({"cachedContent": "cachedContents/x"}), Reads::Kept);
        for body in [
            json!({"messages": [{"content": [{"type": "file", "file": {"file_data": far}}]}]}),
            json!({"messages": [{"content": [{"type": "video_url", "video_url": far}]}]}),
            json!({"messages": [{"content": [{"Image_URL": {"URL": " HTTPS://a.example"}}]}]}),
            json!({"messages": [{"content": [{"image_url": format!("{STORE}x")}]}]}),
            json!({"messages": [{"content": [{"video_url": "https:\\\\a.example"}]}]}),
            json!({"tools": [{"type": "web_search"}]}),
        ] {
            check(chat, body, Reads::Outside);
        }
        check(chat, json!({"messages": [{"content": "see https://a.example"}], "stop": ["url"]}), Reads::Body);
        check(chat, json!({"messages": [{"content": [{"file": {"file_data": "JVBERi0="}}]}]}), Reads::Body);
        check(chat, json!({"metadata": {"url": far}, "user": far}), Reads::Body);
        check(Wire::Gemini, json!({"generationConfig": {"responseSchema": {"properties": {"url": far}}}}), Reads::Body);
        let escaped = br#"{"messages":[{"file\u005fid":"f"},1,2.5,-1,null,true]}"#;
        assert_eq!(reads(chat, escaped).unwrap(), Reads::Kept);
    }
}
