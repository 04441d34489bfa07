//! `mi runner`: the process inside a pod. One thread is enough.

use mi_cli::exit::Exit;
use mi_runner::RunnerConfig;
use mi_server::infra::config::LogFormat;

use crate::failure::Failure;
use crate::logging;

pub fn run() -> Result<Exit, Failure> {
    logging::start("info", LogFormat::Human)?;
    let config = RunnerConfig::from_env()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("start the runner"))?;
    // Every reason to leave that is no error is good order: the server decides whether it starts another one.
    let reason = runtime.block_on(mi_runner::run(config))?;
    tracing::info!(?reason, "the runner leaves");
    Ok(Exit::Done)
}
