//! The response that stands in the events of a stream, and alone as a whole answer.

use serde_json::{Value, json};

use super::errors::Failure;

/// Settings of the request that a response repeats.
#[derive(Debug)]
pub struct Echo {
    pub model: String,
    settings: Vec<(&'static str, Value)>,
}

/// What a response says of a setting that the request leaves out.
fn defaults() -> [(&'static str, Value); 9] {
    [
        ("max_output_tokens", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("temperature", json!(1.0)),
        ("text", json!({"format": {"type": "text"}})),
        ("tool_choice", json!("auto")),
        ("top_p", json!(1.0)),
        ("user", Value::Null),
    ]
}

impl Echo {
    pub fn of(request: &Value) -> Self {
        let setting = |(name, default): (&'static str, Value)| {
            let value = if request[name].is_null() { default } else { request[name].clone() };
            (name, value)
        };
        let model = request["model"].as_str().unwrap_or_default().to_owned();
        Self { model, settings: defaults().into_iter().map(setting).collect() }
    }
}

/// How far a response is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    InProgress,
    Completed,
    /// Why no more came.
    Incomplete(&'static str),
    Failed(Failure),
}

impl Status {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
            Status::Incomplete(_) => "incomplete",
            Status::Failed(_) => "failed",
        }
    }

    /// The last event of a stream that ends so.
    pub const fn event(&self) -> &'static str {
        match self {
            Status::InProgress => "response.in_progress",
            Status::Completed => "response.completed",
            Status::Incomplete(_) => "response.incomplete",
            Status::Failed(_) => "response.failed",
        }
    }
}

/// What a response is, whatever its answer.
#[derive(Debug)]
pub struct Head {
    /// Makes the ids of this response and of its items.
    pub seed: String,
    pub created_at_seconds: i64,
    pub echo: Echo,
}

impl Head {
    pub fn response(&self, status: &Status, output: Vec<Value>, usage: Option<&Value>) -> Value {
        let error = match status {
            Status::Failed(failure) => json!({"code": failure.code, "message": failure.message}),
            Status::InProgress | Status::Completed | Status::Incomplete(_) => Value::Null,
        };
        let incomplete = match status {
            Status::Incomplete(reason) => json!({"reason": reason}),
            Status::InProgress | Status::Completed | Status::Failed(_) => Value::Null,
        };
        let mut response = json!({
            "id": format!("resp_{}", self.seed), "object": "response", "created_at": self.created_at_seconds,
            "status": status.as_str(), "background": false, "error": error, "incomplete_details": incomplete,
            "instructions": null, "model": self.echo.model, "output": output, "previous_response_id": null,
            "service_tier": "default", "store": false, "tools": [], "truncation": "disabled",
            "usage": usage.map(usage_of),
        });
        for (name, value) in &self.echo.settings {
            response[*name] = value.clone();
        }
        response
    }
}

/// A chat's numbers under their other names.
fn usage_of(chat: &Value) -> Value {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let (input, output) = (count(&chat["prompt_tokens"]), count(&chat["completion_tokens"]));
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": count(&chat["prompt_tokens_details"]["cached_tokens"])},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": count(&chat["completion_tokens_details"]["reasoning_tokens"])},
        "total_tokens": chat["total_tokens"].as_u64().unwrap_or(input.saturating_add(output)),
    })
}
