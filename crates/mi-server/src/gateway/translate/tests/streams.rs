//! Streams in the shapes of the servers that are about, each from its first event to its last.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::reader::{answer, answering, hear, heard};
use crate::gateway::translate::request::Delivery;

pub const RECORDED: [&str; 7] = [
    include_str!("streams/openai_text.sse"),
    include_str!("streams/openai_calls.sse"),
    include_str!("streams/vllm.sse"),
    include_str!("streams/ollama.sse"),
    include_str!("streams/llama_cpp.sse"),
    include_str!("streams/openrouter_error.sse"),
    include_str!("streams/cut_off.sse"),
];

fn check(stream: &str, expected: Expect) -> Value {
    let heard = hear(stream);
    expected.assert_eq(&heard.tale);
    heard.response
}

fn usage(input: u64, cached: u64, output: u64, reasoning: u64) -> Value {
    json!({"input_tokens": input, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning}, "total_tokens": input + output})
}

#[test]
fn text() {
    let response = check(
        RECORDED[0],
        expect![[r#"
        0 output_item.added message msg_7_0
        0 content_part.added
        0 output_text.delta "Two"
        0 output_text.delta " bugs: a \"race\" 🦀\nand"
        0 output_text.delta " a leak."
        0 output_text.done
        0 content_part.done
        0 output_item.done completed
        completed
    "#]],
    );
    assert_eq!(response["usage"], usage(1204, 1024, 93, 64));
    assert_eq!(response["output"][0]["content"][0]["text"], "Two bugs: a \"race\" 🦀\nand a leak.");
    assert_eq!((&response["id"], &response["model"]), (&json!("resp_7"), &json!("m")));
    assert_eq!((&response["error"], &response["metadata"]), (&Value::Null, &json!({"a": "b"})));
}

#[test]
fn several_calls() {
    let response = check(
        RECORDED[1],
        expect![[r#"
        0 output_item.added function_call fc_7_0
        0 function_call_arguments.delta "{\"cm"
        0 function_call_arguments.delta "d\":\"ls\"}"
        1 output_item.added function_call fc_7_1
        1 function_call_arguments.delta "{\"id\":1}"
        0 function_call_arguments.done
        0 output_item.done completed
        1 function_call_arguments.done
        1 output_item.done completed
        completed
    "#]],
    );
    let expected = json!([
        {"id": "fc_7_0", "type": "function_call", "status": "completed", "call_id": "call_A1",
            "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}"},
        {"id": "fc_7_1", "type": "function_call", "status": "completed", "call_id": "call_B2",
            "name": "tasks_get", "namespace": "mcp__mi", "arguments": "{\"id\":1}"},
    ]);
    assert_eq!(response["output"], expected);
}

#[test]
fn thoughts_text_and_a_custom_tool() {
    let response = check(
        RECORDED[2],
        expect![[r#"
        0 output_item.added reasoning rs_7_0
        0 reasoning_summary_part.added
        0 reasoning_summary_text.delta "The patch"
        0 reasoning_summary_text.delta " is small."
        0 reasoning_summary_text.done
        0 reasoning_summary_part.done
        0 output_item.done -
        1 output_item.added message msg_7_1
        1 content_part.added
        1 output_text.delta "I write it."
        1 output_text.done
        1 content_part.done
        1 output_item.done completed
        2 output_item.added custom_tool_call ctc_7_2
        2 custom_tool_call_input.delta "*** Begin Patch\n*** End Patch"
        2 custom_tool_call_input.done
        2 output_item.done completed
        completed
    "#]],
    );
    let expected = json!({"id": "ctc_7_2", "type": "custom_tool_call", "status": "completed",
        "call_id": "chatcmpl-tool-71", "name": "apply_patch", "input": "*** Begin Patch\n*** End Patch"});
    assert_eq!(response["output"][2], expected);
    assert_eq!(response["output"][0]["summary"], json!([{"type": "summary_text", "text": "The patch is small."}]));
}

#[test]
fn calls_that_all_have_the_index_0() {
    let response = check(
        RECORDED[3],
        expect![[r#"
        0 output_item.added reasoning rs_7_0
        0 reasoning_summary_part.added
        0 reasoning_summary_text.delta "Look first."
        0 reasoning_summary_text.done
        0 reasoning_summary_part.done
        0 output_item.done -
        1 output_item.added function_call fc_7_1
        1 function_call_arguments.delta "{\"cmd\":\"ls\"}"
        2 output_item.added function_call fc_7_2
        2 function_call_arguments.delta "{\"cmd\":\"pwd\"}"
        1 function_call_arguments.done
        1 output_item.done completed
        2 function_call_arguments.done
        2 output_item.done completed
        completed
    "#]],
    );
    let ids: Vec<&Value> = response["output"].as_array().unwrap().iter().map(|item| &item["call_id"]).collect();
    assert_eq!(ids, [&Value::Null, &json!("call_0a"), &json!("call_0b")]);
}

#[test]
fn timings_beside_the_usage() {
    let response = check(
        RECORDED[4],
        expect![[r#"
        0 output_item.added reasoning rs_7_0
        0 reasoning_summary_part.added
        0 reasoning_summary_text.delta "Short."
        0 reasoning_summary_text.done
        0 reasoning_summary_part.done
        0 output_item.done -
        1 output_item.added message msg_7_1
        1 content_part.added
        1 output_text.delta "Done"
        1 output_text.delta "."
        1 output_text.done
        1 content_part.done
        1 output_item.done completed
        completed
    "#]],
    );
    assert_eq!(response["usage"], usage(30, 28, 12, 0));
}

#[test]
fn an_error_within_the_answer() {
    let response = check(
        RECORDED[5],
        expect![[r#"
        0 output_item.added reasoning rs_7_0
        0 reasoning_summary_part.added
        0 reasoning_summary_text.delta "Hm."
        0 reasoning_summary_text.done
        0 reasoning_summary_part.done
        0 output_item.done -
        1 output_item.added message msg_7_1
        1 content_part.added
        1 output_text.delta "Let me"
        failed
    "#]],
    );
    assert_eq!(response["error"], json!({"code": "server_error", "message": "Provider disconnected"}));
    assert_eq!(response["usage"], Value::Null);
    let told = String::from_utf8(answer([RECORDED[5].as_bytes()])).unwrap();
    assert_eq!(told.matches(":\n\n").count(), 2);
}

#[test]
fn half_a_call_is_not_handed_over() {
    let response = check(
        RECORDED[6],
        expect![[r#"
        0 output_item.added message msg_7_0
        0 content_part.added
        0 output_text.delta "Now"
        0 output_text.done
        0 content_part.done
        0 output_item.done completed
        1 output_item.added function_call fc_7_1
        1 function_call_arguments.delta "{\"cmd\":\"ls\"}"
        2 output_item.added function_call fc_7_2
        2 function_call_arguments.delta "{\"cmd\":\"rm -r"
        1 function_call_arguments.done
        1 output_item.done completed
        incomplete
    "#]],
    );
    assert_eq!(response["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(response["output"].as_array().unwrap().len(), 2);
    assert_eq!(response["usage"], usage(5, 0, 20, 0));
}

fn chunk(delta: Value, finish: Value) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))
}

fn calls(list: Value) -> String {
    chunk(json!({"tool_calls": list}), Value::Null)
}

#[test]
fn a_stream_that_breaks_off_has_failed() {
    let half = chunk(json!({"content": "ha"}), Value::Null);
    let call = calls(json!([{"index": 0, "id": "c", "function": {"name": "exec_command", "arguments": "{}"}}]));
    for stream in [String::new(), ": hi\n\n".to_owned(), half.clone(), call, format!("{half}data: {{\"cho")] {
        let response = hear(&stream).response;
        assert_eq!(response["error"]["message"], "the model's provider broke its answer off", "{stream}");
        assert_eq!(response["output"], json!([]));
    }
}

#[test]
fn what_isnt_a_chat_has_failed_and_nothing_follows() {
    let good = chunk(json!({"content": "hi"}), json!("stop"));
    for bad in ["{", "7", "\"x\"", "\u{0}", "{\"choices\":7}", "<html>"] {
        let response = hear(&format!("data: {bad}\n\n{good}data: [DONE]\n\n")).response;
        assert_eq!(response["status"], "failed", "{bad}");
    }
    let response = hear("error: {\"code\":429,\"message\":\"slow down\"}\n\n").response;
    assert_eq!(response["error"], json!({"code": "rate_limit_exceeded", "message": "slow down"}));
    let response =
        hear("data: {\"object\":\"error\",\"message\":\"too long a context window\",\"code\":400}\n\n").response;
    assert_eq!(response["error"]["code"], "context_length_exceeded");
}

#[test]
fn a_connection_that_breaks_after_the_answers_end_has_lost_nothing() {
    let mut answering = answering(Delivery::Events, Delivery::Events);
    let mut told = answering.feed(chunk(json!({"content": "hi"}), json!("stop")).as_bytes());
    told.extend(answering.cut());
    assert_eq!(heard(&told).response["status"], "completed");
}

#[test]
fn an_end_without_its_reason_is_an_end() {
    assert_eq!(
        hear(&format!("{}data: [DONE]\n\n", chunk(json!({"content": "hi"}), json!("")))).response["status"],
        "completed"
    );
    assert_eq!(hear("data: [DONE]\n\n").response["status"], "failed");
    assert_eq!(hear(&chunk(json!({"content": ""}), json!("stop"))).response["output"], json!([]));
}

#[test]
fn reasons_have_many_names() {
    for (reason, status) in [
        ("stop", "completed"),
        ("tool_calls", "completed"),
        ("eos", "completed"),
        ("length", "incomplete"),
        ("content_filter", "incomplete"),
        ("error", "failed"),
    ] {
        assert_eq!(hear(&chunk(json!({"content": "hi"}), json!(reason))).response["status"], status, "{reason}");
    }
}

#[test]
fn careless_calls_are_understood() {
    let stream = [
        calls(json!([{"id": "a", "function": {"name": "exec_", "arguments": ""}}])),
        calls(json!([{"id": "a", "function": {"name": "command"}}])),
        calls(json!([{"id": "a", "function": {"name": "exec_command", "arguments": "{\"cmd\":"}}])),
        calls(json!([{"function": {"arguments": "1}"}}])),
        calls(json!([{"function": {"name": "local_shell", "arguments": {"command": ["ls"], "timeout_ms": 5}}}])),
        calls(json!([{"id": "s", "function": {"name": "tool_search", "arguments": "{\"query\":\"q\"}"}}])),
        calls(json!([{"id": "p", "function": {"name": "apply_patch", "arguments": "*** Begin"}}])),
        calls(json!([{"id": "n", "function": {"name": "nowhere"}}])),
        chunk(json!({"content": [{"type": "text", "text": "Hm"}], "refusal": "No."}), json!("tool_calls")),
    ];
    let response = check(
        &stream.concat(),
        expect![[r#"
        0 output_item.added function_call fc_7_0
        0 function_call_arguments.delta "{\"cmd\":"
        0 function_call_arguments.delta "1}"
        1 output_item.added local_shell_call lsh_7_1
        2 output_item.added tool_search_call tsc_7_2
        3 output_item.added custom_tool_call ctc_7_3
        4 output_item.added message msg_7_4
        4 content_part.added
        4 output_text.delta "Hm"
        4 output_text.done
        4 content_part.done
        4 output_item.done completed
        5 output_item.added message msg_7_5
        5 content_part.added
        5 refusal.delta "No."
        6 output_item.added function_call fc_7_6
        0 function_call_arguments.done
        0 output_item.done completed
        1 output_item.done completed
        2 output_item.done completed
        3 custom_tool_call_input.delta "*** Begin"
        3 custom_tool_call_input.done
        3 output_item.done completed
        5 refusal.done
        5 content_part.done
        5 output_item.done completed
        6 function_call_arguments.done
        6 output_item.done completed
        completed
    "#]],
    );
    let output = &response["output"];
    assert_eq!((&output[0]["name"], &output[0]["arguments"]), (&json!("exec_command"), &json!("{\"cmd\":1}")));
    let action = json!({"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5});
    assert_eq!((&output[1]["action"], &output[1]["call_id"]), (&action, &json!("call_7_1")));
    assert_eq!((&output[2]["arguments"], &output[2]["execution"]), (&json!({"query": "q"}), &json!("client")));
    assert_eq!((&output[3]["input"], &output[3]["call_id"]), (&json!("*** Begin"), &json!("p")));
    assert_eq!((&output[6]["name"], &output[6]["arguments"]), (&json!("nowhere"), &json!("")));
}

#[test]
fn an_id_that_is_too_long_is_none() {
    let id_told = |id: &str| {
        let call = calls(json!([{"id": id, "function": {"name": "exec_command", "arguments": "{}"}}]));
        let end = chunk(json!({}), json!("tool_calls"));
        hear(&[call, end].concat()).response["output"][0]["call_id"].clone()
    };
    let fits = "x".repeat(256);
    assert_eq!((id_told(&fits), id_told(&format!("{fits}x"))), (json!(fits), json!("call_7_0")));
}

#[test]
fn too_much_has_failed() {
    let many: Vec<Value> = (0..200).map(|index| json!({"index": index, "function": {"name": "f"}})).collect();
    let response = hear(&calls(json!(many))).response;
    assert_eq!(response["error"]["message"], "the model called too many tools at once");
    let long = chunk(json!({"content": "x".repeat(3 << 20)}), Value::Null);
    let response = hear(&long.repeat(6)).response;
    assert_eq!(response["error"]["message"], "the model's answer is too long");
    let turns = [chunk(json!({"content": "x"}), Value::Null), chunk(json!({"reasoning": "x"}), Value::Null)].concat();
    let response = hear(&turns.repeat(600)).response;
    assert_eq!(response["error"]["message"], "the model's answer is too long");
}
