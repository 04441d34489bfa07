//! The paths of the four wires, with and without the provider's prefix.

use super::Recorded;
use super::answer::{Fault, Reply, Scripted};
use super::sending;
use super::stage::Stage;
use super::wires::Wire;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest request taken; long conversations carry whole files.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// When every listed model was made, as a date.
const MODEL_CREATED_AT: &str = "2025-06-15T00:00:00Z";

pub(super) fn router(stage: Arc<Stage>) -> Router {
    let mut router = Router::new().route("/", get(alive));
    for prefix in ["", "/openai"] {
        router = router
            .route(&format!("{prefix}/v1/responses"), answering(Wire::OpenAiResponses))
            .route(&format!("{prefix}/v1/chat/completions"), answering(Wire::OpenAiChat));
    }
    for prefix in ["", "/anthropic"] {
        router = router
            .route(&format!("{prefix}/v1/messages"), answering(Wire::Anthropic))
            .route(&format!("{prefix}/v1/messages/count_tokens"), answering(Wire::Anthropic));
    }
    for prefix in ["", "/gemini"] {
        router = router
            .route(&format!("{prefix}/v1beta/models/{{call}}"), answering(Wire::Gemini))
            .route(&format!("{prefix}/v1beta/models"), get(gemini_models));
    }
    for prefix in ["/openai", "/anthropic", "/gemini"] {
        router = router.route(prefix, get(alive));
    }
    router
        .route("/v1/models", get(models))
        .route("/openai/v1/models", get(openai_models))
        .route("/anthropic/v1/models", get(anthropic_models))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(stage)
}

/// Some harnesses knock with `HEAD` before they speak.
async fn alive() -> StatusCode {
    StatusCode::OK
}

fn answering(wire: Wire) -> MethodRouter<Arc<Stage>> {
    post(move |State(stage): State<Arc<Stage>>, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        answer(stage, wire, &uri, &headers, &body).await
    })
}

async fn answer(stage: Arc<Stage>, wire: Wire, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    if let Some(count) = wire.token_count(uri, body) {
        return sending::json(StatusCode::OK, &count);
    }
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    let lossy = || Value::String(String::from_utf8_lossy(body).into_owned());
    stage.record(recorded(uri, headers, parsed.as_ref().cloned().unwrap_or_else(|_| lossy())));
    if !stage.accepts_key(key(uri, headers).as_deref()) {
        return sending::fault(wire, &Fault::bad_key());
    }
    let conversation = parsed.map_err(anyhow::Error::from).and_then(|body| wire.read(uri, &body));
    let conversation = match conversation {
        Ok(conversation) => conversation,
        Err(error) => return sending::fault(wire, &Fault::bad_request(format!("{error:#}"))),
    };
    let Scripted { reply, wait, cut } = stage.answer(&conversation);
    if let Some(wait) = wait.as_ref().filter(|wait| wait.after_events.is_none()) {
        stage.pass_gate(&wait.gate).await;
    }
    match reply {
        Reply::Fault(fault) => sending::fault(wire, &fault),
        Reply::Answer(answer) => sending::answer(stage, wire, conversation.delivery, &answer, wait, cut),
    }
}

fn recorded(uri: &Uri, headers: &HeaderMap, body: Value) -> Recorded {
    let path = uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string);
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Recorded { path, headers: headers.iter().map(header).collect(), body }
}

/// The caller's key, wherever its provider wants it.
fn key(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let query = || uri.query()?.split('&').find_map(|pair| pair.strip_prefix("key=")).map(str::to_owned);
    header("x-api-key").or_else(|| header("x-goog-api-key")).or(bearer).or_else(query)
}

/// OpenAI and Anthropic share this path; Anthropic's callers always name the version.
async fn models(state: State<Arc<Stage>>, headers: HeaderMap) -> Response {
    match headers.contains_key("anthropic-version") {
        true => anthropic_models(state).await,
        false => openai_models(state).await,
    }
}

async fn openai_models(State(stage): State<Arc<Stage>>) -> Response {
    let created = super::answer::CREATED_AT_SECONDS;
    let shape = |id: String| json!({"id": id, "object": "model", "created": created, "owned_by": "testkit"});
    let data: Vec<Value> = stage.models().into_iter().map(shape).collect();
    sending::json(StatusCode::OK, &json!({"object": "list", "data": data}))
}

async fn anthropic_models(State(stage): State<Arc<Stage>>) -> Response {
    let models = stage.models();
    let shape = |id: &String| json!({"type": "model", "id": id, "display_name": id, "created_at": MODEL_CREATED_AT});
    let data: Vec<Value> = models.iter().map(shape).collect();
    let list = json!({"data": data, "has_more": false, "first_id": models.first(), "last_id": models.last()});
    sending::json(StatusCode::OK, &list)
}

async fn gemini_models(State(stage): State<Arc<Stage>>) -> Response {
    let shape = |id: String| {
        json!({
            "name": format!("models/{id}"), "displayName": id, "version": "001",
            "supportedGenerationMethods": ["generateContent"],
        })
    };
    let models: Vec<Value> = stage.models().into_iter().map(shape).collect();
    sending::json(StatusCode::OK, &json!({"models": models}))
}
