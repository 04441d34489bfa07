//! Harness `gemini-cli`: Google's own program, in its headless form.
//!
//! Its settings are ours alone, in a home of its own; what an agent's workspace says beside them is set aside. Probed with
//! 0.61 (design §5).

mod events;

use std::fs;
use std::io;
use std::path::Path;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{ModelChoice, Wire};
use serde_json::{Value, json};

use super::vendor::{Home, Line, MCP_NAME, Reader, Vendor, remove, unversioned_base_url};
use super::{Job, MODEL_TRIES_MAX};
use crate::config::Drive;

const DRIVE: &str = "/shared/files";
const SETTINGS_FILE: &str = ".gemini/settings.json";
const OWN_FOLDER: &str = ".gemini";
/// What the program would read of an agent's workspace: settings that win over ours, and variables that it takes into its
/// environment, such as another system prompt.
const OWN_FILES: [&str; 2] = [SETTINGS_FILE, ".gemini/.env"];
/// What leads to another account, another model or another machine. A proxy for everything would take the calls to
/// the gateway, too: the program doesn't heed `NO_PROXY` for its models.
const UNSET: [&str; 15] = [
    "ALL_PROXY",
    "GEMINI_MODEL",
    "GEMINI_SANDBOX",
    "GOOGLE_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_GENAI_USE_GCA",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_USE_ENV_PROXY",
    "SANDBOX",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];

/// Advice for people at a terminal, and the insides of its own errors.
const NOISE: [&str; 11] = [
    // Its last event says the same, with the reason.
    "Error when talking to Gemini API",
    "    at ",
    "YOLO mode is enabled",
    "Warning: 256-color",
    "Warning: Basic terminal",
    "Warning you are running",
    "This warning can be disabled",
    "Ripgrep is not available",
    "Skill conflict detected",
    "  status: ",
    "}",
];

pub(super) struct GeminiCli;

impl Vendor for GeminiCli {
    fn kind(&self) -> HarnessKind {
        HarnessKind::GeminiCli
    }

    fn speaks(&self, model: &ModelChoice) -> Result<(), String> {
        match model.wire {
            Wire::Gemini => Ok(()),
            Wire::OpenaiChat | Wire::OpenaiResponses | Wire::Anthropic => {
                Err(format!("gemini-cli speaks to models of google, not to {} of {}", model.model, model.provider))
            }
        }
    }

    fn settle(&self, job: &Job, home: &Home) -> io::Result<()> {
        match job.drive {
            Drive::Standard | Drive::At(_) => set_aside(job)?,
            // Somebody's own machine: what stands in their folder is theirs to say.
            Drive::ApiOnly => {}
        }
        home.write(SETTINGS_FILE, &settings(job).to_string()).map(drop)
    }

    fn line(&self, job: &Job, home: &Home) -> Line {
        let mut args = vec!["--yolo".to_owned(), "--output-format=stream-json".to_owned()];
        // Its own tools for files refuse what lies outside of the folders that it was told.
        args.extend(drive(&job.drive).map(|path| format!("--include-directories={path}")));
        let mut set =
            vec![("GEMINI_CLI_TRUST_WORKSPACE", "true".to_owned()), ("GEMINI_CLI_NO_RELAUNCH", "1".to_owned())];
        let Some(model) = job.grant.model.as_ref().filter(|model| self.speaks(model).is_ok()) else {
            return Line { args, set, unset: Vec::new() };
        };
        args.push(format!("--model={}", model.model));
        if job.own_login.is_some() {
            return Line { args, set, unset: Vec::new() };
        }
        set.push(("GEMINI_CLI_HOME", home.text()));
        set.push(("GOOGLE_GEMINI_BASE_URL", unversioned_base_url(job, model)));
        set.push(("GEMINI_API_KEY", job.grant.credential.clone()));
        Line { args, set, unset: UNSET.to_vec() }
    }

    fn noise(&self) -> &'static [&'static str] {
        &NOISE
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(events::Events::default())
    }
}

fn drive(drive: &Drive) -> Option<String> {
    match drive {
        Drive::Standard => Some(DRIVE.to_owned()),
        Drive::At(path) => Some(path.display().to_string()),
        Drive::ApiOnly => None,
    }
}

/// The key is named, not written: the program puts the variable's value in.
fn settings(job: &Job) -> Value {
    let passed_on = job.environment.keys().filter(|name| name.starts_with("MI_"));
    let environment: serde_json::Map<String, Value> =
        passed_on.map(|name| (name.clone(), json!(format!("${name}")))).collect();
    json!({
        "general": {
            "enableAutoUpdate": false, "enableAutoUpdateNotification": false, "disableAutoUpdate": true,
            "disableUpdateNag": true, "maxAttempts": MODEL_TRIES_MAX,
            "checkpointing": {"enabled": false},
        },
        "security": {
            "auth": {"selectedType": "gemini-api-key", "enforcedType": "gemini-api-key"},
            "folderTrust": {"enabled": false},
            "environmentVariableRedaction": {"enabled": false},
        },
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
        "tools": {"sandbox": false},
        // The workspace's `.env`; the one in its `.gemini` is set aside.
        "advanced": {"ignoreLocalEnv": true},
        "ide": {"enabled": false},
        "hooksConfig": {"enabled": false},
        "mcpServers": {MCP_NAME: {"command": "mi", "args": ["mcp"], "env": environment, "trust": true}},
    })
}

fn set_aside(job: &Job) -> io::Result<()> {
    // A folder that can't be looked into goes as a whole.
    OWN_FILES.iter().try_for_each(|name| set_one_aside(job, name)).or_else(|_| set_one_aside(job, OWN_FOLDER))
}

fn set_one_aside(job: &Job, name: &str) -> io::Result<()> {
    let own = job.workspace.join(name);
    if !exists(&own)? {
        return Ok(());
    }
    let aside = format!("{name}.set-aside");
    let place = job.workspace.join(&aside);
    // A folder that stands there would be in the way of every later session.
    remove(&place)?;
    fs::rename(&own, &place)?;
    job.outbox.log(&format!("{name} of the workspace is {aside} now: settings come from the platform"));
    Ok(())
}

/// A link that leads nowhere is there too.
fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
