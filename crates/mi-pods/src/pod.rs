//! A pod made of real processes, and the thread that watches it from its start to its last process.

use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cgroup::Group;
use crate::driver::{Pod, PodStatus};
use crate::fault::PodError;
use crate::finding::Finding;
use crate::log::BoundedLog;
use crate::messages::{Ear, Heard, Listening};
use crate::orphans::{self, Marked};
use crate::wire::{CONTROL_KILL, CONTROL_TERMINATE, Report};

/// A watcher only copies bytes and waits.
const WATCHER_STACK_BYTES: usize = 256 * 1024;
/// How long the pod's own first process gets to end its tree before we do it from outside.
const TREE_KILL_LIMIT: Duration = Duration::from_secs(2);
const OUTPUT_READ_BYTES: usize = 16 * 1024;
/// Exit codes above this mean "ended by signal code - 128", as shells have it.
const SIGNAL_CODE_BASE: i32 = 128;

/// How far a pod's processes reach, which decides how they are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// A pid namespace: its first process takes all others along.
    Namespace,
    /// An ordinary process tree.
    Tree,
}

pub(crate) struct HostPod {
    pub(crate) id: String,
    reach: Reach,
    outer_pid: u32,
    outer: OwnedFd,
    control: UnixStream,
    degraded: Vec<Finding>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// The first process inside the pod, held so that its number can't be reused under us.
    inner: Option<Arc<OwnedFd>>,
    told_exit: Option<PodStatus>,
    log_tail: String,
    verdict: Option<String>,
    /// Nothing of the pod is left: no process, no group, no thread that matters.
    cleared: bool,
}

#[derive(Clone)]
enum Phase {
    Starting,
    Up,
    Failed { wall: String, detail: String },
    Ended(PodStatus),
}

/// The parts of a just started pod.
pub(crate) struct Parts {
    pub id: String,
    pub reach: Reach,
    pub child: Child,
    pub control: UnixStream,
    pub output: PipeReader,
    pub log: BoundedLog,
    pub group: Group,
}

struct Watcher {
    pod: Arc<HostPod>,
    child: Child,
    output: PipeReader,
    log: BoundedLog,
    group: Group,
    ear: Ear,
}

impl HostPod {
    pub(crate) fn watch(parts: Parts) -> Result<Arc<Self>, PodError> {
        let outer_pid = parts.child.id();
        let outer = orphans::hold(outer_pid).map_err(PodError::io("watch the pod"))?;
        let outer = outer.ok_or_else(|| PodError::start("its first process is gone"))?;
        let nonblocking = FcntlArg::F_SETFL(OFlag::O_NONBLOCK);
        fcntl(&parts.output, nonblocking).map_err(PodError::io("read the pod's output"))?;
        let ear = Ear::new(&parts.control).map_err(PodError::io("listen to the pod"))?;
        let state = State {
            phase: Phase::Starting,
            inner: None,
            told_exit: None,
            log_tail: String::new(),
            verdict: None,
            cleared: false,
        };
        let pod = Arc::new(Self {
            id: parts.id,
            reach: parts.reach,
            outer_pid,
            outer,
            control: parts.control,
            degraded: parts.group.degraded.clone(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let watcher = Watcher {
            pod: Arc::clone(&pod),
            child: parts.child,
            output: parts.output,
            log: parts.log,
            group: parts.group,
            ear,
        };
        thread::Builder::new()
            .name("mi-pod-watch".into())
            .stack_size(WATCHER_STACK_BYTES)
            .spawn(move || watcher.run())
            .map_err(PodError::io("watch the pod"))?;
        Ok(pod)
    }

    /// Waits until the pod's program runs.
    pub(crate) fn wait_up(&self, limit: Duration) -> Result<(), PodError> {
        let starting = |state: &mut State| matches!(state.phase, Phase::Starting);
        let waited = self.changed.wait_timeout_while(self.lock(), limit, starting);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        match &state.phase {
            Phase::Up => Ok(()),
            // A short program may have ended before anybody looked; it did run.
            Phase::Ended(_) if state.told_exit.is_some() => Ok(()),
            Phase::Starting => Err(PodError::start(format!("it wasn't up after {} s", limit.as_secs()))),
            Phase::Failed { wall, detail } if wall == "start" => Err(PodError::start(detail.clone())),
            Phase::Failed { wall, detail } => Err(PodError::wall(wall.clone(), detail.clone())),
            Phase::Ended(_) if self.reach == Reach::Namespace => Err(PodError::wall("sandbox", state.log_tail.clone())),
            Phase::Ended(_) => Err(PodError::start(state.log_tail.clone())),
        }
    }

    /// Waits until nothing of the pod is left, also of one that never came up.
    pub(crate) fn wait_cleared(&self, limit: Duration) {
        let waited = self.changed.wait_timeout_while(self.lock(), limit, |state| !state.cleared);
        if !waited.unwrap_or_else(PoisonError::into_inner).0.cleared {
            tracing::error!(pod = %self.id, "a pod that didn't start isn't gone yet");
        }
    }

    pub(crate) fn send_frame(&self, bytes: &[u8]) -> io::Result<()> {
        crate::wire::send_frame(&mut &self.control, bytes)
    }

    pub(crate) fn runs(&self) -> bool {
        self.status() == PodStatus::Running
    }

    /// Ends the pod for a reason that is the driver's own.
    pub(crate) fn condemn(&self, why: String) {
        tracing::warn!(pod = %self.id, why, "a pod is ended");
        self.lock().verdict = Some(why);
        self.kill();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, order: u8) {
        if let Err(error) = (&self.control).write_all(&[order]) {
            tracing::debug!(pod = %self.id, %error, "the pod no longer takes orders");
        }
    }

    fn take_report(&self, heard: Heard) {
        let mut state = self.lock();
        match heard.report {
            Report::Up => {
                state.inner = heard.sender_pid.and_then(|pid| self.hold_inner(pid)).map(Arc::new);
                if matches!(state.phase, Phase::Starting) {
                    state.phase = Phase::Up;
                }
            }
            Report::Failed { wall, detail } => state.phase = Phase::Failed { wall, detail },
            Report::Exited { code, signal } => state.told_exit = Some(PodStatus::Exited { code, signal }),
        }
        self.changed.notify_all();
    }

    /// Holds the sender if it really is the child of the pod's outer process.
    fn hold_inner(&self, pid: i32) -> Option<OwnedFd> {
        let pid = u32::try_from(pid).ok().filter(|pid| *pid != self.outer_pid)?;
        let handle = orphans::hold(pid).ok()??;
        (parent_of(pid) == Some(self.outer_pid)).then_some(handle)
    }

    fn kill_processes(&self) -> io::Result<()> {
        let inner = self.lock().inner.clone();
        orphans::send_kill(&self.outer)?;
        if let Some(inner) = inner {
            orphans::send_kill(&inner)?;
        }
        if self.reach == Reach::Tree {
            orphans::kill(Marked::Pod(&self.id))?;
        }
        Ok(())
    }

    fn end(&self, status: ExitStatus, log_tail: String) {
        let mut state = self.lock();
        state.log_tail = log_tail;
        state.cleared = true;
        if !matches!(state.phase, Phase::Failed { .. }) {
            state.phase = Phase::Ended(state.told_exit.unwrap_or_else(|| read_status(status)));
        }
        self.changed.notify_all();
    }
}

impl Pod for HostPod {
    fn pid(&self) -> Option<u32> {
        (self.status() == PodStatus::Running).then_some(self.outer_pid)
    }

    fn status(&self) -> PodStatus {
        match self.lock().phase {
            Phase::Starting | Phase::Up => PodStatus::Running,
            Phase::Failed { .. } => PodStatus::Exited { code: None, signal: None },
            Phase::Ended(status) => status,
        }
    }

    fn terminate(&self) {
        self.order(CONTROL_TERMINATE);
    }

    fn kill(&self) {
        if self.reach == Reach::Tree {
            // Only the pod's own first process sees children that cleared their environment; it goes first.
            self.order(CONTROL_KILL);
            if self.wait_timeout(TREE_KILL_LIMIT) != PodStatus::Running {
                return;
            }
        }
        if let Err(error) = self.kill_processes() {
            tracing::error!(pod = %self.id, %error, "a pod can't be killed");
        }
    }

    fn wait_timeout(&self, limit: Duration) -> PodStatus {
        let running = |state: &mut State| matches!(state.phase, Phase::Starting | Phase::Up);
        drop(self.changed.wait_timeout_while(self.lock(), limit, running));
        self.status()
    }

    fn verdict(&self) -> Option<String> {
        self.lock().verdict.clone()
    }

    fn degraded(&self) -> Vec<Finding> {
        self.degraded.clone()
    }
}

impl Watcher {
    fn run(mut self) {
        if let Err(error) = self.follow() {
            tracing::error!(pod = %self.pod.id, %error, "a pod can no longer be followed and is killed");
            self.pod.order(CONTROL_KILL);
            if let Err(error) = self.pod.kill_processes() {
                tracing::error!(pod = %self.pod.id, %error, "a pod can't be killed");
            }
        }
        self.finish();
    }

    /// Copies output and takes reports until the pod's outer process has ended.
    fn follow(&mut self) -> io::Result<()> {
        let (mut listening, mut output_open) = (true, true);
        loop {
            let wanted = |open: bool| if open { PollFlags::POLLIN } else { PollFlags::empty() };
            let mut watched = vec![PollFd::new(self.pod.outer.as_fd(), PollFlags::POLLIN)];
            if listening {
                watched.push(PollFd::new(self.pod.control.as_fd(), wanted(listening)));
            }
            if output_open {
                watched.push(PollFd::new(self.output.as_fd(), wanted(output_open)));
            }
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ended = watched[0].any().unwrap_or(false);
            output_open = output_open && self.copy_output()?;
            listening = listening && self.hear()?;
            if ended {
                return Ok(());
            }
        }
    }

    /// Whether more may follow.
    fn hear(&mut self) -> io::Result<bool> {
        match self.ear.listen(&self.pod.control)? {
            Listening::Reports(reports) => reports.into_iter().for_each(|heard| self.pod.take_report(heard)),
            Listening::Silent => {}
            Listening::Ended => return Ok(false),
        }
        Ok(true)
    }

    /// Whether more may follow. Reads a bounded amount, so that a pod that never stops talking can't hold the watcher.
    fn copy_output(&mut self) -> io::Result<bool> {
        let mut bytes = [0; OUTPUT_READ_BYTES];
        match self.output.read(&mut bytes) {
            Ok(0) => Ok(false),
            Ok(count) => {
                if let Err(error) = self.log.append(&bytes[..count]) {
                    tracing::warn!(pod = %self.pod.id, %error, "a pod's log can't be written");
                }
                Ok(true)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Buries the dead: afterwards no process, no group and no unread output of the pod is left.
    fn finish(mut self) {
        if let Err(error) = self.clear_away() {
            tracing::error!(pod = %self.pod.id, %error, "a pod's end isn't complete");
        }
        self.group.remove();
        const LAST_READS_MAX: usize = 64;
        for _ in 0..LAST_READS_MAX {
            if !matches!(self.copy_output(), Ok(true)) {
                break;
            }
        }
        match self.child.wait() {
            Ok(status) => self.pod.end(status, self.log.tail()),
            Err(error) => {
                tracing::error!(pod = %self.pod.id, %error, "a pod's exit status is lost");
                self.pod.end(ExitStatus::from_raw(0), self.log.tail());
            }
        }
    }

    fn clear_away(&mut self) -> io::Result<()> {
        const LAST_REPORTS_MAX: usize = 8;
        for _ in 0..LAST_REPORTS_MAX {
            match self.ear.listen(&self.pod.control)? {
                Listening::Reports(reports) => reports.into_iter().for_each(|heard| self.pod.take_report(heard)),
                Listening::Silent | Listening::Ended => break,
            }
        }
        let inner = self.pod.lock().inner.clone();
        if let Some(inner) = &inner {
            // The outer process may have been shot; the inner one follows it by its own parent-death signal.
            orphans::send_kill(inner)?;
            orphans::wait_gone(inner)?;
        }
        orphans::wait_gone(&self.pod.outer)?;
        // An outer process that was shot before the inner one had told of itself leaves one that waits for it.
        if self.pod.reach == Reach::Tree || inner.is_none() {
            orphans::kill(Marked::Pod(&self.pod.id))?;
        }
        Ok(())
    }
}

fn read_status(status: ExitStatus) -> PodStatus {
    let by_code = status.code().filter(|code| *code > SIGNAL_CODE_BASE).map(|code| code - SIGNAL_CODE_BASE);
    match status.signal().or(by_code) {
        Some(signal) => PodStatus::Exited { code: None, signal: Some(signal) },
        None => PodStatus::Exited { code: status.code(), signal: None },
    }
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, also parentheses; the fields follow its last one.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
