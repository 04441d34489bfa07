//! One seed drives everybody: owners, agents elsewhere, runners, the clock, crashes,
//! repeated requests and zombies. After every step the invariants must hold.
//!
//! `MI_SEEDS` says how many seeds (default below), `MI_SEED` replays one of them.

use std::collections::BTreeMap;

use mi_core::ids::ClaimToken;
use mi_core::wire::runner::SessionGrant;
use serde_json::{Value, json};

use crate::testing::{FakeRunner, TestHouse, TestOffice, TestReply};

const SEEDS_DEFAULT: u64 = 30;
const STEPS: u64 = 200;
/// Agents in pods, whose runners the simulation plays.
const HOSTED: [&str; 2] = ["ada", "bob"];
/// Agents whose pods are stopped: the owner's key claims for them, as for agents elsewhere.
const ELSEWHERE: [&str; 2] = ["cyd", "dan"];

/// splitmix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.below(items.len() as u64) as usize) }
    }
}

/// A claim that somebody once got; it may be long lost.
#[derive(Clone)]
struct Held {
    task: i64,
    token: ClaimToken,
}

struct World<'a> {
    office: TestOffice<'a>,
    chance: Chance,
    runners: BTreeMap<&'static str, (FakeRunner<'a>, Option<SessionGrant>)>,
    claims: Vec<Held>,
    tasks: i64,
    newest_token: i64,
    log: Vec<String>,
}

#[test]
fn simulation() {
    let seeds: Vec<u64> = match (number("MI_SEED"), number("MI_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or(SEEDS_DEFAULT)).collect(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for seed in seeds {
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(live(seed)));
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("the simulation broke with seed {seed}; replay it with MI_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn live(seed: u64) {
    let house = TestHouse::new().await;
    let office = house.office().await;
    office.lift_hire_limit().await;
    for name in HOSTED.iter().chain(&ELSEWHERE) {
        office.hire(name).await;
    }
    for name in ELSEWHERE {
        office.call("POST", &format!("/employees/{name}/lifecycle"), json!({"action": "stop"})).await.ok();
    }
    let mut runners = BTreeMap::new();
    for name in HOSTED {
        runners.insert(name, (office.runner(name).await, None));
    }
    let chance = Chance(seed);
    let mut world = World { office, chance, runners, claims: Vec::new(), tasks: 0, newest_token: 0, log: Vec::new() };
    for step in 0..STEPS {
        world.step().await;
        let broken = house.broken().await;
        assert!(broken.is_empty(), "seed {seed}, step {step}: {broken:?}\n{}", world.log.join("\n"));
    }
    drop(world);
    house.close().await;
}

impl<'a> World<'a> {
    async fn step(&mut self) {
        match self.chance.below(20) {
            0..=3 => self.create().await,
            4..=6 => self.claim_elsewhere().await,
            7..=9 => self.report().await,
            10 => self.renew_or_note().await,
            11..=14 => self.run_a_runner().await,
            15 => self.crash().await,
            16 => self.owner_decides().await,
            17 => self.edit().await,
            _ => self.time_passes().await,
        }
    }

    fn said(&mut self, what: &str, reply: &TestReply) {
        assert!(reply.status < 500, "{what}: {reply:?}");
        self.log.push(format!("{what} → {} {}", reply.status, reply.json["code"].as_str().unwrap_or_default()));
    }

    fn any_task(&mut self) -> i64 {
        1 + self.chance.below(self.tasks.max(1) as u64) as i64
    }

    async fn create(&mut self) {
        let mut body = json!({"title": format!("t{}", self.tasks + 1), "priority": self.chance.below(101)});
        if self.chance.one_in(3) {
            body["parentId"] = json!(self.any_task());
        }
        if self.chance.one_in(3) {
            body["dependsOn"] = json!([self.any_task(), self.any_task()]);
        }
        if self.chance.one_in(3) {
            let names: Vec<&str> = HOSTED.iter().chain(&ELSEWHERE).copied().collect();
            body["assignedAgent"] = json!(self.chance.pick(&names));
        }
        let reply = self.office.call("POST", "/tasks", body.clone()).await;
        self.said(&format!("create {body}"), &reply);
        if reply.status == 201 {
            let id = reply.json["id"].as_i64().unwrap();
            assert_eq!(id, self.tasks + 1, "numbers of tasks have no gaps");
            self.tasks = id;
        }
    }

    async fn claim_elsewhere(&mut self) {
        let name = *self.chance.pick(&ELSEWHERE).unwrap();
        let key = format!("claim-{}", self.chance.next());
        let speaker = self.office.house.owner().with_header("idempotency-key", &key);
        let mut body = json!({"agent": name});
        if self.chance.one_in(4) {
            body["taskId"] = json!(self.any_task());
        }
        let reply = self.office.call_as(&speaker, "POST", "/tasks/claim", body.clone()).await;
        self.said(&format!("claim {body}"), &reply);
        if reply.status != 200 {
            return;
        }
        self.granted(reply.json["id"].as_i64().unwrap(), reply.json["claim"]["token"].as_i64().unwrap());
        if self.chance.one_in(3) {
            let again = self.office.call_as(&speaker, "POST", "/tasks/claim", body).await;
            assert_eq!(again.json, reply.json, "a claim repeated with its key is the same claim");
        }
    }

    fn granted(&mut self, task: i64, token: i64) {
        assert!(token > self.newest_token, "tokens rise");
        self.newest_token = token;
        self.claims.push(Held { task, token: ClaimToken(token) });
    }

    /// With a claim that is live, or was once.
    async fn report(&mut self) {
        let claims = self.claims.clone();
        let Some(held) = self.chance.pick(&claims) else { return };
        let live = self.is_live(held).await;
        let body = match self.chance.below(6) {
            0 => json!({"status": "failed", "error": "gave up"}),
            1 => json!({"status": "blocked", "reason": "no idea", "blockedKind": "needs_input"}),
            2 => json!({"status": "queued"}),
            3 => json!({"status": "running"}),
            _ => json!({"status": "done", "result": format!("r{}", held.token)}),
        };
        let before = self.office.get_task(held.task).await;
        let speaker = self.office.house.with_claim(held.token);
        let reply = self.office.call_as(&speaker, "PATCH", &format!("/tasks/{}", held.task), body.clone()).await;
        self.said(&format!("report {} on {} with {}", body["status"], held.task, held.token), &reply);
        if !live {
            let after = self.office.get_task(held.task).await;
            assert_eq!(before, after, "a stale claim writes nothing");
        }
    }

    async fn is_live(&self, held: &Held) -> bool {
        let detail = self.office.call("GET", &format!("/tasks/{}", held.task), Value::Null).await.ok();
        let sessions = detail["sessions"].as_array().unwrap();
        sessions.iter().any(|s| s["id"] == held.token.0 && s["state"] == "live")
    }

    async fn renew_or_note(&mut self) {
        let claims = self.claims.clone();
        let Some(held) = self.chance.pick(&claims) else { return };
        let speaker = self.office.house.with_claim(held.token);
        let (act, body) = match self.chance.below(3) {
            0 => ("renew", json!({})),
            1 => ("log", json!({"message": "working"})),
            _ => ("comments", json!({"message": "hm"})),
        };
        let live = self.is_live(held).await;
        let reply = self.office.call_as(&speaker, "POST", &format!("/tasks/{}/{act}", held.task), body).await;
        self.said(&format!("{act} on {} with {}", held.task, held.token), &reply);
        assert!(live || reply.status >= 400, "a stale claim writes nothing");
    }

    async fn run_a_runner(&mut self) {
        let name = *self.chance.pick(&HOSTED).unwrap();
        let step = self.chance.below(8);
        let repeat = self.chance.one_in(3);
        let Some((mut runner, grant)) = self.runners.remove(name) else { return self.new_runner(name).await };
        let (grant, reply) = match (grant, step) {
            (None, _) => {
                let reply = runner.next(0).await;
                if repeat && reply.status == 200 {
                    let again = runner.next_again(0).await;
                    assert_eq!(
                        again.json["session"]["id"], reply.json["session"]["id"],
                        "the same question, the same session"
                    );
                }
                let grant = reply.json.get("session").cloned().and_then(|s| serde_json::from_value(s).ok());
                (grant, reply)
            }
            (Some(grant), 0..=2) => (Some(grant.clone()), runner.done(&grant, "by a runner").await),
            (Some(grant), 3) => (Some(grant.clone()), runner.beat(&grant).await),
            (Some(grant), 4) => (Some(grant.clone()), runner.log(&grant, 0, &["a line"]).await),
            (Some(grant), 5) => (None, runner.end(&grant, "drain").await),
            (Some(grant), _) => (None, runner.end(&grant, "finished").await),
        };
        self.said(&format!("runner {name} step {step}"), &reply);
        self.keep_runner(name, runner, grant, &reply);
    }

    /// A runner that is told that it was replaced goes; one that got a session keeps it.
    fn keep_runner(
        &mut self,
        name: &'static str,
        runner: FakeRunner<'a>,
        grant: Option<SessionGrant>,
        reply: &TestReply,
    ) {
        let superseded = reply.json["code"] == "superseded" || reply.json.get("control").is_some();
        if let Some(grant) = &grant
            && let Some(task) = grant.task
            && grant.token.0 > self.newest_token
        {
            self.granted(task.0, grant.token.0);
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
        self.office.call("POST", &path, json!({"action": "restart"})).await.ok();
        let runner = self.office.runner(name).await;
        self.log.push(format!("runner {name} signed in"));
        self.runners.insert(name, (runner, None));
    }

    async fn crash(&mut self) {
        let name = *self.chance.pick(&HOSTED).unwrap();
        if let Some((runner, _)) = self.runners.remove(name) {
            self.log.push(format!("pod of {name} crashes"));
            runner.exit(137).await;
        }
    }

    async fn owner_decides(&mut self) {
        let id = self.any_task();
        let (act, body) = match self.chance.below(5) {
            0 => ("cancel", json!({})),
            1 | 2 => ("retry", json!({})),
            3 => ("verify", json!({"accepted": true})),
            _ => ("verify", json!({"accepted": false, "comments": "again"})),
        };
        let reply = self.office.call("POST", &format!("/tasks/{id}/{act}"), body).await;
        self.said(&format!("{act} {id}"), &reply);
    }

    async fn edit(&mut self) {
        let id = self.any_task();
        let body = match self.chance.below(4) {
            0 => json!({"assignedAgent": ""}),
            1 => json!({"assignedAgent": "cyd"}),
            2 => json!({"dependsOn": [self.any_task()]}),
            _ => json!({"status": "queued"}),
        };
        let reply = self.office.call("PATCH", &format!("/tasks/{id}"), body.clone()).await;
        self.said(&format!("edit {id} {body}"), &reply);
    }

    async fn time_passes(&mut self) {
        let ms = *self.chance.pick(&[500, 6_000, 21_000, 60_000, 121_000]).unwrap();
        self.log.push(format!("{ms} ms pass"));
        self.office.house.advance(ms).await;
    }
}
