//! The demo's own server in a temporary folder.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mi_cli::World;
use mi_cli::config::Config as CliConfig;
use mi_cli::programs::{self, DemoArgs};
use mi_client::{Client, Credential, Endpoint};
use mi_core::credits::Micro;
use mi_core::limits::{
    DRIVE_BYTES_DEFAULT, EVENT_HISTORY_DAYS_DEFAULT, INITIAL_CREDITS_DEFAULT, OPEN_TASKS_PER_OFFICE_MAX,
};
use mi_pods::Strictness;
use mi_server::infra::config::{PROVIDER_VARIABLES, PodsKind};
use mi_server::server::{Options, Server, StartError};
use tempfile::TempDir;

use super::brains::Brains;
use crate::failure::Failure;
use crate::{settings, voice};

/// Passable for the users of offices, where root starts the demo.
const FOLDER_MODE: u32 = 0o711;
const PASSED_ON: [&str; 3] = ["PATH", "MI_POD_BACKEND", "MI_BWRAP"];

pub struct Stage {
    server: Server,
    pub client: Client,
    pub pods: PodsKind,
    pub ready_ms: u128,
    folder: TempDir,
}

impl Stage {
    pub async fn set(args: &DemoArgs, world: &World, brains: &Brains) -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("mi-demo-").map_err(Failure::io("make a temporary folder"))?;
        let mode = std::fs::Permissions::from_mode(FOLDER_MODE);
        std::fs::set_permissions(folder.path(), mode).map_err(Failure::io("open the temporary folder"))?;
        let (server, pods, ready_ms) = start(args, world, brains, folder.path()).await?;
        let key = server.first_key().ok_or_else(|| Failure::new("the demo's server made no key"))?.to_owned();
        let endpoint: Endpoint =
            server.endpoint().parse().map_err(|error| Failure::new(format!("the demo's address: {error}")))?;
        let config = CliConfig { endpoint: Some(endpoint.to_string()), key: Some(key.clone()), ..CliConfig::default() };
        config.save(&home(folder.path())).map_err(|error| Failure::new(error.to_string()))?;
        let client = Client::new(endpoint, Credential::Bearer(key));
        Ok(Self { server, client, pods, ready_ms, folder })
    }

    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// `MI_HOME` for commands that talk to this server.
    pub fn home(&self) -> PathBuf {
        home(self.folder.path())
    }

    /// A place for a file that is to be uploaded.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).map_err(Failure::io("write the file to review"))?;
        Ok(path)
    }

    pub async fn clear(self) -> Result<(), Failure> {
        Box::pin(self.server.shut_down()).await;
        self.folder.close().map_err(Failure::io("remove the demo's folder"))
    }
}

fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}

/// Without a sandbox the demo goes on, and says what that means; a driver that was asked for is not replaced.
async fn start(
    args: &DemoArgs,
    world: &World,
    brains: &Brains,
    folder: &Path,
) -> Result<(Server, PodsKind, u128), Failure> {
    let asked = match args.pods {
        None => None,
        Some(programs::PodsKind::Local) => Some(PodsKind::Local),
        Some(programs::PodsKind::Process) => Some(PodsKind::Process),
    };
    let first = asked.unwrap_or(PodsKind::Local);
    let began = Instant::now();
    match Box::pin(Server::start(options(world, brains, folder, first)?)).await {
        Ok(server) => Ok((server, first, began.elapsed().as_millis())),
        Err(StartError::NoSandbox { detail, .. }) if asked.is_none() => {
            voice::say(&format!("no sandbox can be raised here: {detail}"));
            voice::say(
                "going on with --pods process: the agents are ordinary processes and could read and change what you can",
            );
            let began = Instant::now();
            let server = Box::pin(Server::start(options(world, brains, folder, PodsKind::Process)?)).await?;
            Ok((server, PodsKind::Process, began.elapsed().as_millis()))
        }
        Err(error) => Err(error.into()),
    }
}

fn options(world: &World, brains: &Brains, folder: &Path, pods: PodsKind) -> Result<Options, Failure> {
    let names = PROVIDER_VARIABLES.iter().map(|setting| setting.variable).chain(PASSED_ON);
    let found = names.filter_map(|name| Some((name.to_owned(), world.variable(name)?.to_owned())));
    let mut environment: BTreeMap<String, String> = found.collect();
    environment.extend(brains.variables());
    Ok(Options {
        data_dir: folder.join("data"),
        listen: "127.0.0.1:0".to_owned(),
        tls: None,
        database_url: None,
        pods,
        strict_limits: Strictness::BestEffort,
        allow_upstream: Vec::new(),
        egress_private: Vec::new(),
        initial_credits: INITIAL_CREDITS_DEFAULT,
        // A demo is over before it would be worth a word.
        pod_minute: Micro(0),
        prices: None,
        event_history_days: EVENT_HISTORY_DAYS_DEFAULT,
        open_tasks_max: OPEN_TASKS_PER_OFFICE_MAX,
        drive_bytes: DRIVE_BYTES_DEFAULT,
        environment,
        program: settings::program()?,
    })
}
