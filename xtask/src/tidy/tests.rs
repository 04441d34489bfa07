use expect_test::{Expect, expect};

use crate::repo::File;

use super::{check, manifests};

/// The findings about one file, a line each.
fn check_file(path: &str, text: &str, expected: Expect) {
    check_files(&[(path, text)], expected);
}

fn check_files(files: &[(&str, &str)], expected: Expect) {
    let owned = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
    let files: Vec<File> = files.iter().map(owned).collect();
    let findings: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
    expected.assert_eq(&findings.join("\n"));
}

#[test]
fn sql_belongs_to_stores() {
    let text = "fn a() { run(\"select id\n from tasks where office = $1\"); }";
    check_file(
        "crates/mi-server/src/tasks/service.rs",
        text,
        expect!["crates/mi-server/src/tasks/service.rs:1: SQL outside a store.rs: move the statement there"],
    );
    check_file("crates/mi-server/src/tasks/store.rs", text, expect![""]);
    check_file("crates/mi-server/src/tasks/store/claims.rs", text, expect![""]);
    check_file("crates/mi-server/src/tasks/tests.rs", text, expect![""]);
    check_file("crates/mi-server/src/infra/db/sqlite.rs", text, expect![""]);
    let inline = "fn a() {}\n#[cfg(test)]\nmod tests {\n    const A: &str = \"delete from t\";\n}\n";
    check_file("crates/mi-server/src/tasks/service.rs", inline, expect![""]);
}

#[test]
fn prose_is_no_sql() {
    let text =
        "fn a() { say(\"Select a file from the list\"); say(\"delete from the drive\"); say(\"update the set\"); }";
    check_file("crates/mi-cli/src/files.rs", text, expect![""]);
    let shouted = "fn a() { run(\"INSERT INTO t VALUES (1)\"); }";
    check_file(
        "crates/mi-cli/src/a.rs",
        shouted,
        expect!["crates/mi-cli/src/a.rs:1: SQL outside a store.rs: move the statement there"],
    );
}

#[test]
fn axum_stays_at_the_edge() {
    let text = "//! A door.\nuse axum::Router;\n";
    check_file("crates/mi-server/src/tasks/routes.rs", text, expect![""]);
    check_file("crates/mi-server/src/tasks/mod.rs", text, expect![""]);
    check_file("crates/mi-server/src/infra/http/body.rs", text, expect![""]);
    check_file(
        "crates/mi-server/src/tasks/service.rs",
        text,
        expect!["crates/mi-server/src/tasks/service.rs:2: axum outside routes.rs and infra/http"],
    );
}

#[test]
fn the_core_looks_at_nothing() {
    let text = "use std::{fmt, fs};\n// SystemTime in a comment\nfn a() { std::time::Instant::now(); }\n";
    check_file(
        "crates/mi-core/src/tasks.rs",
        text,
        expect![[r#"
            crates/mi-core/src/tasks.rs:1: std::fs in mi-core: hand the value in instead
            crates/mi-core/src/tasks.rs:3: Instant in mi-core: hand the value in instead"#]],
    );
    check_file("crates/mi-client/src/tasks.rs", text, expect![""]);
}

#[test]
fn processes_are_started_in_few_places() {
    let text = "fn a() { Command::new(\"sh\"); }";
    check_file("crates/mi-pods/src/local.rs", text, expect![""]);
    check_file(
        "crates/mi-cli/src/demo.rs",
        text,
        expect!["crates/mi-cli/src/demo.rs:1: a process is started outside mi-pods and mi-runner"],
    );
}

#[test]
fn the_server_has_one_clock() {
    let text = "use tokio::{net::TcpListener, time::{self, Duration}};\n";
    check_file(
        "crates/mi-server/src/infra/http/serve.rs",
        text,
        expect!["crates/mi-server/src/infra/http/serve.rs:1: tokio::time in mi-server: use the clock of infra/clock"],
    );
    check_file("crates/mi-server/src/infra/clock.rs", text, expect![""]);
    check_file("crates/mi-runner/src/lib.rs", &format!("//! A door.\n{text}"), expect![""]);
}

#[test]
fn sizes_have_limits() {
    let long = format!("//! A door.\n{}", "const A: u8 = 1;\n".repeat(500));
    check_file(
        "crates/mi-cli/src/lib.rs",
        &long,
        expect!["crates/mi-cli/src/lib.rs: 501 lines; 500 is the most, so split it by what its parts are about"],
    );
    check_file("tests/tests/all.rs", &long, expect![""]);
    let function = format!("fn deep() {{\n{}}}\n", "    a();\n".repeat(69));
    check_file(
        "crates/mi-cli/src/a.rs",
        &function,
        expect!["crates/mi-cli/src/a.rs:1: `deep` has 71 lines; 70 is the most"],
    );
}

#[test]
fn nothing_half_done_stays_behind() {
    let text = format!("// {}: later\nfn a() {{ {}!() }}\n#[{}]\nfn b() {{}}\n", "FIX\u{4d}E", "todo", "ignore");
    check_file(
        "crates/mi-cli/src/a.rs",
        &text,
        expect![[r#"
            crates/mi-cli/src/a.rs:2: `todo!` left behind
            crates/mi-cli/src/a.rs:1: `FIXME` left behind: do it or open an issue
            crates/mi-cli/src/a.rs:3: an ignored test proves nothing: mend it or remove it"#]],
    );
}

#[test]
fn tests_do_not_sleep() {
    let text = "fn a() {\n    thread::sleep(x);\n}\nfn wait_until_ready() {\n    sleep(x);\n}\nfn c() {\n    clock.sleep(x);\n}\n";
    check_file(
        "tests/tests/all.rs",
        text,
        expect!["tests/tests/all.rs:2: a test sleeps: move the clock, or wait for a state"],
    );
    check_file("crates/mi-runner/src/beat.rs", text, expect![""]);
}

#[test]
fn no_machine_and_no_registry_is_named() {
    let text = format!("cd {}{}mine\ncurl https://{}{}/x\nls ./wo{}\n", "/wo", "rk/", "pyp", "i.org", "rk/");
    check_file(
        "docs/a.md",
        &text,
        expect![[r#"
            docs/a.md:1: a path of somebody's machine
            docs/a.md:2: the host of a package registry"#]],
    );
    check_file("Cargo.lock", &text, expect![""]);
}

#[test]
fn crates_know_only_who_they_may() {
    let core = ("crates/mi-core/Cargo.toml", "[package]\nname = \"mi-core\"\n");
    let kit = ("crates/testkit/Cargo.toml", "[package]\nname = \"testkit\"\n[dependencies]\nmi-core = {}\n");
    let client = "[package]\nname = \"mi-client\"\n[dependencies]\nmi-core = {}\nserde = \"1\"\n\
                  [target.'cfg(unix)'.dependencies]\ntestkit = {}\n[dev-dependencies]\ntestkit = {}\n";
    check_files(
        &[core, kit, ("crates/mi-client/Cargo.toml", client)],
        expect!["crates/mi-client/Cargo.toml: mi-client must not depend on testkit"],
    );
}

#[test]
fn packages_are_counted_once() {
    let tree = "mi v0.1.0 (/a)\nserde v1.0.1\nserde v1.0.1 (*)\nserde_derive v1.0.1 (proc-macro)\n\n";
    assert_eq!(manifests::count_packages(tree), 3);
}

#[test]
fn doors_have_plates() {
    check_file(
        "crates/mi-server/src/tasks/mod.rs",
        "mod store;\n",
        expect![
            "crates/mi-server/src/tasks/mod.rs: opens without its door plate (`//!`): what it is, what is always true, its acts"
        ],
    );
}

#[test]
fn every_code_has_its_page() {
    let table = (
        "crates/mi-core/src/problem.rs",
        "codes! {\n A => 404 \"a\" \"Gone.\";\n B => 400 \"b\" \"Bad.\";\n C => 400 \"c\" \"Cut.\";\n}\n",
    );
    let good = ("docs/problems/a.md", "# a\n\n**HTTP 404.** Gone.\n\nMore.\n");
    let old = ("docs/problems/c.md", "# c\n\n**HTTP 409.** Cut.\n");
    let stale = ("docs/problems/d.md", "# d\n");
    check_files(
        &[table, good, old, stale],
        expect![[r#"
            crates/mi-core/src/problem.rs: b has no page: `cargo xtask problems` writes it
            crates/mi-core/src/problem.rs: the page of c doesn't open with what the table says
            docs/problems/d.md: a page about a code that doesn't exist"#]],
    );
}

#[test]
fn no_manifest_asks_for_deliberate_bugs() {
    let asks = "[dependencies]\nmi-server = { path = \"../mi-server\", features = [\"sabotage\"] }\n";
    check_file(
        "crates/mi/Cargo.toml",
        asks,
        expect!["crates/mi/Cargo.toml:2: a manifest asks for deliberate bugs: they are for a command line only"],
    );
    check_file(
        "crates/mi/Cargo.toml",
        "[features]\nworse = [\"mi-server/sabotage\"]\n",
        expect!["crates/mi/Cargo.toml:2: a manifest asks for deliberate bugs: they are for a command line only"],
    );
    check_file("crates/mi-server/Cargo.toml", "[features]\nsabotage = []\n", expect![""]);
}
