//! Harnesses of vendors' programs, played by small scripts that say what the real ones say.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{Cause, EndCause, EndSession, ItemKind, ModelChoice, SessionGrant, Wire};

use super::fake::*;
use crate::OwnLogin;
use crate::config::Place;
use crate::harness::vendor::Programs;
use crate::life::Parts;

struct Stage {
    folder: tempfile::TempDir,
    fake: Arc<Fake>,
    kind: HarnessKind,
    parts: Parts,
}

/// The program answers `--version` and else runs the script.
fn stage(kind: HarnessKind, version: &str, script: &str) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let text = format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{version}'; exit; fi\n{script}\n");
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let workspace = folder.path().join("workspace");
    fs::create_dir_all(workspace.join("drive")).unwrap();
    let fake = Fake::new();
    let parts = parts(&fake, &workspace, Scripted::new([]));
    let stage = Stage { folder, fake, kind, parts };
    stage.with(|place| place.programs = Arc::new(Programs::new([(kind, program)], None)))
}

fn claude(script: &str) -> Stage {
    stage(HarnessKind::ClaudeCode, "2.1.197 (Claude Code)", script)
}

impl Stage {
    fn with(mut self, change: impl FnOnce(&mut Place)) -> Self {
        let mut place = (*self.parts.place).clone();
        change(&mut place);
        self.parts.place = Arc::new(place);
        self
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.workspace().join(name)).unwrap()
    }

    fn grant(&self) -> SessionGrant {
        let (provider, wire, base_path) = match self.kind {
            HarnessKind::ClaudeCode => ("anthropic", Wire::Anthropic, "/llm/anthropic/v1"),
            HarnessKind::GeminiCli => ("google", Wire::Gemini, "/llm/gemini/v1beta"),
            HarnessKind::OpenaiCodex | HarnessKind::Native | HarnessKind::Command => {
                ("openai", Wire::OpenaiResponses, "/llm/openai/v1")
            }
        };
        let model =
            ModelChoice { provider: provider.into(), model: "scripted".into(), wire, base_path: base_path.into() };
        SessionGrant { model: Some(model), ..grant(self.kind) }
    }

    async fn end(&self) -> EndSession {
        self.play(self.grant()).await
    }

    async fn play(&self, grant: SessionGrant) -> EndSession {
        self.fake.grant(grant);
        live(self.parts.clone()).await.unwrap();
        self.fake.only_end()
    }

    fn log(&self) -> String {
        self.fake.texts(ItemKind::Log).join("\n")
    }
}

/// A script that says these lines.
fn says(lines: &[&str]) -> String {
    format!("cat <<'END'\n{}\nEND", lines.join("\n"))
}

const TEXT: &str = r#"{"type":"assistant","message":{"id":"m1","model":"c","content":[{"type":"text","text":"I look."}],"usage":{"input_tokens":200,"cache_read_input_tokens":1000,"cache_creation_input_tokens":50,"output_tokens":1}}}"#;
const CALL: &str = r#"{"type":"assistant","message":{"id":"m1","model":"c","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"make"}}],"usage":{"input_tokens":200,"cache_read_input_tokens":1000,"cache_creation_input_tokens":50,"output_tokens":40}}}"#;
const GOOD: &str = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"made","is_error":false}]}}"#;
const BAD: &str = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"no rule"}],"is_error":true}]}}"#;
const RESULT: &str = r#"{"type":"result","subtype":"success","is_error":false,"api_error_status":null,"result":"I look.","modelUsage":{"c":{"inputTokens":600,"outputTokens":120,"cacheReadInputTokens":3000,"cacheCreationInputTokens":150}}}"#;

#[tokio::test]
async fn claude_gets_our_settings_the_prompt_and_no_key() {
    let _alone = alone().await;
    let look = "env > env.txt; cat > prompt.txt; echo \"$@\" > args.txt; cp -r $CLAUDE_CONFIG_DIR home; ";
    let stage = claude(&format!("{look}{}", says(&[TEXT, CALL, GOOD, RESULT])));
    let end = stage.end().await;
    let summary = "claude-code ended after 1 tool calls; it said last: I look.";
    assert_eq!((end.cause, end.exit, end.summary.as_str()), (EndCause::Finished, Some(0), summary));
    assert_eq!(end.harness, None);
    let environment = stage.read("env.txt");
    for line in [
        "ANTHROPIC_BASE_URL=http://127.0.0.1:1/llm/anthropic",
        "ANTHROPIC_API_KEY=mis_secret",
        "DISABLE_TELEMETRY=1",
        "DISABLE_AUTOUPDATER=1",
        "IS_SANDBOX=1",
        "MI_TASK=7",
    ] {
        assert!(environment.lines().any(|found| found == line), "{line} is missing in {environment}");
    }
    let args = stage.read("args.txt");
    assert!(args.contains("--model scripted") && args.contains("--strict-mcp-config"), "{args}");
    assert!(!args.contains("mis_secret"), "{args}");
    let prompt = stage.read("prompt.txt");
    assert!(prompt.contains("Finish only by `tq done") && prompt.contains("task id: 7"), "{prompt}");
    assert!(!prompt.contains("`finish`"), "{prompt}");
    let servers = r#"{"mcpServers":{"mitosis":{"command":"mi","args":["mcp"]}}}"#;
    assert_eq!(stage.read("home/mcp.json"), servers);
    assert!(!stage.workspace().join(".mi-home-claude-code").exists());
}

#[tokio::test]
async fn what_claude_says_is_kept_by_kind() {
    let _alone = alone().await;
    let stage = claude(&says(&[TEXT, CALL, GOOD, r#"{"type":"novelty","x":1}"#, "no json", RESULT]));
    stage.end().await;
    assert_eq!(stage.fake.texts(ItemKind::Transcript), ["I look."]);
    assert_eq!(stage.fake.texts(ItemKind::Tool), ["Bash {\"command\":\"make\"}\n→ made"]);
    let usage = r#"{"input_tokens":3750,"output_tokens":120,"cached_tokens":3000,"model":"c","provider":"anthropic"}"#;
    assert_eq!(stage.fake.texts(ItemKind::Usage), [usage]);
    assert_eq!(stage.log(), "claude-code: {\"type\":\"novelty\",\"x\":1}\nno json");
}

#[tokio::test]
async fn each_trouble_of_claude_ends_under_its_name() {
    let _alone = alone().await;
    let failed = |status: &str, sentence: &str| {
        let line = format!(
            r#"{{"type":"result","subtype":"success","is_error":true,"api_error_status":{status},"result":"{sentence}","modelUsage":{{}}}}"#
        );
        format!("{}\nexit 1", says(&[&line]))
    };
    for (script, cause, words) in [
        (failed("401", "Failed to authenticate"), EndCause::Unauthorized, "status 401: Failed to authenticate"),
        (failed("402", "API Error: 402"), EndCause::OutOfCredits, "status 402"),
        (failed("429", "Request rejected"), EndCause::RateLimited, "status 429"),
        (failed("500", "API Error: 500"), EndCause::ProviderFailed, "status 500"),
        (failed("null", "Stream ended without receiving any events"), EndCause::StreamCut, "Stream ended"),
        (says(&[TEXT, RESULT]), EndCause::DidNothing, "without having used a tool; it said last: I look."),
        ("true".to_owned(), EndCause::DidNothing, "and said nothing"),
        ("echo 'it broke' >&2; exit 3".to_owned(), EndCause::Failed, "exited with 3; its last line: it broke"),
    ] {
        let stage = claude(&script);
        let end = stage.end().await;
        assert_eq!(end.cause, cause, "{script}: {}", end.summary);
        assert!(end.summary.starts_with("claude-code") && end.summary.contains(words), "{}", end.summary);
    }
}

#[tokio::test]
async fn a_program_in_a_circle_is_ended() {
    let _alone = alone().await;
    let stage = claude(&format!("{}\nsleep 1000", says(&[CALL, BAD, CALL, BAD])));
    let end = stage.end().await;
    let summary = "the same call failed in the same way 2 times in a row: Bash {\"command\":\"make\"}: no rule";
    assert_eq!((end.cause, end.summary.as_str(), end.signal), (EndCause::Loop, summary, Some(15)));
    let usage = r#"{"input_tokens":1250,"output_tokens":40,"cached_tokens":1000,"model":"c","provider":"anthropic"}"#;
    assert_eq!(stage.fake.texts(ItemKind::Usage), [usage]);
}

/// After `tq done` the gateway answers no more: that is the end of a good session.
#[tokio::test]
async fn a_claim_that_is_over_ends_the_program_well() {
    let _alone = alone().await;
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":2,"error_status":409}"#;
    let stage = claude(&format!("{}\nsleep 1000", says(&[TEXT, CALL, GOOD, retry])));
    let end = stage.end().await;
    let summary = "claude-code ended after 1 tool calls, when its claim was over";
    assert_eq!((end.cause, end.summary.as_str()), (EndCause::Finished, summary));
    let message = r#"[API Error: {\"error\":\"claim 2 is no longer the live one\",\"code\":\"stale_claim\"}]"#;
    let line = format!(r#"{{"type":"result","status":"error","error":{{"message":"{message}"}}}}"#);
    let stage = gemini(&format!("{}\nexit 153", says(&[G_CALL, G_GOOD, &line])));
    assert_eq!(stage.end().await.cause, EndCause::Finished);
    let line = format!(r#"{{"type":"error","severity":"error","message":"{message}"}}"#);
    let stage = gemini(&format!("{}\nsleep 1000", says(&[G_CALL, G_GOOD, &line])));
    assert_eq!(stage.end().await.cause, EndCause::Finished);
    assert!(!stage.fake.texts(ItemKind::Log).join("").contains("stale_claim"));
    // What messages woke was cut short.
    let chat = claude(&format!("{}\nsleep 1000", says(&[TEXT, CALL, GOOD, retry])));
    chat.fake.state().context = Some(context(Some("owner")));
    let grant = SessionGrant { cause: Cause::Message, task: None, attempt: None, ..chat.grant() };
    assert_eq!(chat.play(grant).await.cause, EndCause::Stale);
}

#[tokio::test]
async fn a_program_that_hangs_before_or_after_its_first_word_is_ended() {
    let _alone = alone().await;
    for script in ["sleep 1000".to_owned(), format!("{}\nsleep 1000", says(&[TEXT]))] {
        let stage = claude(&script).with(|place| place.silence_max = Duration::from_millis(300));
        let end = stage.end().await;
        assert_eq!((end.cause, end.signal), (EndCause::HarnessHung, Some(15)), "{script}");
    }
}

/// It can't say anything any more, so it says nothing.
#[tokio::test]
async fn a_program_that_closes_its_output_and_lives_on_is_ended() {
    let _alone = alone().await;
    let script = format!("{}\nexec >&-\nsleep 1000", says(&[TEXT, CALL]));
    let stage = claude(&script).with(|place| place.silence_max = Duration::from_millis(300));
    let end = stage.end().await;
    assert_eq!((end.cause, end.signal), (EndCause::HarnessHung, Some(15)), "{}", end.summary);
    assert!(end.summary.starts_with("closed its output and lived on, for 0 seconds"), "{}", end.summary);
}

/// A program whose first line names node runs on the node that it is given, which is on no search path.
#[tokio::test]
async fn a_script_of_node_runs_on_the_node_that_is_named() {
    let _alone = alone().await;
    for line in ["#!/usr/bin/env node", "#!/usr/bin/env -S node --no-warnings", "#!/nowhere/node"] {
        let stage = claude("");
        let (program, node) = (stage.folder.path().join("script"), stage.folder.path().join("runtime"));
        let version = "if [ \"$2\" = --version ]; then echo 2.1.9; exit; fi";
        for (path, text) in
            [(&program, line), (&node, &format!("#!/bin/sh\n{version}\n{}", says(&[CALL, GOOD, RESULT])))]
        {
            fs::write(path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let given = |node| Arc::new(Programs::new([(HarnessKind::ClaudeCode, program.clone())], node));
        let stage = stage.with(|place| place.programs = given(Some(node.clone())));
        assert_eq!(stage.end().await.cause, EndCause::Finished, "{line}: {}", stage.log());
        let gone = claude("").with(|place| {
            place.environment.insert("PATH".into(), "/nowhere".into());
            place.programs = given(None);
        });
        assert_eq!(gone.end().await.harness, Some(HarnessKind::Native), "{line}");
        assert!(
            gone.log().contains("claude-code is a script of node, which isn't there; MI_NODE says"),
            "{}",
            gone.log()
        );
    }
}

#[tokio::test]
async fn while_a_tool_is_at_work_silence_is_no_hang() {
    let _alone = alone().await;
    let script = format!("{}\nsleep 1\n{}", says(&[CALL]), says(&[GOOD, RESULT]));
    let stage = claude(&script).with(|place| place.silence_max = Duration::from_millis(300));
    assert_eq!(stage.end().await.cause, EndCause::Finished);
}

#[tokio::test]
async fn without_its_program_or_with_an_old_one_it_runs_on_native() {
    let _alone = alone().await;
    let missing = claude("").with(|place| place.programs = Arc::default());
    let end = missing.end().await;
    assert_eq!(end.harness, Some(HarnessKind::Native));
    let log = missing.log();
    assert!(log.contains("claude-code is not installed; `npm install -g @anthropic-ai/claude-code`"), "{log}");
    assert!(log.contains("this session runs on native in place of claude-code"), "{log}");
    let lost = Programs::new([(HarnessKind::ClaudeCode, "/nowhere/claude".into())], None);
    let lost = claude("").with(|place| place.programs = Arc::new(lost));
    assert_eq!(lost.end().await.harness, Some(HarnessKind::Native));
    let log = lost.log();
    assert!(log.contains("MI_CLAUDE_CODE names /nowhere/claude, which can't be read"), "{log}");
    assert!(!log.contains("npm install"), "{log}");
    let old = stage(HarnessKind::ClaudeCode, "1.0.3 (Claude Code)", "exit 1");
    assert_eq!(old.end().await.harness, Some(HarnessKind::Native));
    assert!(old.log().contains("claude-code is version 1.0.3, older than 2.1"), "{}", old.log());
    let foreign = claude("exit 1");
    let model = ModelChoice { wire: Wire::OpenaiChat, ..foreign.grant().model.unwrap() };
    let end = foreign.play(SessionGrant { model: Some(model), ..foreign.grant() }).await;
    assert_eq!(end.harness, Some(HarnessKind::Native));
}

#[tokio::test]
async fn an_untested_version_is_used_and_said() {
    let _alone = alone().await;
    let stage = stage(HarnessKind::ClaudeCode, "9.0.0", &says(&[TEXT, CALL, GOOD, RESULT]));
    assert_eq!(stage.end().await.cause, EndCause::Finished);
    assert!(stage.log().contains("claude-code is version 9.0.0; we worked with 2.1"), "{}", stage.log());
}

#[tokio::test]
async fn without_any_model_the_name_says_so() {
    let _alone = alone().await;
    let stage = claude("");
    let end = stage.play(SessionGrant { model: None, ..stage.grant() }).await;
    assert_eq!(end.cause, EndCause::NoModelKey);
}

#[tokio::test]
async fn its_last_text_answers_a_message_once() {
    let _alone = alone().await;
    let chat = |stage: &Stage| SessionGrant { cause: Cause::Message, task: None, attempt: None, ..stage.grant() };
    let quiet = claude(&says(&[TEXT, RESULT]));
    quiet.fake.state().context = Some(context(Some("owner")));
    let end = quiet.play(chat(&quiet)).await;
    assert_eq!((end.cause, end.summary.as_str()), (EndCause::Finished, "replied to owner"));
    assert_eq!(quiet.fake.state().acts, [r#"message ["owner","I look."]"#]);
    let sent = CALL.replace("make", "tq send owner 'I look'");
    let busy = claude(&says(&[&sent, GOOD, TEXT, RESULT]));
    busy.fake.state().context = Some(context(Some("owner")));
    assert_eq!(busy.play(chat(&busy)).await.summary, "the talk with owner is over");
    assert!(busy.fake.state().acts.is_empty());
}

#[tokio::test]
async fn a_colleague_who_asks_everybody_is_answered() {
    let _alone = alone().await;
    for (from, summary) in
        [("user:eve", "replied to 7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5d"), ("bob", "there was no message to answer")]
    {
        let stage = claude(&says(&[TEXT, RESULT]));
        let mut told = context(Some(from));
        told["messages"][0]["group_id"] = "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5d".into();
        told["messages"][0]["body"] = "@all how are you?".into();
        stage.fake.state().context = Some(told);
        let grant = SessionGrant { cause: Cause::Message, task: None, attempt: None, ..stage.grant() };
        assert_eq!(stage.play(grant).await.summary, summary, "{from}");
    }
}

/// A secret that a cut goes through is not known any more, and half of it would stay.
#[tokio::test]
async fn what_is_secret_goes_before_anything_is_cut() {
    let _alone = alone().await;
    let secret = "hunter2-hunter2-hunter2-hunter2";
    let text = format!("{}{secret}{}", "x".repeat(1_010), "y".repeat(5_000));
    let answer = GOOD.replace("made", &text);
    let last = TEXT.replace("I look.", &format!("{}{secret}", "z".repeat(70)));
    let stage = claude(&says(&[CALL, &answer, &last, RESULT]));
    stage.fake.state().env.insert("DEPLOY_TOKEN".into(), secret.into());
    let end = stage.end().await;
    let said = [stage.fake.texts(ItemKind::Tool).join(""), end.summary].join("\n");
    assert!(said.contains("DEPLOY_TOKEN") && !said.contains("hunter2"), "{said}");
    // The reason for which a loop is ended shows the beginnings of both.
    let text = format!("{}{secret}", "x".repeat(70));
    let (call, bad) = (CALL.replace("make", &text), BAD.replace("no rule", &text));
    let stage = claude(&format!("{}\nsleep 1000", says(&[&call, &bad, &call, &bad])));
    stage.fake.state().env.insert("DEPLOY_TOKEN".into(), secret.into());
    let end = stage.end().await;
    assert_eq!(end.cause, EndCause::Loop);
    let said = [stage.log(), end.summary].join("\n");
    assert!(!said.contains("hunter2"), "{said}");
}

/// One text answers one of them: the others are named to the model, and in the summary where it forgot them.
#[tokio::test]
async fn everybody_who_asked_can_be_answered() {
    let _alone = alone().await;
    let sent = CALL.replace("make", "tq send ben 'done'");
    for (lines, summary) in [
        (vec![&*sent, GOOD, TEXT, RESULT], "replied to owner; not answered: 7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5d"),
        (vec![TEXT, RESULT], "replied to owner; not answered: ben, 7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5d"),
    ] {
        let stage = claude(&format!("cat > prompt.txt\n{}", says(&lines)));
        let mut told = context(Some("owner"));
        let message = |id: i64, from: &str| serde_json::json!({"id": id, "from_agent": from, "to_agent": "ada", "body": "@ada how far?", "created_at": id});
        let mut in_group = message(3, "eve");
        in_group["group_id"] = "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5d".into();
        told["messages"] = vec![message(1, "owner"), message(2, "ben"), in_group, message(4, "owner")].into();
        stage.fake.state().context = Some(told);
        let grant = SessionGrant { cause: Cause::Message, task: None, attempt: None, ..stage.grant() };
        assert_eq!(stage.play(grant).await.summary, summary);
        assert_eq!(stage.fake.state().acts, [r#"message ["owner","I look."]"#]);
        let prompt = stage.read("prompt.txt");
        let line = "\nYour last text goes to owner alone. Answer these yourself, by `tq send NAME TEXT`: ben, \
                    7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5d.\n";
        assert!(prompt.contains(line), "{prompt}");
    }
}

#[tokio::test]
async fn models_that_a_program_makes_up_are_few_and_short() {
    let _alone = alone().await;
    let used = r#"{"inputTokens":1,"outputTokens":1}"#;
    let models: Vec<String> = (0..40).map(|n| format!(r#""{n}{}":{used}"#, "m".repeat(300))).collect();
    let result = format!(r#"{{"type":"result","is_error":false,"modelUsage":{{{}}}}}"#, models.join(","));
    let stage = claude(&says(&[CALL, GOOD, &result]));
    stage.end().await;
    let usage = stage.fake.texts(ItemKind::Usage);
    assert_eq!(usage.len(), 16);
    assert!(usage.iter().all(|one| one.len() < 400), "{usage:?}");
}

#[tokio::test]
async fn with_ones_own_login_no_gateway_is_named_and_usage_is_marked() {
    let _alone = alone().await;
    let script = format!("env > env.txt\n{}", says(&[TEXT, CALL, GOOD, RESULT]));
    let variables = [("HOME".to_owned(), "/home/me".to_owned()), ("ANTHROPIC_API_KEY".to_owned(), "sk-own".to_owned())];
    let login = OwnLogin { variables: variables.into() };
    let stage = claude(&script).with(|place| place.own_login = Some(login));
    let led = ["ANTHROPIC_BASE_URL", "HTTPS_PROXY", "NODE_OPTIONS", "CLAUDE_CODE_USE_BEDROCK", "OF_THE_OFFICE"];
    stage.fake.state().env.extend(led.map(|name| (name.to_owned(), "1".to_owned())));
    assert_eq!(stage.end().await.cause, EndCause::Finished);
    let environment = stage.read("env.txt");
    let has = |line: &str| environment.lines().any(|found| found == line);
    assert!(has("HOME=/home/me") && has("ANTHROPIC_API_KEY=sk-own"), "{environment}");
    assert!(!environment.contains("ANTHROPIC_BASE_URL"), "{environment}");
    for name in ["HTTPS_PROXY", "NODE_OPTIONS", "CLAUDE_CODE_USE_BEDROCK"] {
        assert!(!environment.contains(name), "{environment}");
    }
    assert!(has("OF_THE_OFFICE=1"), "{environment}");
    let without = claude(&format!("echo \"$@\" > args.txt\n{}", says(&[TEXT, CALL, GOOD, RESULT])));
    let without = without.with(|place| place.own_login = Some(OwnLogin { variables: Default::default() }));
    let end = without.play(SessionGrant { model: None, ..without.grant() }).await;
    assert_eq!(end.cause, EndCause::Finished, "the program's own choice of a model will do");
    assert!(!without.read("args.txt").contains("--model"));
    let usage = stage.fake.texts(ItemKind::Usage);
    assert!(usage[0].ends_with(r#""provider":"anthropic","subscription":true}"#), "{usage:?}");
}

fn gemini(script: &str) -> Stage {
    stage(HarnessKind::GeminiCli, "0.61.0", script)
}

const G_TEXT: &str = r#"{"type":"message","role":"assistant","content":"I look","delta":true}
{"type":"message","role":"assistant","content":" 0.","delta":true}"#;
const G_CALL: &str =
    r#"{"type":"tool_use","tool_name":"run_shell_command","tool_id":"t1","parameters":{"command":"make"}}"#;
const G_GOOD: &str = r#"{"type":"tool_result","tool_id":"t1","status":"success","output":"made"}"#;
const G_RESULT: &str = r#"{"type":"result","status":"success","stats":{"models":{"g":{"total_tokens":3735,"input_tokens":3600,"output_tokens":120,"cached":3000}}}}"#;

#[tokio::test]
async fn gemini_gets_our_settings_and_no_proxy() {
    let _alone = alone().await;
    let script = format!(
        "env > env.txt; cp -r $GEMINI_CLI_HOME home; cat > prompt.txt\n{}",
        says(&[G_TEXT, G_CALL, G_GOOD, G_RESULT])
    );
    let stage = gemini(&script);
    stage.fake.state().env.insert("HTTPS_PROXY".into(), "http://127.0.0.1:9".into());
    fs::create_dir(stage.workspace().join(".gemini")).unwrap();
    fs::write(stage.workspace().join(".gemini/settings.json"), "{}").unwrap();
    fs::write(stage.workspace().join(".gemini/.env"), "GEMINI_SYSTEM_MD=mine.md").unwrap();
    // Where it goes to stands a folder.
    fs::create_dir_all(stage.workspace().join(".gemini/settings.json.set-aside/full")).unwrap();
    assert_eq!(stage.end().await.cause, EndCause::Finished);
    let environment = stage.read("env.txt");
    for line in ["GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:1/llm/gemini", "GEMINI_API_KEY=mis_secret"] {
        assert!(environment.lines().any(|found| found == line), "{line} is missing in {environment}");
    }
    assert!(!environment.contains("HTTPS_PROXY"), "{environment}");
    let settings = stage.read("home/.gemini/settings.json");
    assert!(settings.contains(r#""MI_API_KEY":"$MI_API_KEY""#) && !settings.contains("mis_secret"), "{settings}");
    assert!(settings.contains(r#""advanced":{"ignoreLocalEnv":true}"#), "{settings}");
    for name in [".gemini/settings.json", ".gemini/.env"] {
        assert!(!stage.workspace().join(name).exists(), "{name}");
    }
    assert_eq!(stage.read(".gemini/.env.set-aside"), "GEMINI_SYSTEM_MD=mine.md");
    assert!(stage.read("prompt.txt").contains("task id: 7"));
    assert_eq!(stage.fake.texts(ItemKind::Transcript), ["I look 0."]);
    assert_eq!(stage.fake.texts(ItemKind::Tool), ["run_shell_command {\"command\":\"make\"}\n→ made"]);
    let usage = r#"{"input_tokens":3600,"output_tokens":135,"cached_tokens":3000,"model":"g","provider":"google"}"#;
    assert_eq!(stage.fake.texts(ItemKind::Usage), [usage]);
}

#[tokio::test]
async fn a_workspace_that_says_nonsense_doesnt_hinder_gemini() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    // As the real one: settings that it can't read are in its way even when it is only asked for its version.
    let script = "[ \"$1\" = --version ] && [ ! -e .gemini ] && [ ! -e \"$HOME/.gemini\" ] && echo 0.61.0";
    let said = says(&[G_TEXT, G_CALL, G_GOOD, G_RESULT]);
    fs::write(&program, format!("#!/bin/sh\nif [ \"$1\" = --version ]; then {script}; exit; fi\n{said}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let programs = Arc::new(Programs::new([(HarnessKind::GeminiCli, program)], None));
    let stage = gemini("").with(|place| place.programs = programs);
    fs::write(stage.workspace().join(".gemini"), "no folder").unwrap();
    let end = stage.end().await;
    assert_eq!((end.cause, end.harness), (EndCause::Finished, None), "{}", stage.log());
    assert_eq!(stage.read(".gemini.set-aside"), "no folder");
}

#[tokio::test]
async fn each_trouble_of_gemini_ends_under_its_name() {
    let _alone = alone().await;
    let failed = |message: &str, exit: i32| {
        let message = serde_json::to_string(message).unwrap();
        let line = format!(
            r#"{{"type":"result","status":"error","error":{{"type":"unknown","message":{message}}},"stats":{{"models":{{}}}}}}"#
        );
        format!("{}\nexit {exit}", says(&[&line]))
    };
    let cut = r#"{"type":"error","severity":"error","message":"Model stream ended without a finish reason."}"#;
    let looped = r#"{"type":"error","severity":"warning","message":"Loop detected, stopping execution"}"#;
    let silent = r#"{"type":"result","status":"error","stats":{"models":{}}}"#;
    for (script, cause) in [
        (failed(r#"[API Error: {"error":{"message":"bad key","code":401}}]"#, 1), EndCause::Unauthorized),
        (failed("[API Error: nothing left]", 146), EndCause::OutOfCredits),
        (failed(r#"[API Error: {"error":"x","code":"out_of_credits"}]"#, 1), EndCause::OutOfCredits),
        (failed("[API Error: slow down]", 173), EndCause::RateLimited),
        (failed(r#"[API Error: {"error":{"code":503}}]"#, 1), EndCause::ProviderFailed),
        (says(&[cut, silent]), EndCause::StreamCut),
        (says(&[looped, G_RESULT]), EndCause::Loop),
        ("echo 'Invalid auth method selected.' >&2; exit 41".to_owned(), EndCause::Failed),
        (says(&[G_TEXT, G_RESULT]), EndCause::DidNothing),
    ] {
        let stage = gemini(&script);
        let end = stage.end().await;
        assert_eq!(end.cause, cause, "{script}: {}", end.summary);
    }
}
