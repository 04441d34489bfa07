//! A limit of tokens, written into a call in its wire's own words.

use bytes::Bytes;
use mi_core::wire::runner::Wire;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::members::put;
use super::providers::Provider;
use super::request::not_a_call;
use crate::infra::fault::Fault;

/// The two words of chats.
#[derive(Deserialize)]
struct Chat {
    max_tokens: Option<IgnoredAny>,
    max_completion_tokens: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Gemini {
    generation_config: Option<IgnoredAny>,
}

/// Whatever asks for more, or for nothing, asks for so many tokens at most.
pub fn write(provider: &Provider, wire: Wire, body: Bytes, tokens: i64) -> Result<Bytes, Fault> {
    let limit = |_: &Value| json!(tokens);
    match wire {
        Wire::Anthropic => put(body, "max_tokens", limit),
        Wire::OpenaiResponses => put(body, "max_output_tokens", limit),
        Wire::OpenaiChat => {
            let said: Chat = serde_json::from_slice(&body).map_err(not_a_call)?;
            match (said.max_tokens, said.max_completion_tokens) {
                (Some(_), Some(_)) => put(put(body, "max_tokens", limit)?, "max_completion_tokens", limit),
                (Some(_), None) => put(body, "max_tokens", limit),
                (None, Some(_)) => put(body, "max_completion_tokens", limit),
                // OpenAI's newer models know only the one name, other servers only the other.
                (None, None) if provider.is_at_home() => put(body, "max_completion_tokens", limit),
                (None, None) => put(body, "max_tokens", limit),
            }
        }
        Wire::Gemini => {
            let said: Gemini = serde_json::from_slice(&body).map_err(not_a_call)?;
            let name = if said.generation_config.is_some() { "generation_config" } else { "generationConfig" };
            put(body, name, |config| in_config(config, tokens))
        }
    }
}

/// Google reads every name in both spellings.
fn in_config(config: &Value, tokens: i64) -> Value {
    let mut config = config.as_object().cloned().unwrap_or_default();
    config.remove("max_output_tokens");
    config.insert("maxOutputTokens".to_owned(), json!(tokens));
    Value::Object(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::kinds::Kind;
    use crate::gateway::providers::Providers;

    #[test]
    fn each_wire_is_limited_in_its_own_words() {
        let server = Providers::default();
        let check = |kind: Kind, wire: Wire, body: &str, expected: &str| {
            let provider = server.server(kind).unwrap();
            let written = write(provider, wire, Bytes::copy_from_slice(body.as_bytes()), 7).unwrap();
            let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
            assert!(!String::from_utf8_lossy(&written).contains("\\u00"), "{written:?}");
            assert_eq!(read(&written), read(expected.as_bytes()), "{written:?}");
        };
        let (chat, responses) = (Wire::OpenaiChat, Wire::OpenaiResponses);
        check(Kind::Anthropic, Wire::Anthropic, r#"{"max_tokens":9,"b":1}"#, r#"{"max_tokens":7,"b":1}"#);
        check(Kind::Openai, responses, r#" {"b":1.0}"#, r#" {"max_output_tokens":7,"b":1.0}"#);
        check(Kind::Openai, responses, r#"{"max_output_tokens":null}"#, r#"{"max_output_tokens":7}"#);
        check(Kind::Openai, chat, "{}", r#"{"max_completion_tokens":7}"#);
        check(Kind::Venice, chat, r#"{"b":1}"#, r#"{"max_completion_tokens":7,"b":1}"#);
        check(Kind::Openai, chat, r#"{"max_tokens":9}"#, r#"{"max_tokens":7}"#);
        let both = r#"{"max_tokens":9,"max_completion_tokens":8}"#;
        check(Kind::Openai, chat, both, r#"{"max_tokens":7,"max_completion_tokens":7}"#);
        // Spelled otherwise it is the same name, and must not come twice.
        let spelled = "{\"max_tok\\u0065ns\":9,\"b\":1}";
        check(Kind::Anthropic, Wire::Anthropic, spelled, r#"{"max_tokens":7,"b":1}"#);
        let text = r#"{"b":"\"max_output_tokens\""}"#;
        check(Kind::Openai, responses, text, r#"{"max_output_tokens":7,"b":"\"max_output_tokens\""}"#);
        check(Kind::Google, Wire::Gemini, r#"{"a":1}"#, r#"{"generationConfig":{"maxOutputTokens":7},"a":1}"#);
        check(
            Kind::Google,
            Wire::Gemini,
            r#"{"generation_config":{"max_output_tokens":9,"topK":1}}"#,
            r#"{"generation_config":{"topK":1,"maxOutputTokens":7}}"#,
        );
    }

    #[test]
    fn a_server_that_only_speaks_like_openai_is_told_in_the_older_word() {
        let get = |name: &str| (name == "OPENAI_BASE_URL").then(|| "http://127.0.0.1:9/v1".to_owned());
        let server = Providers::from_env(get, &[]).unwrap();
        let written = write(server.server(Kind::Openai).unwrap(), Wire::OpenaiChat, Bytes::from_static(b"{}"), 7);
        assert_eq!(written.unwrap().as_ref(), br#"{"max_tokens":7}"#);
    }
}
