//! Harness `claude-code`: Anthropic's own program, in its headless form.
//!
//! It reads no settings, no memory and no servers but ours; its own sandbox and its questions are off, the pod is the
//! wall. Probed with 2.1 (design §5): judge by `is_error`, never by `subtype`.

mod events;

use std::io;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{ModelChoice, Wire};
use serde_json::json;

use super::vendor::{Home, Line, MCP_NAME, Reader, Vendor, unversioned_base_url};
use super::{Job, MODEL_TRIES_MAX};

const MCP_FILE: &str = "mcp.json";
/// Of one model call, before the program gives up.
const RETRIES_MAX: u32 = MODEL_TRIES_MAX - 1;
/// Silence in the middle of an answer, in milliseconds.
const STREAM_IDLE_MS: &str = "300000";
/// What it would do beside its work, each switched off.
const OFF: [&str; 15] = [
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
    "CLAUDE_CODE_DISABLE_CRON",
    "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL",
    // It would send a call again whose answer broke off, and have it paid twice.
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE",
    "DISABLE_AUTOUPDATER",
    "DISABLE_BUG_COMMAND",
    "DISABLE_COST_WARNINGS",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_INSTALLATION_CHECKS",
    "DISABLE_TELEMETRY",
    "DISABLE_UPGRADE_COMMAND",
];
/// Ways to another model or account than the session's.
const UNSET: [&str; 6] = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_MODEL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
];

pub(super) struct ClaudeCode;

impl Vendor for ClaudeCode {
    fn kind(&self) -> HarnessKind {
        HarnessKind::ClaudeCode
    }

    fn speaks(&self, model: &ModelChoice) -> Result<(), String> {
        match model.wire {
            Wire::Anthropic => Ok(()),
            Wire::OpenaiChat | Wire::OpenaiResponses | Wire::Gemini => {
                Err(format!("claude-code speaks to models of anthropic, not to {} of {}", model.model, model.provider))
            }
        }
    }

    fn settle(&self, _job: &Job, home: &Home) -> io::Result<()> {
        let servers = json!({"mcpServers": {MCP_NAME: {"command": "mi", "args": ["mcp"]}}});
        home.write(MCP_FILE, &servers.to_string()).map(drop)
    }

    fn line(&self, job: &Job, home: &Home) -> Line {
        let mut set: Vec<(&'static str, String)> = OFF.iter().map(|name| (*name, "1".to_owned())).collect();
        set.push(("CLAUDE_CODE_MAX_RETRIES", RETRIES_MAX.to_string()));
        set.push(("CLAUDE_STREAM_IDLE_TIMEOUT_MS", STREAM_IDLE_MS.to_owned()));
        set.push(("CLAUDE_ENABLE_STREAM_WATCHDOG", "1".to_owned()));
        // It refuses to work without questions as root, unless it is told that there are walls.
        set.push(("IS_SANDBOX", "1".to_owned()));
        let mut args: Vec<String> = ARGS.iter().map(|arg| (*arg).to_owned()).collect();
        args.extend(["--mcp-config".to_owned(), home.path().join(MCP_FILE).display().to_string()]);
        let Some(model) = job.grant.model.as_ref().filter(|model| self.speaks(model).is_ok()) else {
            return Line { args, set, unset: Vec::new() };
        };
        args.extend(["--model".to_owned(), model.model.clone()]);
        if job.own_login.is_some() {
            return Line { args, set, unset: Vec::new() };
        }
        set.push(("CLAUDE_CONFIG_DIR", home.text()));
        set.push(("ANTHROPIC_BASE_URL", unversioned_base_url(job, model)));
        set.push(("ANTHROPIC_API_KEY", job.grant.credential.clone()));
        // Its small errands go to the model that the agent was hired with: one price, and no model that isn't there.
        for name in ["ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL"] {
            set.push((name, model.model.clone()));
        }
        Line { args, set, unset: UNSET.to_vec() }
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(events::Events::default())
    }
}

const ARGS: [&str; 8] = [
    "-p",
    "--output-format=stream-json",
    "--verbose",
    "--dangerously-skip-permissions",
    "--strict-mcp-config",
    "--setting-sources=",
    "--no-session-persistence",
    "--disallowed-tools=AskUserQuestion,EnterPlanMode,ExitPlanMode,CronCreate,ScheduleWakeup",
];
