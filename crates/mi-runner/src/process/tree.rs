//! The tree of processes that one session started: asked to end, then killed, to the last.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl::{get_child_subreaper, set_pdeathsig};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, getpgrp, setsid};
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::grove::{Grove, Trunk};
use super::table::{self, Process};
use crate::clock::pause;

/// The entry of the environment by which a tree knows its processes.
const MARK: &str = "MI_TREE";
/// How often the table is looked at while processes have time to end by themselves.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two rounds of killing.
const KILL_PAUSE: Duration = Duration::from_millis(2);
/// How long it is tried, until what is left counts as beyond the reach of signals.
const KILL_WAIT: Duration = Duration::from_secs(5);
/// Quiet looks in a row until nothing is believed to be left, where the kernel can't say it: the table can't be read at
/// one moment.
const QUIET_LOOKS: u32 = 20;

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

/// What killing a tree came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cleared {
    All,
    /// Something outlived it, or is born faster than it can be killed.
    NotAll,
}

/// The tree at one reading of the table.
#[derive(Debug)]
struct Look {
    living: Vec<i32>,
    /// Groups of the living and of the ended: a chain, where each forks the next and ends, leaves its group to be known.
    groups: BTreeSet<i32>,
    /// Orphans had ended since the look before, so something of the tree lived then, seen or not.
    orphans_ended: bool,
    /// Children are there, or may be, that others wait for: their presence says nothing about this tree.
    others_wait: bool,
}

impl Look {
    /// `has_children`: what the kernel says of this process, in one moment and without holes.
    fn proves_empty(&self, has_children: bool, quiet_looks: u32) -> bool {
        let seen_empty = self.living.is_empty() && !self.orphans_ended;
        if self.others_wait { seen_empty && quiet_looks >= QUIET_LOOKS } else { !has_children }
    }
}

#[derive(Debug)]
pub(crate) struct Tree {
    reach: Reach,
    claim: Claim,
    trunk: Arc<Trunk>,
    grove: Grove,
}

impl Tree {
    pub(crate) fn new(reach: Reach, claim: Claim, grove: &Grove) -> Self {
        // By chance, not by a session's number: another runner on this machine may count the same.
        let trunk = Arc::new(Trunk::new(Uuid::new_v4().to_string()));
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
        command.env(MARK, &self.trunk.mark);
        // Held over both: another tree that kills meanwhile learns of the child before it decides whose it is.
        let mut roots = self.roots();
        let child = command.spawn()?;
        roots.extend(child.id().and_then(|pid| i32::try_from(pid).ok()));
        drop(roots);
        Ok(child)
    }

    /// SIGTERM to every group that was started here, time to end, then SIGKILL to whatever is left.
    ///
    /// Whoever holds a child of the tree has to wait for it meanwhile.
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
    pub(crate) async fn kill_all(&self) -> Cleared {
        let until = Instant::now() + KILL_WAIT;
        let mut quiet_looks = 0;
        loop {
            let look = self.look();
            send_kill(&look.living);
            kill_groups(&look.groups);
            let is_quiet = look.living.is_empty() && !look.orphans_ended;
            quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
            if look.proves_empty(has_children(), quiet_looks) {
                return Cleared::All;
            }
            if Instant::now() >= until {
                tracing::error!(left = ?look.living, "processes of the session can't be killed");
                return Cleared::NotAll;
            }
            pause(KILL_PAUSE).await;
        }
    }

    /// SIGKILL to one child with everything that descends from it or stayed in its session.
    pub(crate) async fn kill_branch(&self, root: u32) {
        let Ok(root) = i32::try_from(root) else { return };
        let Ok(table) = table::read() else { return };
        let seeds = table.iter().filter(|process| process.pid == root || process.session == root);
        let branch = closure(&table, seeds.map(|process| process.pid).collect());
        send_kill(&alive(&table, &branch));
        self.reap_adopted(&table, &self.owned(&table));
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
        self.read_table().map_or_else(|| self.living_roots(), |table| alive(&table, &self.owned(&table)))
    }

    fn read_table(&self) -> Option<Vec<Process>> {
        table::read()
            .inspect_err(|error| tracing::error!(%error, "the process table can't be read; killing by root only"))
            .ok()
    }

    fn living_roots(&self) -> Vec<i32> {
        self.roots().iter().copied().filter(|root| is_alive(*root)).collect()
    }

    /// Reads the table once and reaps those orphans that it shows as ended, so that the next look shows only new ones.
    fn look(&self) -> Look {
        let Some(table) = self.read_table() else {
            let (living, groups) = (self.living_roots(), BTreeSet::new());
            return Look { living, groups, orphans_ended: false, others_wait: true };
        };
        let owned = self.owned(&table);
        let groups = table.iter().filter(|process| owned.contains(&process.pid)).map(|process| process.group);
        Look {
            living: alive(&table, &owned),
            groups: groups.collect(),
            orphans_ended: self.reap_adopted(&table, &owned),
            others_wait: self.others_wait(&table),
        }
    }

    /// Whether having children says nothing: another tree has its own, or the runner isn't alone in this process, or a
    /// child of this tree has yet to be waited for by whoever started it.
    fn others_wait(&self, table: &[Process]) -> bool {
        let is_reaper = get_child_subreaper().unwrap_or(false);
        let roots = self.roots();
        let own = own_pid();
        self.reach == Reach::Marked
            || !is_reaper
            || !self.grove.others(&self.trunk).is_empty()
            || table.iter().any(|process| process.parent == own && roots.contains(&process.pid))
    }

    /// The session's processes, ended ones that nobody has waited for included.
    fn owned(&self, table: &[Process]) -> BTreeSet<i32> {
        let seeds = match self.reach {
            Reach::Everything => self.unmarked_too(table),
            Reach::Marked => marked(&self.trunk, table),
        };
        closure(table, seeds)
    }

    /// All that stands below this process, but what another tree started. A mark spares nobody: an agent can set any.
    fn unmarked_too(&self, table: &[Process]) -> BTreeSet<i32> {
        let others = self.grove.others(&self.trunk);
        if self.claim == Claim::MarkedOnly && !others.is_empty() {
            return marked(&self.trunk, table);
        }
        let foreign = others.iter().flat_map(|trunk| rooted(trunk, table)).collect();
        let foreign = closure(table, foreign);
        children_of_this(table).into_iter().filter(|pid| !foreign.contains(pid)).collect()
    }

    /// Orphans that came to this process as their reaper and have ended; its own children are waited for elsewhere.
    /// Says whether there were any.
    fn reap_adopted(&self, table: &[Process], owned: &BTreeSet<i32>) -> bool {
        if self.reach == Reach::Marked {
            return false;
        }
        let own = own_pid();
        let mut roots = self.roots().clone();
        roots.extend(self.grove.others(&self.trunk).iter().flat_map(|trunk| trunk.roots().clone()));
        let ended = table.iter().filter(|process| process.is_zombie && owned.contains(&process.pid));
        let mut had_any = false;
        for process in ended.filter(|process| process.parent == own && !roots.contains(&process.pid)) {
            had_any = true;
            if let Err(error) = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG)) {
                tracing::debug!(%error, pid = process.pid, "an ended orphan was reaped by somebody else");
            }
        }
        had_any
    }
}

/// What the tree started, and what is in a group or a session that began so: nobody can put himself there from outside.
fn rooted(trunk: &Trunk, table: &[Process]) -> BTreeSet<i32> {
    let own = own_pid();
    let roots = trunk.roots();
    let is_rooted = |process: &&Process| {
        process.pid != own && [process.pid, process.group, process.session].iter().any(|id| roots.contains(id))
    };
    table.iter().filter(is_rooted).map(|process| process.pid).collect()
}

/// The same, and what carries the tree's mark: a reason to kill, never one to spare.
fn marked(trunk: &Trunk, table: &[Process]) -> BTreeSet<i32> {
    let own = own_pid();
    let mut found = rooted(trunk, table);
    let entry = format!("{MARK}={}", trunk.mark);
    let is_marked = |process: &&Process| process.pid != own && table::is_marked(process.pid, &entry);
    found.extend(table.iter().filter(is_marked).map(|process| process.pid));
    found
}

/// Whether anything at all stands below this process: whatever does has an ancestor among its children, because a
/// subreaper gets the orphans. The kernel answers under the lock that forks and ends take, so no birth falls between.
fn has_children() -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT | WaitPidFlag::__WALL;
    !matches!(waitid(Id::All, flags), Err(Errno::ECHILD))
}

/// TIOCSCTTY between fork and exec, after setsid(2): std has no door to it.
#[allow(unsafe_code)]
fn take_terminal(command: &mut Command) {
    // SAFETY: one ioctl on standard input, which is open by then; it allocates nothing.
    unsafe {
        command.pre_exec(|| rustix::process::ioctl_tiocsctty(rustix::stdio::stdin()).map_err(io::Error::from));
    }
}

/// setsid(2) and prctl(2) between fork and exec: std has no door to them. Without the first a child could reach the runner's
/// terminal; by the second it dies with the runner, however that ends. Runners start everything from their one thread, so the
/// end of a thread is the runner's.
#[allow(unsafe_code)]
fn lead_own_session(command: &mut Command) {
    let runner = Pid::this();
    let begin = move || {
        setsid()?;
        set_pdeathsig(Signal::SIGKILL)?;
        // It may have died before it could be asked for.
        if Pid::parent() == runner { Ok(()) } else { Err(Errno::ESRCH.into()) }
    };
    // SAFETY: these are bare system calls, async-signal-safe, and allocate nothing (signal-safety(7)).
    unsafe {
        command.pre_exec(begin);
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

/// A group gets the signal in one moment: no member escapes by forking. A number below 2 would mean this process's own
/// group, or everybody (kill(2)); a table shows 0 for groups of an outer namespace.
fn kill_groups(groups: &BTreeSet<i32>) {
    let own = getpgrp().as_raw();
    for group in groups.iter().filter(|group| **group > 1 && **group != own) {
        killpg(Pid::from_raw(*group), Signal::SIGKILL).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Look, Process, QUIET_LOOKS, Trunk, alive, closure, rooted};

    #[test]
    fn an_empty_table_is_not_believed_while_the_kernel_knows_of_a_child() {
        let look = || Look { living: vec![], groups: BTreeSet::new(), orphans_ended: false, others_wait: false };
        assert!(!look().proves_empty(true, u32::MAX));
        assert!(look().proves_empty(false, 0));
        let beside_others = || Look { others_wait: true, ..look() };
        assert!(!beside_others().proves_empty(true, QUIET_LOOKS - 1));
        assert!(beside_others().proves_empty(true, QUIET_LOOKS));
        assert!(!Look { orphans_ended: true, ..beside_others() }.proves_empty(true, QUIET_LOOKS));
    }

    #[test]
    fn a_tree_knows_its_own_by_root_group_and_session() {
        let trunk = Trunk::new("1".into());
        trunk.roots().insert(10);
        let in_group = Process { group: 10, ..process(11, 1) };
        let in_session = Process { session: 10, ..process(12, 1) };
        let table = [process(10, 1), in_group, in_session, process(13, 1)];
        assert_eq!(rooted(&trunk, &table), BTreeSet::from([10, 11, 12]));
    }

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
