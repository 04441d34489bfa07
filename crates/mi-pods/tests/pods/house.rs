//! A house for pods under test: folders, a driver per backend, and scripts run inside.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mi_pods::{
    Backend, Driver, Limits, LocalConfig, LocalDriver, Pod, PodSpec, PodStatus, ProcessConfig, ProcessDriver, Room,
    marked_processes, own_tree,
};
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub const ENTER: &str = env!("CARGO_BIN_EXE_mi-pod-enter");
pub const TICKET: &str = "mit_a-very-secret-ticket";
pub const OFFICE_UID: u32 = 54_321;
pub const LIMIT: Duration = Duration::from_secs(20);
pub const DONE: PodStatus = PodStatus::Exited { code: Some(0), signal: None };

pub struct House {
    pub dir: TempDir,
    epochs: AtomicU64,
}

impl House {
    pub fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    /// A house in a house, gone with it even when its own process is shot.
    pub fn inside(outer: &Path) -> Self {
        Self::of(tempfile::tempdir_in(outer).unwrap())
    }

    fn of(dir: TempDir) -> Self {
        fs::write(dir.path().join("server-data"), "not for pods").unwrap();
        fs::create_dir(dir.path().join("run")).unwrap();
        Self { dir, epochs: AtomicU64::new(1) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn local(&self, backend: Backend) -> LocalDriver {
        LocalDriver::new(LocalConfig {
            runtime_dir: self.path("run"),
            enter_program: ENTER.into(),
            enter_args: Vec::new(),
            backend: Some(backend),
            bwrap: None,
        })
    }

    /// With a bubblewrap that raises the probe's walls and then is this script.
    pub fn local_with(&self, bwrap: &StandIn) -> LocalDriver {
        LocalDriver::new(LocalConfig {
            runtime_dir: self.path("run"),
            enter_program: ENTER.into(),
            enter_args: Vec::new(),
            backend: Some(Backend::Bwrap),
            bwrap: Some(bwrap.program.clone()),
        })
    }

    pub fn process(&self) -> ProcessDriver {
        ProcessDriver::new(ProcessConfig {
            runtime_dir: self.path("run"),
            enter_program: ENTER.into(),
            enter_args: Vec::new(),
            search_path: "/usr/bin:/bin".into(),
        })
    }

    pub fn spec(&self, agent: &str, script: &str) -> PodSpec {
        let folder = |name: String| {
            let folder = self.path(&name);
            fs::create_dir_all(&folder).unwrap();
            folder
        };
        let (workspace, drive) = (folder(format!("work-{agent}")), folder("drive".into()));
        let spec = PodSpec {
            office: "acme".into(),
            agent: agent.into(),
            epoch: self.epochs.fetch_add(1, Ordering::Relaxed),
            room: Room::Agent,
            workspace,
            drive,
            socket_dir: Some(folder(format!("socket-{agent}"))),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("MI_ENDPOINT".into(), "http://127.0.0.1:1".into())],
            ticket: Zeroizing::new(TICKET.into()),
            host_uid: geteuid().is_root().then_some(OFFICE_UID),
            limits: Limits::NONE,
            quotas: Vec::new(),
            log: self.path(&format!("{agent}.log")),
            harnesses: Vec::new(),
        };
        self.own(&spec);
        spec
    }

    /// A pod that looks at the drive.
    pub fn check_spec(&self, script: &str) -> PodSpec {
        let spec = self.spec("check-7", script);
        PodSpec { room: Room::Check, socket_dir: None, ticket: Zeroizing::default(), env: Vec::new(), ..spec }
    }

    /// A pipe in the workspace by which a script says that it has come to a point.
    pub fn signpost(&self, spec: &PodSpec) -> PathBuf {
        let place = spec.workspace.join("signpost");
        mkfifo(&place, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        self.own(spec);
        place
    }

    fn own(&self, spec: &PodSpec) {
        for tree in spec.host_uid.iter().flat_map(|_| [&spec.workspace, &spec.drive]) {
            own_tree(tree, OFFICE_UID).unwrap();
        }
    }

    /// Runs a script to its end; its exit and what it printed.
    pub fn run(&self, driver: &dyn Driver, agent: &str, script: &str) -> (PodStatus, String) {
        let spec = self.spec(agent, script);
        let log = spec.log.clone();
        fs::remove_file(&log).ok();
        let pod = driver.start(spec).unwrap();
        let status = pod.wait_timeout(LIMIT);
        (status, fs::read_to_string(log).unwrap())
    }

    pub fn start(&self, driver: &dyn Driver, spec: PodSpec) -> Arc<dyn Pod> {
        driver.start(spec).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A script in bubblewrap's place. It lies where a pod's uid still sees it when /tmp is covered already.
pub struct StandIn {
    folder: TempDir,
    pub program: PathBuf,
}

impl StandIn {
    pub fn new(script: &str) -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("bwrap");
        let signpost = folder.path().join("signpost");
        mkfifo(&signpost, Mode::S_IRUSR).unwrap();
        fs::set_permissions(&signpost, Permissions::from_mode(0o666)).unwrap();
        let signpost = signpost.display();
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in *--probe*) exec /usr/bin/bwrap \"$@\";; esac\nsignpost={signpost}\n{script}\n"
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        Self { folder, program }
    }

    pub fn signpost(&self) -> PathBuf {
        self.folder.path().join("signpost")
    }
}

/// The backends that can be tried here. Says so when one can't.
pub fn backends() -> Vec<Backend> {
    if Path::new("/usr/bin/bwrap").exists() {
        return vec![Backend::Bwrap, Backend::Namespaces];
    }
    println!("skipped: bubblewrap isn't installed, so only our own namespaces are tried");
    vec![Backend::Namespaces]
}

/// Waits for a script to come to its signpost; what it says there.
pub fn wait_at(signpost: &Path) -> String {
    let mut said = String::new();
    File::open(signpost).unwrap().read_to_string(&mut said).unwrap();
    said
}

/// Waits until no process carries the marker any more.
pub fn assert_all_gone(pod_id: &str) {
    use nix::poll::{PollFd, PollFlags, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use std::os::fd::AsFd;

    for pid in marked_processes(pod_id).unwrap() {
        let Ok(handle) = pidfd_open(Pid::from_raw(pid as i32).unwrap(), PidfdFlags::empty()) else { continue };
        let mut watched = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
        assert_ne!(poll(&mut watched, 10_000u16).unwrap(), 0, "process {pid} of the pod lives on");
    }
    assert_eq!(marked_processes(pod_id).unwrap(), Vec::<u32>::new());
}

/// Another process's server: starts a busy pod whose home is in the house that it was given, and stays until it is shot.
pub fn play_server(start: impl FnOnce(&Path, &House) -> Arc<dyn Pod>) -> ! {
    let outer = PathBuf::from(std::env::var("MI_PODS_TEST_DIR").unwrap());
    let pod = start(&outer, &House::inside(&outer));
    loop {
        pod.wait_timeout(LIMIT);
    }
}

/// This test binary again, to play another part.
pub fn again(part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", part, "--nocapture", "--test-threads=1"]).env("MI_PODS_TEST_PART", part);
    command
}

pub fn plays(part: &str) -> bool {
    std::env::var("MI_PODS_TEST_PART").is_ok_and(|played| played == part)
}
