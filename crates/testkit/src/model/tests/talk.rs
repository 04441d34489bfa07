//! A conversation kept in each wire's own request format.

use super::heard::Heard;
use crate::model::wires::Wire;
use serde_json::{Value, json};
use std::sync::Once;

pub const WIRES: [Wire; 4] = [Wire::OpenAiResponses, Wire::OpenAiChat, Wire::Anthropic, Wire::Gemini];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Stream,
    Whole,
}

pub const MODES: [Mode; 2] = [Mode::Stream, Mode::Whole];

pub struct Talk {
    pub wire: Wire,
    pub mode: Mode,
    model: String,
    /// Items, messages or contents, as the wire calls them.
    messages: Vec<Value>,
    tools: Value,
}

impl Talk {
    pub fn new(wire: Wire, mode: Mode, model: &str, prompt: &str) -> Self {
        let mut talk = Self { wire, mode, model: model.to_owned(), messages: Vec::new(), tools: Value::Null };
        talk.say(prompt);
        talk
    }

    pub fn offering(self, tools: Value) -> Self {
        Self { tools, ..self }
    }

    pub fn say(&mut self, text: &str) {
        self.messages.push(match self.wire {
            Wire::Gemini => json!({"role": "user", "parts": [{"text": text}]}),
            Wire::OpenAiResponses => {
                json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
            }
            Wire::OpenAiChat | Wire::Anthropic => json!({"role": "user", "content": text}),
        });
    }

    /// Puts the model's answer into the conversation.
    pub fn heard(&mut self, heard: &Heard) {
        match self.wire {
            Wire::OpenAiResponses => self.heard_responses(heard),
            Wire::OpenAiChat => {
                let call = |(id, name, args): &(String, String, Value)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": args.to_string()}});
                let mut message = json!({"role": "assistant", "content": heard.text});
                if !heard.calls.is_empty() {
                    message["tool_calls"] = heard.calls.iter().map(call).collect();
                }
                self.messages.push(message);
            }
            Wire::Anthropic => {
                let text = (!heard.text.is_empty()).then(|| json!({"type": "text", "text": heard.text}));
                let calls = heard.calls.iter();
                let calls =
                    calls.map(|(id, name, args)| json!({"type": "tool_use", "id": id, "name": name, "input": args}));
                let content: Vec<Value> = text.into_iter().chain(calls).collect();
                self.messages.push(json!({"role": "assistant", "content": content}));
            }
            Wire::Gemini => {
                let calls = heard.calls.iter();
                let calls = calls.map(|(_, name, args)| json!({"functionCall": {"name": name, "args": args}}));
                let parts: Vec<Value> = std::iter::once(json!({"text": heard.text})).chain(calls).collect();
                self.messages.push(json!({"role": "model", "parts": parts}));
            }
        }
    }

    fn heard_responses(&mut self, heard: &Heard) {
        let text = json!({"type": "output_text", "text": heard.text});
        self.messages.push(json!({"type": "message", "role": "assistant", "content": [text]}));
        for (id, name, args) in &heard.calls {
            self.messages.push(match args {
                Value::String(text) => json!({"type": "custom_tool_call", "call_id": id, "name": name, "input": text}),
                _ => json!({"type": "function_call", "call_id": id, "name": name, "arguments": args.to_string()}),
            });
        }
    }

    pub fn result(&mut self, id: &str, tool: &str, output: &str) {
        self.messages.push(match self.wire {
            Wire::OpenAiResponses => json!({"type": "function_call_output", "call_id": id, "output": output}),
            Wire::OpenAiChat => json!({"role": "tool", "tool_call_id": id, "content": output}),
            Wire::Anthropic => {
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": output}]})
            }
            Wire::Gemini => {
                let response = json!({"functionResponse": {"name": tool, "response": {"content": output}}});
                json!({"role": "user", "parts": [response]})
            }
        });
    }

    pub fn path(&self) -> String {
        match (self.wire, self.mode) {
            (Wire::OpenAiResponses, _) => "/openai/v1/responses".to_owned(),
            (Wire::OpenAiChat, _) => "/openai/v1/chat/completions".to_owned(),
            (Wire::Anthropic, _) => "/anthropic/v1/messages".to_owned(),
            (Wire::Gemini, Mode::Whole) => format!("/gemini/v1beta/models/{}:generateContent", self.model),
            (Wire::Gemini, Mode::Stream) => {
                format!("/gemini/v1beta/models/{}:streamGenerateContent?alt=sse", self.model)
            }
        }
    }

    pub fn body(&self) -> Value {
        let mut body = self.bare_body();
        if !self.tools.is_null() {
            body["tools"] = self.tools.clone();
        }
        body
    }

    fn bare_body(&self) -> Value {
        let stream = self.mode == Mode::Stream;
        match self.wire {
            Wire::OpenAiResponses => json!({"model": self.model, "input": self.messages, "stream": stream}),
            Wire::OpenAiChat => json!({
                "model": self.model, "messages": self.messages, "stream": stream,
                "stream_options": {"include_usage": true},
            }),
            Wire::Anthropic => {
                json!({"model": self.model, "max_tokens": 4096, "messages": self.messages, "stream": stream})
            }
            Wire::Gemini => json!({"contents": self.messages}),
        }
    }

    pub async fn send(&self, base: &str) -> reqwest::Response {
        post(base, &self.path(), &self.body()).await
    }

    /// Sends the conversation and reads the answer, which must be a whole one.
    pub async fn ask(&self, base: &str) -> Heard {
        let response = self.send(base).await;
        assert_eq!(response.status(), 200, "{:?} {:?}", self.wire, self.mode);
        let text = response.text().await.unwrap();
        Heard::read(self.wire, self.mode, &text)
    }
}

pub fn client() -> reqwest::Client {
    // Plain HTTP needs no TLS, but no client is built without a provider for it.
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub async fn post(base: &str, path: &str, body: &Value) -> reqwest::Response {
    client().post(format!("{base}{path}")).json(body).send().await.unwrap()
}
