//! `mi up`: the whole platform in the foreground.

use std::path::Path;

use mi_cli::World;
use mi_cli::config::Config as CliConfig;
use mi_cli::exit::Exit;
use mi_cli::programs::UpArgs;
use mi_server::server::Server;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::{logging, models, settings, voice};

const WORKERS: usize = 2;
/// More than a server uses.
const OPEN_FILES_MAX: u64 = 65_536;
/// Starting and ending pods, and files of the drive.
const BLOCKING_THREADS_MAX: usize = 64;

/// For whoever starts it for the first time.
const NEXT: &str = "next, in a second terminal: mi colonies create --name \"My Colony\", or mi apply -f colony.yaml; \
                    mi --help has the first steps";

/// What became of the key that the command line uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Known,
    Written,
    /// Only shown.
    Elsewhere,
}

pub fn run(args: &UpArgs, world: &World) -> Result<Exit, Failure> {
    let config = settings::load(args, world)?;
    logging::start(config.log(), config.log_format()?)?;
    let mut options = settings::options(&config, world)?;
    models::offer(&mut options)?;
    allow_files();
    let certificate = options.tls.as_ref().map(|files| files.certificate.clone());
    runtime()?.block_on(Box::pin(async {
        let mut signals = Signals::listen()?;
        let server = Server::start(options).await?;
        let key = keep_key(&server, world, certificate.as_deref()).await?;
        voice::tell(&format!("ready {}", server.endpoint())).map_err(Failure::io("write to stdout"))?;
        if server.first_key().is_some() {
            let link = server.login_link().await?;
            voice::say(&format!("in a browser, once and within ten minutes: {link}"));
        }
        if key == Key::Written {
            voice::say(NEXT);
        }
        signals.next().await;
        end(server, signals).await
    }))
}

/// As many descriptors as this user may have: pods and their connections take some each, and the usual soft limit is meant
/// for programs that have none.
fn allow_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(now, most)| setrlimit(Resource::RLIMIT_NOFILE, now.max(most.min(OPEN_FILES_MAX)), most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .map_err(Failure::io("start the server's threads"))
}

/// A second signal means: now.
async fn end(server: Server, mut signals: Signals) -> Result<Exit, Failure> {
    tracing::info!("shutting down; once more ends it at once");
    tokio::select! {
        () = Box::pin(server.shut_down()) => Ok(Exit::Done),
        () = signals.next() => Err(Failure::new("ended at once, without waiting for agents")),
    }
}

/// SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn listen() -> Result<Self, Failure> {
        let of = |kind| signal(kind).map_err(Failure::io("listen for signals"));
        Ok(Self { terminate: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The command line on this machine trusts the very file that the server was given, whatever name is in it.
fn trusted(certificate: Option<&Path>) -> Option<String> {
    let path = certificate?;
    Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string())
}

/// Puts endpoint and key where the command line looks for them. Whoever starts the server owns its data, so a key that
/// was lost is replaced.
async fn keep_key(server: &Server, world: &World, certificate: Option<&Path>) -> Result<Key, Failure> {
    let first = server.first_key().map(str::to_owned);
    let Some(home) = world.home() else {
        if let Some(key) = first {
            voice::say(&format!("your key, shown only now: {key}"));
        }
        return Ok(Key::Elsewhere);
    };
    let known = CliConfig::load(&home).map_err(|error| Failure::new(error.to_string()))?;
    let path = CliConfig::path(&home).display().to_string();
    match (first, &known.key) {
        (None, Some(_)) => Ok(Key::Known),
        (Some(key), Some(_)) => {
            voice::say(&format!("{path} holds another server's key and is left alone"));
            voice::say(&format!("this server's key, shown only now: {key}"));
            voice::say(&format!("use it with MI_ENDPOINT={} MI_API_KEY=…, or mi login", server.endpoint()));
            Ok(Key::Elsewhere)
        }
        (first, None) => {
            let key = match first {
                Some(key) => key,
                None => server.new_key().await?.to_string(),
            };
            let endpoint = Some(server.endpoint().to_owned());
            let config = CliConfig { endpoint, key: Some(key), ca_cert: trusted(certificate), ..known };
            config.save(&home).map_err(|error| Failure::new(error.to_string()))?;
            voice::say(&format!("your key for {} is in {path}", server.endpoint()));
            Ok(Key::Written)
        }
    }
}
