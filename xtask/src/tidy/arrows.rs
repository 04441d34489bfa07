//! Who may use what: each power of the program lives in as few places as can be named.

use super::{Finding, RustFile};

/// Processes are started by the pod wall and the runner; tools and tests start what they measure. The command line asks
/// a person's own machine to keep a service running, and tells their browser to open a page.
const MAY_START_PROCESSES: &[&str] = &[
    "crates/mi-pods/",
    "crates/mi-runner/",
    "crates/mi-cli/src/machine.rs",
    "crates/mi-cli/src/page.rs",
    "crates/testkit/",
    "xtask/",
    "tests/",
    "benches/",
];

/// SQL outside a store: the engine itself, and the measured floor of the figures.
const MAY_SPEAK_SQL: &[&str] = &["crates/mi-server/src/infra/db", "benches/", "tests/"];

const MAY_USE_AXUM: &[&str] =
    &["crates/mi-server/src/infra/http", "crates/mi-server/src/house.rs", "crates/mi-server/src/gateway"];

const STD_WITH_IO: &[&str] = &["fs", "net", "env", "process", "thread"];
const WORDS_OF_THE_WORLD: &[&str] = &["SystemTime", "Instant", "tokio", "reqwest", "rusqlite", "axum"];

pub fn check(file: &RustFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_sql(file));
    findings.extend(check_axum(file));
    findings.extend(check_core(file));
    findings.extend(check_processes(file));
    findings.extend(check_clock(file));
    findings
}

fn check_sql(file: &RustFile<'_>) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    let in_a_store = name == "store.rs" || file.path.split('/').any(|part| part == "store");
    if in_a_store || file.is_in(MAY_SPEAK_SQL) {
        return Vec::new();
    }
    let statements = file.source.strings.iter().filter(|piece| is_sql(&piece.text) && !file.is_test_line(piece.line));
    statements
        .map(|piece| Finding::at(file.path, piece.line, "SQL outside a store.rs: move the statement there"))
        .collect()
}

/// Whether a text begins like a statement, all in one case (a sentence begins with a capital letter).
fn is_sql(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let one_case = words.first().is_some_and(|word| *word == word.to_lowercase() || *word == word.to_uppercase());
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    one_case
        && match lower.as_slice() {
            ["select", rest @ ..] => rest.contains(&"from"),
            ["with", _, "as", ..] => true,
            ["update", _, "set", rest @ ..] => rest.iter().any(|word| word.contains(['=', '{'])),
            ["insert", "into", ..] | ["delete", "from", _, "where", ..] => true,
            ["delete", "from", _] => true,
            ["create" | "drop" | "alter", "table" | "index", ..] => true,
            _ => false,
        }
}

fn check_axum(file: &RustFile<'_>) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    let is_edge = name == "routes.rs" || name == "mod.rs" || file.path.split('/').any(|part| part == "routes");
    if !file.is_in(&["crates/mi-server/src/"]) || is_edge || file.is_in(MAY_USE_AXUM) {
        return Vec::new();
    }
    let lines = file.source.words("axum").into_iter().map(|at| file.source.line_of(at));
    let outside = lines.filter(|line| !file.is_test_line(*line));
    outside.map(|line| Finding::at(file.path, line, "axum outside routes.rs and infra/http")).collect()
}

/// mi-core says what things are; it can't look at the world.
fn check_core(file: &RustFile<'_>) -> Vec<Finding> {
    if !file.is_in(&["crates/mi-core/src/"]) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line, name) in file.source.names_under("std") {
        if STD_WITH_IO.contains(&name.as_str()) && !file.is_test_line(line) {
            findings.push(Finding::at(file.path, line, format!("std::{name} in mi-core: hand the value in instead")));
        }
    }
    for word in WORDS_OF_THE_WORLD {
        for line in file.source.words(word).into_iter().map(|at| file.source.line_of(at)) {
            if !file.is_test_line(line) {
                findings.push(Finding::at(file.path, line, format!("{word} in mi-core: hand the value in instead")));
            }
        }
    }
    findings
}

fn check_processes(file: &RustFile<'_>) -> Vec<Finding> {
    if file.is_in(MAY_START_PROCESSES) {
        return Vec::new();
    }
    let lines = file.source.lines_with("Command", "::new").into_iter().filter(|line| !file.is_test_line(*line));
    lines.map(|line| Finding::at(file.path, line, "a process is started outside mi-pods and mi-runner")).collect()
}

/// The server has its own clock: the runtime's would fire falsely in tests while a request waits for the store thread.
fn check_clock(file: &RustFile<'_>) -> Vec<Finding> {
    if !file.is_in(&["crates/mi-server/"]) || file.is_in(&["crates/mi-server/src/infra/clock"]) {
        return Vec::new();
    }
    let names = file.source.names_under("tokio").into_iter().filter(|(_, name)| name == "time");
    names
        .map(|(line, _)| Finding::at(file.path, line, "tokio::time in mi-server: use the clock of infra/clock"))
        .collect()
}
