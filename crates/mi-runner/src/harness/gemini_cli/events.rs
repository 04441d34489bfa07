//! The lines of `--output-format stream-json`, as 0.61 writes them.

use mi_core::wire::runner::EndCause;
use serde_json::Value;

use crate::harness::loops::Done;
use crate::harness::trouble::Trouble;
use crate::harness::vendor::{Reader, Said};

/// The program ends with the status that it met, of which the system keeps the lower eight bits.
const STATUS_BY_EXIT: [(i32, u16); 7] =
    [(144, 400), (145, 401), (146, 402), (147, 403), (173, 429), (244, 500), (247, 503)];

/// What is gathered of one answer before it is kept.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The program has a loop breaker of its own, and calls what it broke a success.
const LOOP: &str = "Loop detected";

#[derive(Debug, Default)]
pub(super) struct Events {
    /// The model's words come in pieces.
    text: String,
    /// An error in the middle of a run, for the verdict that names none.
    error: Option<String>,
    trouble: Option<Trouble>,
}

impl Reader for Events {
    fn read(&mut self, event: &Value) -> Vec<Said> {
        match event["type"].as_str() {
            Some("message") => {
                // What it was told is known; what it says comes in pieces.
                if event["role"] == "assistant" {
                    self.text.push_str(&text(&event["content"]));
                }
                if self.text.len() >= TEXT_BYTES_MAX { self.flush() } else { Vec::new() }
            }
            Some("tool_use") => {
                let (id, name) = (text(&event["tool_id"]), text(&event["tool_name"]));
                self.after_text(Said::Called { id, name, arguments: event["parameters"].clone() })
            }
            Some("tool_result") => self.after_text(answer(event)),
            Some("init") => vec![Said::Note(format!("gemini-cli works with {}", text(&event["model"])))],
            Some("error") => {
                let sentence = text(&event["message"]);
                if sentence.contains(LOOP) {
                    return self.after_text(Said::Circles(format!("gemini-cli: {sentence}")));
                }
                if Trouble::new(None, sentence.as_str()).cause() == EndCause::Stale {
                    return self.after_text(Said::ClaimOver);
                }
                self.error = Some(sentence.clone());
                self.after_text(Said::Note(format!("gemini-cli: {sentence}")))
            }
            Some("result") => self.result(event),
            _ => vec![Said::Note(format!("gemini-cli: {event}"))],
        }
    }

    fn close(&mut self, code: Option<i32>) -> Vec<Said> {
        let mut out = self.flush();
        // The sentence often lacks the status, and the exit has it.
        if let Some(trouble) = self.trouble.take().filter(|trouble| trouble.status.is_none()) {
            let status = STATUS_BY_EXIT.iter().find(|(exit, _)| Some(*exit) == code).map(|(_, status)| *status);
            out.push(Said::Ended(Err(Trouble { status, ..trouble })));
        }
        out
    }
}

impl Events {
    fn flush(&mut self) -> Vec<Said> {
        if self.text.is_empty() { Vec::new() } else { vec![Said::Text(std::mem::take(&mut self.text))] }
    }

    fn after_text(&mut self, said: Said) -> Vec<Said> {
        let mut out = self.flush();
        out.push(said);
        out
    }

    fn result(&mut self, event: &Value) -> Vec<Said> {
        let mut out = self.flush();
        let models = event["stats"]["models"].as_object();
        out.extend(models.into_iter().flatten().map(|(model, stats)| used(model, stats)));
        if event["status"] == "success" {
            out.push(Said::Ended(Ok(())));
            return out;
        }
        let named = event["error"]["message"].as_str().map(str::to_owned);
        let sentence = named.or(self.error.take()).unwrap_or_else(|| "it ended with an error".to_owned());
        let trouble = Trouble::new(status_in(&sentence), sentence);
        self.trouble = Some(trouble.clone());
        out.push(Said::Ended(Err(trouble)));
        out
    }
}

/// `[API Error: {"error":{"code":401,…}}]`
fn status_in(sentence: &str) -> Option<u16> {
    let inside = sentence.find('{').zip(sentence.rfind('}')).filter(|(from, to)| from < to)?;
    let body: Value = serde_json::from_str(&sentence[inside.0..=inside.1]).ok()?;
    u16::try_from(body["error"]["code"].as_u64()?).ok()
}

fn answer(event: &Value) -> Said {
    let is_good = event["status"] == "success";
    let said = text(&event["output"]);
    let said = if said.is_empty() { text(&event["error"]["message"]) } else { said };
    let done = if is_good { Done::Well } else { Done::Badly };
    Said::Answered { id: text(&event["tool_id"]), text: said, done }
}

fn used(model: &str, stats: &Value) -> Said {
    let number = |name: &str| stats[name].as_i64().unwrap_or(0);
    let (input, answered) = (number("input_tokens"), number("output_tokens"));
    // What was thought is paid like what was said, and stands only in the total.
    let output = (number("total_tokens") - input).max(answered);
    Said::Used { model: model.to_owned(), input, cached: number("cached"), output }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
