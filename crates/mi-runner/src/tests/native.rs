//! Harness `native` with a scripted model.

use std::sync::Arc;

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{Cause, EndCause, EndSession, ItemKind, SessionGrant};
use serde_json::json;

use super::fake::*;
use crate::ControlError;
use crate::harness::native::model::{Message, ModelError, Turn};

struct Stage {
    folder: tempfile::TempDir,
    fake: Arc<Fake>,
    model: Arc<Scripted>,
}

fn stage(turns: impl IntoIterator<Item = Result<Turn, ModelError>>) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("drive")).unwrap();
    Stage { folder, fake: Fake::new(), model: Scripted::new(turns) }
}

impl Stage {
    async fn play(&self, grant: SessionGrant) -> EndSession {
        self.fake.grant(grant);
        let parts = parts(&self.fake, self.folder.path(), self.model.clone());
        live(parts).await.unwrap();
        self.fake.only_end()
    }

    async fn task(&self) -> EndSession {
        self.play(grant(HarnessKind::Native)).await
    }

    fn acts(&self) -> Vec<String> {
        self.fake.state().acts.clone()
    }
}

fn finish() -> Result<Turn, ModelError> {
    calls("finish", json!({"result": "two weaknesses"}))
}

#[tokio::test]
async fn a_task_is_worked_on_and_finished() {
    let _alone = alone().await;
    let stage = stage([
        calls("write_file", json!({"path": "/shared/files/report.md", "content": "found"})),
        calls("shell", json!({"command": "cat drive/report.md; echo $MI_TASK; echo oops >&2; exit 4"})),
        calls("artifact", json!({"path": "/shared/files/report.md", "label": "report"})),
        calls("create_subtask", json!({"title": "More", "assigned_agent": "bob"})),
        calls("comment", json!({"message": "half way"})),
        finish(),
    ]);
    let end = stage.task().await;
    assert_eq!((end.cause, end.summary.as_str()), (EndCause::Finished, "task 7 is done"));
    assert_eq!(
        stage.acts(),
        [
            r#"artifact {"path":"report.md","label":"report"}"#,
            r#"create {"title":"More","assignedAgent":"bob","parentId":7}"#,
            r#"comment "half way""#,
            r#"update {"status":"done","result":"two weaknesses"}"#,
        ]
    );
    let results = stage.model.results();
    assert_eq!(results[0], "wrote 5 bytes to /shared/files/report.md");
    assert!(results[1].starts_with("exit code: 4\nfound"), "{}", results[1]);
    assert!(results[1].contains('7') && results[1].contains("oops"), "{}", results[1]);
    assert_eq!(stage.fake.texts(ItemKind::Usage).len(), 6);
    assert_eq!(stage.fake.texts(ItemKind::Usage)[0], r#"{"input_tokens":10,"output_tokens":2,"cached_tokens":0}"#);
}

#[tokio::test]
async fn the_prompt_names_agent_task_and_places() {
    let _alone = alone().await;
    let stage = stage([finish()]);
    stage.task().await;
    let heard = stage.model.heard.lock().unwrap().clone();
    let [Message::System(system), Message::User(user)] = heard.as_slice() else { panic!("{heard:?}") };
    assert!(system.contains("Be exact.") && system.contains("only via the tool `finish`"), "{system}");
    expect_test::expect![[r#"
        agent: ada
        task id: 7
        task title: Look at the limiter
        task kind: general

        Find weaknesses.

        Files on the drive:
        - /shared/files/main.go (12 bytes)

        The shared drive is /shared/files; the workspace is your working folder."#]]
    .assert_eq(user);
}

#[tokio::test]
async fn a_model_that_only_says_it_is_done_has_failed() {
    let _alone = alone().await;
    let stage = stage([says("All done!"), says("Really, done."), says("Done.")]);
    let end = stage.task().await;
    assert_eq!(end.cause, EndCause::DidNothing);
    assert_eq!(end.summary, "model stopped without finishing the task; it said last: Done.");
    assert!(stage.acts().is_empty());
    let reminders = stage.fake.texts(ItemKind::Log);
    assert_eq!(reminders.len(), 2, "{reminders:?}");
    assert_eq!(stage.fake.texts(ItemKind::Transcript), ["All done!", "Really, done.", "Done."]);
}

#[tokio::test]
async fn mistakes_go_back_to_the_model() {
    let _alone = alone().await;
    let stage = stage([
        calls("edit_file", json!({"path": "missing.txt", "old": "a", "new": "b"})),
        calls("edit_file", json!({"path": "../../etc/passwd", "old": "a", "new": "b"})),
        calls("edit_file", json!({"path": "a"})),
        calls("fly", json!({})),
        calls("finish", json!("not an object")),
        calls("finish", json!({"result": " "})),
        finish(),
    ]);
    stage.fake.state().desk_faults.push_back(ControlError::refused(400, "result_required", "a result, please"));
    let end = stage.task().await;
    assert_eq!(end.cause, EndCause::Finished);
    let results = stage.model.results();
    let starts = [
        "error: missing.txt: No such file",
        "error: ../../etc/passwd leads out",
        "error: the arguments don't fit the tool: missing field `old`",
        "error: there is no tool \"fly\"; there are shell, read_file",
        "error: the arguments don't fit the tool",
        "error: a result, please (result_required)",
    ];
    assert_eq!(results.len(), starts.len());
    for (result, start) in results.iter().zip(starts) {
        assert!(result.starts_with(start), "{result}");
    }
}

#[tokio::test]
async fn fail_and_block_are_acts_of_the_queue() {
    let _alone = alone().await;
    let failing = stage([calls("fail", json!({"error": "no input"}))]);
    assert_eq!(failing.task().await.summary, "task 7 failed: no input");
    assert_eq!(failing.acts(), [r#"update {"status":"failed","error":"no input"}"#]);
    let blocking = stage([
        calls("block", json!({"reason": "x", "kind": "dependency_failed"})),
        calls("block", json!({"reason": "a key is missing", "kind": "needs_input"})),
    ]);
    assert_eq!(blocking.task().await.summary, "task 7 is blocked: a key is missing");
    assert_eq!(
        blocking.acts(),
        [r#"update {"status":"blocked","reason":"a key is missing","blockedKind":"needs_input"}"#]
    );
    let asking = json!({"reason": "no access", "kind": "needs_integration", "integration": "github"});
    let asking = stage([calls("block", asking)]);
    assert_eq!(asking.task().await.summary, "task 7 is blocked: no access");
    let said = r#"update {"status":"blocked","reason":"no access","blockedKind":"needs_integration","integrationId":"github"}"#;
    assert_eq!(asking.acts(), [said]);
}

#[tokio::test]
async fn a_stale_claim_ends_the_talk() {
    let _alone = alone().await;
    let stage = stage([calls("comment", json!({"message": "x"})), finish()]);
    stage.fake.state().desk_faults.push_back(stale());
    assert_eq!(stage.task().await.cause, EndCause::Stale);
    assert_eq!(stage.acts().len(), 1);
}

#[tokio::test]
async fn open_subtasks_send_the_parent_back_to_wait() {
    let _alone = alone().await;
    let stage = stage([finish()]);
    stage.fake.state().desk_faults.push_back(ControlError::refused(409, "subtasks_open", "subtasks are open"));
    assert_eq!(stage.task().await.summary, "task 7 waits for its subtasks");
}

#[tokio::test]
async fn a_refusing_model_ends_the_session_at_once_and_names_the_cause() {
    let _alone = alone().await;
    let refusal = ModelError::Refused {
        cause: "out_of_credits".into(),
        detail: "status 402: no credits left".into(),
        status: 402,
    };
    let end = stage([Err(refusal), finish()]).task().await;
    assert_eq!(
        (end.cause, end.summary.as_str()),
        (EndCause::OutOfCredits, "out_of_credits: status 402: no credits left")
    );
}

#[tokio::test]
async fn passing_troubles_are_waited_out_a_few_times() {
    let _alone = alone().await;
    let busy = || Err(ModelError::Passing { detail: "status 429".into(), retry_after_s: Some(0), status: Some(429) });
    let patient = stage([busy(), busy(), busy(), finish()]);
    assert_eq!(patient.task().await.cause, EndCause::Finished);
    let hopeless = stage([busy(), busy(), busy(), busy()]);
    let end = hopeless.task().await;
    let summary = "no answer of the model after 4 calls: status 429";
    assert_eq!((end.cause, end.summary.as_str()), (EndCause::RateLimited, summary));
}

#[tokio::test]
async fn a_shell_that_takes_too_long_is_killed_with_its_children() {
    let _alone = alone().await;
    let stage = stage([
        calls("shell", json!({"command": "echo $$ > shell; sleep 1000 & sleep 1000", "timeout_seconds": 1})),
        finish(),
    ]);
    stage.task().await;
    assert!(stage.model.results()[0].starts_with("killed after 1 seconds"), "{:?}", stage.model.results());
}

#[tokio::test]
async fn a_command_left_in_the_background_ends_with_the_session() {
    let _alone = alone().await;
    let line = "sleep 1000 & echo $! > background; echo started";
    let stage = stage([calls("shell", json!({"command": line})), finish()]);
    stage.task().await;
    assert_eq!(stage.model.results()[0], "exit code: 0\nstarted\n");
    let pid = std::fs::read_to_string(stage.folder.path().join("background")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
}

#[tokio::test]
async fn text_is_the_reply_in_a_chat_session() {
    let _alone = alone().await;
    let chat = || SessionGrant { cause: Cause::Message, task: None, attempt: None, ..grant(HarnessKind::Native) };
    let stage = stage([calls("finish", json!({"result": "x"})), says("Fine, thanks.")]);
    stage.fake.state().context = Some(context(Some("owner")));
    let end = stage.play(chat()).await;
    assert_eq!((end.cause, end.summary.as_str()), (EndCause::Finished, "replied to owner"));
    assert_eq!(stage.acts(), [r#"message ["owner","Fine, thanks."]"#]);
    assert_eq!(stage.model.results(), ["error: this session has no task"]);
    let offered = stage.model.offered.lock().unwrap().clone();
    assert_eq!(offered, ["shell", "read_file", "write_file", "edit_file", "list_files", "message", "hire"]);
}

#[tokio::test]
async fn what_was_asked_in_a_group_is_answered_there() {
    let _alone = alone().await;
    let group = "5b7e3c1a-0000-4000-8000-000000000009";
    let said = |id: i64, from: &str, body: &str| json!({"id": id, "from_agent": from, "to_agent": "group", "group_id": group, "body": body, "created_at": 1});
    let mut context = context(Some("owner"));
    let messages = json!([said(1, "ben", "morning"), said(2, "owner", "@ada how far?"), said(3, "eve", "same here")]);
    context["messages"] = messages;
    let stage = stage([says("Nearly done.")]);
    stage.fake.state().context = Some(context);
    stage.play(SessionGrant { cause: Cause::Message, task: None, attempt: None, ..grant(HarnessKind::Native) }).await;
    assert_eq!(stage.acts(), [format!(r#"message ["{group}","Nearly done."]"#)]);
}

#[tokio::test]
async fn who_was_written_to_already_gets_no_second_reply() {
    let _alone = alone().await;
    let stage = stage([calls("message", json!({"to": "owner", "body": "hi"})), says("I have answered.")]);
    stage.fake.state().context = Some(context(Some("owner")));
    stage.play(SessionGrant { cause: Cause::Message, task: None, attempt: None, ..grant(HarnessKind::Native) }).await;
    assert_eq!(stage.acts(), [r#"message ["owner","hi"]"#]);
}

#[tokio::test]
async fn vendor_harnesses_run_on_native_and_say_so() {
    let _alone = alone().await;
    let vendor = stage([finish()]);
    assert_eq!(vendor.play(grant(HarnessKind::OpenaiCodex)).await.cause, EndCause::Finished);
    let log = vendor.fake.texts(ItemKind::Log);
    assert!(log[0].starts_with("openai-codex is not installed; `npm install -g @openai/codex`"), "{log:?}");
    assert_eq!(log[1..], ["this session runs on native in place of openai-codex, with the same model"]);
    let without = stage([]);
    let end = without.play(SessionGrant { model: None, ..grant(HarnessKind::Native) }).await;
    assert_eq!(end.cause, EndCause::NoModelKey);
}

/// What closes the task is said before the model begins, with what was wrong the last time.
#[tokio::test]
async fn a_model_is_told_what_it_is_measured_by() {
    let _alone = alone().await;
    let stage = stage([finish()]);
    let mut told = context(None);
    told["checks"] = json!([
        {"kind": "file", "path": "a.md", "text": "file: a.md", "outcome": null},
        {"kind": "command", "command": "make test", "text": "cmd: make test", "outcome": {"verdict": "failed",
         "detail": "exit code 2, not 0", "exit_code": 2, "output": "1 failed:\nlimiter", "duration_ms": 1,
         "generation": 1, "finished_at": NOW}},
    ]);
    stage.fake.state().context = Some(told);
    stage.task().await;
    let heard = stage.model.heard.lock().unwrap().clone();
    let Some(Message::User(user)) = heard.get(1) else { panic!("{heard:?}") };
    let expected = "\nThe server checks when you finish, and only that closes the task:\n- file: a.md\n\
                    - cmd: make test (FAILED the last time: exit code 2, not 0)\n  1 failed:\n  limiter\n";
    assert!(user.contains(expected), "{user}");
}
