//! Pods without a sandbox, for machines where none can be raised.
//!
//! What this means: the agent is an ordinary process. It can read and change whatever the server's user can (as root:
//! whatever the office's uid can), it sees the network and other processes, and `/workspace` and `/shared/files` don't
//! exist: home and working folder are the host's workspace, the drive's place is in `MI_DRIVE` and `MI_SHARED_FILES`, and
//! the runner talks to the server's own address in `MI_ENDPOINT`, which the server puts into the spec's environment.
//!
//! A pod's processes are still ended with it: its first process adopts every orphan of the tree and ends them all, all
//! die with the server, and what escapes even that is found by its marker when the server next starts.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::driver::{Backend, Driver, Pod, Readiness};
use crate::fault::{PodError, WALL_REMEDY};
use crate::finding::{Finding, FindingState};
use crate::launch::{Launcher, Manner, common_env, pod_uid};
use crate::spec::PodSpec;
use crate::wire::Wall;

/// Everybody may pass, nobody may look around.
const PASSABLE_DIR_MODE: u32 = 0o711;
const PROGRAM_MODE: u32 = 0o755;

#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// Holds the programs' folder; also tells this server's pods from another's.
    pub runtime_dir: PathBuf,
    /// The program and leading arguments that end in `mi_pods::enter::main`: the `mi` binary and `pod-enter`.
    pub enter_program: PathBuf,
    pub enter_args: Vec<String>,
    /// Where pods find programs after `mi` and `tq`: usually the server's own `PATH`.
    pub search_path: String,
}

pub struct ProcessDriver {
    config: ProcessConfig,
    launcher: Launcher,
    programs: Mutex<()>,
}

impl ProcessDriver {
    #[must_use]
    pub fn new(config: ProcessConfig) -> Self {
        let launcher = Launcher::new(&config.runtime_dir, config.enter_program.clone(), config.enter_args.clone());
        Self { config, launcher, programs: Mutex::new(()) }
    }

    /// The id that marks every process of this pod.
    #[must_use]
    pub fn pod_id(&self, spec: &PodSpec) -> String {
        self.launcher.pod_id(spec)
    }

    fn env(&self, spec: &PodSpec, programs: &Path) -> std::collections::BTreeMap<String, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut env = common_env(spec);
        env.insert("HOME".into(), text(&spec.workspace));
        env.insert("PATH".into(), format!("{}:{}", text(programs), self.config.search_path));
        env.insert("MI_DRIVE".into(), text(&spec.drive));
        env.insert("MI_SHARED_FILES".into(), text(&spec.drive));
        env.extend(spec.harnesses.iter().map(|root| (root.variable.clone(), text(&root.place_outside()))));
        env
    }

    /// A folder with `mi` and `tq`, reachable for the pod's uid even when the program itself isn't.
    fn place_programs(&self, program: &Path, uid: Option<u32>) -> io::Result<PathBuf> {
        let _one_at_a_time = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let facts = fs::metadata(program)?;
        // A newer program gets a new folder: the old one may be running.
        let name = format!("bin-{}-{}-{}", facts.dev(), facts.ino(), facts.mtime());
        let folder = self.config.runtime_dir.join(name);
        if folder.join("tq").symlink_metadata().is_ok() {
            return Ok(folder);
        }
        fs::DirBuilder::new().recursive(true).mode(PASSABLE_DIR_MODE).create(&folder)?;
        let place = folder.join("mi");
        remove_if_there(&place)?;
        match uid {
            None => symlink(program, &place)?,
            Some(_) => {
                fs::copy(program, &place)?;
                fs::set_permissions(&place, fs::Permissions::from_mode(PROGRAM_MODE))?;
            }
        }
        symlink("mi", folder.join("tq"))?;
        Ok(folder)
    }
}

impl Driver for ProcessDriver {
    fn name(&self) -> &'static str {
        "process"
    }

    fn readiness(&self) -> Readiness {
        let detail = "process pods have no walls: agents can read and change whatever their user can";
        let mut findings = vec![Finding::wall("sandbox", FindingState::Degraded, detail).with_fix(WALL_REMEDY)];
        findings.extend(self.launcher.limit_findings());
        Readiness { backend: Backend::None, findings }
    }

    fn start(&self, spec: PodSpec) -> Result<Arc<dyn Pod>, PodError> {
        let uid = pod_uid(&spec)?;
        let program = spec.program.canonicalize().map_err(PodError::io("find the pod's program"))?;
        let folder = self.place_programs(&program, uid).map_err(PodError::io("place the pod's programs"))?;
        let manner = Manner { wall: Wall::None, uid, program: Some(folder.join("mi")), env: self.env(&spec, &folder) };
        tracing::warn!(office = %spec.office, agent = %spec.agent, "this pod has no sandbox");
        let pod = self.launcher.launch(spec, manner)?;
        Ok(pod)
    }

    fn sweep_orphans(&self) -> Result<usize, PodError> {
        self.launcher.sweep()
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
