//! Real models, reached through the server's gateway with the session's credential.
//!
//! The gateway puts the office's key in; no key of a provider ever comes here. Answers are streamed, so that a silent
//! connection is noticed and a long answer isn't cut by somebody's idle limit.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, ContentPart, MessageContent, StreamEnd, Tool, ToolResponse,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use mi_client::{Trust, prepare_tls};
use mi_core::ids::excerpt;
use mi_core::problem::Problem;
use mi_core::wire::runner::{ModelChoice, Wire};
use serde_json::Value;

use super::model::{Carry, Message, Model, ModelError, ModelSource, ToolCall, ToolSpec, Turn, Usage};
use crate::harness::Missing;

const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// A model may think for long before its first byte.
const HEADER_WAIT: Duration = Duration::from_secs(300);
/// Silence in the middle of an answer.
const READ_WAIT: Duration = Duration::from_secs(120);

/// Models behind the server's gateway.
#[derive(Debug, Default)]
pub struct GatewayModels {
    trust: Option<Trust>,
}

impl GatewayModels {
    pub fn trusting(trust: Option<Trust>) -> Self {
        Self { trust }
    }
}

impl ModelSource for GatewayModels {
    fn open(&self, choice: &ModelChoice, endpoint: &str, credential: &str) -> Result<Box<dyn Model>, Missing> {
        let base = format!("{}/{}/", endpoint.trim_end_matches('/'), choice.base_path.trim_matches('/'));
        let http = http_client(endpoint, self.trust.as_ref())
            .map_err(|why| Missing::from(format!("no connection to the model gateway: {why}")))?;
        let client = genai::Client::builder()
            .with_reqwest(http)
            .build()
            .map_err(|error| Missing::from(format!("the model client can't be made: {error}")))?;
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(base),
            auth: AuthData::from_single(credential),
            model: ModelIden::new(adapter(choice.wire), choice.model.clone()),
        };
        let options = ChatOptions::default()
            .with_capture_content(true)
            .with_capture_tool_calls(true)
            .with_capture_usage(true)
            .with_stream_header_timeout(HEADER_WAIT)
            .with_stream_read_timeout(READ_WAIT);
        Ok(Box::new(GatewayModel { client, target, options, wire: choice.wire }))
    }
}

fn adapter(wire: Wire) -> AdapterKind {
    match wire {
        Wire::OpenaiChat => AdapterKind::OpenAI,
        Wire::OpenaiResponses => AdapterKind::OpenAIResp,
        Wire::Anthropic => AdapterKind::Anthropic,
        Wire::Gemini => AdapterKind::Gemini,
    }
}

/// As every client of ours reaches the server.
fn http_client(endpoint: &str, trust: Option<&Trust>) -> Result<reqwest::Client, String> {
    let endpoint: mi_client::Endpoint = endpoint.parse().map_err(|error: mi_client::BadEndpoint| error.to_string())?;
    let mut builder =
        reqwest::Client::builder().connect_timeout(CONNECT_WAIT).redirect(reqwest::redirect::Policy::none());
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    let builder = prepare_tls(builder, &endpoint, trust).map_err(|error| error.to_string())?;
    builder.build().map_err(|error| error.to_string())
}

struct GatewayModel {
    client: genai::Client,
    target: ServiceTarget,
    options: ChatOptions,
    wire: Wire,
}

impl Model for GatewayModel {
    fn turn<'a>(
        &'a self,
        conversation: &'a [Message],
        tools: &'a [ToolSpec],
    ) -> BoxFuture<'a, Result<Turn, ModelError>> {
        Box::pin(async move {
            let request = request_of(conversation, tools);
            let answer = self.client.exec_chat_stream(self.target.clone(), request, Some(&self.options)).await;
            let mut stream = answer.map_err(|error| fault_of(&error))?.stream;
            while let Some(event) = stream.next().await {
                if let ChatStreamEvent::End(end) = event.map_err(|error| fault_of(&error))? {
                    return if self.is_whole(&end) { Ok(turn_of(end)) } else { Err(broken_off()) };
                }
            }
            Err(broken_off())
        })
    }
}

impl GatewayModel {
    /// On two wires the client library reports an end even when the connection just closed; the stop reason, which
    /// comes with the real end, tells them apart.
    fn is_whole(&self, end: &StreamEnd) -> bool {
        match self.wire {
            Wire::OpenaiChat | Wire::Anthropic => true,
            Wire::OpenaiResponses | Wire::Gemini => end.captured_stop_reason.is_some(),
        }
    }
}

fn broken_off() -> ModelError {
    passing("the model's answer broke off in the middle")
}

fn request_of(conversation: &[Message], tools: &[ToolSpec]) -> ChatRequest {
    let mut request = ChatRequest::default();
    for message in conversation {
        request = match message {
            Message::System(text) => request.with_system(text),
            Message::User(text) => request.append_message(ChatMessage::user(text.as_str())),
            Message::Assistant(turn) => request.append_message(ChatMessage::assistant(content_of(turn))),
            Message::Results(results) => {
                let parts: Vec<ContentPart> = results
                    .iter()
                    .map(|result| {
                        let answer = ToolResponse::new(result.id.as_str(), result.text.as_str());
                        ContentPart::from(answer.with_fn_name(result.name.as_str()))
                    })
                    .collect();
                request.append_message(ChatMessage::tool(MessageContent::from_parts(parts)))
            }
        };
    }
    if tools.is_empty() { request } else { request.with_tools(tools.iter().map(tool_of)) }
}

fn tool_of(spec: &ToolSpec) -> Tool {
    Tool::new(spec.name).with_description(spec.description).with_schema(spec.schema.clone())
}

/// The turn as the provider gave it where we have that, else rebuilt.
fn content_of(turn: &Turn) -> MessageContent {
    let kept = turn.carry.as_ref().and_then(|carry| carry.0.downcast_ref::<MessageContent>());
    if let Some(content) = kept {
        return content.clone();
    }
    let mut parts = Vec::new();
    if !turn.text.is_empty() {
        parts.push(ContentPart::from_text(turn.text.as_str()));
    }
    parts.extend(turn.calls.iter().map(|call| {
        ContentPart::from(genai::chat::ToolCall {
            call_id: call.id.clone(),
            fn_name: call.name.clone(),
            fn_arguments: call.arguments.clone(),
            thought_signatures: None,
        })
    }));
    MessageContent::from_parts(parts)
}

fn turn_of(end: StreamEnd) -> Turn {
    let usage = end.captured_usage.as_ref().map(usage_of).unwrap_or_default();
    let Some(content) = end.captured_content else { return Turn { usage, ..Turn::default() } };
    let calls = content.tool_calls().into_iter().map(|call| ToolCall {
        id: call.call_id.clone(),
        name: call.fn_name.clone(),
        arguments: call.fn_arguments.clone(),
    });
    Turn {
        text: content.joined_texts().unwrap_or_default(),
        calls: calls.collect(),
        usage,
        carry: Some(Carry(Arc::new(content))),
    }
}

fn usage_of(usage: &genai::chat::Usage) -> Usage {
    let cached = usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
    Usage {
        input_tokens: usage.prompt_tokens.unwrap_or(0).into(),
        output_tokens: usage.completion_tokens.unwrap_or(0).into(),
        cached_tokens: cached.unwrap_or(0).into(),
    }
}

fn passing(detail: impl Into<String>) -> ModelError {
    ModelError::Passing { detail: detail.into(), retry_after_s: None, status: None }
}

/// A status decides where there is one; without one the way to the model failed, which may pass.
fn fault_of(error: &genai::Error) -> ModelError {
    let error = innermost(error);
    match error {
        genai::Error::HttpError { status, body, headers, .. } => {
            let retry_after_s = headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
            by_status(status.as_u16(), body, retry_after_s)
        }
        // An error event in the middle of a stream: the provider's own trouble.
        genai::Error::ChatResponse { body, .. } => {
            passing(format!("the model reported an error: {}", message_in(body)))
        }
        genai::Error::WebStream { cause, .. } => passing(format!("the model can't be reached: {}", excerpt(cause))),
        other => match other.status() {
            Some(status) => by_status(status.as_u16(), &other.to_string(), None),
            None => passing(excerpt(&other.to_string())),
        },
    }
}

/// Streams wrap the error that they met in another one.
fn innermost(error: &genai::Error) -> &genai::Error {
    match error {
        genai::Error::WebStream { error: inner, .. } => inner.downcast_ref::<genai::Error>().unwrap_or(error),
        _ => error,
    }
}

fn by_status(status: u16, body: &str, retry_after_s: Option<u64>) -> ModelError {
    let problem: Option<Problem> = serde_json::from_str(body).ok();
    if problem.as_ref().is_some_and(|problem| problem.must_stop == Some(true)) {
        return ModelError::Stale;
    }
    let detail = match &problem {
        Some(problem) => problem.error.clone(),
        None => serde_json::from_str::<Value>(body).map_or_else(|_| excerpt(body), |body| message_in(&body)),
    };
    let no_key = problem.as_ref().is_some_and(|problem| problem.code == "no_model_key");
    match status {
        408 | 409 | 429 | 500.. if !no_key => {
            let detail = format!("the model answered with status {status}: {detail}");
            ModelError::Passing { detail, retry_after_s, status: Some(status) }
        }
        _ => {
            let cause = cause_of(status, problem);
            ModelError::Refused { cause, detail: format!("status {status}: {detail}"), status }
        }
    }
}

fn cause_of(status: u16, problem: Option<Problem>) -> String {
    match (problem, status) {
        (Some(problem), _) => problem.code,
        (None, 401 | 403) => "model_credential_refused".into(),
        (None, 402) => "out_of_credits".into(),
        (None, _) => "model_refused".into(),
    }
}

/// Providers agree on `error.message`, or on `message`.
fn message_in(body: &Value) -> String {
    let found = ["/error/message", "/message", "/error"].iter().find_map(|path| body.pointer(path)?.as_str());
    found.map_or_else(|| excerpt(&body.to_string()), excerpt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(error: &ModelError) -> bool {
        matches!(error, ModelError::Passing { .. })
    }

    #[test]
    fn a_status_decides_whether_repeating_helps() {
        for (status, expected) in [(400, false), (401, false), (402, false), (404, false), (429, true), (500, true)] {
            assert_eq!(passes(&by_status(status, "{}", None)), expected, "{status}");
        }
        let refused = by_status(402, r#"{"error":"no credits left","code":"out_of_credits"}"#, None);
        assert_eq!(refused.to_string(), "out_of_credits: status 402: no credits left");
        let refused = by_status(401, r#"{"error":{"message":"bad key"}}"#, None);
        assert_eq!(refused.to_string(), "model_credential_refused: status 401: bad key");
        assert!(!passes(&by_status(503, r#"{"error":"x","code":"no_model_key"}"#, None)));
        let stale = r#"{"error":"x","code":"stale_claim","must_stop":true}"#;
        assert_eq!(by_status(409, stale, None), ModelError::Stale);
    }
}
