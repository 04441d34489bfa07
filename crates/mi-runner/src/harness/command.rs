//! Harness `command`: any program. It gets the session's context as JSON on stdin and in its environment, and speaks to
//! the queue with `tq` or over HTTP with the session's credential.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use mi_core::ids::excerpt;
use mi_core::wire::agents::{CommandLine, HarnessKind};
use mi_core::wire::runner::EndCause;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;

use super::lines::{LastLine, pump};
use super::{Harness, Job, Missing, Outcome, Running};
use crate::clock::within;

/// How long the rest of the output may take once every process of the session is gone.
const OUTPUT_WAIT: Duration = Duration::from_secs(2);

pub(super) struct CommandHarness;

impl Harness for CommandHarness {
    fn kind(&self) -> HarnessKind {
        HarnessKind::Command
    }

    fn prepare<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<(), Missing>> {
        let found = match &job.grant.command {
            None => Err(Missing::from("the agent has no command")),
            Some(CommandLine::Argv(words)) if words.is_empty() => Err(Missing::from("the agent's command is empty")),
            Some(CommandLine::Argv(_) | CommandLine::Shell(_)) => Ok(()),
        };
        Box::pin(async move { found })
    }

    fn spawn(&self, job: Arc<Job>) -> Result<Running, Missing> {
        let line = job.grant.command.as_ref().ok_or_else(|| Missing::from("the agent has no command"))?;
        let mut command = command_of(line)?;
        dress(&mut command, &job.environment, &job.workspace);
        command.stdin(Stdio::piped());
        let child =
            job.tree.spawn(command).map_err(|error| Missing::from(format!("the command can't be started: {error}")))?;
        Ok(Running::new(attend(child, job)))
    }
}

pub(crate) fn command_of(line: &CommandLine) -> Result<Command, Missing> {
    match line {
        CommandLine::Shell(text) => Ok(shell(text)),
        CommandLine::Argv(words) => {
            let (program, rest) = words.split_first().ok_or_else(|| Missing::from("the agent's command is empty"))?;
            let mut command = Command::new(program);
            command.args(rest);
            Ok(command)
        }
    }
}

/// `sh -c TEXT`.
pub(crate) fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text);
    command
}

/// The session's environment and nothing else, the workspace as working folder, output to be read.
pub(crate) fn dress(command: &mut Command, environment: &BTreeMap<String, String>, workspace: &Path) {
    command.env_clear().envs(environment).current_dir(workspace);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// Feeds the child, reads it, waits for it; then nothing that it started may go on.
async fn attend(mut child: Child, job: Arc<Job>) -> Outcome {
    let last = LastLine::default();
    let feeding = child.stdin.take().map(|stdin| tokio::spawn(feed(stdin, job.clone())));
    let mut reading: Vec<JoinHandle<()>> = Vec::new();
    reading.extend(child.stdout.take().map(|out| tokio::spawn(pump(out, job.outbox.clone(), last.clone()))));
    reading.extend(child.stderr.take().map(|err| tokio::spawn(pump(err, job.outbox.clone(), last.clone()))));
    let status = child.wait().await;
    if !job.leave.is_cancelled() {
        job.tree.kill_all().await;
    }
    for task in reading {
        let abort = task.abort_handle();
        if within(OUTPUT_WAIT, task).await.is_none() {
            abort.abort();
        }
    }
    if let Some(task) = feeding {
        task.abort();
    }
    outcome(status, &last.get())
}

async fn feed(mut stdin: ChildStdin, job: Arc<Job>) {
    let text = match serde_json::to_vec(&job.context) {
        Ok(text) => text,
        Err(error) => return job.outbox.log(&format!("the context can't be written as JSON: {error}")),
    };
    match stdin.write_all(&text).await {
        // A program may well not care for its stdin.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => job.outbox.log(&format!("the context can't be written to stdin: {error}")),
        Ok(()) => {}
    }
}

fn outcome(status: io::Result<ExitStatus>, last_line: &str) -> Outcome {
    let status = match status {
        Ok(status) => status,
        Err(error) => return Outcome::of(EndCause::Failed, format!("the command can't be waited for: {error}")),
    };
    let ended = match (status.code(), status.signal()) {
        (Some(code), _) => format!("the command exited with {code}"),
        (None, Some(signal)) => format!("the command was ended by signal {signal}"),
        (None, None) => "the command ended".into(),
    };
    let summary = if last_line.is_empty() { ended } else { format!("{ended}; its last line: {}", excerpt(last_line)) };
    let cause = if status.success() { EndCause::Finished } else { EndCause::Failed };
    Outcome { exit: status.code(), signal: status.signal(), ..Outcome::of(cause, summary) }
}
