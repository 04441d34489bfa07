//! The log on stderr: for people on a terminal, JSON for programs.

use std::io::{self, IsTerminal};

use mi_server::infra::config::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// What the libraries below us say is rarely of interest.
const QUIET: &str = "hyper=warn,h2=warn,reqwest=warn,rustls=warn,rustls_platform_verifier=off";

pub fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let wrong = || Failure::usage(format!("the log filter {filter:?} can't be read")).hint("try info, or debug");
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|_| wrong())?;
    let on_terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let human = match format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => on_terminal,
    };
    let started = if human {
        log.with_ansi(on_terminal && std::env::var_os("NO_COLOR").is_none()).with_target(false).try_init()
    } else {
        log.json().flatten_event(true).try_init()
    };
    started.map_err(|error| Failure::new(format!("the log can't be started: {error}")))
}
