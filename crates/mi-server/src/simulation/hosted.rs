//! Agents in pods: their runners, and what a harness does with its session's credential.

use mi_core::ids::TaskId;
use mi_core::wire::runner::SessionGrant;
use serde_json::{Value, json};
use testkit::history::{Ask, Ending, Said, Write};

use super::world::{HOSTED, Held, Request, World, code, created, given, other, remember, yes};
use crate::testing::{FakeRunner, TestReply};

impl<'a> World<'a> {
    pub(super) async fn run_a_runner(&mut self) {
        let name = *self.chance().pick(&HOSTED).unwrap();
        let Some((mut runner, grant)) = self.runners.remove(name) else { return self.new_runner(name).await };
        match grant {
            None => {
                let (grant, reply) = self.next(&mut runner).await;
                self.keep_runner(name, runner, grant, &reply).await;
            }
            Some(grant) if self.chance().one_in(2) => {
                self.harness(&runner, &grant).await;
                self.runners.insert(name, (runner, Some(grant)));
            }
            Some(grant) => {
                let (grant, reply) = self.report_of(&runner, grant).await;
                self.keep_runner(name, runner, grant, &reply).await;
            }
        }
    }

    async fn next(&mut self, runner: &mut FakeRunner<'a>) -> (Option<SessionGrant>, TestReply) {
        let begun = self.state.recorder.begin(1, Ask::Claim { agent: runner.name.clone() });
        let reply = runner.next(0).await;
        self.state.log.push(format!("runner {} asks → {} {}", runner.name, reply.status, code(&reply)));
        if self.chance().one_in(3) && reply.status == 200 {
            let again = runner.next_again(0).await;
            let (one, two) = (&reply.json["session"]["id"], &again.json["session"]["id"]);
            assert_eq!(one, two, "the same question, the same session\n{}", self.told());
        }
        let no = || Said::No { status: reply.status, code: code(&reply).to_owned() };
        begun.end(if reply.status < 300 { given(&reply) } else { no() });
        (reply.json.get("session").cloned().and_then(|s| serde_json::from_value(s).ok()), reply)
    }

    /// What the runner itself says of its session.
    async fn report_of(&mut self, runner: &FakeRunner<'a>, grant: SessionGrant) -> (Option<SessionGrant>, TestReply) {
        let held = grant.task.map(|task| Held { task: task.0, token: grant.token });
        let (write, end) = match self.chance().below(8) {
            0..=2 => (Write::Done("by a runner".to_owned()), None),
            3 => (Write::Renew, None),
            4 => (Write::Start, None),
            5 => (Write::Release, Some("drain")),
            6 => (Write::Release, Some("failed")),
            _ => (Write::Release, Some("finished")),
        };
        let ask = match &held {
            // The end of a session ends the claim if it is still held, and is fine if it isn't.
            Some(held) if end.is_some() => other("the end of a session", Ending::ClaimOf(TaskId(held.task))),
            Some(held) => Self::write_ask(held, write.clone()),
            None => other("a session without a task", Ending::Nothing),
        };
        let begun = self.state.recorder.begin(1, ask);
        let reply = match (&write, end) {
            (_, Some(cause)) => runner.end(&grant, cause).await,
            (Write::Done(result), None) if held.is_some() => runner.done(&grant, result).await,
            (Write::Start, None) => runner.log(&grant, 0, &["a line"]).await,
            (_, None) => runner.beat(&grant).await,
        };
        self.state.log.push(format!("runner {}: {write:?} {end:?} → {} {}", runner.name, reply.status, code(&reply)));
        assert!(reply.status < 500, "{reply:?}");
        // A beat is no news of the task if that has its outcome already.
        let settled = end.is_none() && !matches!(write, Write::Done(_));
        begun.end(match reply.status {
            200..300 if settled && !self.may_hold(&held).await => Said::Nothing,
            200..300 => Said::Yes,
            status => Said::No { status, code: code(&reply).to_owned() },
        });
        if let (Write::Done(_), 200, Some(held)) = (&write, reply.status, &held) {
            self.state.done.push((runner.name.clone(), held.task));
        }
        if end.is_some() {
            remember(self.state, &grant);
            return (None, reply);
        }
        (Some(grant), reply)
    }

    /// Whether the session's claim is live, so that what its runner said was said of the task.
    async fn may_hold(&self, held: &Option<Held>) -> bool {
        match held {
            Some(held) => self.is_live(held).await,
            None => false,
        }
    }

    /// A program with the session's credential: it splits its task, judges others' work, writes and asks.
    async fn harness(&mut self, runner: &FakeRunner<'a>, grant: &SessionGrant) {
        let Some(own) = grant.task else { return };
        let (speaker, id) = (runner.harness(grant), self.any_to_judge(&runner.name));
        let (task, text) = (TaskId(id), format!("word {}", self.chance().next()));
        let held = Held { task: own.0, token: grant.token };
        let comment = Write::Comment(text.clone());
        let (ask, path, body): (Ask, String, Value) = match self.chance().below(8) {
            0 => {
                let body = json!({"title": text.clone(), "parentId": own});
                (Ask::Create { title: text, parent: Some(own) }, "/tasks".to_owned(), body)
            }
            1 => (Ask::Create { title: text.clone(), parent: None }, "/tasks".to_owned(), json!({"title": text})),
            2 => (Ask::Verify { task, accepted: true }, format!("/tasks/{id}/verify"), json!({"accepted": true})),
            3 => {
                let body = json!({"accepted": false, "comments": text});
                (Ask::Verify { task, accepted: false }, format!("/tasks/{id}/verify"), body)
            }
            4 => (Ask::Retry { task }, format!("/tasks/{id}/retry"), json!({"reason": text})),
            5 => {
                let body = json!({"to": HOSTED[usize::from(runner.name == HOSTED[0])], "content": text});
                (other("a message", Ending::Nothing), "/messages/send".to_owned(), body)
            }
            _ => (Self::write_ask(&held, comment), format!("/tasks/{own}/comments"), json!({"message": text})),
        };
        let said = if path == "/tasks" { created } else { yes };
        self.ask(ask, Request { speaker, method: "POST", path, body }, said).await;
        self.count_tasks().await;
    }

    /// Any task, or one that this agent did itself: then it must be refused.
    fn any_to_judge(&mut self, agent: &str) -> i64 {
        let done = self.state.done.iter().filter(|(name, _)| name == agent);
        let own: Vec<i64> = done.map(|(_, task)| *task).collect();
        let any = self.any_task();
        if self.chance().one_in(2) { any } else { self.chance().pick(&own).copied().unwrap_or(any) }
    }

    /// A runner that is told that it was replaced goes; one that got a session keeps it.
    async fn keep_runner(
        &mut self,
        name: &'static str,
        runner: FakeRunner<'a>,
        grant: Option<SessionGrant>,
        reply: &TestReply,
    ) {
        let superseded = code(reply) == "superseded" || reply.json.get("control").is_some();
        if let Some(grant) = &grant
            && let Some(task) = grant.task
            && grant.token.0 > self.state.newest_token
        {
            self.granted(task.0, grant.token.0).await;
        }
        if superseded {
            runner.pod.exit(0);
        } else {
            self.runners.insert(name, (runner, grant));
        }
    }

    async fn new_runner(&mut self, name: &'static str) {
        // A pod whose runner never signed in may have been given up meanwhile, or wait for its next start.
        let path = format!("/employees/{name}/lifecycle");
        self.fund(name).await;
        let begun = self.state.recorder.begin(0, other("a new start", Ending::EveryClaim));
        self.office.call("POST", &path, json!({"action": "restart"})).await.ok();
        let runner = self.office.runner(name).await;
        begun.end(Said::Yes);
        self.state.log.push(format!("runner {name} signed in"));
        self.runners.insert(name, (runner, None));
    }

    pub(super) async fn crash(&mut self) {
        let name = *self.chance().pick(&HOSTED).unwrap();
        let Some((runner, grant)) = self.runners.remove(name) else { return };
        self.state.log.push(format!("pod of {name} crashes"));
        let begun = self.state.recorder.begin(0, other("a crash", Ending::EveryClaim));
        runner.exit(137).await;
        begun.end(Said::Yes);
        if let Some(grant) = grant {
            remember(self.state, &grant);
        }
    }
}
