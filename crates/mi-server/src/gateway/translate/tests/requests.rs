//! Requests as Codex and others write them, and what becomes of them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::reader::{answering, tools};
use crate::gateway::translate::request::{Delivery, translate};

fn chat(request: &Value) -> Value {
    serde_json::from_slice(&translate(request.to_string().as_bytes()).unwrap().body).unwrap()
}

fn called(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn check_input(input: Value, expected: Value) {
    let found = chat(&json!({"model": "m", "input": input, "tools": tools()}));
    assert_eq!(found["messages"], expected);
}

fn check_refused(request: Value, expected: &str) {
    let body = request.to_string();
    assert_eq!(translate(body.as_bytes()).unwrap_err().to_string(), expected, "{body}");
}

#[test]
fn text_is_a_users_message() {
    let found = chat(&json!({"model": "m", "instructions": "Be brief.", "input": "hi"}));
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]);
    assert_eq!(found, json!({"model": "m", "messages": messages}));
}

#[test]
fn instructions_at_the_beginning_are_one_message_and_neighbours_are_joined() {
    check_input(
        json!([
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "You code."}]},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Skills: none."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<cwd>/w</cwd>"}]},
            {"role": "user", "content": "hello"},
            {"type": "reasoning", "summary": [], "encrypted_content": "xyz"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Now be quick."}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "high"}]},
        ]),
        json!([
            {"role": "system", "content": "You code.\n\nSkills: none."},
            {"role": "user", "content": "<cwd>/w</cwd>\n\nhello"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": [
                {"type": "text", "text": "Now be quick."},
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}}]},
        ]),
    );
}

#[test]
fn calls_are_followed_by_their_outputs() {
    check_input(
        json!([
            {"role": "user", "content": "go"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "tool_search_call", "call_id": "c0", "execution": "client", "arguments": {"query": "task"}},
            {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** \"x\"\n"},
            {"type": "function_call", "call_id": "c2", "name": "exec_command", "arguments": "{\"cmd\":\"ls\"}"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
            {"type": "tool_search_output", "call_id": "c0", "tools": [{"type": "namespace", "name": "mcp__x",
                "tools": [{"type": "function", "name": "found", "defer_loading": true}]}]},
            {"type": "function_call_output", "call_id": "c2", "output": [
                {"type": "input_text", "text": "Output:"}, {"type": "input_text", "text": "a.txt"},
                {"type": "input_image", "image_url": "data:image/png;base64,BB==", "detail": "original"}]},
            {"type": "function_call", "call_id": "c5", "name": "exec_command", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c5", "output": [
                {"type": "input_image", "image_url": "data:image/png;base64,CC=="}]},
            {"type": "function_call", "call_id": "c3", "name": "tasks_get", "namespace": "mcp__mi", "arguments": ""},
            {"type": "function_call_output", "call_id": "c3", "output": {"content": "x", "success": true}},
            {"type": "local_shell_call", "call_id": "c4", "status": "completed",
                "action": {"type": "exec", "command": ["ls"], "timeout_ms": 9, "env": {}}},
            {"type": "local_shell_call_output", "id": "c4", "output": "b.txt"},
        ]),
        json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                called("c0", "tool_search", r#"{"query":"task"}"#),
                called("c1", "apply_patch", r#"{"input":"*** \"x\"\n"}"#),
                called("c2", "exec_command", r#"{"cmd":"ls"}"#)]},
            {"role": "tool", "tool_call_id": "c0", "content": "These tools can be called now: mcp__x__found."},
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
            {"role": "tool", "tool_call_id": "c2", "content": "Output:\na.txt"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,BB=="}}]},
            {"role": "assistant", "content": null, "tool_calls": [called("c5", "exec_command", r#"{}"#)]},
            {"role": "tool", "tool_call_id": "c5", "content": "The image is shown below."},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,CC=="}}]},
            {"role": "assistant", "content": null, "tool_calls": [called("c3", "mcp__mi__tasks_get", r#"{}"#)]},
            {"role": "tool", "tool_call_id": "c3", "content": "{\"content\":\"x\",\"success\":true}"},
            {"role": "assistant", "content": null, "tool_calls": [
                called("c4", "local_shell", r#"{"command":["ls"],"timeout_ms":9}"#)]},
            {"role": "tool", "tool_call_id": "c4", "content": "b.txt"},
        ]),
    );
}

#[test]
fn what_a_search_found_can_be_called() {
    let found = json!({"type": "namespace", "name": "mcp__x", "tools": [{"type": "function", "name": "found"}]});
    let request = json!({"model": "m", "tools": tools(), "input": [
        {"type": "tool_search_call", "call_id": "c0", "arguments": {}},
        {"type": "tool_search_output", "call_id": "c0", "tools": [found]},
    ]});
    let listed = chat(&request)["tools"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 6);
    assert_eq!(listed[5]["function"]["name"], "mcp__x__found");
    let known = translate(request.to_string().as_bytes()).unwrap().asked.tools;
    assert_eq!(known.get("mcp__x__found").unwrap().namespace.as_deref(), Some("mcp__x"));
}

#[test]
fn one_id_that_is_used_again_finds_its_own_output() {
    check_input(
        json!([
            {"type": "function_call", "call_id": "c", "name": "exec_command", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
            {"type": "function_call", "call_id": "c", "name": "exec_command", "arguments": "not JSON"},
            {"type": "function_call_output", "call_id": "c", "output": "2"},
        ]),
        json!([
            {"role": "assistant", "content": null, "tool_calls": [called("c", "exec_command", r#"{}"#)]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
            {"role": "assistant", "content": null, "tool_calls": [called("c", "exec_command", r#"{"malformed":"not JSON"}"#)]},
            {"role": "tool", "tool_call_id": "c", "content": "2"},
        ]),
    );
}

#[test]
fn tools_become_functions() {
    let custom = json!({"type": "custom", "name": "apply_patch", "description": "Edits.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}});
    let strict = json!({"type": "function", "name": "f", "description": "F.", "strict": true,
        "parameters": {"type": "object", "properties": {"b": {}, "a": {}}}});
    let request = json!({"model": "m", "input": "hi", "tools": [strict, custom, {"type": "local_shell"}],
        "tool_choice": {"type": "custom", "name": "apply_patch"}, "parallel_tool_calls": false});
    let text = "Edits.\n\nThe argument `input` is the tool's whole input, as plain text. \
        It has to follow this grammar (lark):\nstart: x";
    let input = json!({"type": "string", "description": "The tool's whole input"});
    let parameters = json!({"type": "object", "properties": {"input": input}, "required": ["input"],
        "additionalProperties": false});
    let found = chat(&request);
    let functions: Vec<&Value> = found["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]).collect();
    let schema = json!({"type": "object", "properties": {"b": {}, "a": {}}});
    assert_eq!(functions[0], &json!({"name": "f", "description": "F.", "parameters": schema, "strict": true}));
    assert_eq!(functions[1], &json!({"name": "apply_patch", "description": text, "parameters": parameters}));
    assert_eq!(functions[2]["parameters"]["required"], json!(["command"]));
    let choice = json!({"type": "function", "function": {"name": "apply_patch"}});
    assert_eq!((&found["tool_choice"], &found["parallel_tool_calls"]), (&choice, &json!(false)));
}

#[test]
fn settings_have_their_other_names() {
    let schema = json!({"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": true});
    let request = |model: &str| {
        json!({"model": model, "input": "hi", "stream": true, "temperature": 0.5, "top_p": 0.9, "stop": ["x"],
            "max_output_tokens": 7, "reasoning": {"effort": "xhigh", "summary": "auto"},
            "text": {"verbosity": "low", "format": schema}, "store": false, "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "k", "client_metadata": {}, "metadata": {"a": "b"}, "service_tier": "auto",
            "truncation": "disabled", "tool_choice": "auto", "parallel_tool_calls": true, "user": "u"})
    };
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": true}});
    let mut expected = json!({"model": "qwen3", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5,
        "top_p": 0.9, "stop": ["x"], "max_tokens": 7, "reasoning_effort": "high", "response_format": format,
        "stream": true, "stream_options": {"include_usage": true}});
    assert_eq!(chat(&request("qwen3")), expected);
    let fields = expected.as_object_mut().unwrap();
    fields.remove("max_tokens");
    fields.insert("model".to_owned(), json!("openai/gpt-5.5"));
    fields.insert("max_completion_tokens".to_owned(), json!(7));
    fields.insert("reasoning_effort".to_owned(), json!("xhigh"));
    fields.insert("verbosity".to_owned(), json!("low"));
    assert_eq!(chat(&request("openai/gpt-5.5")), expected);
}

#[test]
fn a_choice_among_the_tools_is_kept() {
    let with = |choice: Value| chat(&json!({"model": "m", "input": "hi", "tools": tools(), "tool_choice": choice}));
    for (mode, sent) in [("auto", Value::Null), ("none", json!("none")), ("required", json!("required"))] {
        assert_eq!(with(json!(mode))["tool_choice"], sent);
    }
    let one = with(json!({"type": "function", "name": "tasks_get", "namespace": "mcp__mi"}));
    assert_eq!(one["tool_choice"], json!({"type": "function", "function": {"name": "mcp__mi__tasks_get"}}));
    let some = json!([{"type": "function", "name": "exec_command"}, {"type": "local_shell"}]);
    let some = with(json!({"type": "allowed_tools", "mode": "required", "tools": some}));
    assert_eq!((some["tools"].as_array().unwrap().len(), &some["tool_choice"]), (2, &json!("required")));
}

#[test]
fn what_cant_be_translated_is_refused() {
    let item = |item: Value| json!({"model": "m", "input": [item]});
    let only = "a provider that speaks only Chat Completions can't do";
    let kept = "has no meaning at a provider that speaks only Chat Completions: nothing is kept between requests";
    for name in ["previous_response_id", "conversation", "prompt"] {
        check_refused(json!({"model": "m", "input": "hi", name: "x"}), &format!("`{name}` {kept}"));
    }
    check_refused(json!({"model": "m", "input": "hi", "background": true}), &format!("{only} work in the background"));
    check_refused(json!([]), "the request holds no JSON object");
    check_refused(json!({"input": "hi"}), "the request holds no `model`");
    check_refused(json!({"model": "m"}), "the request holds no `input`");
    check_refused(json!({"model": "m", "input": 7}), "the request holds an `input` that is neither text nor a list");
    check_refused(item(json!({"type": "item_reference", "id": "x"})), &format!("`item_reference` {kept}"));
    check_refused(item(json!({"type": "compaction"})), &format!("{only} an item of the type `compaction`"));
    check_refused(
        item(json!({"role": "x", "content": ""})),
        "the request holds a message without a `role` that is known",
    );
    let file = json!({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]});
    check_refused(item(file), &format!("{only} a part of the type `input_file`"));
    let image = json!({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]});
    check_refused(item(image), &format!("{only} an image kept as a file"));
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    check_refused(item(call), "there is no output for the call c");
    let output = json!({"type": "function_call_output", "call_id": "c", "output": ""});
    check_refused(item(output), "there is no call for the output c");
    let search = json!({"model": "m", "input": "hi", "tools": [{"type": "web_search"}],
        "tool_choice": {"type": "web_search"}});
    check_refused(search, &format!("{only} a choice of the tool `web_search`"));
    let format = json!({"model": "m", "input": "hi", "text": {"format": {"type": "grammar"}}});
    check_refused(format, &format!("{only} the text format `grammar`"));
    assert!(translate(b"{").is_err() && translate(b"\xff").is_err());
}

/// What an assistant may have said: text, calls, or both.
fn said() -> impl Strategy<Value = (String, Vec<(usize, String)>)> {
    let call = (0..5usize, "[ -~é]{0,12}");
    (prop_oneof![Just(String::new()), "[ -~é]{1,20}"], prop::collection::vec(call, 0..4))
}

fn function(which: usize, text: &str) -> Value {
    let (name, arguments) = match which {
        0 => ("exec_command", json!({"cmd": text})),
        1 => ("apply_patch", json!({"input": text})),
        2 => ("mcp__mi__tasks_get", json!({"id": text})),
        3 => ("local_shell", json!({"command": [text]})),
        _ => ("tool_search", json!({"query": text})),
    };
    json!({"name": name, "arguments": arguments.to_string()})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What a provider said comes back to it as it was, by way of the caller's items.
    #[test]
    fn an_answer_returns_unchanged(turns in prop::collection::vec(said(), 1..5)) {
        let mut items = Vec::new();
        let mut expected = Vec::new();
        for (turn, (text, calls)) in turns.iter().enumerate() {
            let call = |(at, (which, text)): (usize, &(usize, String))| {
                json!({"id": format!("c{turn}_{at}"), "type": "function", "function": function(*which, text)})
            };
            let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
            let content = if text.is_empty() { Value::Null } else { json!(text) };
            let mut message = json!({"role": "assistant", "content": content});
            if !calls.is_empty() {
                message["tool_calls"] = json!(calls);
            }
            let mut answering = answering(Delivery::Whole, Delivery::Whole);
            answering.feed(json!({"choices": [{"message": message, "finish_reason": "stop"}]}).to_string().as_bytes());
            let response: Value = serde_json::from_slice(&answering.end()).unwrap();
            items.extend(response["output"].as_array().unwrap().clone());
            if !text.is_empty() || !calls.is_empty() {
                expected.push(message);
            }
            for call in &calls {
                let output = format!("output of {}", call["id"]);
                items.push(json!({"type": "function_call_output", "call_id": call["id"], "output": output}));
                expected.push(json!({"role": "tool", "tool_call_id": call["id"], "content": output}));
            }
            items.push(json!({"role": "user", "content": format!("turn {turn}")}));
            let said = expected.last_mut().filter(|last| last["role"] == "user");
            match said {
                Some(last) => last["content"] = json!(format!("{}\n\nturn {turn}", last["content"].as_str().unwrap())),
                None => expected.push(json!({"role": "user", "content": format!("turn {turn}")})),
            }
        }
        let found = chat(&json!({"model": "m", "input": items, "tools": tools()}));
        prop_assert_eq!(&found["messages"], &json!(expected));
    }
}
