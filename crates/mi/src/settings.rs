//! From flags, environment and file to what the server is told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mi_cli::exit::Exit;
use mi_cli::programs::{self, PodsKind, UpArgs};
use mi_cli::{Format, World};
use mi_core::harnesses;
use mi_server::infra::config::{self, Config, Shown, Sources};
use mi_server::server::Options;

use crate::failure::Failure;
use crate::voice;

/// What the server's drivers read beside the settings and beside what says where programs are.
const DRIVERS: [&str; 2] = ["MI_POD_BACKEND", "MI_BWRAP"];

pub fn load(args: &UpArgs, world: &World) -> Result<Config, Failure> {
    let home = world.home();
    let environment = |name: &str| world.variable(name).map(str::to_owned);
    Ok(Config::load(&Sources { flags: flags(args), environment: &environment, home: home.as_deref() })?)
}

fn flags(args: &UpArgs) -> BTreeMap<&'static str, String> {
    let pods = args.pods.map(|kind| match kind {
        PodsKind::Local => "local",
        PodsKind::Process => "process",
    });
    let log_format = args.log_format.map(|format| match format {
        programs::LogFormat::Auto => "auto",
        programs::LogFormat::Human => "human",
        programs::LogFormat::Json => "json",
    });
    let path = |given: Option<&PathBuf>| given.map(|path| path.display().to_string());
    let list = |given: &[String]| (!given.is_empty()).then(|| given.join(","));
    let given = [
        (config::DATA_DIR.name, path(args.data_dir.as_ref())),
        (config::LISTEN.name, args.listen.clone()),
        (config::TLS_CERT.name, path(args.tls_cert.as_ref())),
        (config::TLS_KEY.name, path(args.tls_key.as_ref())),
        (config::DATABASE_URL.name, args.database_url.clone()),
        (config::PODS.name, pods.map(str::to_owned)),
        (config::STRICT_LIMITS.name, args.strict_limits.then(|| "on".to_owned())),
        (config::ALLOW_UPSTREAM.name, list(&args.allow_upstream)),
        (config::EGRESS_PRIVATE.name, list(&args.egress_private)),
        (config::LOG_FORMAT.name, log_format.map(str::to_owned)),
        (config::OPEN_TASKS_MAX.name, args.open_tasks_max.map(|most| most.to_string())),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

pub fn options(config: &Config, world: &World) -> Result<Options, Failure> {
    let providers = config::PROVIDER_VARIABLES.iter().map(|setting| setting.variable);
    let environment = providers
        .chain(harnesses::variables())
        .chain(DRIVERS)
        .filter_map(|name| Some((name.to_owned(), world.variable(name)?.to_owned())));
    Ok(Options {
        data_dir: config.data_dir(),
        listen: config.listen().to_owned(),
        tls: config.tls()?,
        database_url: config.database_url(),
        pods: config.pods()?,
        strict_limits: config.strict_limits()?,
        allow_upstream: config.allow_upstream(),
        egress_private: config.egress_private(),
        initial_credits: config.initial_credits()?,
        pod_minute: config.pod_minute()?,
        prices: config.prices(),
        event_history_days: config.event_history_days()?,
        open_tasks_max: config.open_tasks_max()?,
        drive_bytes: config.drive_bytes()?,
        environment: environment.collect(),
        program: program()?,
    })
}

/// This very program, which becomes pods and runs in them.
pub fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(Failure::io("find out where mi itself is"))
}

/// `mi config show`
pub fn show(args: &UpArgs, format: Format, world: &World) -> Result<Exit, Failure> {
    let shown = load(args, world)?.show();
    let text = match format {
        Format::Json => serde_json::to_string(&shown).map_err(|error| Failure::new(error.to_string()))?,
        Format::People => table(&shown),
    };
    voice::tell(&text).map_err(Failure::io("write to stdout"))?;
    Ok(Exit::Done)
}

fn table(shown: &[Shown]) -> String {
    let value = |row: &Shown| row.value.clone().unwrap_or_else(|| "-".to_owned());
    let width = |of: &dyn Fn(&Shown) -> usize| shown.iter().map(of).max().unwrap_or(0);
    let names = width(&|row| row.name.chars().count()).max("SETTING".len());
    let values = width(&|row| value(row).chars().count()).max("VALUE".len());
    let mut lines = vec![format!("{:names$}  {:values$}  {:11}  VARIABLE", "SETTING", "VALUE", "FROM")];
    lines.extend(shown.iter().map(|row| {
        let origin = if row.value.is_some() { row.origin.as_str() } else { "unset" };
        format!("{:names$}  {:values$}  {origin:11}  {}", row.name, value(row), row.variable)
    }));
    lines.join("\n")
}
