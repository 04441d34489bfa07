//! The whole server: from options to an address that answers, and to a quiet end.
//!
//! `Server::start` takes the data directory for itself, opens the store, proves that pods can be closed in, takes
//! back what an earlier server left, and only then opens the door. `shut_down` goes the same way back.

mod doors;
mod error;
pub mod examine;
mod place;
mod rounds;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use mi_core::credits::Micro;
use mi_core::time::{Millis, Time};
use mi_pods::{
    Backend, Driver, Finding, FindingKind, FindingState, LocalConfig, LocalDriver, ProcessConfig, ProcessDriver,
    Strictness,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub use error::StartError;
pub use rounds::sweeps;

use crate::gateway::account;
use crate::gateway::prices::Prices;
use crate::gateway::providers::Providers;
use crate::house::{House, Parts, Settings};
use crate::identity::service as identity;
use crate::infra::clock::Clock;
use crate::infra::config::PodsKind;
use crate::infra::db::{Db, Location};
use crate::infra::fault::{self, Fault};
use crate::infra::http::Front;
use crate::infra::http::certificate::{Certificate, TlsFiles};
use crate::infra::keys::Keys;
use crate::infra::outbound::Outbound;
use crate::pods::{self, PodDoors};
use crate::{agent_keys, backups, checks, egress, files, login, tasks};
use doors::Doors;
use place::Place;

/// The program's argument that leads into a pod.
const ENTER: &str = "pod-enter";
const POSTGRES_SCHEMA: &str = "mitosis";
/// How long requests under way may take at the end.
const REQUESTS_END_MS: i64 = 3_000;
/// Pods and requests together are through by then, or are left to the kernel, which ends pods with the server.
const SHUT_DOWN_MS_MAX: i64 = 28_000;

/// What a server is told.
pub struct Options {
    pub data_dir: PathBuf,
    /// `127.0.0.1:7700`; port 0 takes a free one.
    pub listen: String,
    /// Plain HTTP without.
    pub tls: Option<TlsFiles>,
    pub database_url: Option<String>,
    pub pods: PodsKind,
    pub strict_limits: Strictness,
    pub allow_upstream: Vec<String>,
    /// What pods may reach of the server's own machine and network, where their office allows it: `HOST` or `HOST:PORT`.
    pub egress_private: Vec<String>,
    /// In credits.
    pub initial_credits: i64,
    /// What a started minute of a pod costs.
    pub pod_minute: Micro,
    /// Prices of models that lie over ours.
    pub prices: Option<PathBuf>,
    /// How long events are kept.
    pub event_history_days: i64,
    /// Of an office, at once.
    pub open_tasks_max: i64,
    /// On the drive of each office.
    pub drive_bytes: u64,
    /// What the server's environment says of model providers, of the pods' backend, and of where programs are.
    pub environment: BTreeMap<String, String>,
    /// The program `mi`, which becomes pods and runs in them.
    pub program: PathBuf,
}

/// A server that answers.
pub struct Server {
    house: House,
    address: SocketAddr,
    first_key: Option<Zeroizing<String>>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    rounds: Vec<JoinHandle<()>>,
    place: Place,
}

impl Server {
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let place = Place::take(&options.data_dir, options.pods)?;
        let environment = |name: &str| options.environment.get(name).cloned();
        let providers = Providers::from_env(environment, &options.allow_upstream)?;
        let outbound = Outbound::new(&options.allow_upstream)?;
        let egress = egress::Desk::new(&options.egress_private)?;
        let prices = Arc::new(Prices::load(options.prices.as_deref())?);
        let driver = driver(&options, &place)?;
        let certificate = options.tls.as_ref().map(Certificate::read).transpose()?;
        let doors = Doors::open(&options, certificate).await?;
        let (db, ()) = tokio::try_join!(open_store(&options, &place), prove(Arc::clone(&driver)))?;
        let keys = Keys::load_or_make(&place.key_file())?;
        let clock = Clock::running(identity::last_time(&db).await?);
        let settings = settings(&options, &place, &doors, prices);
        let house = House::new(Parts { db, clock, keys, settings, driver, providers, outbound, egress });
        let first_key = identity::bootstrap(&house.db, &house.keys, house.clock.now()).await?;
        take_up(&house).await?;
        Self::open(house, doors, first_key, place)
    }

    fn open(
        house: House,
        doors: Doors,
        first_key: Option<Zeroizing<String>>,
        place: Place,
    ) -> Result<Self, StartError> {
        let front = Front::new(house.clone());
        let mut all = sweeps(&house, &front);
        if let Some(certificate) = doors.certificate() {
            all.push(rounds::certificate_sweep(certificate, &house.clock)?);
        }
        let rounds = all.into_iter().map(|sweep| tokio::spawn(sweep.for_ever())).collect();
        let (address, (stop, _)) = (doors.address, watch::channel(false));
        let serving = doors.serve(&front, &house.clock, &stop)?;
        Ok(Self { house, address, first_key, stop, serving, rounds, place })
    }

    /// `http://127.0.0.1:7700`
    pub fn endpoint(&self) -> &str {
        &self.house.settings.endpoint
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The owner's key, if this was the first start on its data; it is shown only now.
    pub fn first_key(&self) -> Option<&str> {
        self.first_key.as_deref().map(String::as_str)
    }

    /// An address that signs a browser in as the owner, once and within ten minutes.
    pub async fn login_link(&self) -> Result<String, StartError> {
        let house = &self.house;
        let link = login::service::link_for_owner(&house.db, &house.keys, house.clock.now()).await?;
        Ok(format!("{}{}", self.endpoint(), link.path))
    }

    /// Another key for the owner, for whoever lost the first one and can start the server.
    pub async fn new_key(&self) -> Result<Zeroizing<String>, StartError> {
        let house = &self.house;
        Ok(identity::new_owner_key(&house.db, &house.keys, "made at a start", house.clock.now()).await?)
    }

    /// Takes no more work, lets pods and requests finish or hand back, writes everything down.
    pub async fn shut_down(self) {
        let house = self.house;
        let deadline = house.clock.now() + Millis(SHUT_DOWN_MS_MAX);
        house.drain();
        self.rounds.iter().for_each(JoinHandle::abort);
        house.webhooks.stop().await;
        let quiet = async {
            checks::sweep::shut_down(&house).await;
            pods::shut_down(&house).await
        };
        match house.clock.timeout_at(deadline, quiet).await {
            Some(Ok(())) => {}
            Some(Err(fault)) => log("pods could not all be handed back", &fault),
            None => tracing::error!("pods did not end in time; they end with the server"),
        }
        self.stop.send_replace(true);
        close_door(&house, self.serving).await;
        if let Err(fault) = egress::sweep::tell_the_rest(&house).await {
            log("the last connections of pods could not be recorded", &fault);
        }
        close_store(house).await;
        drop(self.place);
    }
}

/// What an earlier server left half done, and what this one can do.
async fn take_up(house: &House) -> Result<(), Fault> {
    account::release_lost(house).await?;
    // Before anybody is woken for work: who has no model key isn't.
    let providers = house.providers.configured().into_iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
    tasks::workers::announce_providers(&house.db, &providers).await?;
    pods::start_up(house).await?;
    backups::tidy_up(house).await?;
    agent_keys::service::give_missing_pairs(house).await?;
    let own = house.clone();
    let clean = move || files::service::clean_incoming(&own).and_then(|()| checks::sweep::clean(&own));
    let cleaned = tokio::task::spawn_blocking(clean).await;
    cleaned.map_err(fault::internal)?
}

async fn close_door(house: &House, serving: JoinHandle<()>) {
    let abort = serving.abort_handle();
    let limit: Time = house.clock.now() + Millis(REQUESTS_END_MS);
    match house.clock.timeout_at(limit, serving).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::error!(%error, "the server's door broke"),
        None => {
            tracing::info!("some connections were still open");
            abort.abort();
        }
    }
}

async fn close_store(house: House) {
    if let Err(fault) = identity::save_time(&house.db, house.clock.now()).await {
        log("the clock could not be saved", &fault);
    }
    let closed = tokio::task::spawn_blocking(move || house.db.close()).await;
    if let Err(error) = closed {
        tracing::error!(%error, "closing the store broke off");
    }
}

fn log(what: &str, fault: &Fault) {
    tracing::error!(cause = fault.cause.as_deref().unwrap_or_default(), "{what}: {}", fault.sentence);
}

async fn open_store(options: &Options, place: &Place) -> Result<Db, StartError> {
    let location = match &options.database_url {
        Some(url) => Location::Postgres { url: url.clone(), schema: POSTGRES_SCHEMA.to_owned() },
        None => Location::File(place.database()),
    };
    let opened = tokio::task::spawn_blocking(move || Db::open(&location)).await;
    opened.map_err(|error| StartError::Broke(error.to_string()))?.map_err(StartError::Store)
}

/// Pods whose walls don't stand are never started, so a server without walls is of no use and says so at once.
async fn prove(driver: Arc<dyn Driver>) -> Result<(), StartError> {
    let found = tokio::task::spawn_blocking(move || driver.readiness()).await;
    let found = found.map_err(|error| StartError::Broke(error.to_string()))?;
    // Where pods have no walls by choice, whoever starts the server hears what that means.
    for note in found.of(FindingKind::Wall).filter(|wall| wall.state == FindingState::Degraded) {
        tracing::warn!(wall = %note.name, "{}", note.why);
    }
    match found.findings.into_iter().find(Finding::is_missing_wall) {
        Some(wall) => Err(StartError::NoSandbox { detail: wall.why, fix: wall.fix }),
        None => Ok(()),
    }
}

fn driver(options: &Options, place: &Place) -> Result<Arc<dyn Driver>, StartError> {
    let variable = |name: &str| options.environment.get(name).filter(|value| !value.is_empty());
    let (runtime_dir, enter_program) = (place.runtime_dir(), options.program.clone());
    let enter_args = vec![ENTER.to_owned()];
    match options.pods {
        PodsKind::Local => {
            let backend = variable("MI_POD_BACKEND").map(|text| text.parse::<Backend>()).transpose();
            let backend = backend.map_err(|error| StartError::Setting(format!("MI_POD_BACKEND: {error}")))?;
            let bwrap = variable("MI_BWRAP").map(PathBuf::from);
            Ok(Arc::new(LocalDriver::new(LocalConfig { runtime_dir, enter_program, enter_args, backend, bwrap })))
        }
        PodsKind::Process => {
            let search_path = variable("PATH").cloned().unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
            Ok(Arc::new(ProcessDriver::new(ProcessConfig { runtime_dir, enter_program, enter_args, search_path })))
        }
    }
}

fn settings(options: &Options, place: &Place, doors: &Doors, prices: Arc<Prices>) -> Settings {
    Settings {
        data_dir: place.data_dir(),
        runtime_dir: place.runtime_dir(),
        endpoint: doors.endpoint(),
        pod_endpoint: doors.pod_endpoint(),
        program: options.program.clone(),
        programs: pods::harnesses::Programs::from_env(&options.environment),
        initial_credits: options.initial_credits,
        pod_minute: options.pod_minute,
        prices,
        event_history: Millis::days(options.event_history_days),
        open_tasks_max: options.open_tasks_max,
        drive_bytes: options.drive_bytes,
        strict_limits: options.strict_limits,
        pod_users: place.pod_users(),
        pod_doors: match options.pods {
            PodsKind::Local => PodDoors::Sockets,
            PodsKind::Process => PodDoors::Address,
        },
    }
}
