//! Limits by control groups: version 2 where it has the controllers, else version 1, else none.
//!
//! Groups are made below the server's own, so a limit set on the server also holds for its pods together.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::fault::{LIMIT_REMEDY, PodError};
use crate::finding::{Finding, FindingState};
use crate::spec::{Limit, Limits, Strictness};
use crate::wire::Rlimits;

/// The accounting period that cpu quotas refer to.
const CPU_PERIOD_MICROS: u64 = 100_000;
/// A group can be removed only when its last process has been buried; that takes the kernel a moment.
const REMOVE_TRIES_MAX: u32 = 100;
const REMOVE_PAUSE: Duration = Duration::from_millis(10);
/// How much of a pod may be swapped out, and in version 1 how much it may have in both places.
const SWAP_TWO: &str = "memory.swap.max";
const SWAP_ONE: &str = "memory.memsw.limit_in_bytes";
/// Where the server itself moves, since version 2 allows no processes in a group that hands out controllers.
const SERVER_LEAF: &str = "mi-server";

/// The three things that can be limited, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memory,
    Pids,
    Cpu,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Memory, Self::Pids, Self::Cpu];

    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
        }
    }

    /// One that every kernel takes; of processes none takes more than four million.
    fn trial_amount(self) -> u64 {
        match self {
            Self::Memory => 1 << 30,
            Self::Pids => 1 << 10,
            Self::Cpu => 1_000,
        }
    }

    /// What is left of the limit where no group can hold it.
    fn without_group(self, error: &io::Error) -> Finding {
        let (state, instead) = match self {
            Self::Memory => (FindingState::Degraded, "held per process only"),
            Self::Pids => (FindingState::Degraded, "held by the user's process limit only"),
            Self::Cpu => (FindingState::Missing, "not held"),
        };
        Finding::limit(self.name(), state, format!("{instead}: {error}")).with_fix(LIMIT_REMEDY)
    }

    fn wanted(self, limits: &Limits) -> Option<Limit> {
        match self {
            Self::Memory => limits.memory,
            Self::Pids => limits.pids,
            Self::Cpu => limits.cpu,
        }
    }

    /// What goes before and after the limit where the kernel has it: memory that a pod swaps out is memory as well.
    /// Version 1 takes no limit above that of both together, which an earlier pod of this name may have left.
    fn swap(self, version: Version, amount: u64) -> [Option<(&'static str, String)>; 2] {
        match (self, version) {
            (Self::Memory, Version::Two) => [None, Some((SWAP_TWO, "0".to_owned()))],
            (Self::Memory, Version::One) => [Some((SWAP_ONE, "-1".to_owned())), Some((SWAP_ONE, amount.to_string()))],
            (Self::Pids | Self::Cpu, Version::One | Version::Two) => [None, None],
        }
    }

    /// File and content that set the limit.
    fn setting(self, version: Version, amount: u64) -> Vec<(&'static str, String)> {
        let quota = amount.saturating_mul(CPU_PERIOD_MICROS) / 1000;
        match (self, version) {
            (Self::Memory, Version::Two) => {
                vec![("memory.max", amount.to_string()), ("memory.oom.group", "1".to_owned())]
            }
            (Self::Memory, Version::One) => vec![("memory.limit_in_bytes", amount.to_string())],
            (Self::Pids, Version::One | Version::Two) => vec![("pids.max", amount.to_string())],
            (Self::Cpu, Version::Two) => vec![("cpu.max", format!("{quota} {CPU_PERIOD_MICROS}"))],
            (Self::Cpu, Version::One) => {
                vec![("cpu.cfs_period_us", CPU_PERIOD_MICROS.to_string()), ("cpu.cfs_quota_us", quota.to_string())]
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where this server may make groups.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Home {
    version: Version,
    dir: PathBuf,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Cgroups {
    homes: Vec<(Kind, Home)>,
}

/// A pod's groups, and what they don't hold.
#[derive(Debug, Default)]
pub(crate) struct Group {
    dirs: Vec<PathBuf>,
    pub rlimits: Rlimits,
    pub degraded: Vec<Finding>,
}

impl Cgroups {
    pub(crate) fn detect() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let found = Self::parse(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
        for (_, home) in found.homes.iter().filter(|(_, home)| home.version == Version::Two).take(1) {
            if let Err(error) = hand_out_controllers(&home.dir) {
                tracing::debug!(%error, "this server's cgroup hands out no controllers");
            }
        }
        found
    }

    /// From the kernel's own words: `mountinfo` says where hierarchies are mounted, `cgroup` where this process stands.
    fn parse(mountinfo: &str, own: &str) -> Self {
        let mut homes = Vec::new();
        for kind in Kind::ALL {
            let one = || mount_of(mountinfo, "cgroup", Some(kind)).map(|mount| (Version::One, mount));
            let two = mount_of(mountinfo, "cgroup2", None).map(|mount| (Version::Two, mount));
            let two = two.filter(|(_, mount)| offers(mount, own, kind));
            let Some((version, mount)) = two.or_else(one) else { continue };
            if let Some(dir) = own_dir(&mount, own, version, kind) {
                homes.push((kind, Home { version, dir }));
            }
        }
        Self { homes }
    }

    /// Makes the groups for the limits that were asked for, and none when none was.
    ///
    /// A limit that no group can hold falls back to a resource limit and is reported, or refused when it is required.
    pub(crate) fn create(&self, name: &str, limits: &Limits) -> Result<Group, PodError> {
        let mut group = Group::default();
        for kind in Kind::ALL {
            let Some(Limit { amount, strict }) = kind.wanted(limits) else { continue };
            let Err(error) = self.limit(kind, name, amount, &mut group.dirs) else { continue };
            if strict == Strictness::Required {
                group.remove();
                return Err(PodError::limit(kind.name(), error.to_string()));
            }
            group.fall_back(kind, amount, &error);
        }
        Ok(group)
    }

    fn limit(&self, kind: Kind, name: &str, amount: u64, dirs: &mut Vec<PathBuf>) -> io::Result<()> {
        let home = self.homes.iter().find(|(of, _)| *of == kind).map(|(_, home)| home);
        let home = home.ok_or_else(|| io::Error::other("this machine offers no cgroup for it"))?;
        let dir = home.dir.join(name);
        if !dirs.contains(&dir) {
            make_group(&dir)?;
            dirs.push(dir.clone());
        }
        let [before, after] = kind.swap(home.version, amount);
        set_if_there(&dir, before)?;
        kind.setting(home.version, amount)
            .into_iter()
            .try_for_each(|(file, content)| set(&dir.join(file), &content))?;
        set_if_there(&dir, after)
    }

    /// Tries each limit on a group of its own.
    pub(crate) fn findings(&self, name: &str) -> Vec<Finding> {
        let trial = |kind: Kind| {
            let mut group = Group::default();
            let outcome = self.limit(kind, name, kind.trial_amount(), &mut group.dirs);
            group.remove();
            match outcome {
                Ok(()) => Finding::limit(kind.name(), FindingState::Raised, "held by a cgroup"),
                Err(error) => kind.without_group(&error),
            }
        };
        Kind::ALL.into_iter().map(trial).collect()
    }

    /// Removes groups that an earlier server of this instance left.
    pub(crate) fn sweep(&self, prefix: &str, living: &[String]) {
        for (_, home) in &self.homes {
            let Ok(entries) = fs::read_dir(&home.dir) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with(prefix) && !living.contains(&name) {
                    Group { dirs: vec![entry.path()], ..Group::default() }.remove();
                }
            }
        }
    }
}

impl Group {
    /// Puts a process, and all that it will start, into the groups.
    pub(crate) fn join(&self, pid: u32) -> io::Result<()> {
        self.dirs.iter().try_for_each(|dir| fs::write(dir.join("cgroup.procs"), pid.to_string()))
    }

    /// Ends every process in the groups and removes them.
    pub(crate) fn remove(&self) {
        for dir in &self.dirs {
            if let Err(error) = remove_group(dir) {
                tracing::warn!(%error, group = %dir.display(), "a pod's cgroup stays behind");
            }
        }
    }

    fn fall_back(&mut self, kind: Kind, amount: u64, error: &io::Error) {
        match kind {
            Kind::Memory => self.rlimits.data_bytes = Some(amount),
            Kind::Pids => self.rlimits.processes = Some(amount),
            Kind::Cpu => {}
        }
        self.degraded.push(kind.without_group(error));
    }
}

/// A plain write: creating the file would hide a missing controller on an ordinary file system.
fn set(file: &Path, content: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(file)?.write_all(content.as_bytes())
}

/// Not every kernel counts what is swapped out.
fn set_if_there(dir: &Path, setting: Option<(&'static str, String)>) -> io::Result<()> {
    let Some((file, content)) = setting else { return Ok(()) };
    match set(&dir.join(file), &content) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

fn make_group(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        // Left by a server that was killed; same pod, same group.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

fn remove_group(dir: &Path) -> io::Result<()> {
    for _ in 0..REMOVE_TRIES_MAX {
        match fs::remove_dir(dir) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) => kill_members(dir)?,
        }
        thread::sleep(REMOVE_PAUSE);
    }
    fs::remove_dir(dir)
}

fn kill_members(dir: &Path) -> io::Result<()> {
    for pid in fs::read_to_string(dir.join("cgroup.procs"))?.lines().filter_map(|line| line.parse().ok()) {
        if let Some(handle) = crate::orphans::hold(pid)? {
            crate::orphans::send_kill(&handle)?;
        }
    }
    Ok(())
}

/// The mount point of a hierarchy; for version 1 of the one that carries this controller.
fn mount_of(mountinfo: &str, filesystem: &str, kind: Option<Kind>) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (place, source) = line.split_once(" - ")?;
        let mut source = source.split(' ');
        let carries = |options: &str| kind.is_none_or(|kind| options.split(',').any(|option| option == kind.name()));
        (source.next() == Some(filesystem) && source.nth(1).is_some_and(carries)).then_some(())?;
        place.split(' ').nth(4).map(PathBuf::from)
    })
}

fn own_dir(mount: &Path, own: &str, version: Version, kind: Kind) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let ours = match version {
            Version::Two => controllers.is_empty(),
            Version::One => controllers.split(',').any(|controller| controller == kind.name()),
        };
        ours.then_some(path)
    })?;
    let dir = mount.join(path.trim_start_matches('/'));
    // Once the server has moved into its leaf, the pods' groups still belong beside it.
    let dir = if dir.ends_with(SERVER_LEAF) { dir.parent()?.to_owned() } else { dir };
    dir.is_dir().then_some(dir)
}

fn offers(mount: &Path, own: &str, kind: Kind) -> bool {
    own_dir(mount, own, Version::Two, kind)
        .and_then(|dir| fs::read_to_string(dir.join("cgroup.controllers")).ok())
        .is_some_and(|controllers| controllers.split_whitespace().any(|controller| controller == kind.name()))
}

/// Version 2: lets groups below this one use the controllers; the server steps aside into a leaf when it is alone here.
fn hand_out_controllers(dir: &Path) -> io::Result<()> {
    let hand_out = || fs::write(dir.join("cgroup.subtree_control"), "+memory +pids +cpu");
    let Err(error) = hand_out() else { return Ok(()) };
    let members = fs::read_to_string(dir.join("cgroup.procs"))?;
    let own = std::process::id().to_string();
    if members.lines().ne([own.as_str()]) {
        return Err(error);
    }
    let leaf = dir.join(SERVER_LEAF);
    make_group(&leaf)?;
    fs::write(leaf.join("cgroup.procs"), own)?;
    hand_out()
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
