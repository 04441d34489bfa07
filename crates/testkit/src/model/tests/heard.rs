//! Readers of the four wires, written as a harness reads them and not as the server writes them.

use super::talk::Mode;
use crate::model::wires::Wire;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Heard {
    pub text: String,
    /// Id, name, arguments.
    pub calls: Vec<(String, String, Value)>,
    /// Input (with what was cached), cached input, output.
    pub usage: Option<(u64, u64, u64)>,
    /// Why the model stopped, in the wire's own word.
    pub stop: Option<String>,
    /// Pieces in which text and arguments came.
    pub pieces: usize,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: Option<String>,
    pub data: String,
}

pub fn events(body: &str) -> Vec<Event> {
    let body = body.replace("\r\n", "\n");
    let blocks = body.split("\n\n").filter(|block| !block.is_empty());
    let event = |block: &str| {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Event { name: field("event: "), data: field("data: ").expect("every event has data") }
    };
    blocks.map(event).collect()
}

impl Heard {
    pub fn read(wire: Wire, mode: Mode, body: &str) -> Self {
        match mode {
            Mode::Whole => Self::whole(wire, &serde_json::from_str(body).unwrap()),
            Mode::Stream => Self::stream(wire, &events(body)),
        }
    }

    fn whole(wire: Wire, body: &Value) -> Self {
        let mut heard = Self { pieces: 1, ..Self::default() };
        match wire {
            Wire::OpenAiResponses => heard.responses_response(body),
            Wire::OpenAiChat => {
                let message = &body["choices"][0]["message"];
                heard.text = message["content"].as_str().unwrap_or_default().to_owned();
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    heard.call(&call["id"], &call["function"]["name"], json_in(&call["function"]["arguments"]));
                }
                heard.stop = string(&body["choices"][0]["finish_reason"]);
                heard.chat_usage(&body["usage"]);
            }
            Wire::Anthropic => {
                for block in body["content"].as_array().unwrap() {
                    match block["type"].as_str().unwrap() {
                        "text" => heard.text += block["text"].as_str().unwrap(),
                        "tool_use" => heard.call(&block["id"], &block["name"], block["input"].clone()),
                        other => panic!("{other}"),
                    }
                }
                heard.stop = string(&body["stop_reason"]);
                heard.anthropic_usage(&body["usage"]);
            }
            Wire::Gemini => heard.gemini_chunk(body),
        }
        heard
    }

    fn stream(wire: Wire, events: &[Event]) -> Self {
        match wire {
            Wire::OpenAiResponses => Self::responses_stream(events),
            Wire::OpenAiChat => Self::chat_stream(events),
            Wire::Anthropic => Self::anthropic_stream(events),
            Wire::Gemini => {
                let mut heard = Self::default();
                events.iter().for_each(|event| heard.gemini_chunk(&parsed(event)));
                heard
            }
        }
    }

    fn responses_stream(events: &[Event]) -> Self {
        let mut heard = Self::default();
        let mut text = String::new();
        let mut arguments: BTreeMap<u64, String> = BTreeMap::new();
        let mut inputs: BTreeMap<u64, String> = BTreeMap::new();
        for (number, event) in events.iter().enumerate() {
            let data = parsed(event);
            assert_eq!(event.name.as_deref(), data["type"].as_str());
            assert_eq!(data["sequence_number"].as_u64(), Some(number as u64));
            match data["type"].as_str().unwrap() {
                "response.output_text.delta" => text += data["delta"].as_str().unwrap(),
                "response.function_call_arguments.delta" => {
                    *arguments.entry(data["output_index"].as_u64().unwrap()).or_default() +=
                        data["delta"].as_str().unwrap();
                }
                "response.custom_tool_call_input.delta" => {
                    *inputs.entry(data["output_index"].as_u64().unwrap()).or_default() +=
                        data["delta"].as_str().unwrap();
                }
                "response.completed" => heard.responses_response(&data["response"]),
                _ => continue,
            }
            heard.pieces += 1;
        }
        // What was told in pieces and what is told at the end must be the same.
        assert_eq!(text, heard.text);
        let told = arguments.into_iter().map(|(at, text)| (at, serde_json::from_str(&text).unwrap()));
        let told: BTreeMap<u64, Value> =
            told.chain(inputs.into_iter().map(|(at, text)| (at, Value::String(text)))).collect();
        assert_eq!(
            told.into_values().collect::<Vec<_>>(),
            heard.calls.iter().map(|call| call.2.clone()).collect::<Vec<_>>()
        );
        heard
    }

    fn responses_response(&mut self, response: &Value) {
        for item in response["output"].as_array().unwrap() {
            match item["type"].as_str().unwrap() {
                "message" => self.text += item["content"][0]["text"].as_str().unwrap(),
                "custom_tool_call" => self.call(&item["call_id"], &item["name"], item["input"].clone()),
                "function_call" => self.call(&item["call_id"], &item["name"], json_in(&item["arguments"])),
                other => panic!("{other}"),
            }
        }
        self.stop = string(&response["status"]);
        let usage = &response["usage"];
        if !usage.is_null() {
            let cached = number(&usage["input_tokens_details"]["cached_tokens"]);
            self.usage = Some((number(&usage["input_tokens"]), cached, number(&usage["output_tokens"])));
        }
    }

    fn chat_stream(events: &[Event]) -> Self {
        let mut heard = Self::default();
        let mut calls: BTreeMap<u64, (String, String, String)> = BTreeMap::new();
        let (done, chunks) = events.split_last().unwrap();
        assert_eq!(done.data, "[DONE]");
        for chunk in chunks.iter().map(parsed) {
            assert_eq!(chunk["object"], "chat.completion.chunk");
            let choice = &chunk["choices"][0];
            if let Some(text) = choice["delta"]["content"].as_str() {
                heard.text += text;
                heard.pieces += 1;
            }
            for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let known = calls.entry(number(&call["index"])).or_default();
                known.0 += call["id"].as_str().unwrap_or_default();
                known.1 += call["function"]["name"].as_str().unwrap_or_default();
                known.2 += call["function"]["arguments"].as_str().unwrap_or_default();
                heard.pieces += 1;
            }
            heard.stop = heard.stop.or_else(|| string(&choice["finish_reason"]));
            heard.chat_usage(&chunk["usage"]);
        }
        heard.calls =
            calls.into_values().map(|(id, name, args)| (id, name, serde_json::from_str(&args).unwrap())).collect();
        heard
    }

    fn chat_usage(&mut self, usage: &Value) {
        if !usage.is_null() {
            let cached = number(&usage["prompt_tokens_details"]["cached_tokens"]);
            self.usage = Some((number(&usage["prompt_tokens"]), cached, number(&usage["completion_tokens"])));
        }
    }

    fn anthropic_stream(events: &[Event]) -> Self {
        let mut heard = Self::default();
        let mut json = String::new();
        assert_eq!(events.first().unwrap().name.as_deref(), Some("message_start"));
        assert_eq!(events.last().unwrap().name.as_deref(), Some("message_stop"));
        for event in events {
            let data = parsed(event);
            assert_eq!(event.name.as_deref(), data["type"].as_str());
            match data["type"].as_str().unwrap() {
                "content_block_start" if data["content_block"]["type"] == "tool_use" => {
                    let block = &data["content_block"];
                    heard.call(&block["id"], &block["name"], Value::Null);
                    json.clear();
                }
                "content_block_delta" => {
                    heard.text += data["delta"]["text"].as_str().unwrap_or_default();
                    json += data["delta"]["partial_json"].as_str().unwrap_or_default();
                    heard.pieces += 1;
                }
                "content_block_stop" if !json.is_empty() => {
                    heard.calls.last_mut().unwrap().2 = serde_json::from_str(&json).unwrap();
                    json.clear();
                }
                "message_delta" => {
                    heard.stop = string(&data["delta"]["stop_reason"]);
                    heard.anthropic_usage(&data["usage"]);
                }
                _ => {}
            }
        }
        heard
    }

    fn anthropic_usage(&mut self, usage: &Value) {
        if !usage.is_null() {
            let cached = number(&usage["cache_read_input_tokens"]);
            self.usage = Some((number(&usage["input_tokens"]) + cached, cached, number(&usage["output_tokens"])));
        }
    }

    fn gemini_chunk(&mut self, chunk: &Value) {
        let candidate = &chunk["candidates"][0];
        for part in candidate["content"]["parts"].as_array().unwrap() {
            self.text += part["text"].as_str().unwrap_or_default();
            if let Some(call) = part.get("functionCall") {
                self.call(&Value::Null, &call["name"], call["args"].clone());
            }
            self.pieces += 1;
        }
        self.stop = string(&candidate["finishReason"]);
        let usage = &chunk["usageMetadata"];
        if !usage.is_null() {
            let cached = usage["cachedContentTokenCount"].as_u64().unwrap_or(0);
            self.usage = Some((number(&usage["promptTokenCount"]), cached, number(&usage["candidatesTokenCount"])));
        }
    }

    fn call(&mut self, id: &Value, name: &Value, arguments: Value) {
        self.calls.push((string(id).unwrap_or_default(), string(name).unwrap(), arguments));
    }
}

fn parsed(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

fn json_in(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}
