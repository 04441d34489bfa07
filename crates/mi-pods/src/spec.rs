//! What a pod is to be: its places, its program, its limits and its secret.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::fault::PodError;
use crate::installs::{SHOWN_ANYWAY, below};
use crate::usage::{DEPTH_MAX, Usage};

/// A host name is at most 64 bytes (sethostname(2)), and the agent's name is the pod's.
const NAME_BYTES_MAX: usize = 64;
/// A ticket must fit into a pipe that nobody reads yet; POSIX promises this much.
const TICKET_BYTES_MAX: usize = 4096;
/// Together with the paths this stays well inside the frame in which the spec travels.
const ENV_BYTES_MAX: usize = 64 * 1024;
/// Variables that steer the dynamic loader would act on the sandbox's own programs, outside the walls.
const LOADER_PREFIXES: [&str; 2] = ["LD_", "GLIBC_TUNABLES"];

/// Where pods see harness programs.
pub(crate) const HARNESSES_AT: &str = "/opt/harness";

pub struct PodSpec {
    pub office: String,
    pub agent: String,
    pub epoch: u64,
    pub room: Room,
    /// Host folder, seen as `/workspace`: home and working folder of the pod, readable and writable. Behind the walls a
    /// check's pod has empty memory there instead.
    pub workspace: PathBuf,
    /// Host folder, seen as `/shared/files`, readable and writable; in a check's pod readable only.
    pub drive: PathBuf,
    /// Host folder of the server's socket `s.sock`, seen as `/run/mi`. The folder is bound, since a bound socket file goes
    /// dead when the server binds anew. As root the driver makes it enterable for the office's uid only; the socket
    /// itself needs mode 0666 then. A check's pod has none.
    pub socket_dir: Option<PathBuf>,
    /// The program, seen as `/opt/mi/bin/mi`; for agents with the link `tq` beside it, first on `PATH`.
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Nothing secret: the environment can be read from outside.
    pub env: Vec<(String, String)>,
    /// The secret with which the runner signs in; handed over on the pipe that `MI_TICKET_FD` names. Empty for a check.
    pub ticket: Zeroizing<String>,
    /// When the server is root: the office's unprivileged uid (and gid), owner of workspace and drive.
    pub host_uid: Option<u32>,
    pub limits: Limits,
    /// What its folders may hold.
    pub quotas: Vec<Quota>,
    /// The pod's output is appended here; the older half is kept beside it as `NAME.1`.
    pub log: PathBuf,
    /// Install roots of harness programs, each seen read-only as `/opt/harness/NAME`, unless they are seen anyway.
    pub harnesses: Vec<HarnessRoot>,
}

/// What a pod is for, which decides what it may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Room {
    /// An agent's: its workspace and the drive to write to, and the way to the server.
    Agent,
    /// For looking at the drive, which is read-only in it. Home is empty memory that is gone with the pod; there is no
    /// socket, no ticket and nobody to talk to.
    Check,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarnessRoot {
    pub name: String,
    /// A folder, or the program itself.
    pub root: PathBuf,
    /// The program below the root; empty where that is the program.
    pub entry: PathBuf,
    /// Tells the pod where the program is.
    pub variable: String,
}

impl HarnessRoot {
    /// Whether pods see it without being shown it.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.root.starts_with(SHOWN_ANYWAY)
    }

    /// Where the program is behind the walls.
    pub(crate) fn place_inside(&self) -> PathBuf {
        if self.is_everywhere() {
            return self.place_outside();
        }
        below(&Path::new(HARNESSES_AT).join(&self.name), &self.entry)
    }

    pub(crate) fn place_outside(&self) -> PathBuf {
        below(&self.root, &self.entry)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In bytes.
    pub memory: Option<Limit>,
    /// Processes and threads together.
    pub pids: Option<Limit>,
    /// Thousandths of one processor.
    pub cpu: Option<Limit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub amount: u64,
    pub strict: Strictness,
}

impl Limits {
    pub const NONE: Self = Self { memory: None, pids: None, cpu: None };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// A limit that can't be held keeps the pod from starting.
    Required,
    /// A limit that can't be held is reported as degraded.
    BestEffort,
}

/// How much a folder that the pod may write to may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    pub folder: PathBuf,
    /// For sentences: `workspace`.
    pub name: &'static str,
    pub bytes: u64,
    /// Everything that has a name in it.
    pub files: u64,
}

impl Quota {
    pub(crate) fn limits(&self) -> Usage {
        Usage { bytes: self.bytes, files: self.files, hidden: 0 }
    }

    pub(crate) fn sentence(&self, usage: Usage) -> String {
        const MIB: u64 = 1024 * 1024;
        let name = self.name;
        if usage.bytes > self.bytes {
            return format!("the {name} holds more than its {} MiB", self.bytes / MIB);
        }
        if usage.files > self.files {
            return format!("the {name} holds more than its {} files", self.files);
        }
        let why = format!("nest deeper than {DEPTH_MAX}, or are closed to the server");
        format!("folders of the {name} {why}, so their use can't be measured")
    }
}

impl fmt::Debug for PodSpec {
    /// Leaves the ticket out, so that a logged spec gives nothing away.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PodSpec")
            .field("office", &self.office)
            .field("agent", &self.agent)
            .field("epoch", &self.epoch)
            .field("room", &self.room)
            .field("workspace", &self.workspace)
            .field("program", &self.program)
            .field("args", &self.args)
            .field("host_uid", &self.host_uid)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl PodSpec {
    pub(crate) fn check(&self) -> Result<(), PodError> {
        for (what, name) in [("office", &self.office), ("agent", &self.agent)] {
            check_name(what, name)?;
        }
        for harness in &self.harnesses {
            check_name("harness", &harness.name)?;
            check_path("harness root", &harness.root)?;
        }
        for (what, path) in [("workspace", &self.workspace), ("drive", &self.drive), ("program", &self.program)] {
            check_path(what, path)?;
        }
        self.check_room()?;
        if self.ticket.len() > TICKET_BYTES_MAX {
            return Err(PodError::spec(format!("its ticket is longer than {TICKET_BYTES_MAX} bytes")));
        }
        check_env(&self.env)
    }
}

impl PodSpec {
    /// A check's pod with a way to the server, or a runner without one, is a mistake of ours.
    fn check_room(&self) -> Result<(), PodError> {
        match (self.room, &self.socket_dir) {
            (Room::Agent, Some(socket_dir)) => check_path("socket folder", socket_dir),
            (Room::Agent, None) => Err(PodError::spec("an agent's pod needs its socket's folder")),
            (Room::Check, None) if self.ticket.is_empty() => Ok(()),
            (Room::Check, _) => Err(PodError::spec("a check's pod gets neither socket nor ticket")),
        }
    }
}

fn check_name(what: &str, name: &str) -> Result<(), PodError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain) {
        return Ok(());
    }
    Err(PodError::spec(format!(
        "{name:?} can't be a pod's {what} name: letters, digits, '-', '_' and '.', at most {NAME_BYTES_MAX}"
    )))
}

fn check_path(what: &str, path: &Path) -> Result<(), PodError> {
    if !path.is_absolute() {
        return Err(PodError::spec(format!("its {what} must be an absolute path")));
    }
    if path.to_str().is_none() {
        return Err(PodError::spec(format!("its {what} must be a path in UTF-8")));
    }
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(PodError::spec(format!("its {what} doesn't exist"))),
        Err(source) => Err(PodError::io(format!("look at the pod's {what}"))(source)),
    }
}

fn check_env(env: &[(String, String)]) -> Result<(), PodError> {
    let bytes: usize = env.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ENV_BYTES_MAX {
        return Err(PodError::spec(format!("its environment is larger than {ENV_BYTES_MAX} bytes")));
    }
    for (name, value) in env {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let well_formed = !name.is_empty() && name.bytes().all(word) && !value.contains('\0');
        if !well_formed || LOADER_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(PodError::spec(format!("the variable {name:?} can't be set in a pod")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_env, check_name};

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        for bad in ["", ".", "..", "a/b", "-x", "a b", "a\0b", "ä", &"x".repeat(65)] {
            assert!(check_name("agent", bad).is_err(), "{bad:?}");
        }
        for good in ["ada", "Ada-2", "a.b_c", &"x".repeat(64)] {
            assert!(check_name("agent", good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn variables_that_steer_the_loader_are_refused() {
        for bad in ["LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "A=B", ""] {
            assert!(check_env(&[(bad.to_owned(), "x".to_owned())]).is_err(), "{bad}");
        }
        assert!(check_env(&[("MI_ENDPOINT".to_owned(), "http://127.0.0.1:1".to_owned())]).is_ok());
    }
}
