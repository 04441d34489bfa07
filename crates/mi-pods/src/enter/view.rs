//! What a pod sees: one list of steps, made true by each backend in its own way.
//!
//! Nothing of the host is visible but what stands here: programs and libraries read-only, a few named files of `/etc`
//! (never the user database), and the pod's own folders. The root itself ends read-only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::spec::{HARNESSES_AT, Room};
use crate::wire::EnterSpec;

pub(crate) const PROGRAM_AT: &str = "/opt/mi/bin/mi";
pub(crate) const INIT_AT: &str = "/opt/mi/libexec/pod-init";
pub(crate) const WORKSPACE_AT: &str = "/workspace";
pub(crate) const DRIVE_AT: &str = "/shared/files";
/// Memory-backed folders count against the machine's memory.
const TMP_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const RUN_BYTES_MAX: u64 = 16 * 1024 * 1024;
const SHARED_MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Nobody answers there, and a refused question is answered at once: names of hosts are the proxy's business.
const RESOLVER_STUB: &str = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

/// Folders of programs and libraries; links to `/usr` on merged systems.
const SYSTEM_DIRS: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"];
const ETC_FILES: [&str; 21] = [
    "/etc/nsswitch.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/gai.conf",
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/terminfo",
    "/etc/magic",
    "/etc/perl",
    "/etc/python3",
];
/// Parts of /proc through which the machine itself could be steered.
const PROC_COVERED: [&str; 4] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Dir {
        at: PathBuf,
    },
    Bind {
        source: PathBuf,
        at: PathBuf,
        access: Access,
    },
    Link {
        target: PathBuf,
        at: PathBuf,
    },
    Tmpfs {
        at: &'static str,
        mode: u32,
        bytes_max: u64,
    },
    File {
        at: &'static str,
        content: String,
    },
    Proc,
    /// Makes a part of /proc read-only, where it exists.
    Cover {
        at: &'static str,
    },
    Devices,
    /// Makes this one mount read-only; those below it stay as they are.
    Seal {
        at: &'static str,
    },
}

pub(crate) fn steps(spec: &EnterSpec, uid: u32, gid: u32) -> Vec<Step> {
    let mut steps = vec![bind("/usr", "/usr", Access::ReadOnly)];
    steps.extend(SYSTEM_DIRS.iter().filter_map(|dir| system_dir(dir)));
    steps.push(Step::Proc);
    steps.extend(PROC_COVERED.iter().map(|at| Step::Cover { at }));
    steps.push(Step::Devices);
    steps.push(Step::Tmpfs { at: "/dev/shm", mode: 0o1777, bytes_max: SHARED_MEMORY_BYTES_MAX });
    steps.push(Step::Seal { at: "/dev" });
    steps.push(Step::Tmpfs { at: "/tmp", mode: 0o1777, bytes_max: TMP_BYTES_MAX });
    steps.push(Step::Tmpfs { at: "/run", mode: 0o755, bytes_max: RUN_BYTES_MAX });
    steps.extend(
        ETC_FILES.iter().filter(|path| Path::new(path).exists()).map(|path| bind(path, path, Access::ReadOnly)),
    );
    steps.extend(written_files(&spec.hostname, uid, gid));
    let sources = &spec.sources;
    steps.extend(own_folders(spec));
    steps.push(bind(&sources.program, PROGRAM_AT, Access::ReadOnly));
    steps.push(bind(&sources.enter_program, INIT_AT, Access::ReadOnly));
    let harness = |(name, root): &(String, PathBuf)| bind(root, format!("{HARNESSES_AT}/{name}"), Access::ReadOnly);
    steps.extend(sources.harnesses.iter().map(harness));
    with_parents(steps)
}

/// What the pod was made for: the places where its program reads and writes.
fn own_folders(spec: &EnterSpec) -> Vec<Step> {
    let sources = &spec.sources;
    match spec.room {
        Room::Agent => {
            let mut steps = vec![
                bind(&sources.workspace, WORKSPACE_AT, Access::ReadWrite),
                bind(&sources.drive, DRIVE_AT, Access::ReadWrite),
            ];
            steps.extend(sources.socket_dir.iter().map(|dir| bind(dir, "/run/mi", Access::ReadOnly)));
            steps.push(Step::Link { target: "mi".into(), at: "/opt/mi/bin/tq".into() });
            steps
        }
        Room::Check => vec![
            Step::Tmpfs { at: WORKSPACE_AT, mode: 0o700, bytes_max: TMP_BYTES_MAX },
            bind(&sources.drive, DRIVE_AT, Access::ReadOnly),
        ],
    }
}

/// Names every folder on the way to a place, since backends differ in the modes they give to unnamed ones.
fn with_parents(steps: Vec<Step>) -> Vec<Step> {
    let mut known: BTreeSet<PathBuf> = BTreeSet::from(["/".into(), "/proc".into(), "/dev".into()]);
    let mut whole = Vec::new();
    for step in steps {
        let place = step.place().to_owned();
        let mut missing: Vec<&Path> = place.ancestors().skip(1).filter(|parent| !known.contains(*parent)).collect();
        missing.reverse();
        whole.extend(missing.iter().map(|parent| Step::Dir { at: parent.to_path_buf() }));
        known.extend(place.ancestors().map(Path::to_path_buf));
        whole.push(step);
    }
    whole
}

impl Step {
    fn place(&self) -> &Path {
        match self {
            Self::Dir { at } | Self::Bind { at, .. } | Self::Link { at, .. } => at,
            Self::Tmpfs { at, .. } | Self::File { at, .. } | Self::Cover { at } | Self::Seal { at } => Path::new(at),
            Self::Proc => Path::new("/proc"),
            Self::Devices => Path::new("/dev"),
        }
    }
}

fn bind(source: impl Into<PathBuf>, at: impl Into<PathBuf>, access: Access) -> Step {
    Step::Bind { source: source.into(), at: at.into(), access }
}

/// As on the host: a link stays a link, a folder is shown read-only, what isn't there isn't there.
fn system_dir(dir: &str) -> Option<Step> {
    let facts = fs::symlink_metadata(dir).ok()?;
    if facts.is_dir() {
        return Some(bind(dir, dir, Access::ReadOnly));
    }
    let target = fs::read_link(dir).ok()?;
    Some(Step::Link { target, at: dir.into() })
}

fn written_files(hostname: &str, uid: u32, gid: u32) -> [Step; 5] {
    let passwd = format!("agent:x:{uid}:{gid}::{WORKSPACE_AT}:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n");
    let group = format!("agent:x:{gid}:\nnogroup:x:65534:\n");
    let hosts = format!("127.0.0.1 localhost {hostname}\n::1 localhost\n");
    [
        Step::File { at: "/etc/passwd", content: passwd },
        Step::File { at: "/etc/group", content: group },
        Step::File { at: "/etc/hosts", content: hosts },
        Step::File { at: "/etc/hostname", content: format!("{hostname}\n") },
        Step::File { at: "/etc/resolv.conf", content: RESOLVER_STUB.to_owned() },
    ]
}
