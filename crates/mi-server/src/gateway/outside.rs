//! Whether a call makes the model read more than its body holds: a kept conversation, a file, what an address leads to, what
//! a tool finds that the provider runs itself. Pure.

use mi_core::wire::runner::Wire;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How much of its input a call brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// All of it stands in the body.
    Body,
    /// Some of it is kept at the provider, so it may be as much as the model takes.
    Kept,
    /// The provider goes out for it: to an address, or with a tool of its own. It may be as much, and it is a way out.
    Outside,
}

/// Members whose text names what the provider keeps.
const KEPT: [&str; 3] = ["cachedContent", "cached_content", "file_id"];
/// Members whose text is an address; `data:` holds what it leads to in itself.
const ADDRESSES: [&str; 5] = ["fileUri", "file_uri", "file_url", "image_url", "url"];
/// Where a provider keeps the files that it was given.
const STORE: &str = "https://generativelanguage.googleapis.com/";
/// How the `type` of a tool begins that the provider runs: what it finds is read by the model as well.
const RUN_THERE: [&str; 7] =
    ["code_execution", "code_interpreter", "file_search", "image_generation", "mcp", "web_fetch", "web_search"];
/// The same where a member is the tool, or turns it on, whatever it holds.
const TOOLS_RUN_THERE: [&str; 16] = [
    "codeExecution",
    "code_execution",
    "enable_web_scraping",
    "enable_web_search",
    "fileSearch",
    "file_search",
    "googleMaps",
    "googleSearch",
    "googleSearchRetrieval",
    "google_search",
    "google_search_retrieval",
    "plugins",
    "search_parameters",
    "urlContext",
    "url_context",
    "web_search_options",
];
/// Members that describe tools; what is called like a member above is none there.
const TOOLS: [&str; 4] = ["input_schema", "parameters", "parametersJsonSchema", "schema"];

pub fn reads(wire: Wire, body: &[u8]) -> Result<Reads, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    Ok(match Node(wire).deserialize(&mut json)? {
        Found::Outside => Reads::Outside,
        Found::Kept => Reads::Kept,
        Found::Nothing | Found::Text | Found::OfStore | Found::ToolType => Reads::Body,
    })
}

/// What a value leads to, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    /// A text that leads somewhere if its member's name says so.
    Text,
    /// The same, to what the provider keeps.
    OfStore,
    /// The same, and a tool that runs there if it is a `type`.
    ToolType,
    Kept,
    Outside,
}

impl Found {
    /// As the value of a member.
    fn under(self, name: &str) -> Self {
        let (is_address, is_kept) = (ADDRESSES.contains(&name), KEPT.contains(&name));
        let is_text = matches!(self, Found::Text | Found::OfStore | Found::ToolType);
        match self {
            _ if TOOLS_RUN_THERE.contains(&name) => Found::Outside,
            Found::ToolType if name == "type" => Found::Outside,
            Found::OfStore if is_address => Found::Kept,
            _ if is_text && is_address => Found::Outside,
            _ if is_text && is_kept => Found::Kept,
            _ if is_text => Found::Nothing,
            found => found,
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
        Ok(match () {
            () if is_within || text.is_empty() => Found::Nothing,
            () if RUN_THERE.iter().any(|start| text.starts_with(start)) => Found::ToolType,
            () if text.starts_with(STORE) => Found::OfStore,
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
        let tool = |tool: Value| json!({"tools": [tool]});
        check(Wire::Anthropic, tool(json!({"type": "web_search_20250305", "name": "web_search"})), Reads::Outside);
        check(Wire::Anthropic, tool(json!({"name": "web_search", "input_schema": {"type": "object"}})), Reads::Body);
        check(responses, tool(json!({"type": "function", "name": "file_search"})), Reads::Body);
        check(responses, tool(json!({"type": "mcp", "server_label": "x"})), Reads::Outside);
        check(chat, json!({"web_search_options": {}}), Reads::Outside);
        check(chat, json!({"venice_parameters": {"enable_web_search": "on"}}), Reads::Outside);
        check(chat, json!({"messages": [{"content": "web_search a url"}], "stop": ["url"]}), Reads::Body);
        check(Wire::Gemini, tool(json!({"googleSearch": {}})), Reads::Outside);
        check(Wire::Gemini, tool(json!({"functionDeclarations": [{"name": "googleSearch"}]})), Reads::Body);
        let escaped = br#"{"messages":[{"file\u005fid":"f"},1,2.5,-1,null,true]}"#;
        assert_eq!(reads(chat, escaped).unwrap(), Reads::Kept);
    }
}
