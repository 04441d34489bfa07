//! Harness `openai-codex`: OpenAI's own program, in its headless form.
//!
//! It reads no settings but ours, and nothing that lies in the workspace but its `AGENTS.md`; its sandbox and its questions
//! are off, the pod is the wall. It speaks the Responses wire only; where a provider has none, the gateway translates.
//! Probed with 0.169 (design §5): it would wait for ever for an address that doesn't answer, unless told otherwise.

mod events;
mod settings;

use std::io;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{ModelChoice, Wire};

use super::Job;
use super::vendor::{Home, Line, Reader, Vendor};

const SETTINGS_FILE: &str = "config.toml";
/// Ways to another model or account than the session's.
const UNSET: [&str; 5] =
    ["OPENAI_API_KEY", "OPENAI_BASE_URL", "CODEX_API_KEY", "CODEX_ACCESS_TOKEN", "CODEX_SQLITE_HOME"];
const ARGS: [&str; 6] = [
    "exec",
    "--json",
    "--skip-git-repo-check",
    "--dangerously-bypass-approvals-and-sandbox",
    "--ephemeral",
    "--color=never",
];

pub(super) struct OpenaiCodex;

impl Vendor for OpenaiCodex {
    fn kind(&self) -> HarnessKind {
        HarnessKind::OpenaiCodex
    }

    fn speaks(&self, model: &ModelChoice) -> Result<(), String> {
        match model.wire {
            Wire::OpenaiResponses | Wire::OpenaiChat => Ok(()),
            Wire::Anthropic | Wire::Gemini => Err(format!(
                "openai-codex speaks to models of openai and compatible providers, not to {} of {}",
                model.model, model.provider
            )),
        }
    }

    fn settle(&self, job: &Job, home: &Home) -> io::Result<()> {
        let lines = settings::for_session(job).into_iter().map(|(name, value)| format!("{name} = {value}\n"));
        home.write(SETTINGS_FILE, &lines.collect::<String>()).map(drop)
    }

    fn line(&self, job: &Job, home: &Home) -> Line {
        let mut args: Vec<String> = ARGS.iter().map(|arg| (*arg).to_owned()).collect();
        if let Some(model) = &job.grant.model {
            args.extend(["--model".to_owned(), model.model.clone()]);
        }
        let line = if job.own_login.is_some() {
            // A person's own folder holds their login; our settings go over theirs.
            let over = settings::for_session(job).into_iter();
            args.extend(over.flat_map(|(name, value)| ["--config".to_owned(), format!("{name}={value}")]));
            Line { args, set: Vec::new(), unset: Vec::new() }
        } else {
            Line { args, set: vec![("CODEX_HOME", home.text())], unset: UNSET.to_vec() }
        };
        with_prompt_on_stdin(line)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(events::Events::default())
    }
}

fn with_prompt_on_stdin(mut line: Line) -> Line {
    line.args.push("-".to_owned());
    line
}
