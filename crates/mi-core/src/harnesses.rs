//! The programs of other vendors that can do the work of a session: what they are called, which versions we have seen at
//! work, how they are installed. Data.
//!
//! Elsewhere: how each is driven is in mi-runner's `harness`; where they are on a machine is found by mi-pods.

use crate::wire::agents::HarnessKind;
use crate::wire::runner::Wire;

/// Names the runtime of programs that are scripts.
pub const NODE_VARIABLE: &str = "MI_NODE";
pub const NODE: &str = "node";
/// How long a program may say nothing while it waits for its model: the server's setting, passed on to pods.
pub const SILENCE_VARIABLE: &str = "MI_HARNESS_SILENCE_SECONDS";

/// A program that is a harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    pub kind: HarnessKind,
    /// What it is called on a search path.
    pub name: &'static str,
    /// Says where it is, on the server's machine, in pods and elsewhere.
    pub variable: &'static str,
    /// At npm.
    pub package: &'static str,
    /// What it speaks itself or through the gateway's translation; the first is its own.
    pub wires: &'static [Wire],
    /// The versions that finished our tasks in tests, by their first numbers.
    pub tested: &'static [&'static str],
    /// Older ones lack what we need of them.
    pub oldest: &'static str,
}

pub const PROGRAMS: [Program; 3] = [
    Program {
        kind: HarnessKind::ClaudeCode,
        name: "claude",
        variable: "MI_CLAUDE_CODE",
        package: "@anthropic-ai/claude-code",
        wires: &[Wire::Anthropic],
        tested: &["2.1"],
        oldest: "2.1",
    },
    Program {
        kind: HarnessKind::OpenaiCodex,
        name: "codex",
        variable: "MI_CODEX",
        package: "@openai/codex",
        wires: &[Wire::OpenaiResponses, Wire::OpenaiChat],
        tested: &["0.169"],
        oldest: "0.160",
    },
    Program {
        kind: HarnessKind::GeminiCli,
        name: "gemini",
        variable: "MI_GEMINI_CLI",
        package: "@google/gemini-cli",
        wires: &[Wire::Gemini],
        tested: &["0.61"],
        oldest: "0.50",
    },
];

/// Words for a provider that are a harness's name, too: who says them means the program. Other words (`anthropic`, `openai`,
/// `google`, `gemini`) mean the provider's models alone.
const BY_PROVIDER: [(&str, HarnessKind); 5] = [
    ("claude-code", HarnessKind::ClaudeCode),
    ("claude", HarnessKind::ClaudeCode),
    ("openai-codex", HarnessKind::OpenaiCodex),
    ("codex", HarnessKind::OpenaiCodex),
    ("gemini-cli", HarnessKind::GeminiCli),
];

/// The harness that a provider's name means.
pub fn by_provider(provider: &str) -> Option<HarnessKind> {
    let word = provider.trim().to_ascii_lowercase();
    BY_PROVIDER.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
}

/// How a version stands to those that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Tested,
    /// Newer than what we have seen, or between: it is used, and said.
    Untested,
    TooOld,
}

/// Variables of the server's environment that say where programs are, and how they are watched.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let own = PROGRAMS.iter().map(|program| program.variable);
    own.chain(["HOME", "PATH", NODE_VARIABLE, SILENCE_VARIABLE])
}

/// Nothing where a harness needs no program of its own.
pub fn program_of(kind: HarnessKind) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.kind == kind)
}

impl Program {
    /// The one command that brings it.
    pub fn install(&self) -> String {
        format!("npm install -g {}", self.package)
    }

    pub fn fit(&self, number: &str) -> Fit {
        if self.tested.iter().any(|tested| begins(number, tested)) {
            return Fit::Tested;
        }
        if parts(number) < parts(self.oldest) { Fit::TooOld } else { Fit::Untested }
    }
}

/// The first word that looks like a version: `git version 2.50.1`, `v22.1.0`, `2.1.199 (Claude Code)`.
pub fn number(said: &str) -> Option<&str> {
    let words = said.split_whitespace().map(|word| word.trim_start_matches('v'));
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    words.into_iter().find(is_version)
}

/// By whole numbers: 2.1 stands for 2.1 and 2.1.9, not for 2.10.
pub fn begins(number: &str, with: &str) -> bool {
    let Some(rest) = number.strip_prefix(with) else { return false };
    with.is_empty() || with.ends_with('.') || rest.is_empty() || rest.starts_with(['.', '-', '+'])
}

/// What follows a number, as in `0.170.0-alpha.1`, doesn't count.
fn parts(number: &str) -> Vec<u64> {
    let release = number.split(['-', '+']).next().unwrap_or(number);
    release.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_judged() {
        for (said, read) in [
            ("git version 2.50.1", Some("2.50.1")),
            ("v22.1.0", Some("22.1.0")),
            ("2.1.199 (Claude Code)", Some("2.1.199")),
            ("codex-cli 0.169.0", Some("0.169.0")),
            ("nothing to say", None),
        ] {
            assert_eq!(number(said), read, "{said}");
        }
        let claude = program_of(HarnessKind::ClaudeCode).unwrap();
        for (number, fit) in [
            ("2.1.9", Fit::Tested),
            ("2.1", Fit::Tested),
            ("2.10.1", Fit::Untested),
            ("3.0.0-beta.1", Fit::Untested),
            ("2.0.76", Fit::TooOld),
            ("1.0", Fit::TooOld),
        ] {
            assert_eq!(claude.fit(number), fit, "{number}");
        }
    }

    #[test]
    fn every_vendors_harness_has_a_program() {
        for kind in HarnessKind::ALL {
            let is_vendors = !matches!(kind, HarnessKind::Native | HarnessKind::Command);
            assert_eq!(program_of(*kind).is_some(), is_vendors, "{kind}");
        }
    }
}
