//! What holds for every stream.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::reader::{answer, hear, heard};
use super::streams::RECORDED;

/// The lines of a recorded stream may end in any of three ways.
fn with_ends(stream: &str, end: usize) -> String {
    stream.replace('\n', ["\n", "\r\n", "\r"][end])
}

fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// A piece of a call, as a provider sends it.
fn piece(index: usize, id: &str, name: &str, arguments: &str) -> Value {
    json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}})
}

/// The pieces of one call: begun with its id, name and arguments in any number of parts.
fn pieces(index: usize, name: &str, arguments: &str, cuts: &[usize]) -> Vec<Value> {
    let mut out = vec![piece(index, &format!("call_{index}"), "", "")];
    let bytes = |text: &str| {
        cut(text.as_bytes(), cuts).iter().map(|part| String::from_utf8(part.to_vec()).unwrap()).collect::<Vec<_>>()
    };
    out.extend(bytes(name).iter().map(|part| piece(index, "", part, "")));
    out.extend(bytes(arguments).iter().map(|part| piece(index, "", "", part)));
    out
}

fn data(delta: &Value, finish: Option<&str>) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))
}

/// Takes from the lists in the order that `turns` says, then what is left.
fn interleave(mut lists: Vec<std::collections::VecDeque<Value>>, turns: &[usize]) -> Vec<Value> {
    let mut out = Vec::new();
    for turn in turns {
        let at = turn % lists.len();
        out.extend(lists[at].pop_front());
    }
    out.extend(lists.into_iter().flatten());
    out
}

fn delta() -> impl Strategy<Value = Value> {
    let call = (0..4usize, "[a-z_]{0,6}", ".{0,6}").prop_map(
        |(index, name, arguments)| json!({"tool_calls": [piece(index, &format!("c{index}"), &name, &arguments)]}),
    );
    prop_oneof![
        ".{0,8}".prop_map(|text| json!({"content": text})),
        ".{0,8}".prop_map(|text| json!({"reasoning_content": text})),
        ".{0,8}".prop_map(|text| json!({"refusal": text})),
        Just(json!({"role": "assistant", "content": null})),
        call,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_cuts_of_a_stream_dont_show(which in 0..RECORDED.len(), end in 0..3usize, cuts in prop::collection::vec(any::<usize>(), 0..40)) {
        let stream = with_ends(RECORDED[which], end);
        let whole = answer([RECORDED[which].as_bytes()]);
        prop_assert_eq!(answer(cut(stream.as_bytes(), &cuts)), whole);
    }

    #[test]
    fn calls_may_come_in_any_order(
        arguments in prop::collection::vec("\\{\"x\":[1-9][0-9]{0,5}\\}", 1..6),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        turns in prop::collection::vec(any::<usize>(), 0..60),
    ) {
        let names = ["exec_command", "mcp__mi__tasks_get", "tool_search"];
        let lists = arguments.iter().enumerate().map(|(index, text)| pieces(index, names[index % 3], text, &cuts).into());
        let order = interleave(lists.collect(), &turns);
        let mut stream: String = order.iter().map(|piece| data(&json!({"tool_calls": [piece]}), None)).collect();
        stream.push_str(&data(&json!({}), Some("tool_calls")));
        let response = hear(&stream).response;
        let mut found: Vec<&Value> = response["output"].as_array().unwrap().iter().collect();
        found.sort_by_key(|item| item["call_id"].as_str().unwrap());
        prop_assert_eq!(found.len(), arguments.len());
        for (index, (item, text)) in found.iter().zip(&arguments).enumerate() {
            prop_assert_eq!(&item["call_id"], &json!(format!("call_{index}")));
            match index % 3 {
                0 => prop_assert_eq!((&item["name"], &item["arguments"]), (&json!("exec_command"), &json!(text))),
                1 => prop_assert_eq!((&item["name"], &item["namespace"]), (&json!("tasks_get"), &json!("mcp__mi"))),
                _ => prop_assert_eq!(&item["arguments"], &serde_json::from_str::<Value>(text).unwrap()),
            }
        }
    }

    #[test]
    fn every_stream_is_told_in_order(
        deltas in prop::collection::vec(delta(), 0..30),
        finish in prop_oneof![Just(None), Just(Some("stop")), Just(Some("length")), Just(Some("tool_calls"))],
        later in prop::collection::vec(delta(), 0..3),
    ) {
        let mut stream: String = deltas.iter().map(|delta| data(delta, None)).collect();
        stream.push_str(&data(&json!({}), finish));
        stream.extend(later.iter().map(|delta| data(delta, None)));
        // The reader panics where an event has no place.
        let response = hear(&stream).response;
        prop_assert_eq!(response["status"] == "failed", finish.is_none());
    }

    #[test]
    fn nonsense_is_told_in_order_too(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let response = heard(&answer([bytes.as_slice()])).response;
        prop_assert_eq!(&response["status"], "failed");
    }
}
