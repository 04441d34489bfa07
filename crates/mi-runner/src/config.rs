//! What a runner is told at its start: where the server is, whose runner it is, where its folders are.
//!
//! In a pod that stands in the environment, which is read here and nowhere else; elsewhere, whoever starts the runner
//! says it (`RunnerConfig::elsewhere`). The ticket of a pod's runner comes on an inherited file descriptor that is read to its
//! end and closed, so that neither the environment nor a child ever holds it.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::os::fd::FromRawFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mi_client::Signer;
use mi_client::Trust;
use mi_core::harnesses::{NODE_VARIABLE, PROGRAMS, Program, SILENCE_VARIABLE};
use mi_core::ids::{AgentName, OfficeId, excerpt};
use mi_core::wire::agents::{CommandLine, HarnessKind};
use mi_core::wire::env::is_reserved_env_key;

use crate::fault::RunnerError;
use crate::harness::vendor::Programs;

/// As much as a pipe holds that nobody reads yet.
const TICKET_BYTES_MAX: u64 = 4096;
/// Descriptors below are stdin, stdout and stderr.
const INHERITED_FD_MIN: i32 = 3;
/// What harness children inherit from the runner's own environment.
const PASSED_ON: [&str; 6] = ["PATH", "LANG", "TERM", "TMPDIR", "MI_SHARED_FILES", "MI_DRIVE"];
const DRIVE_VARIABLES: [&str; 2] = ["MI_SHARED_FILES", "MI_DRIVE"];
/// Tells a program that no drive is mounted.
const FILES_VARIABLE: &str = "MI_FILES";
const FILES_BY_API: &str = "api";
const TRUST_VARIABLE: &str = "MI_CA_CERT";
/// A pod's runner without its server is of no use to it.
const UNREACHABLE_IN_POD_MAX: Duration = Duration::from_secs(600);
/// A machine elsewhere may be offline over a weekend.
const UNREACHABLE_ELSEWHERE_MAX: Duration = Duration::from_secs(3 * 24 * 3600);
/// A program that says nothing for so long while it waits for its model hangs.
const SILENCE_MAX_DEFAULT: Duration = Duration::from_secs(900);
/// What may be said in its place. With less, a model that thinks would be taken for one that hangs.
const SILENCE_SECONDS: RangeInclusive<u64> = 10..=24 * 3600;
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// How a runner shows in its first call whose it is; after that it has a token of its own.
#[derive(Debug)]
pub enum Proof {
    /// In a pod the ticket, which is good once; elsewhere an API key of the agent.
    Secret(Ticket),
    /// Elsewhere: the agent's key pair signs the call, and no key goes over the wire.
    Signature(Signer),
}

/// A secret that a first call shows.
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

/// Where the office's drive is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drive {
    /// At `/shared/files`, as in every pod.
    Standard,
    At(PathBuf),
    /// Nowhere: files are reached through the API alone, so that a stale claim can write none.
    ApiOnly,
}

/// What does the work elsewhere. Its owner brings it; no office decides what a foreign machine executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    pub harness: HarnessKind,
    pub command: Option<CommandLine>,
}

/// Somebody's own account at a vendor: their login or their keys, by which a vendor's program pays on their machine.
#[derive(Clone)]
pub struct OwnLogin {
    /// Of their environment: where the program's own folder is, and the keys that it reads.
    pub variables: BTreeMap<String, String>,
}

impl OwnLogin {
    /// What must not be said: values of variables that hold keys.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_secret = |name: &str| ["KEY", "TOKEN", "SECRET"].iter().any(|part| name.contains(part));
        let all = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(move |(name, _)| is_secret(name))
    }
}

impl fmt::Debug for OwnLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// Where sessions run and what they see; nothing secret but a person's own login on their own machine.
#[derive(Debug, Clone)]
pub struct Place {
    pub endpoint: String,
    pub office: OfficeId,
    pub agent: AgentName,
    /// Working folder and HOME of every session.
    pub workspace: PathBuf,
    pub drive: Drive,
    /// In a pod nothing: there the agent's record says what runs.
    pub brought: Option<Brought>,
    /// The vendors' programs that are there.
    pub programs: Arc<Programs>,
    /// Where a program gets a home of its own for each session.
    pub homes: PathBuf,
    pub own_login: Option<OwnLogin>,
    /// How long a program may say nothing while it waits for its model.
    pub silence_max: Duration,
    /// A runner that can't reach its server for so long gives up.
    pub unreachable_max: Duration,
    /// The clean environment that every child starts from.
    pub environment: BTreeMap<String, String>,
}

impl Place {
    /// The environment of every child: the base, then the office's and agent's variables, then what says where it is,
    /// which nobody may replace.
    pub(crate) fn surroundings(
        &self,
        variables: BTreeMap<String, String>,
        mut left_out: impl FnMut(&str),
    ) -> BTreeMap<String, String> {
        let mut out = self.environment.clone();
        for (key, value) in variables {
            if is_reserved_env_key(&key) {
                left_out(&key);
            } else {
                out.insert(key, value);
            }
        }
        let own = [
            ("HOME", self.workspace.display().to_string()),
            ("MI_ENDPOINT", self.endpoint.clone()),
            ("MI_OFFICE", self.office.to_string()),
            ("MI_AGENT", self.agent.to_string()),
        ];
        out.extend(own.map(|(key, value)| (key.to_owned(), value)));
        out
    }
}

#[derive(Debug)]
pub struct RunnerConfig {
    pub address: Address,
    pub office: OfficeId,
    pub agent: AgentName,
    pub proof: Proof,
    pub place: Place,
    pub trust: Option<Trust>,
}

/// Certificates to trust in place of the system's, and the file that they are in: sessions read it too.
#[derive(Debug)]
pub struct Trusted {
    pub file: PathBuf,
    pub certificates: Trust,
}

/// A runner on somebody's machine, as they want it.
#[derive(Debug)]
pub struct Elsewhere {
    pub endpoint: String,
    pub office: OfficeId,
    pub agent: AgentName,
    pub proof: Proof,
    pub brought: Brought,
    /// The server's certificate, where the system doesn't know it.
    pub trusted: Option<Trusted>,
    pub workspace: PathBuf,
    /// Goes in front of PATH; holds `tq` and `mi`.
    pub programs: PathBuf,
    /// The vendors' programs that are on this machine.
    pub harnesses: Programs,
    /// Where a program gets a home of its own for each session.
    pub homes: PathBuf,
    pub own_login: Option<OwnLogin>,
}

impl RunnerConfig {
    /// For an agent that lives on this machine: no pod around it, no drive mounted, its own harness.
    pub fn elsewhere(wish: Elsewhere) -> Result<Self, RunnerError> {
        let here = env::current_dir().map_err(RunnerError::io("read the working folder"))?;
        Self::of_machine(wish, &Surroundings { variable: &|name| env::var(name).ok(), here })
    }

    fn of_machine(wish: Elsewhere, around: &Surroundings<'_>) -> Result<Self, RunnerError> {
        let mut environment = around.base_environment(&wish.workspace);
        environment.retain(|name, _| !DRIVE_VARIABLES.contains(&name.as_str()));
        let path = environment.get("PATH").map_or(PATH_DEFAULT, String::as_str);
        let path = format!("{}:{path}", wish.programs.display());
        environment.insert("PATH".into(), path);
        environment.insert(FILES_VARIABLE.into(), FILES_BY_API.into());
        if let Some(trusted) = &wish.trusted {
            environment.insert(TRUST_VARIABLE.into(), trusted.file.display().to_string());
        }
        let place = Place {
            endpoint: String::new(),
            office: wish.office,
            agent: wish.agent.clone(),
            workspace: wish.workspace,
            drive: Drive::ApiOnly,
            brought: Some(wish.brought),
            programs: Arc::new(wish.harnesses),
            homes: wish.homes,
            own_login: wish.own_login,
            silence_max: around.silence_max()?,
            unreachable_max: UNREACHABLE_ELSEWHERE_MAX,
            environment,
        };
        Ok(Self {
            address: Address::Given(wish.endpoint),
            office: wish.office,
            agent: wish.agent,
            proof: wish.proof,
            place,
            trust: wish.trusted.map(|trusted| trusted.certificates),
        })
    }

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
            programs: Arc::new(around.programs()),
            homes: workspace.clone(),
            own_login: None,
            silence_max: around.silence_max()?,
            workspace,
            drive: around.get("MI_SHARED_FILES").map_or(Drive::Standard, |path| Drive::At(path.into())),
            brought: None,
            unreachable_max: UNREACHABLE_IN_POD_MAX,
        };
        let proof = Proof::Secret(take_ticket(around.parsed("MI_TICKET_FD")?)?);
        Ok(Self { address, office, agent, proof, place, trust: None })
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

    /// Those that the pod's maker found.
    fn programs(&self) -> Programs {
        let place = |program: &Program| Some((program.kind, PathBuf::from(self.get(program.variable)?)));
        Programs::new(PROGRAMS.iter().filter_map(place), self.get(NODE_VARIABLE).map(PathBuf::from))
    }

    fn silence_max(&self) -> Result<Duration, RunnerError> {
        let Some(text) = self.get(SILENCE_VARIABLE) else { return Ok(SILENCE_MAX_DEFAULT) };
        match text.parse() {
            Ok(seconds) if SILENCE_SECONDS.contains(&seconds) => Ok(Duration::from_secs(seconds)),
            Ok(_) | Err(_) => {
                let (least, most) = (SILENCE_SECONDS.start(), SILENCE_SECONDS.end());
                let reason = format!("it is a number of seconds from {least} to {most}, not {}", excerpt(&text));
                Err(RunnerError::NotUsable { name: SILENCE_VARIABLE, reason })
            }
        }
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
        assert!(matches!(&config.proof, Proof::Secret(ticket) if ticket.reveal() == "mit_once"));
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
    fn elsewhere_no_drive_is_mounted_and_our_programs_come_first() {
        let wish = Elsewhere {
            endpoint: "https://mi.example".into(),
            office: "7f6b2a3c-1d2e-4f50-8a9b-0c1d2e3f4a5c".parse().unwrap(),
            agent: "scout".parse().unwrap(),
            proof: Proof::Secret(Ticket::new("mia_secret")),
            brought: Brought { harness: HarnessKind::Command, command: Some(CommandLine::Shell("true".into())) },
            workspace: "/home/me/work".into(),
            programs: "/home/me/bin".into(),
            harnesses: Programs::default(),
            homes: "/home/me".into(),
            own_login: None,
            trusted: None,
        };
        let all = BTreeMap::from([
            ("PATH", "/usr/bin"),
            ("MI_SHARED_FILES", "/drive"),
            ("MI_DRIVE", "/drive"),
            ("MI_AGENT_KEY", "mia_secret"),
        ]);
        let variable = |name: &str| all.get(name).map(|value| (*value).to_owned());
        let config = RunnerConfig::of_machine(wish, &Surroundings { variable: &variable, here: "/".into() }).unwrap();
        assert_eq!(config.place.drive, Drive::ApiOnly);
        assert_eq!(config.place.environment["PATH"], "/home/me/bin:/usr/bin");
        let names: Vec<&str> = config.place.environment.keys().map(String::as_str).collect();
        assert_eq!(names, ["HOME", "LANG", "MI_FILES", "PATH", "TERM", "TMPDIR"]);
        assert!(!format!("{config:?}").contains("mia_secret"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (change, expected) in [
            (("MI_OFFICE", ""), "MI_OFFICE is not set"),
            (("MI_AGENT", "Not A Name"), "MI_AGENT is not usable"),
            (("MI_SOCKET", ""), "MI_ENDPOINT is not set"),
            ((SILENCE_VARIABLE, "9"), "MI_HARNESS_SILENCE_SECONDS is not usable: it is a number of seconds from 10 to"),
            ((SILENCE_VARIABLE, "15m"), "MI_HARNESS_SILENCE_SECONDS is not usable"),
            ((SILENCE_VARIABLE, "99999999999"), "MI_HARNESS_SILENCE_SECONDS is not usable"),
            (("MI_TICKET_FD", "0"), "MI_TICKET_FD is not usable: 0 is not an inherited descriptor"),
        ] {
            let error = read(&[change]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
