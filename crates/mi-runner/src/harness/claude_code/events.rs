//! The lines of `--output-format stream-json`, as 2.1 writes them.

use std::collections::VecDeque;

use serde_json::Value;

use crate::harness::loops::Done;
use crate::harness::trouble::Trouble;
use crate::harness::vendor::{Reader, Said};

/// Wrote by the program itself where a model's answer would stand.
const SYNTHETIC: &str = "<synthetic>";

/// Messages whose events may still come; several models at work have one each.
const OPEN_MESSAGES_MAX: usize = 64;
/// Of one run; a program that names more makes them up, and they count as the last one.
const MODELS_MAX: usize = 16;
/// Of a message's id, and of a model's name.
const NAME_BYTES_MAX: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Events {
    /// What the newest messages used so far, and all before them together: for a run that never comes to its result.
    open: VecDeque<(String, Used)>,
    closed: Vec<Used>,
    told: bool,
}

#[derive(Debug, Clone)]
struct Used {
    model: String,
    input: i64,
    cached: i64,
    output: i64,
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
        if self.told {
            return Vec::new();
        }
        while let Some((_, used)) = self.open.pop_front() {
            self.add(used);
        }
        std::mem::take(&mut self.closed).into_iter().map(Said::from).collect()
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
        let id = short(text(&message["id"]));
        let usage = used(&text(&message["model"]), &message["usage"], "input_tokens", "output_tokens");
        match self.open.iter_mut().rfind(|(known, _)| *known == id) {
            Some((_, known)) => *known = usage,
            None => self.open.push_back((id, usage)),
        }
        if self.open.len() > OPEN_MESSAGES_MAX
            && let Some((_, oldest)) = self.open.pop_front()
        {
            self.add(oldest);
        }
    }

    fn add(&mut self, used: Used) {
        let is_full = self.closed.len() >= MODELS_MAX;
        let known = self.closed.iter().position(|known| known.model == used.model);
        match known.or(is_full.then_some(MODELS_MAX - 1)) {
            Some(place) => self.closed[place].add(&used),
            None => self.closed.push(used),
        }
    }

    fn result(&mut self, event: &Value) -> Vec<Said> {
        let mut out = Vec::new();
        if let Some(models) = event["modelUsage"].as_object() {
            self.told = !models.is_empty();
            let used = models.iter().map(|(model, usage)| used(model, usage, "inputTokens", "outputTokens"));
            out.extend(used.map(Said::from));
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

impl Used {
    fn add(&mut self, more: &Used) {
        self.input = self.input.saturating_add(more.input);
        self.cached = self.cached.saturating_add(more.cached);
        self.output = self.output.saturating_add(more.output);
    }
}

impl From<Used> for Said {
    fn from(Used { model, input, cached, output }: Used) -> Self {
        Said::Used { model, input, cached, output }
    }
}

fn used(model: &str, usage: &Value, input: &str, output: &str) -> Used {
    // The program is in the agent's hands, so any number may come.
    let number = |names: [&str; 2]| names.iter().find_map(|name| usage[*name].as_i64()).unwrap_or(0).max(0);
    let cached = number(["cache_read_input_tokens", "cacheReadInputTokens"]);
    let written = number(["cache_creation_input_tokens", "cacheCreationInputTokens"]);
    Used {
        model: short(model.to_owned()),
        // Anthropic counts what was read from and written to the cache beside the input.
        input: number([input, input]).saturating_add(cached).saturating_add(written),
        cached,
        output: number([output, output]),
    }
}

fn short(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}

fn unknown(event: &Value) -> Said {
    Said::Note(format!("claude-code: {event}"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(id: usize, output: i64) -> Value {
        json!({"type": "assistant", "message": {"id": format!("m{id}"), "model": "c", "content": [],
            "usage": {"input_tokens": 10, "output_tokens": output}}})
    }

    #[test]
    fn what_a_long_run_used_is_summed_in_little_room() {
        let mut events = Events::default();
        for id in 0..1_000 {
            for output in [1, 5] {
                assert_eq!(events.read(&message(id, output)), []);
            }
        }
        assert_eq!((events.open.len(), events.closed.len()), (OPEN_MESSAGES_MAX, 1));
        let used = Said::Used { model: "c".into(), input: 10_000, cached: 0, output: 5_000 };
        assert_eq!(events.close(None), [used]);
    }

    #[test]
    fn models_that_it_makes_up_are_few() {
        let mut events = Events::default();
        for id in 0..1_000 {
            let mut event = message(id, 1);
            event["message"]["model"] = json!(format!("{id}{}", "m".repeat(300)));
            events.read(&event);
        }
        let told = events.close(None);
        let output = |said: &Said| if let Said::Used { output, .. } = said { *output } else { 0 };
        assert_eq!((told.len(), told.iter().map(output).sum::<i64>()), (MODELS_MAX, 1_000));
    }
}
