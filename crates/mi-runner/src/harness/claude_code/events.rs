//! The lines of `--output-format stream-json`, as 2.1 writes them.

use serde_json::Value;

use crate::harness::loops::Done;
use crate::harness::trouble::Trouble;
use crate::harness::vendor::{Reader, Said};

/// Wrote by the program itself where a model's answer would stand.
const SYNTHETIC: &str = "<synthetic>";

#[derive(Debug, Default)]
pub(super) struct Events {
    /// What the messages so far used, for a run that never comes to its result.
    so_far: Vec<(String, Said)>,
    told: bool,
}

impl Reader for Events {
    fn read(&mut self, event: &Value) -> Vec<Said> {
        match event["type"].as_str() {
            Some("assistant") => self.assistant(event),
            Some("user") => answers(event),
            Some("result") => self.result(event),
            Some("system") => system(event),
            _ => vec![unknown(event)],
        }
    }

    fn close(&mut self, _: Option<i32>) -> Vec<Said> {
        if self.told { Vec::new() } else { sum(&self.so_far) }
    }
}

impl Events {
    fn assistant(&mut self, event: &Value) -> Vec<Said> {
        let message = &event["message"];
        if message["model"] == SYNTHETIC {
            // The same sentence comes again with the result, and there with its status.
            return Vec::new();
        }
        self.count(message);
        let parts = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        parts.iter().filter_map(part).collect()
    }

    /// A message comes in several events, each with what it used so far.
    fn count(&mut self, message: &Value) {
        let id = text(&message["id"]);
        let usage = used(&text(&message["model"]), &message["usage"], "input_tokens", "output_tokens");
        match self.so_far.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = usage,
            None => self.so_far.push((id, usage)),
        }
    }

    fn result(&mut self, event: &Value) -> Vec<Said> {
        let mut out = Vec::new();
        if let Some(models) = event["modelUsage"].as_object() {
            self.told = !models.is_empty();
            out.extend(models.iter().map(|(model, usage)| used(model, usage, "inputTokens", "outputTokens")));
        }
        out.push(Said::Ended(verdict(event)));
        out
    }
}

fn verdict(event: &Value) -> Result<(), Trouble> {
    if event["is_error"] != Value::Bool(true) {
        return Ok(());
    }
    let status = event["api_error_status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let errors = event["errors"].as_array().map(|errors| errors.iter().map(text).collect::<Vec<_>>().join("; "));
    let sentence = event["result"].as_str().map(str::to_owned).or(errors).filter(|sentence| !sentence.is_empty());
    Err(Trouble::new(status, sentence.unwrap_or_else(|| format!("it ended with {}", text(&event["subtype"])))))
}

fn part(part: &Value) -> Option<Said> {
    match part["type"].as_str() {
        Some("text") => Some(Said::Text(text(&part["text"]))),
        Some("tool_use" | "server_tool_use") => {
            Some(Said::Called { id: text(&part["id"]), name: text(&part["name"]), arguments: part["input"].clone() })
        }
        // Thinking is the model's own business and comes signed or sealed.
        Some("thinking" | "redacted_thinking") => None,
        _ => Some(unknown(part)),
    }
}

fn answers(event: &Value) -> Vec<Said> {
    let Some(parts) = event["message"]["content"].as_array() else { return Vec::new() };
    let results = parts.iter().filter(|part| part["type"] == "tool_result");
    results
        .map(|part| {
            let done = if part["is_error"] == Value::Bool(true) { Done::Badly } else { Done::Well };
            Said::Answered { id: text(&part["tool_use_id"]), text: content(&part["content"]), done }
        })
        .collect()
}

/// A string, or a list of parts of which the texts count.
fn content(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().map(|part| text(&part["text"])).collect::<Vec<_>>().join("\n"),
        other => text(other),
    }
}

fn system(event: &Value) -> Vec<Said> {
    match event["subtype"].as_str() {
        Some("init") => {
            let version = text(&event["claude_code_version"]);
            vec![Said::Note(format!("claude-code {version} works with {}", text(&event["model"])))]
        }
        // The gateway answers so to a claim that is over; no try will change that.
        Some("api_retry") if event["error_status"] == 409 => vec![Said::ClaimOver],
        Some("api_retry") => {
            let status =
                event["error_status"].as_u64().map_or("no answer".to_owned(), |status| format!("status {status}"));
            let (attempt, max) = (&event["attempt"], &event["max_retries"]);
            vec![Said::Note(format!("model call failed ({status}); try {attempt} of {max} follows"))]
        }
        _ => vec![unknown(event)],
    }
}

fn used(model: &str, usage: &Value, input: &str, output: &str) -> Said {
    let number = |names: [&str; 2]| names.iter().find_map(|name| usage[*name].as_i64()).unwrap_or(0);
    let cached = number(["cache_read_input_tokens", "cacheReadInputTokens"]);
    let written = number(["cache_creation_input_tokens", "cacheCreationInputTokens"]);
    Said::Used {
        model: model.to_owned(),
        // Anthropic counts what was read from and written to the cache beside the input.
        input: number([input, input]) + cached + written,
        cached,
        output: number([output, output]),
    }
}

fn sum(messages: &[(String, Said)]) -> Vec<Said> {
    let mut out: Vec<(String, i64, i64, i64)> = Vec::new();
    for (_, said) in messages {
        let Said::Used { model, input, cached, output } = said else { continue };
        match out.iter_mut().find(|(known, ..)| known == model) {
            Some(sums) => *sums = (sums.0.clone(), sums.1 + input, sums.2 + cached, sums.3 + output),
            None => out.push((model.clone(), *input, *cached, *output)),
        }
    }
    out.into_iter().map(|(model, input, cached, output)| Said::Used { model, input, cached, output }).collect()
}

fn unknown(event: &Value) -> Said {
    Said::Note(format!("claude-code: {event}"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
