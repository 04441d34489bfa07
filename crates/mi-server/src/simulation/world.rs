//! What everybody in a simulation shares: the office, who is in it, and how requests are sent, repeated and lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mi_core::ids::{ClaimToken, OfficeId, TaskId};
use mi_core::limits::LEASE_SECONDS_DEFAULT;
use mi_core::wire::runner::SessionGrant;
use mi_pods::{Pod, PodStatus};
use serde_json::{Value, json};
use testkit::history::{Ask, Ending, Moment, Recorder, Said, Write};

use super::chance::Chance;
use crate::gateway::account::Reserved;
use crate::testing::{FakeRunner, KeyState, Speaker, TestHouse, TestOffice, TestReply};

/// Agents in pods, whose runners the simulation plays.
pub const HOSTED: [&str; 2] = ["ada", "bob"];
/// Agents whose pods are stopped: the owner's key claims for them, as for agents elsewhere.
const ELSEWHERE: [&str; 2] = ["cyd", "dan"];
const MICROS_PER_MILLI: u64 = 1_000;
const LEASE_MICROS: u64 = LEASE_SECONDS_DEFAULT.unsigned_abs() * 1_000 * MICROS_PER_MILLI;
/// Short enough that agents rest now and then.
const IDLE_SECONDS: i64 = 20;
/// One answer in so many never arrives.
const LOST_ONE_IN: u64 = 12;
/// One request in so many is sent twice.
const TWICE_ONE_IN: u64 = 6;

/// A claim that somebody once got; it may be long over.
#[derive(Debug, Clone)]
pub struct Held {
    pub task: i64,
    pub token: ClaimToken,
}

/// What lasts over a restart of the server.
pub struct State {
    pub office: OfficeId,
    pub chance: Chance,
    pub recorder: Recorder,
    pub claims: Vec<Held>,
    /// Credentials of sessions that were, with what they were for.
    pub old_credentials: Vec<(String, Held)>,
    /// Agents elsewhere, as far as they are hired.
    pub elsewhere: Vec<String>,
    pub hired: u64,
    /// What agents in pods have done.
    pub done: Vec<(String, i64)>,
    pub tasks: i64,
    pub newest_token: i64,
    pub stranger: String,
    /// Model calls under way, those that an earlier server began included.
    pub calls: Vec<Reserved>,
    pub log: Vec<String>,
}

/// One life of the server.
pub struct World<'a> {
    pub house: &'a TestHouse,
    pub office: TestOffice<'a>,
    pub state: &'a mut State,
    pub runners: BTreeMap<&'static str, (FakeRunner<'a>, Option<SessionGrant>)>,
}

/// A request as it is sent.
pub struct Request<'s> {
    pub speaker: Speaker<'s>,
    pub method: &'static str,
    pub path: String,
    pub body: Value,
}

impl State {
    pub async fn new(house: &TestHouse, chance: Chance) -> Self {
        let office = house.office().await;
        office.lift_hire_limit().await;
        office.call("PATCH", "/settings", json!({"idleTimeoutSeconds": IDLE_SECONDS})).await.ok();
        for name in HOSTED.iter().chain(&ELSEWHERE) {
            office.hire(name).await;
        }
        for name in ELSEWHERE {
            office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "stop"})).await.ok();
        }
        let stranger = house.key_of(house.stranger().await, KeyState::Good).await;
        let (clock, reads) = (house.house.clock.clone(), Arc::new(AtomicU64::new(0)));
        let recorder = Recorder::with_clock(move || {
            // Distinct moments while the clock stands still; far less than a lease in all.
            Moment(clock.now().0.unsigned_abs() * MICROS_PER_MILLI + reads.fetch_add(1, Ordering::Relaxed))
        });
        Self {
            office: office.id,
            chance,
            recorder,
            claims: Vec::new(),
            old_credentials: Vec::new(),
            elsewhere: ELSEWHERE.map(str::to_owned).to_vec(),
            hired: 0,
            done: Vec::new(),
            tasks: 0,
            newest_token: 0,
            stranger,
            calls: Vec::new(),
            log: Vec::new(),
        }
    }

    /// The server is killed and starts again.
    pub async fn restart(&mut self, house: TestHouse) -> TestHouse {
        self.log.push("the server starts again".to_owned());
        let begun = self.recorder.begin(0, other("a restart", Ending::EveryClaim));
        let house = house.restart().await;
        begun.end(Said::Yes);
        house
    }
}

pub fn other(what: &str, may_end: Ending) -> Ask {
    Ask::Other { what: what.to_owned(), may_end }
}

/// What a success of anything but a creation or a claim says.
pub fn yes(_: &TestReply) -> Said {
    Said::Yes
}

impl<'a> World<'a> {
    pub async fn enter(house: &'a TestHouse, state: &'a mut State) -> Self {
        let office = TestOffice { house, id: state.office };
        Self { house, office, state, runners: BTreeMap::new() }
    }

    /// Nothing that a life of the server began goes on after it, except what zombies remember.
    pub async fn leave(self) {
        for (runner, grant) in self.runners.into_values() {
            if let Some(grant) = grant {
                remember(self.state, &grant);
            }
            drop(runner);
        }
    }

    pub fn chance(&mut self) -> &mut Chance {
        &mut self.state.chance
    }

    pub fn told(&self) -> String {
        self.state.log.join("\n")
    }

    pub async fn step(&mut self) {
        match self.chance().below(36) {
            0..=5 => self.create().await,
            6..=9 => self.claim_elsewhere().await,
            10..=13 => self.report().await,
            14 | 15 => self.note().await,
            16..=20 => self.run_a_runner().await,
            21 => self.crash().await,
            22 | 23 => self.owner_decides().await,
            24 => self.edit().await,
            25 => self.judge_late_results().await,
            26 => self.hire_or_fire().await,
            27 => self.send_a_message().await,
            28 => self.rise_from_the_dead().await,
            29 => self.look_into_foreign_windows().await,
            30..=33 => self.spend().await,
            _ => self.time_passes().await,
        }
    }

    /// Sends a request, perhaps twice; `None` if its answer got lost. What was seen is written down.
    pub async fn ask(&mut self, ask: Ask, request: Request<'_>, said: fn(&TestReply) -> Said) -> Option<TestReply> {
        let begun = self.state.recorder.begin(0, ask);
        let keyed = self.chance().one_in(TWICE_ONE_IN);
        let key = format!("key-{}", self.chance().next());
        let speaker = if keyed { request.speaker.with_header("idempotency-key", &key) } else { request.speaker };
        let reply = self.office.call_as(&speaker, request.method, &request.path, request.body.clone()).await;
        self.note_reply(&format!("{} {} {}", request.method, request.path, request.body), &reply);
        if keyed && reply.status < 300 && reply.status != 204 {
            let again = self.office.call_as(&speaker, request.method, &request.path, request.body).await;
            assert_eq!(
                (again.status, &again.json),
                (reply.status, &reply.json),
                "repeated with its key\n{}",
                self.told()
            );
        }
        if self.chance().one_in(LOST_ONE_IN) {
            self.state.log.push("… but its answer was lost".to_owned());
            return None;
        }
        begun.end(match reply.status {
            204 => Said::Nothing,
            200..300 => said(&reply),
            status => Said::No { status, code: code(&reply).to_owned() },
        });
        Some(reply)
    }

    fn note_reply(&mut self, what: &str, reply: &TestReply) {
        self.state.log.push(format!("{what} → {} {}", reply.status, code(reply)));
        assert!(reply.status < 500, "{what}: {reply:?}\n{}", self.told());
    }

    /// A request of the owner's.
    pub async fn owner_asks(&mut self, ask: Ask, method: &'static str, path: &str, body: Value) -> Option<TestReply> {
        let request = Request { speaker: self.house.owner(), method, path: path.to_owned(), body };
        self.ask(ask, request, yes).await
    }

    pub fn any_task(&mut self) -> i64 {
        let tasks = self.state.tasks.max(1) as u64;
        1 + self.chance().below(tasks) as i64
    }

    pub async fn is_live(&self, held: &Held) -> bool {
        let detail = self.office.call("GET", &format!("/tasks/{}", held.task), Value::Null).await.ok();
        let sessions = detail["sessions"].as_array().unwrap();
        sessions.iter().any(|s| s["id"] == held.token.0 && s["state"] == "live")
    }

    pub async fn granted(&mut self, task: i64, token: i64) {
        assert!(token > self.state.newest_token, "tokens rise\n{}", self.told());
        self.no_sandbox_is_left(task).await;
        self.state.newest_token = token;
        self.state.claims.push(Held { task, token: ClaimToken(token) });
    }

    /// A hosted task whose lease lapsed is offered again only when its old pod is gone: what that writes to the drive
    /// can't be fenced.
    async fn no_sandbox_is_left(&self, task: i64) {
        for (runner, grant) in self.runners.values() {
            let Some(old) = grant.as_ref().filter(|grant| grant.task.is_some_and(|id| id.0 == task)) else { continue };
            let detail = self.office.call("GET", &format!("/tasks/{task}"), Value::Null).await.ok();
            let mut sessions = detail["sessions"].as_array().unwrap().iter();
            let lapsed = sessions.any(|s| s["id"] == old.token.0 && s["exit"] == "the lease lapsed");
            let alive = runner.pod.status() == PodStatus::Running;
            assert!(!(lapsed && alive), "task {task} is offered beside its old sandbox\n{}", self.told());
        }
    }

    pub fn write_ask(held: &Held, write: Write) -> Ask {
        Ask::Write { task: TaskId(held.task), token: held.token, write }
    }

    async fn time_passes(&mut self) {
        let ms = *self.chance().pick(&[500, 6_000, 21_000, 60_000, 121_000]).unwrap();
        self.state.log.push(format!("{ms} ms pass"));
        self.house.advance(ms).await;
    }

    /// Somebody with a good key and no office here.
    async fn look_into_foreign_windows(&mut self) {
        let id = self.any_task();
        let stranger = self.house.as_key(&self.state.stranger);
        let windows = [format!("/tasks/{id}"), "/tasks".to_owned(), "/events".to_owned(), "/env/values".to_owned()];
        let path = self.chance().pick(&windows).unwrap().clone();
        let reply = self.office.call_as(&stranger, "GET", &path, Value::Null).await;
        self.note_reply(&format!("a stranger's GET {path}"), &reply);
        assert_eq!(reply.status, 403, "a stranger sees {path}: {reply:?}\n{}", self.told());
    }
}

pub fn code(reply: &TestReply) -> &str {
    reply.json["code"].as_str().unwrap_or_default()
}

/// A session's credential outlives the session in the hands of whoever had it.
pub fn remember(state: &mut State, grant: &SessionGrant) {
    if let Some(task) = grant.task {
        let held = Held { task: task.0, token: grant.token };
        state.old_credentials.push((grant.credential.clone(), held));
    }
}

pub fn created(reply: &TestReply) -> Said {
    reply.json["id"].as_i64().map_or(Said::Lost, |id| Said::Created(TaskId(id)))
}

pub fn claimed(reply: &TestReply) -> Said {
    let (task, token) = (reply.json["id"].as_i64(), reply.json["claim"]["token"].as_i64());
    let grant =
        |(task, token)| Said::Granted { task: TaskId(task), token: ClaimToken(token), lease_micros: LEASE_MICROS };
    task.zip(token).map_or(Said::Lost, grant)
}

/// The same of a runner's question.
pub fn given(reply: &TestReply) -> Said {
    let session = &reply.json["session"];
    let grant =
        |(task, token)| Said::Granted { task: TaskId(task), token: ClaimToken(token), lease_micros: LEASE_MICROS };
    session["task"].as_i64().zip(session["token"].as_i64()).map_or(Said::Nothing, grant)
}
