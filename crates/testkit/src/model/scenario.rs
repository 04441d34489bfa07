//! Scenario files: what the scripted model answers, and to whom.
//!
//! A scenario is TOML: values captured from the conversation, and rules tried from top to bottom.
//! It is checked whole when it is read, so that a misspelt placeholder shows before any request comes.
//!
//! ```toml
//! models = ["scripted"]              # what the model list names
//! key = "sk-office"                  # when set, other keys get 401
//!
//! [[capture]]
//! name = "file"
//! word_ending = [".go"]              # or: after = "file: ", until = ["\n"]; default = "…" if nothing is found
//!
//! [[rule]]
//! when = { title_starts = "Review ", turn = 0, not_called = "read_file" }
//! say = "I'll read it."
//! call = [{ tool = "read_file", args = { path = "/shared/files/{{file}}" } }]
//! usage = { input = 1200, cached_input = 1000, output = 40 }
//! times = 1                          # then the rule no longer matches
//! wait = { gate = "slow" }           # holds the answer until the test opens the gate
//!
//! [[rule]]
//! when = { model = "429" }
//! error = { status = 429, retry_after_seconds = 2 }
//!
//! [[rule]]
//! say = "Never heard to the end."
//! cut = { after_events = 3, how = "reset" }
//! ```
//!
//! Tools are named as the native harness names them; a program that offers others is told to use its own (`tools`).
//!
//! Elsewhere: how a rule is chosen is in `matching`; how placeholders are filled is in `template`.

use super::template;
use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

/// Rules of one scenario; more would be a program, not a script.
const RULES_MAX: usize = 200;

/// Tool calls of one answer; real models stay far below.
const CALLS_PER_ANSWER_MAX: usize = 32;

/// What the scripted model does, read from a scenario file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default = "default_models")]
    pub(super) models: Vec<String>,
    pub(super) key: Option<String>,
    #[serde(default, rename = "capture")]
    pub(super) captures: Vec<Capture>,
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<Rule>,
}

fn default_models() -> Vec<String> {
    vec!["scripted".to_owned()]
}

/// A value found in the conversation's text, for use as `{{name}}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Capture {
    pub name: String,
    /// The value begins behind the first occurrence of this text …
    pub after: Option<String>,
    /// … and ends before the first of these, or at the end of the text.
    #[serde(default)]
    pub until: Vec<String>,
    /// Or: the value is the first word (of letters, digits, `.`, `-`, `_`) that ends in one of these.
    #[serde(default)]
    pub word_ending: Vec<String>,
    pub default: Option<String>,
}

/// One answer and the conversations that it is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default)]
    pub when: When,
    pub say: Option<String>,
    #[serde(default, rename = "call")]
    pub calls: Vec<CallScript>,
    pub usage: Option<UsageScript>,
    /// The provider reports no usage at all, as some compatible servers do.
    #[serde(default)]
    pub usage_missing: bool,
    pub error: Option<ErrorScript>,
    pub cut: Option<Cut>,
    pub wait: Option<Wait>,
    /// How often the rule may answer; without it, always.
    pub times: Option<u32>,
}

/// What must hold for a rule to answer. Everything that is named must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct When {
    /// A substring of the conversation's text: system, user, model and tool results.
    pub text: Option<String>,
    /// A substring that must not occur in it.
    pub not_text: Option<String>,
    /// A substring of what was said since the model's last turn.
    pub last: Option<String>,
    /// A substring of the model's name.
    pub model: Option<String>,
    /// A substring of the line `task title: …`.
    pub title: Option<String>,
    pub title_starts: Option<String>,
    /// The whole of the line `agent: …`.
    pub agent: Option<String>,
    /// Assistant turns in the request so far.
    pub turn: Option<usize>,
    pub turn_min: Option<usize>,
    /// A tool that the model has called in this conversation.
    pub called: Option<String>,
    /// A tool that it has not called yet.
    pub not_called: Option<String>,
    /// A capture that found its value.
    pub known: Option<String>,
    /// A capture that found none.
    pub unknown: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallScript {
    pub tool: String,
    #[serde(default)]
    pub args: Map<String, Value>,
}

/// Token counts; `input` contains `cached_input`, as OpenAI and Gemini count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageScript {
    pub input: u64,
    #[serde(default)]
    pub cached_input: u64,
    pub output: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorScript {
    pub status: u16,
    pub message: Option<String>,
    pub retry_after_seconds: Option<u64>,
}

/// Where an answer breaks off.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cut {
    /// Events that still arrive; at most all but the last. A whole JSON body breaks off in its middle instead.
    pub after_events: usize,
    #[serde(default)]
    pub how: CutKind,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CutKind {
    /// The connection dies within the body.
    #[default]
    Reset,
    /// The body ends in good order, but the provider's closing events never came.
    End,
    /// In place of the next event comes one that is no JSON; then the body ends in good order.
    Garbage,
}

/// Where an answer stops until the test opens the gate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    pub gate: String,
    /// Events that are sent before; without it, not even the status line is.
    pub after_events: Option<usize>,
}

impl Scenario {
    /// Reads a scenario from TOML and checks it whole.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = toml::from_str(text).context("the scenario is not valid")?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Reads a scenario file.
    pub fn load(path: impl AsRef<Path>) -> anyhow::Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    /// One of the scenarios in `crates/testkit/scenarios`, by its name without `.toml`.
    pub fn shipped(name: &str) -> anyhow::Result<Self> {
        let text = match name {
            "code-review" => include_str!("../../scenarios/code-review.toml"),
            "says-done" => include_str!("../../scenarios/says-done.toml"),
            "errors" => include_str!("../../scenarios/errors.toml"),
            "cut" => include_str!("../../scenarios/cut.toml"),
            other => bail!("there is no scenario `{other}`: code-review, says-done, errors and cut are shipped"),
        };
        Self::parse(text).with_context(|| format!("in the shipped scenario `{name}`"))
    }

    /// The same scenario, demanding this key of every caller.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    pub(super) fn has_gate(&self, name: &str) -> bool {
        self.rules.iter().filter_map(|rule| rule.wait.as_ref()).any(|wait| wait.gate == name)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.rules.is_empty(), "a scenario needs at least one [[rule]]");
        ensure!(self.rules.len() <= RULES_MAX, "a scenario has at most {RULES_MAX} rules");
        for capture in &self.captures {
            capture.check().with_context(|| format!("capture `{}`", capture.name))?;
        }
        for (index, rule) in self.rules.iter().enumerate() {
            self.check_rule(rule).with_context(|| format!("rule {}", index + 1))?;
        }
        Ok(())
    }

    fn check_rule(&self, rule: &Rule) -> anyhow::Result<()> {
        rule.check_shape()?;
        for name in rule.when.known.iter().chain(&rule.when.unknown) {
            ensure!(self.captures.iter().any(|capture| capture.name == *name), "there is no capture `{name}`");
        }
        for name in rule.placeholders()? {
            let known = template::BUILT_IN.contains(&name.as_str());
            ensure!(
                known || self.captures.iter().any(|capture| capture.name == name),
                "nothing captures `{{{{{name}}}}}`"
            );
        }
        Ok(())
    }
}

impl Capture {
    fn check(&self) -> anyhow::Result<()> {
        ensure!(!template::BUILT_IN.contains(&self.name.as_str()), "the name is taken by a built-in value");
        ensure!(
            self.after.is_some() == self.word_ending.is_empty(),
            "say either `after` (with `until`) or `word_ending`"
        );
        ensure!(self.after.is_some() || self.until.is_empty(), "`until` belongs to `after`");
        Ok(())
    }
}

impl Rule {
    fn check_shape(&self) -> anyhow::Result<()> {
        let answers = self.say.is_some() || !self.calls.is_empty();
        ensure!(answers != self.error.is_some(), "a rule answers with `say` and `call`, or with `error`");
        ensure!(self.cut.is_none() || answers, "only an answer can be cut");
        ensure!(self.calls.len() <= CALLS_PER_ANSWER_MAX, "an answer has at most {CALLS_PER_ANSWER_MAX} calls");
        ensure!(self.usage.is_none() || !self.usage_missing, "`usage` and `usage_missing` contradict each other");
        if let Some(usage) = self.usage {
            ensure!(usage.cached_input <= usage.input, "`input` contains `cached_input`");
        }
        if let Some(error) = &self.error {
            ensure!((400..600).contains(&error.status), "an error's status is from 400 to 599");
            let within = self.wait.as_ref().is_some_and(|wait| wait.after_events.is_some());
            ensure!(!within, "an error has no events to wait after");
        }
        Ok(())
    }

    fn placeholders(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        if let Some(say) = &self.say {
            names.extend(template::placeholders(say)?);
        }
        for value in self.calls.iter().flat_map(|call| call.args.values()) {
            names.extend(template::placeholders_within(value)?);
        }
        Ok(names)
    }
}
