//! Lines as the program wrote them, shortened.

use mi_core::wire::runner::EndCause;

use super::*;

fn heard(lines: &[Value]) -> Vec<Said> {
    let mut events = Events::default();
    let mut said: Vec<Said> = lines.iter().flat_map(|line| events.read(line)).collect();
    said.extend(events.close(Some(1)));
    said
}

fn called(id: &str, name: &str, arguments: Value) -> Said {
    Said::Called { id: id.to_owned(), name: name.to_owned(), arguments }
}

fn answered(id: &str, text: &str, done: Done) -> Said {
    Said::Answered { id: id.to_owned(), text: text.to_owned(), done }
}

#[test]
fn words_calls_and_tokens_are_told() {
    let command = |status: &str, output: &str| json!({"id": "item_1", "type": "command_execution", "command": "/bin/sh -c ls", "aggregated_output": output, "exit_code": null, "status": status});
    let changes = json!([{"path": "/shared/files/a.md", "kind": "add"}]);
    let lines = [
        json!({"type": "thread.started", "thread_id": "01a2"}),
        json!({"type": "turn.started"}),
        json!({"type": "item.completed", "item": {"id": "item_0", "type": "agent_message", "text": "I look."}}),
        json!({"type": "item.started", "item": command("in_progress", "")}),
        json!({"type": "item.completed", "item": command("failed", "ls: no\n")}),
        // This one comes only when it is over.
        json!({"type": "item.completed", "item": {"id": "item_2", "type": "file_change", "changes": changes, "status": "completed"}}),
        json!({"type": "turn.completed", "usage": {"input_tokens": 2000, "cached_input_tokens": 800, "cache_write_input_tokens": 0, "output_tokens": 90, "reasoning_output_tokens": 0}}),
    ];
    let expected = [
        Said::Text("I look.".to_owned()),
        called("item_1", "shell", json!({"command": "/bin/sh -c ls"})),
        answered("item_1", "ls: no\n", Done::Badly),
        called("item_2", "apply_patch", json!({"changes": changes})),
        answered("item_2", "completed", Done::Well),
        Said::Used { model: String::new(), input: 2000, cached: 800, output: 90 },
        Said::Ended(Ok(())),
    ];
    assert_eq!(heard(&lines), expected);
}

#[test]
fn a_tool_of_a_server_is_called_by_both_names() {
    let of = |status: &str, result: Value, error: Value| {
        let item = json!({"id": "item_3", "type": "mcp_tool_call", "server": "mitosis", "tool": "task_done", "arguments": {"result": "x"}, "result": result, "error": error, "status": status});
        heard(&[json!({"type": "item.completed", "item": item})])
    };
    let call = called("item_3", "mitosis.task_done", json!({"result": "x"}));
    let content = json!({"content": [{"type": "text", "text": "{\"id\":1}"}], "structured_content": null});
    assert_eq!(of("completed", content, Value::Null), [call.clone(), answered("item_3", "{\"id\":1}", Done::Well)]);
    let failed = of("failed", Value::Null, json!({"message": "no such tool"}));
    assert_eq!(failed, [call, answered("item_3", "no such tool", Done::Badly)]);
}

#[test]
fn what_it_says_of_a_provider_has_a_name() {
    let stale = r#"unexpected status 409 Conflict: {"error":"claim 2 is no longer the live one","code":"stale_claim","must_stop":true}, url: http://127.0.0.1:1/llm/openai/v1/responses"#;
    let broke =
        r#"unexpected status 402 Payment Required: {"error":"no credits left","code":"out_of_credits"}, url: x"#;
    for (sentence, status, cause) in [
        ("unexpected status 401 Unauthorized: The API key is not valid., url: x", Some(401), EndCause::Unauthorized),
        (broke, Some(402), EndCause::OutOfCredits),
        (stale, Some(409), EndCause::Stale),
        ("exceeded retry limit, last status: 429 Too Many Requests", Some(429), EndCause::RateLimited),
        (
            "We’re currently experiencing high demand, which may cause temporary errors.",
            Some(500),
            EndCause::ProviderFailed,
        ),
        ("stream disconnected before completion: stream closed before response.completed", None, EndCause::StreamCut),
        ("stream disconnected before completion: idle timeout waiting for SSE", None, EndCause::StreamCut),
        ("Connection failed: error sending request", None, EndCause::ProviderFailed),
    ] {
        let failed = json!({"type": "turn.failed", "error": {"message": sentence}});
        let tried = json!({"type": "error", "message": format!("Reconnecting... 1/1 ({sentence})")});
        let said = heard(&[tried, json!({"type": "error", "message": sentence}), failed]);
        let expected = Trouble::new(status, sentence);
        assert_eq!(expected.cause(), cause, "{sentence}");
        assert_eq!(said.last(), Some(&Said::Ended(Err(expected))), "{sentence}");
        assert_eq!(said.len(), 3, "each try is noted, the verdict comes once: {said:?}");
    }
}

/// After `tq done` it asks its model once more; that is no accident.
#[test]
fn a_refusal_because_the_claim_is_over_is_told_as_that() {
    let stale =
        r#"Reconnecting... 1/3 (unexpected status 409 Conflict: {"error":"gone","code":"stale_claim"}, url: x)"#;
    assert_eq!(heard(&[json!({"type": "error", "message": stale})]), [Said::ClaimOver]);
}

#[test]
fn a_run_that_is_killed_between_its_tries_has_said_why() {
    let tried = "Reconnecting... 1/5 (unexpected status 500 Internal Server Error: x, url: y)";
    let said = heard(&[json!({"type": "error", "message": tried})]);
    assert_eq!(said.last(), Some(&Said::Ended(Err(Trouble::new(Some(500), tried)))));
}

#[test]
fn what_is_not_known_is_kept() {
    let line = json!({"type": "item.completed", "item": {"id": "item_9", "type": "dance", "steps": 3}});
    let [Said::Note(note)] = &heard(&[line, json!({"type": "turn.started"})])[..] else { panic!("one note") };
    assert!(note.contains("dance") && note.contains("\"steps\":3"), "{note}");
    assert!(matches!(&heard(&[json!({"type": "new.event"})])[..], [Said::Note(_)]));
}
