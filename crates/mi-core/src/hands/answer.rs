//! What a tool answers: text that a model can act on.

use serde_json::{Value, json};

use super::{Refusal, Tool};
use crate::problem::Problem;

/// More than this is no help to a model.
const ANSWER_BYTES_MAX: usize = 128 * 1024;
const STOP: &str = "STOP WORKING on this task now: your claim is over and nothing that you write counts any more. \
                    Start nothing new and end your turn.";

/// The end of a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub text: String,
    pub is_error: bool,
}

impl Outcome {
    /// The body of a success as it came.
    pub fn success(tool: &Tool, body: &str) -> Self {
        let body = body.trim();
        let text = if body.is_empty() { tool.nothing.to_owned() } else { shortened(body) };
        Self { text, is_error: false }
    }

    /// The server said no.
    pub fn problem(problem: &Problem) -> Self {
        let mut lines = Vec::new();
        if problem.must_stop == Some(true) {
            lines.push(STOP.to_owned());
        }
        lines.push(format!("error: {}", problem.error));
        lines.extend(problem.hint.iter().map(|hint| format!("hint: {hint}")));
        lines.push(format!("code: {}", problem.code));
        Self { text: lines.join("\n"), is_error: true }
    }

    /// The call never became a request.
    pub fn refused(refusal: &Refusal) -> Self {
        Self::failure(&refusal.to_string(), &refusal.hint(), "bad_request")
    }

    pub fn failure(error: &str, hint: &str, code: &str) -> Self {
        Self { text: format!("error: {error}\nhint: {hint}\ncode: {code}"), is_error: true }
    }

    /// As `tools/call` answers.
    pub fn card(&self) -> Value {
        json!({"content": [{"type": "text", "text": self.text}], "isError": self.is_error})
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= ANSWER_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = ANSWER_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… (shortened: {} bytes in all; ask for less)", &text[..end], text.len())
}
