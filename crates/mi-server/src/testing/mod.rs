//! The test house: a whole server in this process, with a clock that tests move and pods that are no processes.
//!
//! Requests take the same way as real ones, without sockets. Sweeps run when the test says so (`settle`, `advance`).
//! A house is closed at the end of its test: then every agent is fired, and no claim, pod or broken rule may be left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test house fails its test by panicking")]

mod invariants;
mod office;
mod people;
mod remote;
mod restart;
mod runner;
mod signing;
mod speaker;
mod store;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::credits::Micro;
use mi_core::ids::ClaimToken;
use mi_core::limits::EVENT_HISTORY_DAYS_DEFAULT;
use mi_core::limits::OPEN_TASKS_PER_OFFICE_MAX;
use mi_core::time::{Millis, Time};
use mi_pods::{FakeDriver, FakePod, Pod, PodStatus, Started, Strictness};
use serde_json::Value;
use tempfile::TempDir;

pub use office::TestOffice;
pub use people::KeyState;
pub use remote::{RemoteAgent, RemoteRunner};
pub use runner::FakeRunner;
pub use signing::{External, SignatureVersion, Signer, new_key};
pub use speaker::{Speaker, TestReply};

use crate::egress;
use crate::gateway::prices::Prices;
use crate::gateway::providers::Providers;
use crate::house::{House, Parts, Settings};
use crate::identity::service as identity;
use crate::infra::clock::Clock;
use crate::infra::db::{Db, Location};
use crate::infra::http::{Front, Via};
use crate::infra::keys::Keys;
use crate::infra::outbound::Outbound;
use crate::infra::sweeps::Sweep;
use crate::pods::harnesses::Programs;
use crate::pods::{PodDoors, PodUsers};
use crate::server::sweeps;

/// When every test begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: Time = Time(1_767_225_600_000);
/// Rounds of all sweeps until nothing moves any more; more means that they chase each other.
const ROUNDS_MAX: usize = 50;
/// Names the database of tests that run on PostgreSQL.
pub const DATABASE_VARIABLE: &str = "MI_TEST_DATABASE_URL";
/// `postgres` puts every test house on PostgreSQL, so that the whole suite runs there too; `sqlite` is the default.
pub const ENGINE_VARIABLE: &str = "MI_TEST_ENGINE";
const CREDITS: i64 = 1_000;
/// Small, so that tests can fill it.
pub const DRIVE_BYTES: u64 = 8 * 1024 * 1024;

/// What fake pods do when they are asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    Obedient,
    /// They go on, so that they have to be killed.
    Stubborn,
}

pub struct TestHouse {
    pub house: House,
    pub driver: Arc<FakeDriver>,
    front: Front,
    sweeps: Vec<Sweep>,
    owner_key: String,
    pods: Mutex<Pods>,
    ending: Ending,
    location: Location,
    folder: Arc<TempDir>,
}

/// What a house knows of the world outside.
struct Outside {
    providers: Providers,
    outbound: Outbound,
    egress: egress::Desk,
    /// What a started minute of a pod costs; most tests don't ask.
    pod_minute: Micro,
}

impl Default for Outside {
    fn default() -> Self {
        let egress = egress::Desk::new(&[]).unwrap();
        Self { providers: Providers::default(), outbound: Outbound::default(), egress, pod_minute: Micro(0) }
    }
}

struct Pods {
    /// Started, and no fake runner has taken them over.
    waiting: VecDeque<Started>,
    all: Vec<Arc<FakePod>>,
    manners: Manners,
}

enum Ending {
    Open { schema: Option<(String, String)> },
    Closed,
}

impl TestHouse {
    /// On a fresh store of the engine that `MI_TEST_ENGINE` names.
    pub async fn new() -> Self {
        Self::with(Outside::default()).await
    }

    /// The same, with these `HOST:PORT` of the test's own to call.
    pub async fn reaching(allow_upstream: &[String]) -> Self {
        Self::with(Outside { outbound: Outbound::new(allow_upstream).unwrap(), ..Outside::default() }).await
    }

    /// The same, with these hosts of the test's own for pods, and these names.
    #[cfg(test)]
    pub(crate) async fn with_egress(egress: egress::Desk) -> Self {
        Self::with(Outside { egress, ..Outside::default() }).await
    }

    /// The same, with models.
    pub async fn with_environment(environment: &[(&str, &str)]) -> Self {
        let get = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Self::with(Outside { providers: Providers::from_env(get, &[]).unwrap(), ..Outside::default() }).await
    }

    /// The same, where the time of pods costs something.
    pub async fn with_pod_minute(pod_minute: Micro) -> Self {
        Self::with(Outside { pod_minute, ..Outside::default() }).await
    }

    async fn with(outside: Outside) -> Self {
        match std::env::var(ENGINE_VARIABLE).ok().as_deref() {
            None | Some("" | "sqlite") => Self::in_a_file(outside).await,
            Some("postgres") => {
                let url = database_url().unwrap_or_else(|| panic!("{DATABASE_VARIABLE} names no database"));
                Self::in_a_schema(url, outside).await
            }
            Some(other) => panic!("{ENGINE_VARIABLE} is sqlite or postgres, not {other}"),
        }
    }

    /// On SQLite whatever the engine of the suite, for what only a file can suffer.
    pub async fn on_sqlite() -> Self {
        Self::in_a_file(Outside::default()).await
    }

    /// On PostgreSQL whatever the engine of the suite, where `MI_TEST_DATABASE_URL` names a database.
    pub async fn on_postgres() -> Option<Self> {
        Some(Self::in_a_schema(database_url()?, Outside::default()).await)
    }

    async fn in_a_file(outside: Outside) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Scratch(folder.path().join("mi.db"));
        Self::build(folder, location, None, outside).await
    }

    async fn in_a_schema(url: String, outside: Outside) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let schema = format!("house_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let location = Location::Postgres { url: url.clone(), schema: schema.clone() };
        let folder = tempfile::tempdir().unwrap();
        Self::build(folder, location, Some((url, schema)), outside).await
    }

    async fn build(folder: TempDir, location: Location, schema: Option<(String, String)>, outside: Outside) -> Self {
        let db = open(&location).await;
        let driver = Arc::new(FakeDriver::new());
        let runtime_dir = folder.path().join("run");
        std::fs::create_dir(&runtime_dir).unwrap();
        let settings = Settings {
            data_dir: folder.path().to_owned(),
            runtime_dir,
            endpoint: "http://127.0.0.1:1".to_owned(),
            pod_endpoint: "http://127.0.0.1:1".to_owned(),
            program: std::env::current_exe().unwrap(),
            programs: Programs::default(),
            initial_credits: CREDITS,
            pod_minute: outside.pod_minute,
            prices: Arc::new(Prices::load(None).unwrap()),
            event_history: Millis::days(EVENT_HISTORY_DAYS_DEFAULT),
            open_tasks_max: OPEN_TASKS_PER_OFFICE_MAX,
            drive_bytes: DRIVE_BYTES,
            strict_limits: Strictness::BestEffort,
            pod_users: PodUsers::Servers,
            pod_doors: PodDoors::Address,
        };
        let (clock, keys) = (Clock::fake(BEGINNING), Keys::random().unwrap());
        let Outside { providers, outbound, egress, pod_minute: _ } = outside;
        let house =
            House::new(Parts { db, clock, keys, settings, driver: driver.clone(), providers, outbound, egress });
        let owner_key = identity::bootstrap(&house.db, &house.keys, BEGINNING).await.unwrap().unwrap().to_string();
        let parts = Standing { location, folder: Arc::new(folder), owner_key, schema };
        Self::furnish(house, driver, parts)
    }

    /// A house with nobody in it yet.
    fn furnish(house: House, driver: Arc<FakeDriver>, standing: Standing) -> Self {
        let Standing { location, folder, owner_key, schema } = standing;
        let front = Front::new(house.clone());
        let sweeps = sweeps(&house, &front);
        let pods = Mutex::new(Pods { waiting: VecDeque::new(), all: Vec::new(), manners: Manners::Obedient });
        let ending = Ending::Open { schema };
        Self { house, driver, front, sweeps, owner_key, pods, ending, location, folder }
    }

    /// The owner, through the front door.
    pub fn owner(&self) -> Speaker<'_> {
        self.as_key(&self.owner_key)
    }

    /// The way in for requests that a speaker can't make.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// Every row of every table, as text.
    pub async fn everything(&self) -> Vec<String> {
        self.house.db.read(|tx| Ok(store::everything(tx)?)).await.unwrap()
    }

    pub fn owner_key(&self) -> &str {
        &self.owner_key
    }

    pub fn nobody(&self) -> Speaker<'_> {
        Speaker { house: self, key: None, signer: None, headers: Vec::new(), via: Via::Tcp, address: None }
    }

    /// Whoever holds this key.
    pub fn as_key(&self, key: &str) -> Speaker<'_> {
        Speaker { key: Some(key.to_owned()), ..self.nobody() }
    }

    /// The owner, writing in the name of a claim.
    pub fn with_claim(&self, claim: ClaimToken) -> Speaker<'_> {
        self.owner().with_claim(claim)
    }

    /// A request of the owner. `Value::Null` sends no body.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> TestReply {
        self.owner().call(method, path, body).await
    }

    /// A new office of the owner.
    pub async fn office(&self) -> TestOffice<'_> {
        TestOffice::open(self).await
    }

    pub fn now(&self) -> Time {
        self.house.clock.now()
    }

    /// Moves the clock and runs the sweeps until nothing moves any more.
    pub async fn advance(&self, ms: i64) {
        self.house.clock.advance(Millis(ms));
        self.settle().await;
    }

    /// Runs the sweeps until nothing moves any more.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.print().await;
            for sweep in &self.sweeps {
                sweep.once().await.unwrap_or_else(|fault| panic!("sweep {} failed: {fault:?}", sweep.name));
            }
            self.house.pods.starts_settled().await;
            self.house.webhooks.settled().await;
            self.mind_pods();
            if self.print().await == before {
                return;
            }
        }
        panic!("the sweeps don't come to rest");
    }

    /// Everything that sweeps may change, in short.
    async fn print(&self) -> (Vec<String>, usize, usize) {
        let rows = self.house.db.read(|tx| Ok(store::print(tx)?)).await.unwrap();
        (rows, self.house.pods.count(), self.driver.running())
    }

    fn mind_pods(&self) {
        let mut pods = self.pods();
        for started in self.driver.drain() {
            pods.all.push(Arc::clone(&started.pod));
            pods.waiting.push_back(started);
        }
        if pods.manners == Manners::Obedient {
            let asked = pods.all.iter().filter(|pod| pod.terminations() > 0 && pod.status() == PodStatus::Running);
            asked.for_each(|pod| pod.exit(0));
        }
        pods.all.retain(|pod| pod.status() == PodStatus::Running);
        pods.waiting.retain(|started| started.pod.status() == PodStatus::Running);
    }

    /// The next sandbox that a check was started in; its test says what becomes of it.
    pub async fn check_pod(&self) -> Started {
        const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);
        let is_check = |started: &Started| started.spec.room == mi_pods::Room::Check;
        self.mind_pods();
        {
            let mut pods = self.pods();
            if let Some(place) = pods.waiting.iter().position(is_check) {
                return pods.waiting.remove(place).unwrap();
            }
        }
        let driver = Arc::clone(&self.driver);
        let started = tokio::task::spawn_blocking(move || driver.next_started(LIMIT)).await.unwrap();
        started.filter(is_check).expect("a check's sandbox was started")
    }

    fn pods(&self) -> MutexGuard<'_, Pods> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How pods behave from now on.
    pub fn pods_are(&self, manners: Manners) {
        self.pods().manners = manners;
    }

    /// The pod of an agent that no fake runner has taken over yet.
    fn take_started(&self, office: &str, agent: &str) -> Option<Started> {
        let mut pods = self.pods();
        let place = pods.waiting.iter().position(|s| s.spec.office == office && s.spec.agent == agent)?;
        pods.waiting.remove(place)
    }

    /// Which invariants are broken now.
    pub async fn broken(&self) -> Vec<String> {
        invariants::broken(&self.house).await
    }

    /// Fires everybody and looks whether anything is left.
    pub async fn close(mut self) {
        self.pods_are(Manners::Obedient);
        self.settle().await;
        invariants::check(&self.house).await;
        for (office, agent) in self.house.db.read(|tx| Ok(store::agents(tx)?)).await.unwrap() {
            let reply = self.call("DELETE", &format!("/api/v1/offices/{office}/employees/{agent}"), Value::Null).await;
            reply.ok();
        }
        self.settle().await;
        assert_eq!(self.driver.running(), 0, "pods of fired agents still run");
        assert_eq!(self.house.pods.count(), 0, "pods of fired agents are still in the register");
        let live = self.house.db.read(|tx| Ok(store::live_sessions(tx)?)).await.unwrap();
        assert_eq!(live, Vec::<String>::new(), "fired agents still hold claims");
        invariants::check(&self.house).await;
        let ending = std::mem::replace(&mut self.ending, Ending::Closed);
        let db = self.house.db.clone();
        tokio::task::spawn_blocking(move || {
            db.close();
            if let Ending::Open { schema: Some((url, schema)) } = ending {
                store::drop_schema(&url, &schema);
            }
        })
        .await
        .unwrap();
    }
}

/// What stays of a house when its server goes.
struct Standing {
    location: Location,
    folder: Arc<TempDir>,
    owner_key: String,
    schema: Option<(String, String)>,
}

async fn open(location: &Location) -> Db {
    let location = location.clone();
    tokio::task::spawn_blocking(move || Db::open(&location)).await.unwrap().unwrap()
}

fn database_url() -> Option<String> {
    std::env::var(DATABASE_VARIABLE).ok().filter(|url| !url.is_empty())
}

impl Drop for TestHouse {
    fn drop(&mut self) {
        if matches!(self.ending, Ending::Open { .. }) && !std::thread::panicking() {
            panic!("a test ends with `house.close().await`, which looks whether anything is left");
        }
    }
}
