//! The house's own tools: what a shell script would do elsewhere, in Rust.
//!
//! `tidy` reads the repository and names every rule of the house that it breaks; `problems` writes the page of each
//! problem code that has none; `prove` runs the long evidence on release binaries.

mod problems;
mod prove;
mod repo;
mod source;
mod tidy;

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask tidy                checks the rules of the house: sizes, arrows, leftovers, pages
cargo xtask problems            writes docs/problems/<code>.md for every code that has no page yet
cargo xtask prove NAME [ARGS]   long evidence on the release binary: kills, claims, simulation, figures
";

const EXIT_WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => tidy::run(&mut std::io::stdout()),
        ["problems"] => problems::run(&mut std::io::stdout()),
        ["prove", name, rest @ ..] => prove::run(name, rest),
        _ => return wrong_usage(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn wrong_usage() -> ExitCode {
    match std::io::stderr().write_all(USAGE.as_bytes()) {
        Ok(()) => ExitCode::from(EXIT_WRONG_USAGE),
        Err(_) => ExitCode::FAILURE,
    }
}

/// The exit code already says that it failed; a closed stderr can't be told anything more.
fn failed(error: &anyhow::Error) -> ExitCode {
    match writeln!(std::io::stderr(), "error: {error:#}") {
        Ok(()) | Err(_) => ExitCode::FAILURE,
    }
}
