//! Finding and ending processes by the marker that every process of a pod carries in its environment.
//!
//! This is the net below the walls: a sandboxed pod falls with its pid namespace and needs none. A process that clears its
//! environment and isn't in a cgroup of ours escapes it; that is part of what "no sandbox" means.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::wire::MARKER;

/// A killed parent's children appear under a new one; each round sees those that the one before missed.
const KILL_ROUNDS_MAX: u32 = 32;

/// In the middle of an exec a process shows an empty environment for some microseconds, so one look isn't enough.
const EMPTY_ROUNDS: u32 = 2;
const EXEC_PAUSE: Duration = Duration::from_millis(5);

/// Which pods' processes are meant.
#[derive(Clone, Copy)]
pub(crate) enum Marked<'a> {
    /// Exactly this pod.
    Pod(&'a str),
    /// Every pod of this server's instance, but those that are known to live.
    Instance { prefix: &'a str, living: &'a [String] },
}

impl Marked<'_> {
    fn covers(self, id: &str) -> bool {
        match self {
            Self::Pod(wanted) => id == wanted,
            Self::Instance { prefix, living } => id.starts_with(prefix) && !living.iter().any(|known| known == id),
        }
    }
}

/// Host process ids that carry the marker of this pod, as far as this user may see them.
///
/// # Errors
/// When the process table can't be read.
pub fn marked_processes(pod_id: &str) -> io::Result<Vec<u32>> {
    find(Marked::Pod(pod_id))
}

fn find(marked: Marked<'_>) -> io::Result<Vec<u32>> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|text| text.parse::<u32>().ok()) else { continue };
        if pid != own && marker_of(pid).is_some_and(|id| marked.covers(&id)) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The pod id in a process's environment; `None` also for a process that ended or isn't ours to read.
fn marker_of(pid: u32) -> Option<String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environ.split(|byte| *byte == 0).find_map(|variable| {
        let text = std::str::from_utf8(variable).ok()?;
        text.strip_prefix(MARKER)?.strip_prefix('=').map(str::to_owned)
    })
}

/// Kills until none was found twice in a row; returns how many were killed.
pub(crate) fn kill(marked: Marked<'_>) -> io::Result<usize> {
    let (mut killed, mut empty_rounds) = (0, 0);
    for _ in 0..KILL_ROUNDS_MAX {
        let mut handles = Vec::new();
        for pid in find(marked)? {
            handles.extend(kill_one(pid, marked)?);
        }
        if handles.is_empty() {
            empty_rounds += 1;
            if empty_rounds == EMPTY_ROUNDS {
                return Ok(killed);
            }
            thread::sleep(EXEC_PAUSE);
            continue;
        }
        empty_rounds = 0;
        killed += handles.len();
        for handle in handles {
            wait_gone(&handle)?;
        }
    }
    Err(io::Error::other("processes of a pod keep coming back"))
}

/// Holds the process by a descriptor before looking at its marker again, so that a reused number is never hit.
fn kill_one(pid: u32, marked: Marked<'_>) -> io::Result<Option<OwnedFd>> {
    let Some(handle) = hold(pid)? else { return Ok(None) };
    if !marker_of(pid).is_some_and(|id| marked.covers(&id)) {
        return Ok(None);
    }
    Ok(send_kill(&handle)?.then_some(handle))
}

/// A descriptor for the process; `None` when it is gone.
pub(crate) fn hold(pid: u32) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Ok(Some(handle)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the process was still there to be killed.
pub(crate) fn send_kill(handle: &OwnedFd) -> io::Result<bool> {
    match pidfd_send_signal(handle, Signal::KILL) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits until the held process has ended, at most `GONE_MS_MAX`.
pub(crate) fn wait_gone(handle: &OwnedFd) -> io::Result<()> {
    use nix::poll::{PollFd, PollFlags, poll};
    use std::os::fd::AsFd;

    const GONE_MS_MAX: u16 = 5_000;
    let mut watched = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
    match poll(&mut watched, GONE_MS_MAX) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, "a killed process of a pod doesn't end")),
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
