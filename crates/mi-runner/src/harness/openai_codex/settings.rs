//! What it is told beside its arguments: names and values of its `config.toml`.

use serde_json::{Value, json};

use crate::harness::vendor::{MCP_NAME, base_url};
use crate::harness::{Job, MODEL_TRIES_MAX};

/// What the model's provider is called in its settings.
const PROVIDER: &str = "mitosis";
/// Of one request before its answer begins: those below count such a failure as well, and would multiply with these.
const REQUEST_RETRIES_MAX: u32 = 0;
/// Of a turn that got no whole answer.
const STREAM_RETRIES_MAX: u32 = MODEL_TRIES_MAX - 1;
/// Silence in the middle of an answer, in milliseconds.
const STREAM_IDLE_MS: u32 = 300_000;
/// Until our MCP server has said hello, and for one call of it, in seconds.
const MCP_START_SECONDS: u32 = 30;
const MCP_CALL_SECONDS: u32 = 120;

/// What it would do beside its work, or what only makes sense with a person before a screen.
const FEATURES_OFF: [&str; 18] = [
    "apps",
    "auth_elicitation",
    "browser_use",
    "browser_use_external",
    "computer_use",
    "daemon_auto_start",
    "enable_request_compression",
    "goals",
    "hooks",
    "image_generation",
    "in_app_browser",
    "plugins",
    "plugin_sharing",
    "remote_plugin",
    "shell_snapshot",
    "skill_mcp_dependency_install",
    "tool_suggest",
    // With it, an address that doesn't answer is tried for ever.
    "unbounded_connection_retries",
];

/// In the order in which they are written. The names are paths, the values TOML.
pub(super) fn for_session(job: &Job) -> Vec<(String, String)> {
    let mut out = vec![
        set("approval_policy", &json!("never")),
        set("sandbox_mode", &json!("danger-full-access")),
        set("web_search", &json!("disabled")),
        set("check_for_update_on_startup", &json!(false)),
        // A login shell would set a search path of its own, without `tq` and `mi`.
        set("allow_login_shell", &json!(false)),
        // Helpers of its own making would spend beside the session's sight.
        set("agents.enabled", &json!(false)),
        set("analytics.enabled", &json!(false)),
        set("feedback.enabled", &json!(false)),
        set("otel.exporter", &json!("none")),
        set("otel.metrics_exporter", &json!("none")),
        set("history.persistence", &json!("none")),
        set("shell_environment_policy.inherit", &json!("all")),
        // What it takes for secrets by their names is what `tq` needs.
        set("shell_environment_policy.ignore_default_excludes", &json!(true)),
    ];
    out.extend(FEATURES_OFF.iter().map(|name| set(&format!("features.{name}"), &json!(false))));
    out.extend(server(job));
    if job.own_login.is_none() {
        out.extend(provider(job));
    }
    out
}

fn server(job: &Job) -> Vec<(String, String)> {
    let at = |name: &str| format!("mcp_servers.{MCP_NAME}.{name}");
    // It hands on nothing else of the session's environment but what every program needs.
    let passed_on: Vec<&String> = job.environment.keys().filter(|name| name.starts_with("MI_")).collect();
    vec![
        set(&at("command"), &json!("mi")),
        set(&at("args"), &json!(["mcp"])),
        set(&at("env_vars"), &json!(passed_on)),
        set(&at("startup_timeout_sec"), &json!(MCP_START_SECONDS)),
        set(&at("tool_timeout_sec"), &json!(MCP_CALL_SECONDS)),
    ]
}

fn provider(job: &Job) -> Vec<(String, String)> {
    let Some(model) = &job.grant.model else { return Vec::new() };
    let at = |name: &str| format!("model_providers.{PROVIDER}.{name}");
    vec![
        set("model_provider", &json!(PROVIDER)),
        set(&at("name"), &json!(PROVIDER)),
        set(&at("base_url"), &json!(base_url(job, model))),
        set(&at("wire_api"), &json!("responses")),
        // The session's credential; the settings only name the variable.
        set(&at("env_key"), &json!("MI_API_KEY")),
        set(&at("request_max_retries"), &json!(REQUEST_RETRIES_MAX)),
        set(&at("stream_max_retries"), &json!(STREAM_RETRIES_MAX)),
        set(&at("stream_idle_timeout_ms"), &json!(STREAM_IDLE_MS)),
    ]
}

/// Strings, numbers, truth values and lists of them are written in TOML as in JSON, but for one character.
fn set(name: &str, value: &Value) -> (String, String) {
    (name.to_owned(), value.to_string().replace('\u{7f}', "\\u007f"))
}
