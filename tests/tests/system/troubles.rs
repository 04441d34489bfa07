//! The three programs and everything that can go wrong with a model: each session ends in time, under the name of what it was,
//! and nothing is charged that the model didn't report.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::model::ScriptedModel;
use testkit::model::scenario::Scenario;
use tests::{House, Office, Server, Start, until};

use super::harnesses::{KEY, ROWS, Row, pointed_at};

/// Many programs start at once on few cores.
const LIMIT: Duration = Duration::from_secs(150);
/// A program that says nothing for so long hangs; long enough to start one on a busy machine.
const SILENCE_SECONDS: &str = "20";
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";
/// Calls that reached the model in a session that came to nothing: of one turn, and nobody but the program asks again.
const CALLS_MAX: usize = 4;

const SCENARIO: &str = r#"
[[rule]]
when = { model = "401" }
error = { status = 401 }

[[rule]]
when = { model = "402" }
error = { status = 402 }

[[rule]]
when = { model = "429" }
error = { status = 429, retry_after_seconds = 600 }

[[rule]]
when = { model = "500" }
error = { status = 500 }

[[rule]]
when = { model = "cut" }
say = "I was about to say something that mattered, at some length."
cut = { after_events = 3 }

[[rule]]
when = { model = "end" }
say = "I was about to say something that mattered, at some length."
cut = { after_events = 3, how = "end" }

[[rule]]
when = { model = "garbage" }
say = "I was about to say something that mattered, at some length."
cut = { after_events = 3, how = "garbage" }

[[rule]]
when = { model = "slow" }
say = "Too late."
wait = { gate = "never" }

[[rule]]
when = { model = "stall" }
say = "I was about to say something that mattered, at some length."
wait = { gate = "never", after_events = 3 }

[[rule]]
when = { model = "talk" }
say = "All is done, I promise."
usage = { input = 600, output = 4 }
"#;

/// What the model does, and what the session's end must be called. A quota ends it before the program gives up, and its task waits.
const TROUBLES: [(&str, &str); 8] = [
    ("m-401", "unauthorized"),
    ("m-402", "(out_of_credits)"),
    ("m-429", "quota: "),
    ("m-500", "(provider_failed)"),
    ("m-cut", "(stream_cut)"),
    ("m-end", "(stream_cut)"),
    ("m-garbage", "(stream_cut)"),
    ("m-talk", "without having done anything"),
];
const HANGS: [(&str, &str); 2] = [("m-slow", "the harness hung"), ("m-stall", "the harness hung")];
const UNREACHABLE: [(&str, &str); 1] = [("m-well", "(provider_failed)")];

fn matrix(row: &Row) {
    let model = ScriptedModel::start(Scenario::parse(SCENARIO).unwrap().with_key(KEY)).unwrap();
    meet(row, &TROUBLES, &pointed_at(&model.url()));
    for (name, _) in TROUBLES {
        let calls = model.requests().iter().filter(|request| asks_for(request, name)).count();
        assert!((1..=CALLS_MAX).contains(&calls), "{}: {calls} calls of {name}", row.harness);
    }
    meet(row, &HANGS, &pointed_at(&model.url()).with_env("MI_HARNESS_SILENCE_SECONDS", SILENCE_SECONDS));
    meet(row, &UNREACHABLE, &pointed_at(NOWHERE));
}

fn asks_for(request: &testkit::model::Recorded, model: &str) -> bool {
    request.body["model"] == model || request.path.contains(&format!("/{model}:"))
}

/// One agent for each trouble, all at once, each in an office of its own: what a provider says of a key counts for the whole
/// office. None may try a second time.
fn meet(row: &Row, troubles: &[(&str, &str)], start: &Start) {
    let house = House::new();
    let server = Server::start_with(&house, start);
    let met: Vec<(Office<'_>, i64)> = troubles.iter().map(|(model, _)| begin(&server, row, model)).collect();
    let mut wrong = Vec::new();
    for ((model, cause), (office, task)) in troubles.iter().zip(met) {
        let detail = until(LIMIT, &format!("the end of {model}"), || ended(office, task));
        if let Err(why) = ended_well(&detail, cause) {
            wrong.push(format!("{} with {model}: {why}", row.harness));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(server.stop().success());
}

fn begin<'a>(server: &'a Server<'_>, row: &Row, model: &str) -> (Office<'a>, i64) {
    let office = Office::create(server, model);
    office.set(&json!({"taskMaxAttempts": 1}));
    let hire = ["agents", "hire", "--name", model, "--provider", row.provider, "--harness", row.harness];
    office.mi(&[&hire[..], &["--model", model]].concat()).ok();
    (office, office.task("Meet a trouble", &["--assignedAgent", model]))
}

fn ended(office: Office<'_>, task: i64) -> Option<Value> {
    let detail = office.detail(task);
    (detail["sessions"][0]["state"] == "ended").then_some(detail)
}

fn ended_well(detail: &Value, cause: &str) -> Result<(), String> {
    let session = &detail["sessions"][0];
    let exit = session["exit"].as_str().unwrap_or_default();
    if !exit.contains(cause) {
        let logs: Vec<String> =
            detail["logs"].as_array().unwrap().iter().map(|log| log["message"].to_string()).collect();
        return Err(format!("not {cause} but {exit}\n  {}", logs.join("\n  ")));
    }
    let used = (session["input_tokens"].as_i64(), session["output_tokens"].as_i64(), session["cost"].as_f64());
    match session["model"].as_str() {
        Some("m-talk") if (used.0, used.1) != (Some(600), Some(4)) => {
            Err(format!("it reported 600 and 4, not {used:?}"))
        }
        // No answer, no charge.
        Some("m-401" | "m-402" | "m-429" | "m-500" | "m-well") if used != (Some(0), Some(0), Some(0.0)) => {
            Err(format!("nothing was answered, but charged {used:?}"))
        }
        _ => Ok(()),
    }
}

#[test]
fn claude_code_meets_troubles() {
    matrix(&ROWS[0]);
}

#[test]
fn codex_meets_troubles() {
    matrix(&ROWS[1]);
}

#[test]
fn gemini_cli_meets_troubles() {
    matrix(&ROWS[2]);
}
