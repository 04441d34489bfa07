//! The real ways out: the model gateway over its four wires, and the runner protocol over HTTP.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{ModelChoice, ModelsOf, NextRequest, RunnerHello, Wire};
use mi_core::wire::tasks::UpdateTask;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fake::grant;
use crate::control::{ControlPlane, HttpControl, Verdict};
use crate::harness::native::gateway::GatewayModels;
use crate::harness::native::model::{Message, Model, ModelError, ModelSource, ToolResult, ToolSpec};
use crate::{ControlError, Proof, Ticket};

/// Answers requests with what it was given, in order, and keeps them.
struct Canned {
    endpoint: String,
    heard: Arc<Mutex<Vec<String>>>,
}

async fn canned(answers: Vec<(u16, &'static str, String)>) -> Canned {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = heard.clone();
    tokio::spawn(async move {
        let mut answers = VecDeque::from(answers);
        while let Some((status, kind, body)) = answers.pop_front() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await;
            kept.lock().unwrap().push(request);
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
            let answer = format!("{head}connection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Canned { endpoint, heard }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        if count == 0 || body.len() >= length.unwrap_or(0) {
            return text.into_owned();
        }
    }
}

const SSE: &str = "text/event-stream";

fn sse(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| match event["type"].as_str() {
            Some(name) => format!("event: {name}\ndata: {event}\n\n"),
            None => format!("data: {event}\n\n"),
        })
        .collect()
}

/// A call of `finish` with 10 tokens in and 2 out, as each wire says it.
fn spoken(wire: Wire) -> String {
    match wire {
        Wire::OpenaiChat => {
            let call = |arguments: &str| {
                json!({"index": 0, "id": "c1", "type": "function",
                "function": {"name": "finish", "arguments": arguments}})
            };
            let more = json!({"index": 0, "function": {"arguments": "\"ok\"}"}});
            sse(&[
                json!({"choices": [{"delta": {"role": "assistant", "tool_calls": [call("{\"result\":")]}}]}),
                json!({"choices": [{"delta": {"tool_calls": [more]}}]}),
                json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
                json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}}),
            ]) + "data: [DONE]\n\n"
        }
        Wire::OpenaiResponses => {
            let item = |arguments: &str| {
                json!({"type": "function_call", "id": "f1", "call_id": "c1", "name": "finish",
                "arguments": arguments, "status": "completed"})
            };
            let arguments = "{\"result\":\"ok\"}";
            sse(&[
                json!({"type": "response.created", "response": {"id": "r1", "status": "in_progress",
                    "model": "scripted-1"}}),
                json!({"type": "response.output_item.added", "output_index": 0, "item": item("")}),
                json!({"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "f1",
                    "delta": arguments}),
                json!({"type": "response.output_item.done", "output_index": 0, "item": item(arguments)}),
                json!({"type": "response.completed", "response": {"id": "r1", "status": "completed",
                    "model": "scripted-1", "output": [item(arguments)],
                    "usage": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}}}),
            ])
        }
        Wire::Anthropic => sse(&[
            json!({"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [],
                "usage": {"input_tokens": 10, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "tool_use", "id": "c1", "name": "finish", "input": {}}}),
            json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": "{\"result\":\"ok\"}"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}}),
            json!({"type": "message_stop"}),
        ]),
        Wire::Gemini => sse(&[json!({"candidates": [{"content": {"role": "model", "parts": [
            {"functionCall": {"name": "finish", "args": {"result": "ok"}}}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}})]),
    }
}

fn model(canned: &Canned, wire: Wire, base_path: &str) -> Box<dyn Model> {
    let choice =
        ModelChoice { provider: "p".into(), model: "scripted-1".into(), wire, base_path: base_path.to_owned() };
    GatewayModels::default().open(&choice, &canned.endpoint, "mis_secret").unwrap()
}

/// The answer without its last event, as when a connection ends too early.
fn cut(wire: Wire) -> String {
    let whole = spoken(wire);
    let end = whole.trim_end().rfind("\n\n").map_or(0, |at| at + 2);
    whole[..end].to_owned()
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    for wire in [Wire::OpenaiChat, Wire::OpenaiResponses, Wire::Anthropic, Wire::Gemini] {
        let server = canned(vec![(200, SSE, cut(wire))]).await;
        let broken = model(&server, wire, "/llm/p/v1").turn(&opening(), &[]).await.unwrap_err();
        assert!(matches!(broken, ModelError::Passing { .. }), "{wire}: {broken}");
    }
}

fn opening() -> Vec<Message> {
    vec![Message::System("be exact".into()), Message::User("go".into())]
}

#[tokio::test]
async fn every_wire_reaches_its_path_with_the_sessions_credential() {
    let tools = [ToolSpec {
        name: "finish",
        description: "ends",
        schema: json!({"type": "object", "properties":
        {"result": {"type": "string"}}, "required": ["result"]}),
    }];
    for (wire, base, line, credential) in [
        (
            Wire::OpenaiChat,
            "/llm/openai/v1",
            "POST /llm/openai/v1/chat/completions ",
            "authorization: Bearer mis_secret",
        ),
        (
            Wire::OpenaiResponses,
            "/llm/openai/v1/",
            "POST /llm/openai/v1/responses ",
            "authorization: Bearer mis_secret",
        ),
        (Wire::Anthropic, "/llm/anthropic/v1", "POST /llm/anthropic/v1/messages ", "x-api-key: mis_secret"),
        (
            Wire::Gemini,
            "/llm/gemini/v1beta",
            "POST /llm/gemini/v1beta/models/scripted-1:streamGenerateContent?alt=sse ",
            "x-goog-api-key: mis_secret",
        ),
    ] {
        let server = canned(vec![(200, SSE, spoken(wire)), (200, SSE, spoken(wire))]).await;
        let model = model(&server, wire, base);
        let mut conversation = opening();
        let turn = model.turn(&conversation, &tools).await.unwrap();
        assert!(matches!(turn.calls.as_slice(), [call] if call.name == "finish"), "{wire}: {turn:?}");
        assert_eq!(turn.calls[0].arguments, json!({"result": "ok"}), "{wire}");
        assert_eq!((turn.usage.input_tokens, turn.usage.output_tokens), (10, 2), "{wire}");
        let result = ToolResult { id: turn.calls[0].id.clone(), name: "finish".into(), text: "noted".into() };
        conversation.extend([Message::Assistant(turn), Message::Results(vec![result])]);
        model.turn(&conversation, &tools).await.unwrap();
        let heard = server.heard.lock().unwrap().clone();
        assert!(heard[0].starts_with(line), "{}", heard[0]);
        assert!(heard[0].to_lowercase().contains(&credential.to_lowercase()), "{}", heard[0]);
        assert!(heard[0].contains("be exact") && heard[0].contains("ends"), "{}", heard[0]);
        assert!(heard[1].contains("noted"), "{}", heard[1]);
    }
}

#[tokio::test]
async fn refusals_and_broken_answers_of_a_model_are_told_apart() {
    let out = r#"{"error":"the office has no credits left","code":"out_of_credits","request_id":"r"}"#;
    let half = cut(Wire::OpenaiChat);
    let server =
        canned(vec![(402, "application/json", out.into()), (429, "application/json", "{}".into()), (200, SSE, half)])
            .await;
    let model = model(&server, Wire::OpenaiChat, "/llm/openai/v1");
    let refused = model.turn(&opening(), &[]).await.unwrap_err();
    assert_eq!(refused.to_string(), "out_of_credits: status 402: the office has no credits left");
    for _ in 0..2 {
        let passing = model.turn(&opening(), &[]).await.unwrap_err();
        assert!(matches!(passing, ModelError::Passing { .. }), "{passing}");
    }
    let unreachable = model.turn(&opening(), &[]).await.unwrap_err();
    assert!(matches!(unreachable, ModelError::Passing { .. }), "{unreachable}");
}

#[tokio::test]
async fn the_ticket_is_shown_once_and_each_token_only_where_it_belongs() {
    let welcome = json!({"runner": "r", "epoch": 1, "token": "mir_one", "expires_at": "2026-04-27T09:30:00Z",
        "server_time": "2026-04-27T09:00:00Z", "beat_s": 15, "poll_s": 30});
    let stale = r#"{"error":"gone","code":"stale_claim","request_id":"r","must_stop":true}"#;
    let server = canned(vec![
        (200, "application/json", welcome.to_string()),
        (204, "application/json", String::new()),
        (409, "application/json", stale.into()),
    ])
    .await;
    let office = "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c".parse().unwrap();
    let proof = Proof::Secret(Ticket::new("mit_once"));
    let control = HttpControl::new(&server.endpoint, &office, &"ada".parse().unwrap(), proof).unwrap();
    let hello = RunnerHello { boot_id: "b".into(), version: "0".into(), harnesses: Vec::new(), slots: 1 };
    assert_eq!(control.hello(hello).await.unwrap().epoch, 1);
    let question = NextRequest { poll: 1, wait: 1, free_slots: 1, models: ModelsOf::Office };
    assert!(control.next(question).await.unwrap().is_none());
    let grant = grant(HarnessKind::Native);
    let task = grant.task.unwrap();
    let error: ControlError = control.desk(&grant).update_task(task, UpdateTask::default()).await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stale);
    let heard = server.heard.lock().unwrap().clone();
    let has = |n: usize, part: &str| assert!(heard[n].contains(part), "{part} is missing in {}", heard[n]);
    has(0, "POST /api/v1/offices/7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c/employees/ada/runner ");
    has(0, "Bearer mit_once");
    has(1, "/employees/ada/runner/next ");
    has(1, "Bearer mir_one");
    has(2, "/tasks/7 ");
    has(2, "Bearer mis_secret");
    has(2, "x-mi-claim: 41");
}

#[tokio::test]
async fn a_signature_stands_for_the_first_call_alone_and_shows_no_key() {
    let welcome = json!({"runner": "r", "epoch": 1, "token": "mir_one", "expires_at": "2026-04-27T09:30:00Z",
        "server_time": "2026-04-27T09:00:00Z", "beat_s": 15, "poll_s": 30});
    let answers = vec![(200, "application/json", welcome.to_string()), (204, "application/json", String::new())];
    let server = canned(answers).await;
    let office = "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c".parse().unwrap();
    let key = "0707070707070707070707070707070707070707070707070707070707070707".parse().unwrap();
    let proof = Proof::Signature(mi_client::Signer::new(key, "ada"));
    let control = HttpControl::new(&server.endpoint, &office, &"ada".parse().unwrap(), proof).unwrap();
    let hello = RunnerHello { boot_id: "b".into(), version: "0".into(), harnesses: Vec::new(), slots: 1 };
    control.hello(hello).await.unwrap();
    assert!(
        control
            .next(NextRequest { poll: 1, wait: 1, free_slots: 1, models: ModelsOf::Office })
            .await
            .unwrap()
            .is_none()
    );
    let heard = server.heard.lock().unwrap().clone();
    let signed = |n: usize| ["x-agent-id: ada", "x-signature: ", "x-nonce: "].map(|part| heard[n].contains(part));
    assert_eq!((signed(0), signed(1)), ([true; 3], [false; 3]), "{heard:?}");
    assert!(!heard[0].contains("authorization") && !heard[0].contains("api-key"), "{}", heard[0]);
    assert!(heard[1].contains("Bearer mir_one"), "{}", heard[1]);
}
