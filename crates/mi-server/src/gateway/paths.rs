//! What may be asked of a provider: a list, so that a session reaches models and nothing else of the account.

use http::Method;
use mi_core::wire::runner::Wire;

use super::kinds::{Dialect, Kind};

const MODEL_NAME_BYTES_MAX: usize = 200;

/// One call that the gateway lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A model answers, and it costs. The model's name, if the address holds it.
    Generate { wire: Wire, model: Option<String> },
    /// Free at every provider: lists of models, counts of tokens.
    Free,
}

/// `path` is what follows the provider's name in the address.
pub fn target(kind: Kind, method: &Method, path: &str) -> Option<Target> {
    let parts: Vec<&str> = path.split('/').collect();
    let reads = *method == Method::GET || *method == Method::HEAD;
    match kind.dialect() {
        Dialect::Anthropic => anthropic(reads, &parts),
        Dialect::Openai => openai(reads, &parts),
        Dialect::Google => google(reads, &parts),
    }
}

fn anthropic(reads: bool, parts: &[&str]) -> Option<Target> {
    match (reads, parts) {
        (false, ["v1", "messages"]) => Some(Target::Generate { wire: Wire::Anthropic, model: None }),
        (false, ["v1", "messages", "count_tokens"]) | (true, ["v1", "models"]) => Some(Target::Free),
        (true, ["v1", "models", id @ ..]) if is_id(id) => Some(Target::Free),
        _ => None,
    }
}

fn openai(reads: bool, parts: &[&str]) -> Option<Target> {
    match (reads, parts) {
        (false, ["v1", "chat", "completions"]) => Some(Target::Generate { wire: Wire::OpenaiChat, model: None }),
        (false, ["v1", "responses"]) => Some(Target::Generate { wire: Wire::OpenaiResponses, model: None }),
        (true, ["v1", "models"]) => Some(Target::Free),
        (true, ["v1", "models", id @ ..]) if is_id(id) => Some(Target::Free),
        _ => None,
    }
}

fn google(reads: bool, parts: &[&str]) -> Option<Target> {
    let ["v1" | "v1beta", "models", rest @ ..] = parts else { return None };
    match (reads, rest) {
        (true, []) => Some(Target::Free),
        (true, [model]) if is_name(model) => Some(Target::Free),
        (false, [call]) => {
            let (model, verb) = call.split_once(':')?;
            match verb {
                "countTokens" if is_name(model) => Some(Target::Free),
                "generateContent" | "streamGenerateContent" if is_name(model) => {
                    Some(Target::Generate { wire: Wire::Gemini, model: Some(model.to_owned()) })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// A model's name as servers that gather models of others write them: `meta-llama/llama-3`, `qwen2.5:7b`.
fn is_id(parts: &[&str]) -> bool {
    let is_short = parts.iter().map(|part| part.len() + 1).sum::<usize>() <= MODEL_NAME_BYTES_MAX;
    is_short && !parts.is_empty() && parts.iter().all(|part| part.split(':').all(is_name))
}

/// A model's name as providers write them; nothing that could change the address.
pub(super) fn is_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.len() <= MODEL_NAME_BYTES_MAX
        && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_reached() {
        let cases = [
            (Kind::Anthropic, "POST", "v1/messages", Some(Wire::Anthropic)),
            (Kind::Openai, "POST", "v1/chat/completions", Some(Wire::OpenaiChat)),
            (Kind::Openai, "POST", "v1/responses", Some(Wire::OpenaiResponses)),
            (Kind::Google, "POST", "v1beta/models/gemini-2.5-pro:streamGenerateContent", Some(Wire::Gemini)),
            (Kind::Google, "POST", "v1/models/gemini-2.5-pro:generateContent", Some(Wire::Gemini)),
            (Kind::Anthropic, "POST", "v1/messages/count_tokens", None),
            (Kind::Anthropic, "GET", "v1/models/claude-sonnet-4-6", None),
            (Kind::Openai, "HEAD", "v1/models", None),
            (Kind::Openai, "GET", "v1/models/qwen2.5:7b", None),
            (Kind::Openrouter, "GET", "v1/models/meta-llama/llama-3:free", None),
            (Kind::Google, "POST", "v1beta/models/m:countTokens", None),
        ];
        for (kind, method, path, wire) in cases {
            let found = target(kind, &method.parse().unwrap(), path);
            let found = found.map(|target| match target {
                Target::Generate { wire, .. } => Some(wire),
                Target::Free => None,
            });
            assert_eq!(found, Some(wire), "{method} {path}");
        }
    }

    #[test]
    fn nothing_else_is_reached() {
        let cases = [
            (Kind::Anthropic, "GET", "v1/messages"),
            (Kind::Anthropic, "POST", "v1/files"),
            (Kind::Anthropic, "POST", "v1/messages/batches"),
            (Kind::Anthropic, "POST", "v1/messages/"),
            (Kind::Anthropic, "POST", "v1/../v1/messages"),
            (Kind::Anthropic, "POST", "v1//messages"),
            (Kind::Anthropic, "GET", "v1/models/.."),
            (Kind::Openai, "POST", "v1/files"),
            (Kind::Openai, "POST", "v1/organization/admin_api_keys"),
            (Kind::Openai, "GET", "v1/models/a?b"),
            (Kind::Openai, "GET", "v1/models/a/../b"),
            (Kind::Openai, "GET", "v1/models/a//b"),
            (Kind::Openai, "GET", "v1/models/a:"),
            (Kind::Openai, "GET", "v1/models/"),
            (Kind::Openai, "POST", "chat/completions"),
            (Kind::Google, "POST", "v1beta/models/a/b:generateContent"),
            (Kind::Google, "POST", "v1beta/models/:generateContent"),
            (Kind::Google, "POST", "v1beta/models/m:batchGenerateContent"),
            (Kind::Google, "POST", "v1beta/cachedContents"),
            (Kind::Google, "GET", ""),
        ];
        for (kind, method, path) in cases {
            assert_eq!(target(kind, &method.parse().unwrap(), path), None, "{method} {path}");
        }
    }
}
