//! Where the programs are, and which version they say they are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mi_core::harnesses::{Fit, NODE, NODE_VARIABLE, Program, number, program_of};
use mi_core::ids::excerpt;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::EndCause;
use tokio::process::Command;

use super::Home;
use crate::clock::within;
use crate::harness::{Job, Missing};

/// A program that starts a runtime of its own on a busy machine takes its time to say its version.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// By which programs find their settings.
const HOMES: [&str; 4] = ["HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"];
const SCRIPTS: [&str; 3] = ["js", "mjs", "cjs"];
/// As much as a kernel reads of it.
const FIRST_LINE_BYTES_MAX: u64 = 256;

/// The programs that are there, as whoever started the runner knows them.
#[derive(Debug, Default)]
pub struct Programs {
    places: BTreeMap<HarnessKind, PathBuf>,
    /// Runs those that are scripts; without it, the `node` of the search path.
    node: Option<PathBuf>,
    /// What they said, so that each is asked once in a runner's life.
    said: Mutex<BTreeMap<HarnessKind, String>>,
}

impl Programs {
    #[must_use]
    pub fn new(places: impl IntoIterator<Item = (HarnessKind, PathBuf)>, node: Option<PathBuf>) -> Self {
        Self { places: places.into_iter().collect(), node, said: Mutex::default() }
    }

    /// Whether it is there and new enough to be used.
    pub(super) async fn check(&self, kind: HarnessKind, job: &Job) -> Result<(), Missing> {
        let facts = facts_of(kind)?;
        let known = self.said.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).cloned();
        let said = match known {
            Some(said) => said,
            None => self.ask(kind, facts, job).await?,
        };
        judge(facts, &said, job)?;
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, said);
        Ok(())
    }

    pub(super) fn command(&self, kind: HarnessKind) -> Result<Command, Missing> {
        let place = self.places.get(&kind).ok_or_else(|| absent(facts_of(kind), kind))?;
        fs::metadata(place).map_err(|error| unreadable(facts_of(kind), place, &error))?;
        if !is_script(place) {
            return Ok(Command::new(place));
        }
        let mut command = Command::new(self.node.as_deref().unwrap_or(Path::new(NODE)));
        command.arg(place);
        Ok(command)
    }

    /// A script doesn't start without its runtime, and says so.
    fn unstarted(&self, kind: HarnessKind, facts: &Program, error: &io::Error) -> Missing {
        let is_script = self.places.get(&kind).is_some_and(|place| is_script(place));
        if is_script && error.kind() == io::ErrorKind::NotFound {
            let sentence = format!("{kind} is a script of {NODE}, which isn't there; {NODE_VARIABLE} says where it is");
            return Missing(EndCause::HarnessMissing, sentence);
        }
        missing(facts, &format!("can't be started: {error}"))
    }

    async fn ask(&self, kind: HarnessKind, facts: &Program, job: &Job) -> Result<String, Missing> {
        let mut command = self.command(kind)?;
        // What an agent left in its workspace could make it fail, and with it every later session.
        let home = Home::make(&job.homes, kind).map_err(|why| Missing(EndCause::Failed, why))?;
        command.arg("--version").env_clear().envs(&job.environment).current_dir(home.path());
        command.envs(HOMES.map(|name| (name, home.text())));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = job.tree.spawn(command).map_err(|error| self.unstarted(kind, facts, &error))?;
        let Some(root) = child.id() else { return Err(missing(facts, "ended at once")) };
        match within(ANSWER_WAIT, child.wait_with_output()).await {
            Some(Ok(output)) => version_in(facts, &output),
            Some(Err(error)) => Err(missing(facts, &format!("can't be waited for: {error}"))),
            None => {
                job.tree.kill_branch(root).await;
                let seconds = ANSWER_WAIT.as_secs();
                Err(missing(facts, &format!("did not say its version within {seconds} s")))
            }
        }
    }
}

fn version_in(facts: &Program, output: &Output) -> Result<String, Missing> {
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(number) = number(&text) {
        return Ok(number.to_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = [text.trim(), errors.trim()].join(" ");
    Err(missing(facts, &format!("doesn't say its version; it says: {}", excerpt(said.trim()))))
}

fn judge(facts: &Program, number: &str, job: &Job) -> Result<(), Missing> {
    match facts.fit(number) {
        Fit::Tested => Ok(()),
        Fit::Untested => {
            let tested = facts.tested.join(", ");
            job.outbox.log(&format!("{} is version {number}; we worked with {tested}", facts.kind));
            Ok(())
        }
        Fit::TooOld => {
            let sentence = format!(
                "{} is version {number}, older than {}; `{}` brings a newer one",
                facts.kind,
                facts.oldest,
                facts.install()
            );
            Err(Missing(EndCause::HarnessTooOld, sentence))
        }
    }
}

fn facts_of(kind: HarnessKind) -> Result<&'static Program, Missing> {
    program_of(kind).ok_or_else(|| Missing(EndCause::HarnessMissing, format!("{kind} is no program")))
}

fn absent(facts: Result<&'static Program, Missing>, kind: HarnessKind) -> Missing {
    match facts {
        Ok(facts) => missing(facts, "is not installed"),
        Err(_) => Missing(EndCause::HarnessMissing, format!("{kind} is no program")),
    }
}

/// Nothing that is installed elsewhere helps while the variable names this place.
fn unreadable(facts: Result<&Program, Missing>, place: &Path, error: &io::Error) -> Missing {
    facts.map_or_else(
        |missing| missing,
        |facts| {
            let sentence = format!("{} names {}, which can't be read: {error}", facts.variable, place.display());
            Missing(EndCause::HarnessMissing, sentence)
        },
    )
}

fn missing(facts: &Program, what: &str) -> Missing {
    let sentence = format!(
        "{} {what}; `{}` on the machine where the agent runs installs it, unless {} is set there: then that names the program",
        facts.kind,
        facts.install(),
        facts.variable
    );
    Missing(EndCause::HarnessMissing, sentence)
}

/// By its name or its first line: `#!/usr/bin/env node` finds no runtime that isn't on the search path, and ours needn't be.
fn is_script(place: &Path) -> bool {
    let has_ending = place.extension().and_then(|ending| ending.to_str()).is_some_and(|e| SCRIPTS.contains(&e));
    has_ending || first_line(place).is_ok_and(|line| names_node(&line))
}

fn first_line(place: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(place)?.take(FIRST_LINE_BYTES_MAX).read_to_end(&mut head)?;
    head.truncate(head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len()));
    Ok(head)
}

/// `#!/usr/bin/env node`, `#!/usr/bin/env -S node --flag`, `#!/opt/node/bin/node`.
fn names_node(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let Some(interpreter) = line.strip_prefix("#!") else { return false };
    interpreter.split_whitespace().any(|word| Path::new(word).file_name().is_some_and(|name| name == NODE))
}
