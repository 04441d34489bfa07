//! What each wire looks like, streamed and whole.

use super::heard::events;
use super::talk::{MODES, Mode, Talk, WIRES, client, post};
use super::{start, start_shipped};
use crate::model::wires::Wire;
use serde_json::{Value, json};

const TWO_CALLS: &str = r#"
[[rule]]
when = { turn = 0 }
say = "Größe prüfen, dann weiter."
call = [
    { tool = "shell", args = { command = "wc -l main.go" } },
    { tool = "comment", args = { message = "for {{agent}}", deep = { list = ["{{task_id}}", 7, true] } } },
]
usage = { input = 1200, cached_input = 1000, output = 40 }

[[rule]]
say = "Heard: {{last}}"
usage = { input = 10, output = 2 }
"#;

const PROMPT: &str = "agent: ada\ntask id: 12\ntask title: Look\n";

fn stop_words(wire: Wire) -> (&'static str, &'static str) {
    match wire {
        Wire::OpenAiResponses => ("completed", "completed"),
        Wire::OpenAiChat => ("tool_calls", "stop"),
        Wire::Anthropic => ("tool_use", "end_turn"),
        Wire::Gemini => ("STOP", "STOP"),
    }
}

#[tokio::test]
async fn every_wire_tells_text_calls_and_usage_and_goes_on_with_results() {
    let model = start(TWO_CALLS);
    for (wire, mode) in WIRES.into_iter().flat_map(|wire| MODES.map(|mode| (wire, mode))) {
        let mut talk = Talk::new(wire, mode, "m", PROMPT);
        let first = talk.ask(&model.url()).await;
        assert_eq!(first.text, "Größe prüfen, dann weiter.", "{wire:?} {mode:?}");
        assert_eq!(first.usage, Some((1200, 1000, 40)), "{wire:?} {mode:?}");
        assert_eq!(first.stop.as_deref(), Some(stop_words(wire).0));
        let calls: Vec<_> = first.calls.iter().map(|(_, name, args)| (name.as_str(), args.clone())).collect();
        let comment = json!({"message": "for ada", "deep": {"list": ["12", 7, true]}});
        assert_eq!(calls, [("shell", json!({"command": "wc -l main.go"})), ("comment", comment)]);
        assert!(mode == Mode::Whole || first.pieces > 4, "{wire:?} streams in pieces: {first:?}");

        talk.heard(&first);
        for (id, name, _) in &first.calls {
            talk.result(id, name, &format!("{name} went well"));
        }
        let second = talk.ask(&model.url()).await;
        assert_eq!(second.text, "Heard: shell went well\ncomment went well", "{wire:?} {mode:?}");
        assert_eq!(second.usage, Some((10, 0, 2)));
        assert_eq!(second.stop.as_deref(), Some(stop_words(wire).1));
    }
    assert_eq!(model.requests().len(), 16);
}

#[tokio::test]
async fn event_order_of_a_responses_stream() {
    check_event_names(
        Talk::new(Wire::OpenAiResponses, Mode::Stream, "m", PROMPT),
        "created in_progress output_item.added content_part.added output_text.delta output_text.done \
         content_part.done output_item.done output_item.added function_call_arguments.delta \
         function_call_arguments.done output_item.done completed",
        "response.",
    )
    .await;
}

#[tokio::test]
async fn event_order_of_an_anthropic_stream() {
    check_event_names(
        Talk::new(Wire::Anthropic, Mode::Stream, "m", PROMPT),
        "message_start content_block_start content_block_delta content_block_stop ping content_block_start \
         content_block_delta content_block_stop message_delta message_stop",
        "",
    )
    .await;
}

/// Compares the events' names, runs of the same name counting once.
async fn check_event_names(talk: Talk, expected: &str, prefix: &str) {
    let model =
        start("[[rule]]\nsay = \"A text of some length.\"\ncall = [{ tool = \"finish\", args = { result = \"ok\" } }]");
    let response = talk.send(&model.url()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut names: Vec<String> =
        events(&response.text().await.unwrap()).into_iter().map(|event| event.name.unwrap()).collect();
    names.dedup();
    let expected: Vec<String> = expected.split_whitespace().map(|name| format!("{prefix}{name}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn chat_tells_usage_in_a_stream_only_when_asked() {
    let model = start(TWO_CALLS);
    let talk = Talk::new(Wire::OpenAiChat, Mode::Stream, "m", PROMPT);
    let mut body = talk.body();
    body["stream_options"] = Value::Null;
    let text = post(&model.url(), &talk.path(), &body).await.text().await.unwrap();
    assert!(!text.contains("usage"), "{text}");
    assert_eq!(talk.ask(&model.url()).await.usage, Some((1200, 1000, 40)));
}

#[tokio::test]
async fn a_provider_may_keep_its_usage_to_itself() {
    let model = start_shipped("errors");
    for (wire, mode) in WIRES.into_iter().flat_map(|wire| MODES.map(|mode| (wire, mode))) {
        let heard = Talk::new(wire, mode, "m-no-usage", PROMPT).ask(&model.url()).await;
        assert_eq!((heard.usage, heard.calls.len()), (None, 1), "{wire:?} {mode:?}");
    }
}

#[tokio::test]
async fn gemini_without_sse_streams_one_array() {
    let model = start(TWO_CALLS);
    let talk = Talk::new(Wire::Gemini, Mode::Stream, "m", PROMPT);
    let response = post(&model.url(), "/v1beta/models/m:streamGenerateContent", &talk.body()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let chunks: Vec<Value> = response.json().await.unwrap();
    assert_eq!(chunks.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    assert!(chunks.len() > 3);
}

#[tokio::test]
async fn paths_work_without_the_providers_prefix_and_are_recorded() {
    let model = start("[[rule]]\nsay = \"hello\"");
    for wire in WIRES {
        let talk = Talk::new(wire, Mode::Stream, "m", "hi");
        let path = talk.path();
        let bare = path.split_once("/v1").map(|(_, rest)| format!("/v1{rest}")).unwrap();
        assert_eq!(post(&model.url(), &bare, &talk.body()).await.status(), 200);
        let recorded = model.requests().pop().unwrap();
        assert_eq!((recorded.path, recorded.body), (bare, talk.body()));
        assert_eq!(recorded.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn models_are_listed_as_each_provider_lists_them() {
    let model = start("models = [\"a\", \"b\"]\n[[rule]]\nsay = \"hello\"");
    let get = async |path: &str| -> Value {
        client().get(format!("{}{path}", model.url())).send().await.unwrap().json().await.unwrap()
    };
    let openai = get("/v1/models").await;
    assert_eq!((&openai["object"], &openai["data"][1]["id"]), (&json!("list"), &json!("b")));
    let anthropic = get("/anthropic/v1/models").await;
    assert_eq!((&anthropic["last_id"], &anthropic["data"][0]["type"]), (&json!("b"), &json!("model")));
    assert_eq!(get("/gemini/v1beta/models").await["models"][0]["name"], "models/a");
    for path in ["/", "/anthropic", "/openai", "/gemini"] {
        assert_eq!(client().head(format!("{}{path}", model.url())).send().await.unwrap().status(), 200, "{path}");
    }
}
