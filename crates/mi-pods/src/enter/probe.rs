//! Looking at the walls from inside: the program of the pod that readiness raises. It prints one finding per line.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use super::landlock;
use crate::finding::{Finding, FindingState};

pub(crate) const PROBE_FLAG: &str = "--probe";
/// In a pid namespace of its own the probe is the second process; threads and links may take a few numbers more.
const PROBE_PID_MAX: u32 = 16;
const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
const CAPABILITY_SETS: [&str; 5] = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"];
const HOST_ONLY: [&str; 5] = ["/root", "/home", "/etc/shadow", "/sys", "/boot"];

/// `host` are the namespaces of the server, in the words of `namespaces_here`.
pub(crate) fn run(host: &str) -> ExitCode {
    let findings = [namespaces(host), files(), processes(), network(), privileges(), seccomp(), landlock()];
    let printed = findings.iter().try_for_each(|finding| {
        let mut line = serde_json::to_vec(finding)?;
        line.push(b'\n');
        io::stdout().write_all(&line)
    });
    if printed.is_ok() && !findings.iter().any(Finding::is_missing_wall) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn finding(wall: &str, good: &str, trouble: Option<String>) -> Finding {
    match trouble {
        None => Finding::wall(wall, FindingState::Raised, good),
        Some(trouble) => Finding::wall(wall, FindingState::Missing, trouble),
    }
}

/// Every namespace of this process by kind and number, blank-separated.
pub(crate) fn namespaces_here() -> io::Result<String> {
    let numbers = NAMESPACES.map(|kind| fs::read_link(format!("/proc/self/ns/{kind}")));
    let numbers = numbers.into_iter().map(|number| Ok(number?.to_string_lossy().into_owned()));
    Ok(numbers.collect::<io::Result<Vec<String>>>()?.join(" "))
}

fn namespaces(host: &str) -> Finding {
    let trouble = match namespaces_here() {
        Ok(here) => here.split(' ').find(|own| host.split(' ').any(|known| known == *own)).map(str::to_owned),
        Err(error) => Some(format!("they can't be read: {error}")),
    };
    let trouble = trouble.map(|shared| format!("shared with the machine: {shared}"));
    finding("namespaces", "user, mount, pid, net, ipc, uts and cgroup are the pod's own", trouble)
}

fn files() -> Finding {
    let seen = HOST_ONLY.iter().find(|path| fs::symlink_metadata(path).is_ok());
    let seen = seen.map(|path| format!("{path} of the host is visible"));
    let root = || fs::create_dir("/probe").is_ok().then(|| "the root can be written".to_owned());
    let sysctl = || writable("/proc/sys/kernel/hostname").then(|| "/proc/sys can be written".to_owned());
    let unwritable = || ["/workspace/probe", "/shared/files/probe", "/tmp/probe"].into_iter().find_map(unwritable_at);
    finding(
        "files",
        "only the pod's own folders and read-only programs",
        seen.or_else(root).or_else(sysctl).or_else(unwritable),
    )
}

fn writable(path: &str) -> bool {
    fs::OpenOptions::new().write(true).open(path).is_ok()
}

fn unwritable_at(path: &str) -> Option<String> {
    fs::write(path, "x").err().map(|error| format!("{path} can't be written: {error}"))
}

fn processes() -> Finding {
    let own = std::process::id();
    let trouble = (own > PROBE_PID_MAX).then(|| format!("the pod sees the host's processes (own number {own})"));
    finding("processes", "a process table of its own", trouble)
}

fn network() -> Finding {
    let table = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let names: Vec<&str> = table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    let alone = (names != ["lo"]).then(|| format!("interfaces: {}", names.join(", ")));
    let bound =
        || std::net::TcpListener::bind("127.0.0.1:0").and_then(|door| std::net::TcpStream::connect(door.local_addr()?));
    let trouble = alone.or_else(|| bound().err().map(|error| format!("loopback is down: {error}")));
    finding("network", "loopback only", trouble)
}

fn privileges() -> Finding {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let no_new = field("NoNewPrivs:") == Some("1");
    let is_empty = |set: &str| set.chars().all(|digit| digit == '0');
    let none = CAPABILITY_SETS.iter().all(|name| field(name).is_some_and(is_empty));
    let trouble = (!no_new || !none).then(|| "the pod keeps privileges".to_owned());
    finding("privileges", "no capabilities, none to gain", trouble)
}

/// By trying what the list forbids: another user namespace is where most ways out begin.
fn seccomp() -> Finding {
    let trouble = match unshare(CloneFlags::CLONE_NEWUSER) {
        Err(Errno::EPERM) => None,
        Ok(()) => Some("a further user namespace can be made".to_owned()),
        Err(error) => Some(format!("an unexpected answer: {error}")),
    };
    finding("seccomp", "calls that ordinary programs don't need are refused", trouble)
}

/// That it is raised where the kernel has it is not in question: without it the pod would not have started.
fn landlock() -> Finding {
    match landlock::version() {
        Ok(Some(version)) => Finding::wall("landlock", FindingState::Raised, format!("version {version}")),
        Ok(None) => Finding::wall("landlock", FindingState::Degraded, "this kernel has none; the mounts stand alone")
            .with_fix("a kernel from 5.19 on with landlock among its security modules (boot parameter lsm=)"),
        Err(error) => Finding::wall("landlock", FindingState::Missing, error.to_string()),
    }
}
