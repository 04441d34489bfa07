//! The real Claude Code, Codex and Gemini CLI, unmodified, in real pods, against the scripted model.

use std::fs;

use mi_core::harnesses::{NODE_VARIABLE, program_of};
use serde_json::Value;
use testkit::model::scenario::Scenario;
use testkit::model::{Recorded, ScriptedModel};
use testkit::programs::VendorPrograms;
use tests::{House, LONG, Office, Server, Start, example, sha256};

pub const KEY: &str = "sk-scripted-7be10c";

/// Before anything else each agent says, by its own shell, what it sees of a network.
const LOOKS_AROUND: &str = r#"
[[rule]]
when = { not_text = "interfaces:" }
call = [{ tool = "shell", args = { command = '''awk 'BEGIN { printf "interfaces: " } NR > 2 { printf "%s%s", comma, $1; comma = "," } END { print ";" }' /proc/net/dev''' } }]
usage = { input = 500, output = 20 }
"#;

/// What the script reports for one whole task: input, of it from the cache, output.
const REPORTED: [(u64, u64, u64); 5] =
    [(500, 0, 20), (1000, 0, 40), (2400, 960, 420), (2900, 2400, 50), (3000, 2880, 70)];
const MICRO_PER_CREDIT: f64 = 1_000_000.0;

/// One program, and what its model costs: thousandths of a dollar per million tokens of input, cached input, output.
pub struct Row {
    pub harness: &'static str,
    pub provider: &'static str,
    model: &'static str,
    path: &'static str,
    /// A tool of its own, which only it offers.
    tool: &'static str,
    prices: [u64; 3],
}

pub const ROWS: [Row; 3] = [
    Row {
        harness: "claude-code",
        provider: "claude-code",
        model: "claude-sonnet-4-6",
        path: "/anthropic/v1/messages",
        tool: "NotebookEdit",
        prices: [3_000, 300, 15_000],
    },
    Row {
        harness: "openai-codex",
        provider: "openai-codex",
        model: "gpt-5.5",
        path: "/openai/v1/responses",
        tool: "write_stdin",
        prices: [5_000, 500, 30_000],
    },
    Row {
        harness: "gemini-cli",
        provider: "google",
        model: "gemini-2.5-flash",
        path: ":streamGenerateContent",
        tool: "run_shell_command",
        prices: [300, 75, 2_500],
    },
];

pub fn pointed_at(model: &str) -> Start {
    let keys = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"];
    let start = keys.into_iter().fold(Start::default(), |start, name| start.with_env(name, KEY));
    let start = start.with_env("OPENAI_BASE_URL", format!("{}/openai/v1", model));
    let start = start.with_env("ANTHROPIC_BASE_URL", format!("{}/anthropic", model));
    knowing_the_programs(start.with_env("GEMINI_BASE_URL", format!("{}/gemini", model)))
}

/// The server is told where they are, as whoever has them in an unusual place would.
fn knowing_the_programs(start: Start) -> Start {
    let programs = VendorPrograms::find().unwrap();
    let named = programs.places().map(|(kind, path)| (program_of(kind).unwrap().variable, path));
    let all = named.into_iter().chain(programs.node().map(|node| (NODE_VARIABLE, node)));
    all.fold(start, |start, (name, path)| start.with_env(name, path.display().to_string()))
}

fn review() -> Scenario {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/testkit/scenarios/code-review.toml");
    let shipped = fs::read_to_string(shipped).unwrap();
    let at = shipped.find("[[rule]]").unwrap();
    Scenario::parse(&format!("{}{LOOKS_AROUND}\n{}", &shipped[..at], &shipped[at..])).unwrap().with_key(KEY)
}

/// In micro-credits, each call rounded up by itself.
fn price_of_all(row: &Row) -> u64 {
    let [plain, cached, output] = row.prices;
    let units = REPORTED.map(|(all, found, out)| (all - found) * plain + found * cached + out * output);
    units.iter().map(|units| units.div_ceil(10)).sum()
}

/// On a provider of the OpenAI kind that has no Responses, as most that one runs oneself.
const CHATTING: Row = Row {
    harness: "openai-codex",
    provider: "openai-codex",
    model: "gpt-4.1",
    path: "/openai/v1/chat/completions",
    tool: "write_stdin",
    prices: [2_000, 500, 8_000],
};

fn review_with(row: &Row) {
    let model = ScriptedModel::start(review()).unwrap();
    let start = pointed_at(&model.url());
    review_on(row, &model, &start);
}

/// Gives everything that the session said.
fn review_on(row: &Row, model: &ScriptedModel, start: &Start) -> String {
    let house = House::new();
    let server = Server::start_with(&house, start);
    let office = Office::create(&server, "review");
    office.push("queue.go", &fs::read(example("queue.go")).unwrap());
    let hire = ["agents", "hire", "--name", "ada", "--provider", row.provider, "--harness", row.harness];
    office.mi(&[&hire[..], &["--model", row.model]].concat()).ok();
    let task = office.task("Find bugs and edge cases", &["--assignedAgent", "ada"]);
    let detail = office.await_status(task, "done", LONG);
    is_its_own_work(&detail, office, task);
    let session = office.await_session_end(task, LONG);
    is_the_real_program(row, &model.requests());
    costs_what_was_reported(row, office, &session);
    let session = &session["id"];
    let said = office.read(&format!("/sessions/{session}")).to_string();
    assert!(server.stop().success());
    said
}

/// Done at the first attempt, proven by a report that quotes what only the drive held.
fn is_its_own_work(detail: &Value, office: Office<'_>, task: i64) {
    assert_eq!((&detail["task"]["attempts"], &detail["task"]["error"]), (&Value::from(1), &Value::Null), "{detail:#}");
    let name = format!("findings-{task}-ada.md");
    assert!(detail["task"]["result_summary"].as_str().unwrap().contains(&name), "{detail:#}");
    let report = office.file(&name);
    assert_eq!(
        (&detail["artifacts"][0]["path"], &detail["artifacts"][0]["sha256"]),
        (&name.into(), &sha256(&report).into())
    );
    let source = fs::read_to_string(example("queue.go")).unwrap();
    let report = String::from_utf8(report).unwrap();
    assert!(report.contains(source.lines().next().unwrap()), "it read the file: {report}");
}

/// Every call came from this program, with the provider's key, and saw no network but its own loopback.
fn is_the_real_program(row: &Row, requests: &[Recorded]) {
    assert_eq!(requests.len(), REPORTED.len(), "{requests:#?}");
    for request in requests {
        assert!(request.path.contains(row.path), "{}", request.path);
        assert!(
            request.body["tools"].to_string().contains(&format!("\"{}\"", row.tool)),
            "{:#}",
            request.body["tools"]
        );
        let whole = format!("{:?}", request.headers);
        assert!(whole.contains(KEY) && !whole.contains("mis_"), "{whole}");
    }
    let talk = requests.last().unwrap().body.to_string();
    assert!(talk.contains("interfaces: lo:;"), "{talk}");
}

/// To the micro-credit: in the session, in the sum of the office, in the list of calls.
fn costs_what_was_reported(row: &Row, office: Office<'_>, session: &Value) {
    let micro = price_of_all(row);
    let input: u64 = REPORTED.iter().map(|(input, ..)| input).sum();
    let output: u64 = REPORTED.iter().map(|(.., output)| output).sum();
    assert_eq!(session["harness"], row.harness, "{session:#}");
    assert_eq!(
        (session["input_tokens"].as_u64(), session["output_tokens"].as_u64()),
        (Some(input), Some(output)),
        "{session:#}"
    );
    assert_eq!(in_micro(&session["cost"]), micro, "{session:#}");
    let summary = office.read("/usage/llm/summary");
    assert_eq!(summary["total_tokens"].as_u64(), Some(input + output), "{summary:#}");
    assert_eq!(in_micro(&summary["total_credits"]), micro, "{summary:#}");
    let calls = office.read("/usage/llm");
    let calls = calls.as_array().unwrap();
    assert_eq!(calls.iter().map(|call| in_micro(&call["credits"])).sum::<u64>(), micro, "{calls:#?}");
    assert!(calls.iter().all(|call| call["status"] == 200), "{calls:#?}");
}

fn in_micro(credits: &Value) -> u64 {
    (credits.as_f64().unwrap() * MICRO_PER_CREDIT).round() as u64
}

#[test]
fn claude_code_finishes_a_review() {
    review_with(&ROWS[0]);
}

/// It finds its skills, and nothing in the workspace that it would warn of.
#[test]
fn codex_finishes_a_review() {
    let model = ScriptedModel::start(review()).unwrap();
    let start = pointed_at(&model.url());
    let told = review_on(&ROWS[1], &model, &start);
    assert!(!told.contains("project-local"), "{told}");
    let asked = model.requests()[0].body.to_string();
    assert!(asked.contains("<skills_instructions>") && asked.contains("`/workspace/skills`"), "{asked}");
}

#[test]
fn gemini_cli_finishes_a_review() {
    review_with(&ROWS[2]);
}

/// The gateway translates, both ways.
#[test]
fn codex_finishes_a_review_by_chats() {
    let model = ScriptedModel::start(review()).unwrap();
    let start = pointed_at(&model.url()).with_env("MI_OPENAI_WIRE", "chat");
    review_on(&CHATTING, &model, &start);
}
