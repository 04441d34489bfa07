//! The tree of processes that one session started: asked to end, then killed, to the last.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, setsid};
use tokio::process::{Child, Command};

use super::grove::{Grove, Trunk};
use super::table::{self, Process};
use crate::clock::pause;

/// How often the table is looked at while processes have time to end by themselves.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two rounds of killing.
const KILL_PAUSE: Duration = Duration::from_millis(10);
/// Rounds of killing until what is left is reported as beyond the reach of signals.
const KILL_ROUNDS_MAX: u32 = 500;
/// Empty looks in a row until nothing is believed to be left: the table can't be read at one moment.
const EMPTY_LOOKS: u32 = 2;

/// Which processes belong to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everything below this process, orphans that came back to it included: the runner is alone in its process.
    Everything,
    /// What the session started and what carries its mark: other things live in this process too.
    Marked,
}

/// Whose are processes that carry nobody's mark, when trees stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// This tree's: a session answers for whatever its harness leaves behind.
    Unmarked,
    /// Not this tree's, as long as there is another one.
    MarkedOnly,
}

#[derive(Debug)]
pub(crate) struct Tree {
    reach: Reach,
    claim: Claim,
    trunk: Arc<Trunk>,
    grove: Grove,
}

impl Tree {
    /// The mark is an entry of the environment that only this tree's processes have.
    pub(crate) fn new(reach: Reach, claim: Claim, mark: String, grove: &Grove) -> Self {
        let trunk = Arc::new(Trunk::new(mark));
        grove.plant(&trunk);
        Self { reach, claim, trunk, grove: grove.clone() }
    }

    /// Starts a child that leads a session and a group of its own.
    pub(crate) fn spawn(&self, mut command: Command) -> io::Result<Child> {
        lead_own_session(&mut command);
        self.start(command)
    }

    /// The same for a child whose standard input is a terminal, which becomes the one that controls it.
    pub(crate) fn spawn_on_terminal(&self, mut command: Command) -> io::Result<Child> {
        lead_own_session(&mut command);
        take_terminal(&mut command);
        self.start(command)
    }

    fn start(&self, mut command: Command) -> io::Result<Child> {
        let child = command.spawn()?;
        self.roots().extend(child.id().and_then(|pid| i32::try_from(pid).ok()));
        Ok(child)
    }

    /// SIGTERM to every group that was started here, time to end, then SIGKILL to whatever is left.
    pub(crate) async fn terminate(&self, grace: Duration) {
        for group in self.groups() {
            // A group that is gone by now needs no signal.
            killpg(Pid::from_raw(group), Signal::SIGTERM).unwrap_or_default();
        }
        let until = Instant::now() + grace;
        while Instant::now() < until && !self.members().is_empty() {
            pause(LOOK_EVERY).await;
        }
        self.kill_all().await;
    }

    /// SIGKILL until nothing is left.
    pub(crate) async fn kill_all(&self) {
        let mut empty_looks = 0;
        for _ in 0..KILL_ROUNDS_MAX {
            let members = self.members();
            self.reap_adopted();
            if members.is_empty() {
                empty_looks += 1;
                if empty_looks == EMPTY_LOOKS {
                    return;
                }
                continue;
            }
            empty_looks = 0;
            send_kill(&members);
            pause(KILL_PAUSE).await;
        }
        tracing::error!(left = ?self.members(), "processes of the session can't be killed");
    }

    /// SIGKILL to one child with everything that descends from it or stayed in its session.
    pub(crate) async fn kill_branch(&self, root: u32) {
        let Ok(root) = i32::try_from(root) else { return };
        let Ok(table) = table::read() else { return };
        let seeds = table.iter().filter(|process| process.pid == root || process.session == root);
        let branch = closure(&table, seeds.map(|process| process.pid).collect());
        send_kill(&alive(&table, &branch));
        self.reap_adopted();
    }

    fn roots(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.trunk.roots()
    }

    fn groups(&self) -> BTreeSet<i32> {
        let members: BTreeSet<i32> = self.members().into_iter().collect();
        let table = table::read().unwrap_or_default();
        let roots = self.roots();
        table
            .iter()
            .filter(|process| members.contains(&process.pid) && roots.contains(&process.group))
            .map(|process| process.group)
            .collect()
    }

    /// Living processes of the session.
    fn members(&self) -> Vec<i32> {
        let table = match table::read() {
            Ok(table) => table,
            Err(error) => {
                tracing::error!(%error, "the process table can't be read; killing by group only");
                return self.roots().iter().copied().filter(|root| is_alive(*root)).collect();
            }
        };
        let seeds = match self.reach {
            Reach::Everything => self.unmarked_too(&table),
            Reach::Marked => marked(&self.trunk, &table),
        };
        alive(&table, &closure(&table, seeds))
    }

    /// All that stands below this process, but what belongs to another tree.
    fn unmarked_too(&self, table: &[Process]) -> BTreeSet<i32> {
        let others = self.grove.others(&self.trunk);
        if self.claim == Claim::MarkedOnly && !others.is_empty() {
            return marked(&self.trunk, table);
        }
        let foreign = others.iter().flat_map(|trunk| marked(trunk, table)).collect();
        let foreign = closure(table, foreign);
        children_of_this(table).into_iter().filter(|pid| !foreign.contains(pid)).collect()
    }

    /// Orphans that came to this process as their reaper and have ended; its own children are waited for elsewhere.
    fn reap_adopted(&self) {
        let own = own_pid();
        let mut roots = self.roots().clone();
        roots.extend(self.grove.others(&self.trunk).iter().flat_map(|trunk| trunk.roots().clone()));
        let ended = table::read().unwrap_or_default().into_iter().filter(|process| process.is_zombie);
        for process in ended.filter(|process| process.parent == own && !roots.contains(&process.pid)) {
            if self.reach == Reach::Everything
                && let Err(error) = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG))
            {
                tracing::debug!(%error, pid = process.pid, "an ended orphan was reaped by somebody else");
            }
        }
    }
}

fn marked(trunk: &Trunk, table: &[Process]) -> BTreeSet<i32> {
    let own = own_pid();
    let roots = trunk.roots();
    let is_ours = |process: &&Process| {
        process.pid != own
            && (roots.contains(&process.pid)
                || roots.contains(&process.group)
                || roots.contains(&process.session)
                || table::is_marked(process.pid, &trunk.mark))
    };
    table.iter().filter(is_ours).map(|process| process.pid).collect()
}

/// TIOCSCTTY between fork and exec, after setsid(2): std has no door to it.
#[allow(unsafe_code)]
fn take_terminal(command: &mut Command) {
    // SAFETY: one ioctl on standard input, which is open by then; it allocates nothing.
    unsafe {
        command.pre_exec(|| rustix::process::ioctl_tiocsctty(rustix::stdio::stdin()).map_err(io::Error::from));
    }
}

/// setsid(2) between fork and exec: std has no door to it, and without it a child could reach the runner's terminal.
#[allow(unsafe_code)]
fn lead_own_session(command: &mut Command) {
    // SAFETY: setsid is async-signal-safe and allocates nothing (signal-safety(7)).
    unsafe {
        command.pre_exec(|| setsid().map(drop).map_err(io::Error::from));
    }
}

fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

fn children_of_this(table: &[Process]) -> BTreeSet<i32> {
    let own = own_pid();
    table.iter().filter(|process| process.parent == own).map(|process| process.pid).collect()
}

/// The seeds with all their descendants.
fn closure(table: &[Process], mut found: BTreeSet<i32>) -> BTreeSet<i32> {
    loop {
        let before = found.len();
        let young: Vec<i32> =
            table.iter().filter(|process| found.contains(&process.parent)).map(|process| process.pid).collect();
        found.extend(young);
        if found.len() == before {
            return found;
        }
    }
}

fn alive(table: &[Process], pids: &BTreeSet<i32>) -> Vec<i32> {
    table
        .iter()
        .filter(|process| pids.contains(&process.pid) && !process.is_zombie)
        .map(|process| process.pid)
        .collect()
}

fn is_alive(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
}

fn send_kill(pids: &[i32]) {
    for pid in pids {
        // One that has ended meanwhile is what we want.
        kill(Pid::from_raw(*pid), Signal::SIGKILL).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::{Process, alive, closure};

    fn process(pid: i32, parent: i32) -> Process {
        Process { pid, parent, group: pid, session: pid, is_zombie: false }
    }

    #[test]
    fn descendants_are_found_in_any_order_of_the_table() {
        let dead = Process { is_zombie: true, ..process(13, 10) };
        let table = [process(12, 11), process(11, 10), process(10, 1), process(20, 1), dead];
        let found = closure(&table, [10].into());
        assert_eq!(found.iter().copied().collect::<Vec<_>>(), [10, 11, 12, 13]);
        assert_eq!(alive(&table, &found), [12, 11, 10]);
    }
}
