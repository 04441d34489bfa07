//! Sandboxed pods on this machine: bubblewrap where it works, else our own namespaces, with the same view from inside.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::geteuid;
use zeroize::Zeroizing;

use crate::driver::{Backend, Driver, Pod, PodStatus, Readiness};
use crate::enter::probe::{PROBE_FLAG, namespaces_here};
use crate::fault::{PodError, WALL_REMEDY};
use crate::finding::{Finding, FindingState};
use crate::launch::{Launcher, Manner, common_env, pod_uid};
use crate::own::{own_socket_dir, own_tree};
use crate::pod::HostPod;
use crate::spec::{Limits, PodSpec, Room};
use crate::wire::Wall;

const BWRAP_PLACES: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];
/// The probe looks at a few files of /proc and ends.
const PROBE_LIMIT: Duration = Duration::from_secs(20);
const PROBE_PREFIX: &str = "probe-";
/// The uid of the probe's pod when the server is root: the one that owns nothing.
const PROBE_UID: u32 = 65_534;
const POD_PATH: &str = "/opt/mi/bin:/usr/local/bin:/usr/bin:/bin";
/// A check runs what the machine has, and none of our programs: they would have nobody to talk to.
const CHECK_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Tells this server's pods from another's, and holds the probe's files for a moment.
    pub runtime_dir: PathBuf,
    /// The program and leading arguments that end in `mi_pods::enter::main`: the `mi` binary and `pod-enter`.
    pub enter_program: PathBuf,
    pub enter_args: Vec<String>,
    /// Which backend must raise the walls (`MI_POD_BACKEND`); unset takes the first that works.
    pub backend: Option<Backend>,
    /// Where bubblewrap is (`MI_BWRAP`); unset looks at the usual places.
    pub bwrap: Option<PathBuf>,
}

pub struct LocalDriver {
    config: LocalConfig,
    launcher: Launcher,
    /// The wall that was proven to stand, with what the probe saw; empty until one was.
    proven: Mutex<Option<(Wall, Vec<Finding>)>>,
    probes: AtomicU64,
}

impl LocalDriver {
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        let launcher = Launcher::new(&config.runtime_dir, config.enter_program.clone(), config.enter_args.clone());
        Self { config, launcher, proven: Mutex::new(None), probes: AtomicU64::new(0) }
    }

    /// The id that marks every process of this pod.
    #[must_use]
    pub fn pod_id(&self, spec: &PodSpec) -> String {
        self.launcher.pod_id(spec)
    }

    /// A wall that stands on this machine. Success is remembered; failure is tried anew, since people repair things.
    fn prove(&self) -> Result<(Wall, Vec<Finding>), PodError> {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = proven.as_ref() {
            return Ok(known.clone());
        }
        let mut failures = Vec::new();
        for wall in self.candidates() {
            match self.probe(&wall) {
                Ok(checks) => return Ok(proven.insert((wall, checks)).clone()),
                Err(error) => failures.push(format!("{}: {error}", backend_of(&wall))),
            }
        }
        if failures.is_empty() {
            failures.push("bwrap: not found".to_owned());
        }
        Err(PodError::wall("sandbox", failures.join("; ")))
    }

    fn candidates(&self) -> Vec<Wall> {
        let usual = || BWRAP_PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
        let bwrap = self.config.bwrap.clone().or_else(usual).map(|path| Wall::Bwrap { path });
        match self.config.backend {
            Some(Backend::Bwrap) => bwrap.into_iter().collect(),
            Some(Backend::Namespaces) => vec![Wall::Namespaces],
            Some(Backend::None) | None => bwrap.into_iter().chain([Wall::Namespaces]).collect(),
        }
    }

    /// Raises a tiny pod that looks at its own walls from inside.
    fn probe(&self, wall: &Wall) -> Result<Vec<Finding>, PodError> {
        let number = self.probes.fetch_add(1, Ordering::Relaxed);
        let folder = self.config.runtime_dir.join(format!("{PROBE_PREFIX}{}-{number}", std::process::id()));
        let outcome = self.probe_in(&folder, wall, number);
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(%error, "the probe's folder stays behind");
        }
        outcome
    }

    /// Folders of probes that were shot with their server.
    fn sweep_probes(&self) -> io::Result<()> {
        let own = format!("{PROBE_PREFIX}{}-", std::process::id());
        for entry in fs::read_dir(&self.config.runtime_dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(PROBE_PREFIX) && !name.starts_with(&own) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn probe_in(&self, folder: &Path, wall: &Wall, number: u64) -> Result<Vec<Finding>, PodError> {
        let spec = self.probe_spec(folder, number)?;
        let log = spec.log.clone();
        let pod = self.launch(spec, wall.clone())?;
        let status = pod.wait_timeout(PROBE_LIMIT);
        if status == PodStatus::Running {
            pod.kill();
            return Err(PodError::start("the probe doesn't end"));
        }
        let seen = fs::read_to_string(&log).map_err(PodError::io("read the probe's findings"))?;
        let findings: Vec<Finding> = seen.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if let Some(open) = findings.iter().find(|finding| finding.is_missing_wall()) {
            return Err(PodError::wall(open.name.clone(), open.why.clone()));
        }
        if findings.is_empty() || status != (PodStatus::Exited { code: Some(0), signal: None }) {
            return Err(PodError::start(format!("the probe found nothing: {seen}")));
        }
        Ok(findings)
    }

    fn probe_spec(&self, folder: &Path, number: u64) -> Result<PodSpec, PodError> {
        let (program, args) = self.launcher.enter_program();
        let host = namespaces_here().map_err(PodError::io("read this machine's namespaces"))?;
        let place = |name: &str| folder.join(name);
        for name in ["workspace", "drive", "socket"] {
            fs::create_dir_all(place(name)).map_err(PodError::io("make the probe's folders"))?;
        }
        let host_uid = geteuid().is_root().then_some(PROBE_UID);
        for name in host_uid.iter().flat_map(|_| ["workspace", "drive"]) {
            own_tree(&place(name), PROBE_UID).map_err(PodError::io("make the probe's folders"))?;
        }
        Ok(PodSpec {
            office: "probe".into(),
            agent: "probe".into(),
            epoch: number,
            room: Room::Agent,
            workspace: place("workspace"),
            drive: place("drive"),
            socket_dir: Some(place("socket")),
            program: program.to_owned(),
            args: args.iter().cloned().chain([PROBE_FLAG.to_owned(), host]).collect(),
            env: Vec::new(),
            ticket: Zeroizing::default(),
            host_uid,
            limits: Limits::NONE,
            quotas: Vec::new(),
            log: place("log"),
            harnesses: Vec::new(),
        })
    }

    fn launch(&self, spec: PodSpec, wall: Wall) -> Result<Arc<HostPod>, PodError> {
        let uid = pod_uid(&spec)?;
        if geteuid().is_root() && uid.is_none() {
            return Err(PodError::spec("the server is root, so the pod's office needs an unprivileged uid"));
        }
        if let Some((uid, socket_dir)) = uid.zip(spec.socket_dir.as_deref()) {
            own_socket_dir(socket_dir, uid).map_err(PodError::io("open the socket's folder to the office"))?;
        }
        let env = pod_env(&spec);
        self.launcher.launch(spec, Manner { wall, uid, program: None, env })
    }
}

impl Driver for LocalDriver {
    fn name(&self) -> &'static str {
        "local"
    }

    fn readiness(&self) -> Readiness {
        let (backend, mut findings) = match self.prove() {
            Ok((wall, walls)) => (backend_of(&wall), walls),
            Err(error) => {
                let sandbox = Finding::wall("sandbox", FindingState::Missing, error.to_string());
                (Backend::None, vec![sandbox.with_fix(WALL_REMEDY)])
            }
        };
        findings.extend(self.launcher.limit_findings());
        Readiness { backend, findings }
    }

    fn start(&self, spec: PodSpec) -> Result<Arc<dyn Pod>, PodError> {
        let (wall, _) = self.prove()?;
        let pod = self.launch(spec, wall)?;
        Ok(pod)
    }

    fn sweep_orphans(&self) -> Result<usize, PodError> {
        let ended = self.launcher.sweep()?;
        self.sweep_probes().map_err(PodError::io("take away what an earlier probe left"))?;
        Ok(ended)
    }
}

/// What this machine can enforce, found out by raising a tiny pod: walls first, then limits. Blocks for some 100 ms.
#[must_use]
pub fn probe(config: LocalConfig) -> Vec<Finding> {
    LocalDriver::new(config).readiness().findings
}

fn backend_of(wall: &Wall) -> Backend {
    match wall {
        Wall::Bwrap { .. } => Backend::Bwrap,
        Wall::Namespaces => Backend::Namespaces,
        Wall::None => Backend::None,
    }
}

fn pod_env(spec: &PodSpec) -> BTreeMap<String, String> {
    let mut env = common_env(spec);
    let path = match spec.room {
        Room::Agent => POD_PATH,
        Room::Check => CHECK_PATH,
    };
    let pairs =
        [("HOME", "/workspace"), ("PATH", path), ("MI_DRIVE", "/shared/files"), ("MI_SHARED_FILES", "/shared/files")];
    env.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    env.extend(spec.harnesses.iter().map(|root| (root.variable.clone(), text(root.place_inside()))));
    if spec.socket_dir.is_some() {
        env.insert("MI_SOCKET".to_owned(), "/run/mi/s.sock".to_owned());
    }
    env
}
