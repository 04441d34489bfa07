//! The state machine walked through the API: every status × everything that can happen to a task.

use expect_test::expect;
use serde_json::{Value, json};

use super::{claim, patch, token, with_two};
use crate::testing::{TestHouse, TestOffice};

/// Where a task stands, with how it got there.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    Queued,
    Claimed,
    Running,
    Blocked,
    Done,
    Pending,
    Failed,
    Cancelled,
}

const STANDINGS: [Standing; 8] = [
    Standing::Queued,
    Standing::Claimed,
    Standing::Running,
    Standing::Blocked,
    Standing::Done,
    Standing::Pending,
    Standing::Failed,
    Standing::Cancelled,
];

/// What happens to it, and who does it: the claimer with its claim, else an operator, else time.
const HAPPENINGS: [&str; 22] = [
    "claim",
    "start",
    "log",
    "renew",
    "done",
    "done without result",
    "failed",
    "blocked",
    "released",
    "lapse",
    "unblocked",
    "comment",
    "edit",
    "accept",
    "reject",
    "reject silently",
    "cancel",
    "retry",
    "subtask",
    "dependency fails",
    "fire the holder",
    "late result",
];

/// The task under test; 2 is what it can be made to wait for.
const TASK: i64 = 1;

struct Stage<'a> {
    office: TestOffice<'a>,
    /// The claim that holds the task, or held it last.
    held: Value,
}

async fn stage(house: &TestHouse, standing: Standing) -> Stage<'_> {
    let office = with_two(house).await;
    office.task(json!({"title": "under test"})).await;
    let mut held = Value::Null;
    if standing == Standing::Pending {
        office.call("PATCH", "/settings", json!({"requireVerification": ["general"]})).await.ok();
    }
    if standing != Standing::Queued {
        held = claim(&office, "ada").await.unwrap();
    }
    let body = match standing {
        Standing::Queued | Standing::Claimed => Value::Null,
        Standing::Running => json!({"status": "running"}),
        Standing::Blocked => json!({"status": "blocked", "reason": "stuck", "blockedKind": "needs_input"}),
        Standing::Done | Standing::Pending => json!({"status": "done", "result": "r"}),
        Standing::Failed => json!({"status": "failed", "error": "e"}),
        Standing::Cancelled => json!({"status": "cancelled"}),
    };
    if !body.is_null() {
        patch(&office, &held, body).await.ok();
    }
    Stage { office, held }
}

impl Stage<'_> {
    async fn as_claimer(&self, method: &str, rest: &str, body: Value) -> crate::testing::TestReply {
        let path = format!("/tasks/{TASK}{rest}");
        match &self.held {
            Value::Null => self.office.call(method, &path, body).await,
            held => self.office.call_as(&self.office.house.with_claim(token(held)), method, &path, body).await,
        }
    }

    async fn as_operator(&self, method: &str, rest: &str, body: Value) -> crate::testing::TestReply {
        self.office.call(method, &format!("/tasks/{TASK}{rest}"), body).await
    }

    /// Makes it happen; gives the code of a refusal.
    async fn happen(&self, what: &str) -> Option<String> {
        let reply = match what {
            "claim" => self.office.call("POST", "/tasks/claim", json!({"agent": "bob", "taskId": TASK})).await,
            "start" => self.as_claimer("PATCH", "", json!({"status": "running"})).await,
            "log" => self.as_claimer("POST", "/log", json!({"message": "working"})).await,
            "renew" => self.as_claimer("POST", "/renew", Value::Null).await,
            "done" => self.as_claimer("PATCH", "", json!({"status": "done", "result": "another"})).await,
            "done without result" => self.as_claimer("PATCH", "", json!({"status": "done"})).await,
            "failed" => self.as_claimer("PATCH", "", json!({"status": "failed", "error": "no"})).await,
            "blocked" => self.as_claimer("PATCH", "", json!({"status": "blocked", "reason": "no"})).await,
            "released" => self.as_claimer("PATCH", "", json!({"status": "queued"})).await,
            "unblocked" => self.as_operator("PATCH", "", json!({"status": "queued"})).await,
            "comment" => self.as_operator("POST", "/comments", json!({"message": "the answer"})).await,
            "edit" => self.as_operator("PATCH", "", json!({"title": "other"})).await,
            "accept" => self.as_operator("POST", "/verify", json!({"accepted": true})).await,
            "reject" => self.as_operator("POST", "/verify", json!({"accepted": false, "comments": "no"})).await,
            "reject silently" => self.as_operator("POST", "/verify", json!({"accepted": false})).await,
            "cancel" => self.as_operator("POST", "/cancel", json!({})).await,
            "retry" => self.as_operator("POST", "/retry", json!({})).await,
            "subtask" => self.office.call("POST", "/tasks", json!({"title": "part", "parentId": TASK})).await,
            "fire the holder" => self.office.call("DELETE", "/employees/ada", Value::Null).await,
            "lapse" => {
                self.office.house.advance(121_000).await;
                return None;
            }
            "dependency fails" => return self.dependency_fails().await,
            "late result" => return self.late_result().await,
            other => panic!("{other} can't happen"),
        };
        (reply.status >= 400).then(|| reply.json["code"].as_str().unwrap().to_owned())
    }

    /// Something that the task is made to wait for fails.
    async fn dependency_fails(&self) -> Option<String> {
        let other = self.office.task(json!({"title": "needed", "priority": 0})).await;
        let edit = self.as_operator("PATCH", "", json!({"dependsOn": other})).await;
        let needed = self.office.call("POST", "/tasks/claim", json!({"agent": "bob", "taskId": other})).await.ok();
        patch(&self.office, &needed, json!({"status": "failed", "error": "no"})).await.ok();
        (edit.status >= 400).then(|| edit.json["code"].as_str().unwrap().to_owned())
    }

    /// A claim is lost, its holder reports nevertheless, and an operator accepts that.
    async fn late_result(&self) -> Option<String> {
        if self.held.is_null() {
            return Some("no claim".to_owned());
        }
        self.office.house.advance(121_000).await;
        let told = self.as_claimer("PATCH", "", json!({"status": "done", "result": "late"})).await;
        let code = told.json["code"].as_str().unwrap_or_default().to_owned();
        let accepted = self.as_operator("POST", "/late-results/1/accept", json!({})).await;
        let accepted = accepted.json["code"].as_str().unwrap_or("accepted").to_owned();
        Some(format!("{code}, {accepted}"))
    }
}

async fn cell(standing: Standing, what: &str) -> String {
    let house = TestHouse::new().await;
    let stage = stage(&house, standing).await;
    let refused = stage.happen(what).await;
    let task = stage.office.get_task(TASK).await;
    let verification = match task["verification"].as_str().unwrap() {
        "none" => String::new(),
        other => format!("+{other}"),
    };
    let refused = refused.map_or_else(String::new, |code| format!(" ({code})"));
    let shown = format!("{}{verification}{refused}", task["status"].as_str().unwrap());
    house.close().await;
    shown
}

async fn walk(standing: Standing) -> String {
    let mut rows = String::new();
    for what in HAPPENINGS {
        rows += &format!("{what}: {}\n", cell(standing, what).await);
    }
    rows
}

/// One test for each status, so that they run beside each other.
macro_rules! walks {
    ($($name:ident: $standing:ident => $expected:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            $expected.assert_eq(&walk(Standing::$standing).await);
        })*

        #[test]
        fn every_standing_is_walked() {
            assert_eq!(STANDINGS.to_vec(), vec![$(Standing::$standing),*]);
        }
    };
}

walks! {
    what_can_happen_to_a_queued_task: Queued => expect![[r#"
        claim: claimed
        start: queued (illegal_transition)
        log: queued
        renew: queued (not_the_claimer)
        done: queued (illegal_transition)
        done without result: queued (result_required)
        failed: queued (illegal_transition)
        blocked: queued (illegal_transition)
        released: queued (illegal_transition)
        lapse: queued
        unblocked: queued (illegal_transition)
        comment: queued
        edit: queued
        accept: queued (illegal_transition)
        reject: queued (illegal_transition)
        reject silently: queued (illegal_transition)
        cancel: cancelled
        retry: queued (illegal_transition)
        subtask: queued
        dependency fails: blocked
        fire the holder: queued
        late result: queued (no claim)
    "#]];
    what_can_happen_to_a_claimed_task: Claimed => expect![[r#"
        claim: claimed (illegal_transition)
        start: running
        log: running
        renew: running
        done: done
        done without result: claimed (result_required)
        failed: failed
        blocked: blocked
        released: queued
        lapse: queued
        unblocked: queued
        comment: claimed
        edit: claimed (task_held)
        accept: claimed (illegal_transition)
        reject: claimed (illegal_transition)
        reject silently: claimed (illegal_transition)
        cancel: cancelled
        retry: claimed (illegal_transition)
        subtask: queued
        dependency fails: claimed (task_held)
        fire the holder: queued
        late result: done (stale_claim, accepted)
    "#]];
    what_can_happen_to_a_running_task: Running => expect![[r#"
        claim: running (illegal_transition)
        start: running
        log: running
        renew: running
        done: done
        done without result: running (result_required)
        failed: failed
        blocked: blocked
        released: queued
        lapse: queued
        unblocked: queued
        comment: running
        edit: running (task_held)
        accept: running (illegal_transition)
        reject: running (illegal_transition)
        reject silently: running (illegal_transition)
        cancel: cancelled
        retry: running (illegal_transition)
        subtask: queued
        dependency fails: running (task_held)
        fire the holder: queued
        late result: done (stale_claim, accepted)
    "#]];
    what_can_happen_to_a_blocked_task: Blocked => expect![[r#"
        claim: blocked (illegal_transition)
        start: blocked (stale_claim)
        log: blocked (stale_claim)
        renew: blocked (stale_claim)
        done: blocked (stale_claim)
        done without result: blocked (stale_claim)
        failed: blocked (stale_claim)
        blocked: blocked (stale_claim)
        released: blocked (stale_claim)
        lapse: blocked
        unblocked: queued
        comment: queued
        edit: blocked
        accept: blocked (illegal_transition)
        reject: blocked (illegal_transition)
        reject silently: blocked (illegal_transition)
        cancel: cancelled
        retry: blocked (illegal_transition)
        subtask: blocked
        dependency fails: blocked
        fire the holder: blocked
        late result: done (stale_claim, accepted)
    "#]];
    what_can_happen_to_a_done_task: Done => expect![[r#"
        claim: done (illegal_transition)
        start: done (stale_claim)
        log: done (stale_claim)
        renew: done (stale_claim)
        done: done (stale_claim)
        done without result: done (stale_claim)
        failed: done (stale_claim)
        blocked: done (stale_claim)
        released: done (stale_claim)
        lapse: done
        unblocked: done (illegal_transition)
        comment: done
        edit: done
        accept: done+accepted
        reject: queued
        reject silently: done (reason_required)
        cancel: done (illegal_transition)
        retry: done (illegal_transition)
        subtask: queued
        dependency fails: done (bad_request)
        fire the holder: done
        late result: done (stale_claim, illegal_transition)
    "#]];
    what_can_happen_to_an_unjudged_task: Pending => expect![[r#"
        claim: done+pending (illegal_transition)
        start: done+pending (stale_claim)
        log: done+pending (stale_claim)
        renew: done+pending (stale_claim)
        done: done+pending (stale_claim)
        done without result: done+pending (stale_claim)
        failed: done+pending (stale_claim)
        blocked: done+pending (stale_claim)
        released: done+pending (stale_claim)
        lapse: done+pending
        unblocked: done+pending (illegal_transition)
        comment: done+pending
        edit: done+pending
        accept: done+accepted
        reject: queued
        reject silently: done+pending (reason_required)
        cancel: done+pending (illegal_transition)
        retry: done+pending (illegal_transition)
        subtask: queued
        dependency fails: done+pending (bad_request)
        fire the holder: done+pending
        late result: done+pending (stale_claim, illegal_transition)
    "#]];
    what_can_happen_to_a_failed_task: Failed => expect![[r#"
        claim: failed (illegal_transition)
        start: failed (stale_claim)
        log: failed (stale_claim)
        renew: failed (stale_claim)
        done: failed (stale_claim)
        done without result: failed (stale_claim)
        failed: failed (stale_claim)
        blocked: failed (stale_claim)
        released: failed (stale_claim)
        lapse: failed
        unblocked: failed (illegal_transition)
        comment: failed
        edit: failed
        accept: failed (illegal_transition)
        reject: failed (illegal_transition)
        reject silently: failed (illegal_transition)
        cancel: failed (illegal_transition)
        retry: queued
        subtask: queued
        dependency fails: failed (bad_request)
        fire the holder: failed
        late result: done (stale_claim, accepted)
    "#]];
    what_can_happen_to_a_cancelled_task: Cancelled => expect![[r#"
        claim: cancelled (illegal_transition)
        start: cancelled (stale_claim)
        log: cancelled (stale_claim)
        renew: cancelled (stale_claim)
        done: cancelled (stale_claim)
        done without result: cancelled (stale_claim)
        failed: cancelled (stale_claim)
        blocked: cancelled (stale_claim)
        released: cancelled (stale_claim)
        lapse: cancelled
        unblocked: cancelled (illegal_transition)
        comment: cancelled
        edit: cancelled
        accept: cancelled (illegal_transition)
        reject: cancelled (illegal_transition)
        reject silently: cancelled (illegal_transition)
        cancel: cancelled (illegal_transition)
        retry: queued
        subtask: cancelled (parent_cancelled)
        dependency fails: cancelled (bad_request)
        fire the holder: cancelled
        late result: done (stale_claim, accepted)
    "#]];
}
