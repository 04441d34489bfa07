//! The one thread from which all pods are started.
//!
//! The kernel's parent-death signal fires when the *thread* that started a child ends, so a pod started from a pool
//! thread would die with that thread. This one lives as long as the process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

use crate::fault::PodError;

struct Job {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

static SPAWNER: OnceLock<io::Result<Sender<Job>>> = OnceLock::new();

/// Starts the command from the process-lifetime thread.
pub(crate) fn spawn(command: Command) -> Result<Child, PodError> {
    let sender = SPAWNER.get_or_init(start_thread).as_ref();
    let sender = sender.map_err(|error| PodError::start(format!("no thread to start pods from: {error}")))?;
    let (answer, reply) = sync_channel(1);
    let gone = || PodError::start("the thread that starts pods has ended");
    sender.send(Job { command, answer }).map_err(|_| gone())?;
    reply.recv().map_err(|_| gone())?.map_err(PodError::io("start the pod's first process"))
}

fn start_thread() -> io::Result<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    thread::Builder::new().name("mi-pods-spawn".into()).spawn(move || {
        for mut job in jobs {
            let outcome = job.command.spawn();
            // Stdio handles stay open inside the command until it is dropped; the asker waits for their end.
            drop(job.command);
            if job.answer.send(outcome).is_err() {
                tracing::warn!("nobody waited for a pod that was started");
            }
        }
    })?;
    Ok(sender)
}
