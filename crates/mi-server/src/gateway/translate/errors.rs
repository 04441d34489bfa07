//! What goes wrong at a provider, in the words of OpenAI's clients.

use serde_json::{Value, json};

/// As much of a provider's sentence is passed on.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Codes by which clients of Responses decide what to do next.
const KNOWN_CODES: [&str; 6] = [
    "context_length_exceeded",
    "insufficient_quota",
    "rate_limit_exceeded",
    "invalid_prompt",
    "model_not_found",
    "invalid_api_key",
];
/// How providers say that a conversation has become too long.
const TOO_LONG_WORDS: [&str; 5] =
    ["context length", "context window", "context size", "maximum context", "context_length_exceeded"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: &'static str,
    pub message: String,
}

impl Failure {
    pub fn server(message: impl Into<String>) -> Self {
        Self { code: "server_error", message: message.into() }
    }

    /// An error that came in the middle of an answer.
    pub fn of(error: &Value) -> Self {
        let told = Told::of(error);
        let number = told.code.as_deref().and_then(|code| code.parse().ok());
        let code = told.known_code(number).unwrap_or("server_error");
        Self { code, message: told.message.unwrap_or_else(|| "the model's provider reports an error".to_owned()) }
    }
}

/// A provider's refusal with its status, as OpenAI's own would look.
pub fn refusal(status: u16, body: &[u8]) -> Vec<u8> {
    let told = serde_json::from_slice(body).map(|body| Told::of(&body)).unwrap_or_default();
    let code = told.known_code(Some(status)).map(str::to_owned).or_else(|| told.code.clone());
    let error = json!({
        "message": told.message.unwrap_or_else(|| format!("the model's provider answered {status}")),
        "type": told.kind.unwrap_or_else(|| kind_of(status).to_owned()),
        "param": told.param,
        "code": code,
    });
    json!({"error": error}).to_string().into_bytes()
}

fn kind_of(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

/// What an error says, in any of the shapes that are about.
#[derive(Debug, Default)]
struct Told {
    message: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    code: Option<String>,
}

impl Told {
    /// `{"error": {…}}` (OpenAI), `{"error": "…"}` (Ollama), `{"message": …}` (older vLLM), `{"detail": …}`
    /// (servers made with FastAPI), or what one of them holds.
    fn of(body: &Value) -> Self {
        let inner = ["error", "detail"].iter().map(|name| &body[*name]).find(|inner| !inner.is_null());
        let error = match inner.unwrap_or(body) {
            Value::Array(list) => list.first().unwrap_or(&Value::Null),
            other => other,
        };
        if let Value::String(message) = error {
            return Self { message: sentence(message), ..Self::default() };
        }
        let word = |name: &str| match &error[name] {
            Value::String(text) => sentence(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let message = word("message").or_else(|| word("msg"));
        Self { message, kind: word("type"), param: word("param"), code: word("code") }
    }

    fn known_code(&self, status: Option<u16>) -> Option<&'static str> {
        let own = KNOWN_CODES.into_iter().find(|known| self.code.as_deref() == Some(*known));
        let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
        let is_too_long = TOO_LONG_WORDS.iter().any(|words| message.contains(words));
        own.or(if is_too_long { Some("context_length_exceeded") } else { None }).or(match status {
            Some(402) => Some("insufficient_quota"),
            Some(429) => Some("rate_limit_exceeded"),
            _ => None,
        })
    }
}

fn sentence(text: &str) -> Option<String> {
    let text: String = text.trim().chars().take(MESSAGE_CHARS_MAX).collect();
    if text.is_empty() { None } else { Some(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: Value) {
        let found: Value = serde_json::from_slice(&refusal(status, body.as_bytes())).unwrap();
        assert_eq!(found["error"], expected, "{body}");
    }

    #[test]
    fn refusals_look_like_openais() {
        let openai = r#"{"error":{"message":"No.","type":"invalid_request_error","param":"tools","code":null}}"#;
        check(400, openai, json!({"message": "No.", "type": "invalid_request_error", "param": "tools", "code": null}));
        let ollama = r#"{"error":"model \"x\" not found"}"#;
        let expected =
            json!({"message": "model \"x\" not found", "type": "invalid_request_error", "param": null, "code": null});
        check(404, ollama, expected);
        let vllm = r#"{"object":"error","message":"This model's maximum context length is 8192 tokens.",
            "type":"BadRequestError","param":null,"code":400}"#;
        let expected = json!({"message": "This model's maximum context length is 8192 tokens.",
            "type": "BadRequestError", "param": null, "code": "context_length_exceeded"});
        check(400, vllm, expected);
        let fastapi = r#"{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}"#;
        check(422, fastapi, json!({"message": "field required", "type": "missing", "param": null, "code": null}));
        let openrouter = r#"{"error":{"code":402,"message":"Insufficient credits"}}"#;
        let expected = json!({"message": "Insufficient credits", "type": "insufficient_quota", "param": null,
            "code": "insufficient_quota"});
        check(402, openrouter, expected);
        let html = "<html>Bad gateway</html>";
        let expected = json!({"message": "the model's provider answered 502", "type": "server_error", "param": null,
            "code": null});
        check(502, html, expected);
        let expected = json!({"message": "slow down", "type": "rate_limit_error", "param": null,
            "code": "rate_limit_exceeded"});
        check(429, r#"{"error":{"message":"slow down"}}"#, expected);
    }

    #[test]
    fn errors_within_an_answer_have_codes() {
        let cases = [
            (json!({"message": "exceeds the available context size", "code": 500}), "context_length_exceeded"),
            (json!({"message": "m", "code": 429}), "rate_limit_exceeded"),
            (json!({"message": "m", "code": "insufficient_quota"}), "insufficient_quota"),
            (json!("it broke"), "server_error"),
            (json!({}), "server_error"),
        ];
        for (error, code) in cases {
            assert_eq!(Failure::of(&error).code, code, "{error}");
        }
        assert_eq!(Failure::of(&json!("it broke")).message, "it broke");
    }

    #[test]
    fn a_long_sentence_is_cut() {
        assert_eq!(Failure::of(&json!("é".repeat(10_000))).message.chars().count(), MESSAGE_CHARS_MAX);
    }
}
