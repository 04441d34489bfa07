//! What a runner is told at its start: where the server is, whose runner it is, where its folders are.
//!
//! The environment is read here and nowhere else. The ticket comes on an inherited file descriptor that is read to its
//! end and closed, so that neither the environment nor a child ever holds it.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use mi_core::ids::{AgentName, OfficeId};

use crate::fault::RunnerError;

/// As much as a pipe holds that nobody reads yet.
const TICKET_BYTES_MAX: u64 = 4096;
/// Descriptors below are stdin, stdout and stderr.
const INHERITED_FD_MIN: i32 = 3;
/// What harness children inherit from the runner's own environment.
const PASSED_ON: [&str; 6] = ["PATH", "LANG", "TERM", "TMPDIR", "MI_SHARED_FILES", "MI_DRIVE"];
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// The single-use secret of a runner's first call.
pub struct Ticket(String);

impl Ticket {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

/// How the server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `MI_ENDPOINT`, used as it is.
    Given(String),
    /// `MI_SOCKET`: in a sandboxed pod, through the forwarder.
    Socket(PathBuf),
}

/// Where sessions run and what they see; nothing secret.
#[derive(Debug, Clone)]
pub struct Place {
    pub endpoint: String,
    pub office: OfficeId,
    pub agent: AgentName,
    /// Working folder and HOME of every session.
    pub workspace: PathBuf,
    /// Where the drive is on this machine, when that isn't `/shared/files`.
    pub shared_files: Option<PathBuf>,
    /// The clean environment that every child starts from.
    pub environment: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct RunnerConfig {
    pub address: Address,
    pub office: OfficeId,
    pub agent: AgentName,
    pub ticket: Ticket,
    pub place: Place,
}

impl RunnerConfig {
    /// Reads `MI_SOCKET` or `MI_ENDPOINT`, `MI_OFFICE`, `MI_AGENT`, `MI_TICKET_FD`, `MI_WORKSPACE`, `MI_SHARED_FILES`.
    pub fn from_env() -> Result<Self, RunnerError> {
        let here = env::current_dir().map_err(RunnerError::io("read the working folder"))?;
        Self::read(&Surroundings { variable: &|name| env::var(name).ok(), here })
    }

    fn read(around: &Surroundings<'_>) -> Result<Self, RunnerError> {
        let office: OfficeId = around.parsed("MI_OFFICE")?;
        let agent: AgentName = around.parsed("MI_AGENT")?;
        let address = match around.get("MI_SOCKET") {
            Some(path) => Address::Socket(path.into()),
            None => Address::Given(around.get("MI_ENDPOINT").ok_or(RunnerError::NotSet { name: "MI_ENDPOINT" })?),
        };
        let workspace = around.get("MI_WORKSPACE").map_or_else(|| around.here.clone(), PathBuf::from);
        let place = Place {
            endpoint: String::new(),
            office,
            agent: agent.clone(),
            environment: around.base_environment(&workspace),
            workspace,
            shared_files: around.get("MI_SHARED_FILES").map(PathBuf::from),
        };
        Ok(Self { address, office, agent, ticket: take_ticket(around.parsed("MI_TICKET_FD")?)?, place })
    }
}

/// The process's environment and working folder; tests bring their own.
struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    here: PathBuf,
}

impl Surroundings<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, RunnerError>
    where
        T::Err: fmt::Display,
    {
        let text = self.get(name).ok_or(RunnerError::NotSet { name })?;
        text.parse().map_err(|error: T::Err| RunnerError::NotUsable { name, reason: error.to_string() })
    }

    fn base_environment(&self, workspace: &Path) -> BTreeMap<String, String> {
        let mut out: BTreeMap<String, String> =
            PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), self.get(name)?))).collect();
        out.entry("PATH".into()).or_insert_with(|| PATH_DEFAULT.into());
        out.entry("LANG".into()).or_insert_with(|| "C.UTF-8".into());
        out.entry("TERM".into()).or_insert_with(|| "dumb".into());
        out.entry("TMPDIR".into()).or_insert_with(|| "/tmp".into());
        out.insert("HOME".into(), workspace.display().to_string());
        out
    }
}

fn take_ticket(fd: i32) -> Result<Ticket, RunnerError> {
    if fd < INHERITED_FD_MIN {
        let reason = format!("{fd} is not an inherited descriptor, those start at {INHERITED_FD_MIN}");
        return Err(RunnerError::NotUsable { name: "MI_TICKET_FD", reason });
    }
    let mut text = String::new();
    let file = inherited(fd);
    file.take(TICKET_BYTES_MAX).read_to_string(&mut text).map_err(RunnerError::io("read the ticket"))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(RunnerError::NotUsable { name: "MI_TICKET_FD", reason: "it holds no ticket".into() });
    }
    Ok(Ticket(text.to_owned()))
}

/// Takes the descriptor over; it is closed when the file is dropped.
///
/// Opening `/proc/self/fd/N` instead would check the pipe's owner, who is another user when the server is root.
#[allow(unsafe_code)]
fn inherited(fd: i32) -> File {
    // SAFETY: the descriptor was inherited for this purpose, and this is the only place that takes it, once at start.
    unsafe { File::from_raw_fd(fd) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::{AsRawFd, IntoRawFd};

    fn read(changes: &[(&str, &str)]) -> Result<RunnerConfig, RunnerError> {
        let (from, into) = nix::unistd::pipe().unwrap();
        File::from(into).write_all(b"mit_once\n").unwrap();
        let fd = from.as_raw_fd().to_string();
        let mut all: BTreeMap<&str, &str> = BTreeMap::from([
            ("MI_OFFICE", "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c"),
            ("MI_AGENT", "ada"),
            ("MI_SOCKET", "/run/mi/s.sock"),
            ("MI_TICKET_FD", &fd),
            ("MI_SHARED_FILES", "/drive"),
            ("SECRET_OF_SOMEBODY", "x"),
        ]);
        all.extend(changes.iter().copied());
        let variable = |name: &str| all.get(name).map(|value| (*value).to_owned());
        let config = RunnerConfig::read(&Surroundings { variable: &variable, here: "/somewhere".into() });
        if config.is_ok() {
            // The descriptor was taken over; closing it twice would close somebody else's.
            let _taken = from.into_raw_fd();
        }
        config
    }

    #[test]
    fn a_pod_reads_its_ticket_from_the_pipe_and_shows_it_nowhere() {
        let config = read(&[("MI_WORKSPACE", "/workspace")]).unwrap();
        assert_eq!(config.ticket.reveal(), "mit_once");
        assert_eq!(config.address, Address::Socket("/run/mi/s.sock".into()));
        assert!(!format!("{config:?}").contains("mit_once"));
        let names: Vec<&str> = config.place.environment.keys().map(String::as_str).collect();
        assert_eq!(names, ["HOME", "LANG", "MI_SHARED_FILES", "PATH", "TERM", "TMPDIR"]);
        assert_eq!(config.place.environment["HOME"], "/workspace");
    }

    #[test]
    fn without_a_socket_the_given_address_is_used() {
        let config = read(&[("MI_SOCKET", ""), ("MI_ENDPOINT", "http://127.0.0.1:7700/")]).unwrap();
        assert_eq!(config.address, Address::Given("http://127.0.0.1:7700/".into()));
        assert_eq!(config.place.workspace, PathBuf::from("/somewhere"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (change, expected) in [
            (("MI_OFFICE", ""), "MI_OFFICE is not set"),
            (("MI_AGENT", "Not A Name"), "MI_AGENT is not usable"),
            (("MI_SOCKET", ""), "MI_ENDPOINT is not set"),
            (("MI_TICKET_FD", "0"), "MI_TICKET_FD is not usable: 0 is not an inherited descriptor"),
        ] {
            let error = read(&[change]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
