//! The pod's first process: starts the program, buries every dead child, passes orders on, and takes all others along when
//! the program or the server ends.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::failure::{Failure, wall, wall_at};
use super::{Input, landlock, pid_of, seccomp, tell};
use crate::spec::Room;
use crate::wire::{CONTROL_KILL, CONTROL_TERMINATE, Report, Rlimits, TICKET_FD};

const OPEN_FILES_MAX: u64 = 65_536;
/// Kernels before this count a user's processes machine-wide, also against a limit set inside a namespace.
const NAMESPACED_NPROC_KERNEL: (u32, u32) = (5, 14);
/// How long to keep killing a tree that keeps growing.
const TREE_KILL_LIMIT: Duration = Duration::from_secs(5);

/// How far this process's care reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// First in a pid namespace: the kernel ends all others with it. The last walls are raised here.
    Namespace { room: Room },
    /// Subreaper of an ordinary tree: it must end them itself.
    Tree,
}

struct Init {
    program: Pid,
    signals: SignalFd,
}

enum Next {
    Wait,
    End,
}

pub(crate) fn run(mut command: Command, limits: &Rlimits, reach: Reach) -> Result<ExitCode, Failure> {
    // Over a plain tree this process must outlive the server for a moment to end the others; it sees the server's death as
    // the end of its input. In a namespace the kernel ends the others with it.
    let with_parent = match reach {
        Reach::Namespace { .. } => Some(Signal::SIGKILL),
        Reach::Tree => None,
    };
    prctl::set_pdeathsig(with_parent).map_err(wall("processes"))?;
    apply(limits, reach).map_err(wall("limits"))?;
    // Before anybody else is here: this process holds the ticket and the socket, and none may look into it.
    prctl::set_dumpable(false).map_err(wall("privileges"))?;
    if let Reach::Namespace { room } = reach {
        raise_last_walls(room)?;
    }
    let child = command.stdin(Stdio::null()).spawn();
    let child = child.map_err(wall_at("start", command.get_program().display()))?;
    // The ticket is the program's alone.
    nix::unistd::close(TICKET_FD).map_err(wall("start"))?;
    let init = Init { program: pid_of(child.id())?, signals: block_signals().map_err(wall("start"))? };
    tell(&Report::Up);
    let exit = init.watch();
    if reach == Reach::Tree {
        end_tree().map_err(wall("processes"))?;
    }
    let report = exit.map_err(wall("processes"))?;
    tell(&report);
    Ok(exit_code(&report))
}

/// What is raised on this process and inherited by all others: after every mount is made, and before the program starts.
fn raise_last_walls(room: Room) -> Result<(), Failure> {
    landlock::raise(room).map_err(wall("landlock"))?;
    seccomp::raise().map_err(wall("seccomp"))
}

fn apply(limits: &Rlimits, reach: Reach) -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    lower(Resource::RLIMIT_NOFILE, OPEN_FILES_MAX)?;
    if let Some(bytes) = limits.data_bytes {
        lower(Resource::RLIMIT_DATA, bytes)?;
    }
    match limits.processes {
        Some(count) if reach != Reach::Tree && kernel_is_at_least(NAMESPACED_NPROC_KERNEL) => {
            lower(Resource::RLIMIT_NPROC, count)
        }
        _ => Ok(()),
    }
}

/// Never raises: above the hard limit nothing can be set.
fn lower(resource: Resource, amount: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let amount = amount.min(hard);
    Ok(setrlimit(resource, amount, amount)?)
}

fn kernel_is_at_least(wanted: (u32, u32)) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.trim().parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= wanted)
}

/// Only after the program was started: it would inherit the mask.
fn block_signals() -> nix::Result<SignalFd> {
    let mut set = SigSet::empty();
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT].into_iter().for_each(|signal| set.add(signal));
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

impl Init {
    /// Returns how the program ended, or that it was torn down because the server is gone or ordered it.
    fn watch(&self) -> io::Result<Report> {
        loop {
            if let Some(exit) = self.bury()? {
                return Ok(exit);
            }
            let input = io::stdin();
            let mut watched =
                [PollFd::new(input.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let (ordered, signalled) = (watched[0].any() == Some(true), watched[1].any() == Some(true));
            if signalled {
                self.take_signals()?;
            }
            if ordered && matches!(self.take_order()?, Next::End) {
                return Ok(Report::Exited { code: None, signal: Some(Signal::SIGKILL as i32) });
            }
        }
    }

    /// Reaps everything that is dead; says how the program ended if it is among them.
    fn bury(&self) -> io::Result<Option<Report>> {
        loop {
            match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) if pid == self.program => {
                    return Ok(Some(Report::Exited { code: Some(code), signal: None }));
                }
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == self.program => {
                    return Ok(Some(Report::Exited { code: None, signal: Some(signal as i32) }));
                }
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_signals(&self) -> io::Result<()> {
        while let Some(signal) = self.signals.read_signal()? {
            let asked_to_end = [Signal::SIGTERM, Signal::SIGINT].iter().any(|end| *end as u32 == signal.ssi_signo);
            if asked_to_end {
                self.terminate()?;
            }
        }
        Ok(())
    }

    fn take_order(&self) -> io::Result<Next> {
        let mut order = [0];
        match Input.read(&mut order) {
            Ok(0) => Ok(Next::End),
            Ok(_) if order[0] == CONTROL_KILL => Ok(Next::End),
            Ok(_) if order[0] == CONTROL_TERMINATE => self.terminate().map(|()| Next::Wait),
            Ok(_) => Err(io::Error::other("an order that no server gives")),
            // A server that was killed with a report of ours unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Next::End),
            Err(error) => Err(error),
        }
    }

    fn terminate(&self) -> io::Result<()> {
        match kill(self.program, Signal::SIGTERM) {
            // Dead and not yet buried, which comes next.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Kills children until there are none: as each dies, its own children become ours.
fn end_tree() -> io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < TREE_KILL_LIMIT {
        for child in children()? {
            match kill(child, Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match waitid(Id::All, WaitPidFlag::WEXITED) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("the pod's processes keep coming back"))
}

fn children() -> io::Result<Vec<Pid>> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|text| text.parse().ok()) else { continue };
        // A process may end between the listing and the look.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        if parent == Some(own.as_str()) {
            found.push(Pid::from_raw(pid));
        }
    }
    Ok(found)
}

/// As shells have it: 128 + signal.
fn exit_code(report: &Report) -> ExitCode {
    const SIGNAL_CODE_BASE: i32 = 128;
    let code = match report {
        Report::Exited { code: Some(code), .. } => *code,
        Report::Exited { signal: Some(signal), .. } => SIGNAL_CODE_BASE + signal,
        Report::Exited { .. } | Report::Up | Report::Failed { .. } => SIGNAL_CODE_BASE,
    };
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
