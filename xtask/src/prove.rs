//! Long evidence, on release binaries: what `./ci` has no time for.
//!
//! All but `simulation` are programs under `benches/src/bin/`, run with `MI_BIN` naming the release `mi`;
//! `simulation` is the simulation of the test suite with more seeds, `MI_SEEDS` of them.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repo;

const PROGRAMS: &[&str] = &[
    "kills",
    "crashes",
    "claims",
    "claimers",
    "joins",
    "zombies",
    "dag",
    "backlog",
    "lives",
    "idle",
    "asleep",
    "figures",
    "signatures",
    "escapes",
    "ordinary",
    "pods",
    "spending",
    "gateway",
];
const SIMULATION: &str = "simulation";
const SIMULATION_SEEDS: &str = "20000";

/// Runs one piece of evidence; `rest` goes to its program.
pub fn run(name: &str, rest: &[&str]) -> Result<()> {
    let root = repo::root()?;
    if name == SIMULATION {
        return simulate(&root, rest);
    }
    if !PROGRAMS.contains(&name) {
        bail!("there is no evidence called {name}; there are {}, {SIMULATION}", PROGRAMS.join(", "));
    }
    finish(cargo(&root).args(["build", "--release", "--package", "mi"]))?;
    let run = ["run", "--release", "--package", "benches", "--bin", name, "--"];
    finish(cargo(&root).args(run).args(rest).env("MI_BIN", release_binary(&root)?))
}

fn simulate(root: &Path, rest: &[&str]) -> Result<()> {
    let seeds = env::var_os("MI_SEEDS").unwrap_or_else(|| OsString::from(SIMULATION_SEEDS));
    let run = ["nextest", "run", "--release", "--package", "mi-server", "--profile", "prove", "-E", "test(simulation)"];
    finish(cargo(root).args(run).args(rest).env("MI_SEEDS", seeds))
}

/// As from a shell: build scripts that look at what `cargo run` set for this program would have everything built anew.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    let is_own = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    for name in env::vars_os().map(|(name, _)| name).filter(is_own) {
        command.env_remove(name);
    }
    command
}

fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("can't start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

fn release_binary(root: &Path) -> Result<PathBuf> {
    let output = cargo(root).args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(Path::new(target).join("release").join("mi"))
}
