//! What a provider of chats writes: a chunk of a stream, or a whole answer. Source: OpenAI, "Chat Completions".
//!
//! Only what is translated is read, and leniently: providers differ in everything else.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A chunk, or a whole answer: there the choices have a `message` in place of a `delta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chunk {
    #[serde(deserialize_with = "or_default")]
    pub choices: Vec<Choice>,
    pub usage: Option<Value>,
    pub error: Option<Value>,
    pub object: Option<Value>,
    pub message: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    pub index: Option<u64>,
    #[serde(alias = "message", deserialize_with = "or_default")]
    pub delta: Delta,
    #[serde(deserialize_with = "text")]
    pub finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Delta {
    pub content: Option<Content>,
    #[serde(deserialize_with = "text")]
    pub refusal: Option<String>,
    /// What DeepSeek, vLLM and llama.cpp call a model's thoughts.
    #[serde(deserialize_with = "text")]
    pub reasoning_content: Option<String>,
    /// What OpenRouter, Ollama and newer vLLM call them.
    #[serde(deserialize_with = "text")]
    pub reasoning: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub tool_calls: Vec<CallDelta>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Content {
    Text(String),
    Parts(Vec<Part>),
    Other(IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub struct Part {
    #[serde(default)]
    pub text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CallDelta {
    pub index: Option<u64>,
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub function: FunctionDelta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FunctionDelta {
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// A piece of JSON as text; some providers send the JSON itself, whole.
    pub arguments: Option<Value>,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Text that says something; whatever else stands there is passed over.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::deserialize(from)? {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}

impl Chunk {
    /// What went wrong at the provider, if this is what it says.
    pub fn trouble(&self) -> Option<&Value> {
        let is_error = self.object.as_ref().is_some_and(|object| object == "error");
        self.error.as_ref().or(if is_error { self.message.as_ref() } else { None })
    }
}

impl Delta {
    pub fn text(&mut self) -> Option<String> {
        match self.content.take()? {
            Content::Text(text) => Some(text),
            Content::Parts(parts) => Some(parts.into_iter().filter_map(|part| part.text).collect()),
            Content::Other(_) => None,
        }
    }

    /// Some providers write the same thoughts under both names.
    pub fn thoughts(&mut self) -> Option<String> {
        self.reasoning_content.take().or(self.reasoning.take())
    }
}

impl FunctionDelta {
    pub fn arguments(&mut self) -> String {
        match self.arguments.take() {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => String::new(),
            Some(whole) => whole.to_string(),
        }
    }
}
