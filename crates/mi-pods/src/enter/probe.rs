//! Looking at the walls from inside: the program of the pod that readiness raises.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

pub(crate) const PROBE_FLAG: &str = "--probe";
/// In a pid namespace of its own the probe is the second process; threads and links may take a few numbers more.
const PROBE_PID_MAX: u32 = 16;
const HOST_ONLY: [&str; 5] = ["/root", "/home", "/etc/shadow", "/sys", "/boot"];

/// One wall as seen from inside; the probe prints one per line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub wall: String,
    pub holds: bool,
    pub detail: String,
}

pub(crate) fn run() -> ExitCode {
    let findings = [files(), processes(), network(), privileges()];
    let printed = findings.iter().try_for_each(|finding| {
        let mut line = serde_json::to_vec(finding)?;
        line.push(b'\n');
        io::stdout().write_all(&line)
    });
    if printed.is_ok() && findings.iter().all(|finding| finding.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn finding(wall: &str, good: &str, trouble: Option<String>) -> Finding {
    let holds = trouble.is_none();
    Finding { wall: wall.to_owned(), holds, detail: trouble.unwrap_or_else(|| good.to_owned()) }
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
    let none = field("CapEff:").is_some_and(|set| set.chars().all(|digit| digit == '0'));
    let trouble = (!no_new || !none).then(|| "the pod keeps privileges".to_owned());
    finding("privileges", "no capabilities, none to gain", trouble)
}
