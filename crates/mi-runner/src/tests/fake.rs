//! A server in memory: it plays the answers that a test gives it and keeps what the runner said.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use mi_client::Terminal;
use mi_core::ids::{ClaimToken, TaskId};
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::{Agent, CommandLine, HarnessKind, HireAgent};
use mi_core::wire::runner::*;
use mi_core::wire::tasks::*;
use mi_core::wire::terminals::TerminalOrder;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::within;
use crate::control::{Call, ControlError, ControlPlane, Desk};
use crate::harness::Missing;
use crate::harness::native::model::{Message, Model, ModelError, ModelSource, ToolCall, ToolSpec, Turn, Usage};
use crate::life::{ExitReason, Parts, run_in_place};
use crate::process::Reach;
use crate::{Drive, Place, RunnerError};

/// How long a test waits for a state before it fails.
const LIMIT: Duration = Duration::from_secs(20);
pub const NOW: Time = Time(1_777_000_000_000);
/// Tests that start processes run one at a time: the runner believes that every child of this process is its own.
static PROCESSES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

pub async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    PROCESSES.lock().await
}

/// By which of its questions a runner learns of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderAt {
    Next,
    Beat,
}

#[derive(Default)]
pub struct State {
    pub hellos: VecDeque<Result<(), ControlError>>,
    pub boot_ids: Vec<String>,
    pub nexts: VecDeque<Result<Option<NextAnswer>, ControlError>>,
    pub polls: Vec<i64>,
    pub context: Option<Value>,
    pub env: BTreeMap<String, String>,
    pub orders: Vec<Order>,
    pub beat_fault: Option<ControlError>,
    pub event_faults: VecDeque<ControlError>,
    pub items: Vec<SessionItem>,
    pub ends: Vec<(ClaimToken, EndSession)>,
    pub offers: Vec<TerminalOrder>,
    /// The runner's ends of terminals that somebody waits for.
    pub waiting: BTreeMap<i64, DuplexStream>,
    /// Acts at the desk, in order.
    pub acts: Vec<String>,
    pub desk_faults: VecDeque<ControlError>,
}

#[derive(Default)]
pub struct Fake {
    state: Mutex<State>,
    changed: Notify,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn grant(&self, grant: SessionGrant) {
        let terminals = Vec::new();
        self.state().nexts.push_back(Ok(Some(NextAnswer {
            control: None,
            reason: None,
            session: Some(grant),
            terminals,
        })));
    }

    /// Somebody wants a terminal: with the next question where `at` says so, else with the next beat.
    pub fn visit(&self, id: i64, at: OrderAt) -> Terminal {
        let (near, far) = tokio::io::duplex(4 * 1024);
        let mut state = self.state();
        state.waiting.insert(id, far);
        match at {
            OrderAt::Next => {
                let terminals = vec![TerminalOrder { id }, TerminalOrder { id }];
                let answer = NextAnswer { control: None, reason: None, session: None, terminals };
                state.nexts.push_back(Ok(Some(answer)));
            }
            OrderAt::Beat => state.offers.push(TerminalOrder { id }),
        }
        drop(state);
        self.changed.notify_waiters();
        Terminal::over(near)
    }

    pub fn order(&self, act: OrderAct, grace_s: i64) {
        self.state().orders.push(Order { n: 1, act, reason: "because".into(), grace_s });
        self.changed.notify_waiters();
    }

    pub fn break_beats(&self, fault: ControlError) {
        self.state().beat_fault = Some(fault);
        self.changed.notify_waiters();
    }

    pub fn only_end(&self) -> EndSession {
        let state = self.state();
        assert_eq!(state.ends.len(), 1, "{:?}", state.ends);
        state.ends[0].1.clone()
    }

    pub fn texts(&self, kind: ItemKind) -> Vec<String> {
        self.state().items.iter().filter(|item| item.kind == kind).map(|item| item.text.clone()).collect()
    }

    fn act<T>(&self, name: &str, detail: impl serde::Serialize, answer: Value) -> Call<'_, T>
    where
        T: serde::de::DeserializeOwned + Send + 'static,
    {
        let mut state = self.state();
        state.acts.push(format!("{name} {}", serde_json::to_string(&detail).unwrap()));
        let fault = state.desk_faults.pop_front();
        let answer = fault.map_or_else(|| Ok(serde_json::from_value(answer).unwrap()), Err);
        Box::pin(async move { answer })
    }
}

pub fn stale() -> ControlError {
    ControlError::refused(409, "stale_claim", "the claim is no longer the live one")
}

pub fn lost() -> ControlError {
    ControlError::Unreachable("the reply was lost".into())
}

impl ControlPlane for Arc<Fake> {
    fn hello(&self, hello: RunnerHello) -> Call<'_, RunnerWelcome> {
        let mut state = self.state();
        state.boot_ids.push(hello.boot_id);
        let answer = state.hellos.pop_front().unwrap_or(Ok(()));
        let welcome = RunnerWelcome {
            runner: "r".into(),
            epoch: 1,
            token: "mir_secret".into(),
            expires_at: NOW + Millis::seconds(3600),
            server_time: NOW,
            beat_s: 15,
            poll_s: 30,
        };
        Box::pin(async move { answer.map(|()| welcome) })
    }

    /// When the script is at its end, the runner is sent to sleep.
    fn next(&self, question: NextRequest) -> Call<'_, Option<NextAnswer>> {
        let mut state = self.state();
        state.polls.push(question.poll);
        let rest = NextAnswer { control: Some(Control::Hibernate), reason: None, session: None, terminals: Vec::new() };
        let answer = state.nexts.pop_front().unwrap_or(Ok(Some(rest)));
        Box::pin(async move { answer })
    }

    fn context(&self, _: ClaimToken) -> Call<'_, SessionContext> {
        let context = self.state().context.clone().unwrap_or_else(|| context(None));
        Box::pin(async move { Ok(serde_json::from_value(context).unwrap()) })
    }

    fn env(&self, _: ClaimToken) -> Call<'_, BTreeMap<String, String>> {
        let env = self.state().env.clone();
        Box::pin(async move { Ok(env) })
    }

    fn beat(&self, _: ClaimToken, beat: BeatRequest) -> Call<'_, BeatAnswer> {
        Box::pin(async move {
            let wait = Duration::from_secs(u64::try_from(beat.wait).unwrap());
            let spoken = async {
                loop {
                    let changed = self.changed.notified();
                    if let Some(fault) = self.state().beat_fault.clone() {
                        return Err(fault);
                    }
                    let orders = self.state().orders.clone();
                    if orders.iter().any(|order| order.n > beat.seen) {
                        return Ok((orders, Vec::new()));
                    }
                    let offers = std::mem::take(&mut self.state().offers);
                    if !offers.is_empty() {
                        return Ok((Vec::new(), offers));
                    }
                    changed.await;
                }
            };
            let (orders, terminals) = within(wait, spoken).await.unwrap_or(Ok((Vec::new(), Vec::new())))?;
            Ok(BeatAnswer { lease_expires_at: NOW + Millis::seconds(120), server_time: NOW, orders, terminals })
        })
    }

    fn events(&self, _: ClaimToken, events: SessionEvents) -> Call<'_, EventsAnswer> {
        let mut state = self.state();
        let known = state.items.len();
        assert!(usize::try_from(events.from).unwrap() <= known, "a hole before {}", events.from);
        let unseen = known - usize::try_from(events.from).unwrap();
        state.items.extend(events.items.into_iter().skip(unseen));
        let next = i64::try_from(state.items.len()).unwrap();
        let answer = state.event_faults.pop_front().map_or(Ok(EventsAnswer { next }), Err);
        Box::pin(async move { answer })
    }

    fn end(&self, session: ClaimToken, report: EndSession) -> Call<'_, Ended> {
        self.state().ends.push((session, report));
        Box::pin(async move { Ok(Ended { ok: true, task_status: None }) })
    }

    fn attach(&self, terminal: i64) -> Call<'_, Terminal> {
        let far = self.state().waiting.remove(&terminal);
        let gone = || ControlError::refused(404, "no_such_terminal", "nobody waits");
        Box::pin(async move { far.map(Terminal::over).ok_or_else(gone) })
    }

    fn desk(&self, _: &SessionGrant) -> Arc<dyn Desk> {
        Arc::new(self.clone())
    }
}

impl Desk for Arc<Fake> {
    fn update_task(&self, id: TaskId, change: UpdateTask) -> Call<'_, Task> {
        self.act("update", change, task(id.0))
    }

    fn create_task(&self, new: CreateTask) -> Call<'_, Task> {
        self.act("create", new, task(8))
    }

    fn comment(&self, _: TaskId, message: String) -> Call<'_, Comment> {
        self.act("comment", &message, json!({"id": 1, "agent": "ada", "message": message, "created_at": NOW}))
    }

    fn add_artifact(&self, _: TaskId, artifact: AddArtifact) -> Call<'_, Artifact> {
        let answer = json!({"id": 1, "kind": "file", "path": artifact.path, "label": null, "sha256": "00", "size": 3, "state": "unchanged",
            "created_by": "ada", "created_at": NOW});
        self.act("artifact", artifact, answer)
    }

    fn send_message(&self, to: String, body: String) -> Call<'_, ()> {
        self.act("message", (to, body), Value::Null)
    }

    fn hire(&self, agent: HireAgent) -> Call<'_, Agent> {
        self.act("hire", agent, self::agent())
    }
}

pub fn task(id: i64) -> Value {
    json!({"id": id, "parent_id": null, "title": "Look at the limiter", "description": "Find weaknesses.",
        "kind": "general", "priority": 50, "status": "running", "assigned_agent": "ada", "claimed_by": "ada",
        "created_by": "owner", "depends_on": null, "required_tools": [], "result_summary": null, "error": null,
        "attempts": 1, "max_attempts": 3, "verification": "none", "subtask_count": 0, "lease_expires_at": null,
        "why": null, "created_at": NOW, "updated_at": NOW, "started_at": null, "completed_at": null})
}

fn agent() -> Value {
    json!({"id": "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5b", "name": "ada", "role": "analyst", "modelTier": null,
        "modelProvider": null, "harness": "native", "skills": [], "systemPrompt": "Be exact.", "kind": "hosted",
        "spawnedBy": null, "publicKey": null, "xmtpAddress": null, "createdAt": NOW,
        "status": {"phase": "Running", "ready": true, "message": "", "lastSeen": null, "currentTask": null}})
}

pub fn context(sender: Option<&str>) -> Value {
    let messages: Vec<Value> = sender
        .map(|from| json!({"id": 1, "from_agent": from, "to_agent": "ada", "body": "how are you?", "created_at": 1}))
        .into_iter()
        .collect();
    let task = if sender.is_none() { task(7) } else { Value::Null };
    json!({"office": {"id": "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c", "name": "lab"}, "agent": agent(), "colleagues": [],
        "task": task, "logs": [], "comments": [], "subtasks": [], "artifacts": [], "sessions": [], "ancestors": [],
        "siblings": [], "dependencies": [], "messages": messages,
        "files": [{"name": "main.go", "size": 12, "modifiedAt": NOW, "sha256": "00"}]})
}

pub fn grant(harness: HarnessKind) -> SessionGrant {
    SessionGrant {
        id: ClaimToken(41),
        token: ClaimToken(41),
        credential: "mis_secret".into(),
        cause: Cause::Task,
        task: Some(TaskId(7)),
        attempt: Some(1),
        harness,
        command: None,
        model: Some(ModelChoice {
            provider: "openai".into(),
            model: "scripted".into(),
            wire: Wire::OpenaiChat,
            base_path: "/llm/openai/v1".into(),
        }),
        deadline_at: NOW + Millis::seconds(600),
        lease_expires_at: NOW + Millis::seconds(120),
        server_time: NOW,
        env_rev: 1,
    }
}

pub fn command(line: &str) -> SessionGrant {
    SessionGrant { command: Some(CommandLine::Shell(line.into())), ..grant(HarnessKind::Command) }
}

/// Turns that a model will say, one after the other; then it has nothing more to say.
#[derive(Default)]
pub struct Scripted {
    pub turns: Mutex<VecDeque<Result<Turn, ModelError>>>,
    pub heard: Mutex<Vec<Message>>,
    pub offered: Mutex<Vec<&'static str>>,
}

impl Scripted {
    pub fn new(turns: impl IntoIterator<Item = Result<Turn, ModelError>>) -> Arc<Self> {
        Arc::new(Self { turns: Mutex::new(turns.into_iter().collect()), ..Self::default() })
    }

    /// What the tools answered, over the whole conversation.
    pub fn results(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let results = heard.iter().filter_map(|message| match message {
            Message::Results(results) => Some(results.iter().map(|result| result.text.clone())),
            Message::System(_) | Message::User(_) | Message::Assistant(_) => None,
        });
        results.flatten().collect()
    }
}

pub fn calls(name: &str, arguments: Value) -> Result<Turn, ModelError> {
    let call = ToolCall { id: "c1".into(), name: name.into(), arguments };
    Ok(Turn {
        calls: vec![call],
        usage: Usage { input_tokens: 10, output_tokens: 2, cached_tokens: 0 },
        ..Turn::default()
    })
}

pub fn says(text: &str) -> Result<Turn, ModelError> {
    Ok(Turn { text: text.into(), ..Turn::default() })
}

struct Voice(Arc<Scripted>);

impl Model for Voice {
    fn turn<'a>(
        &'a self,
        conversation: &'a [Message],
        tools: &'a [ToolSpec],
    ) -> futures_util::future::BoxFuture<'a, Result<Turn, ModelError>> {
        *self.0.heard.lock().unwrap() = conversation.to_vec();
        *self.0.offered.lock().unwrap() = tools.iter().map(|tool| tool.name).collect();
        let turn = self.0.turns.lock().unwrap().pop_front().unwrap_or_else(|| says("I have nothing more to say"));
        Box::pin(async move { turn })
    }
}

pub struct Models(pub Arc<Scripted>);

impl ModelSource for Models {
    fn open(&self, _: &ModelChoice, _: &str, _: &str) -> Result<Box<dyn Model>, Missing> {
        Ok(Box::new(Voice(self.0.clone())))
    }
}

pub fn parts(fake: &Arc<Fake>, workspace: &Path, models: Arc<Scripted>) -> Parts {
    let environment = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")];
    let place = Place {
        endpoint: "http://127.0.0.1:1".into(),
        office: "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c".parse().unwrap(),
        agent: "ada".parse().unwrap(),
        workspace: workspace.to_owned(),
        drive: Drive::At(workspace.join("drive")),
        brought: None,
        programs: Arc::default(),
        homes: workspace.to_owned(),
        own_login: None,
        silence_max: LIMIT,
        unreachable_max: LIMIT,
        environment: environment.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    };
    Parts {
        control: Arc::new(fake.clone()),
        place: Arc::new(place),
        models: Arc::new(Models(models)),
        reach: Reach::Everything,
        drain: CancellationToken::new(),
    }
}

pub async fn live(parts: Parts) -> Result<ExitReason, RunnerError> {
    within(LIMIT, run_in_place(parts)).await.expect("the runner ends in time")
}

/// Waits until a file is there and not empty; gives its text.
pub async fn eventually_read(path: &Path) -> String {
    let look = async {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(LIMIT, look).await.expect("the file is written in time")
}
