//! What the kernel tells of processes: time used, memory held, and whose pods they are.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use mi_core::ids::OfficeId;

/// The unit of times in `/proc/PID/stat` is fixed for programs (USER_HZ), whatever the kernel's own tick is.
const TICKS_PER_SECOND: u32 = 100;
/// Places in `/proc/PID/stat`, counted from the first field after the program's name.
const UTIME_PLACE: usize = 11;
const STIME_PLACE: usize = 12;
const KIB_PER_MIB: f64 = 1024.0;
const COMMAND_CHARS_SHOWN: usize = 120;
/// Every process of a pod carries it in its environment; its value holds the office's id.
const POD_MARKER: &[u8] = b"MI_POD_ID=";

/// Processor time that all threads of a process have used, in the program and in the kernel for it.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    cpu_time_in(&text).with_context(|| format!("/proc/{pid}/stat is not as expected: {text}"))
}

fn cpu_time_in(stat: &str) -> Option<Duration> {
    // The name may hold anything, a closing bracket too; the last one ends it.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u32>().ok();
    Some(Duration::from_secs(1) * (ticks(UTIME_PLACE)? + ticks(STIME_PLACE)?) / TICKS_PER_SECOND)
}

/// One thread, and the processor time that it has used.
#[derive(Debug, Clone)]
pub struct Thread {
    pub id: u32,
    pub name: String,
    pub used: Duration,
}

pub fn threads(pid: u32) -> Result<Vec<Thread>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task")).context("the process is gone")? {
        let path = entry?.path();
        // A thread that ended meanwhile uses nothing any more.
        let (Ok(stat), Ok(name)) = (fs::read_to_string(path.join("stat")), fs::read_to_string(path.join("comm")))
        else {
            continue;
        };
        let id = path.file_name().and_then(|id| id.to_str()).and_then(|id| id.parse().ok());
        if let (Some(id), Some(used)) = (id, cpu_time_in(&stat)) {
            found.push(Thread { id, name: name.trim().to_owned(), used });
        }
    }
    Ok(found)
}

/// Memory of a process that is in RAM, in MiB.
pub fn resident_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    resident_mib_in(&text).with_context(|| format!("/proc/{pid}/status names no VmRSS"))
}

fn resident_mib_in(status: &str) -> Option<f64> {
    kib_of(status, "VmRSS:").map(|kib| kib / KIB_PER_MIB)
}

/// A process's share of the memory that it uses, in MiB: what others use too counts by its part (PSS).
pub fn share_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).context("the process is gone")?;
    share_mib_in(&text).with_context(|| format!("/proc/{pid}/smaps_rollup names no Pss"))
}

fn share_mib_in(rollup: &str) -> Option<f64> {
    kib_of(rollup, "Pss:").map(|kib| kib / KIB_PER_MIB)
}

fn kib_of(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processes that belong to a pod of this office, as far as this user may see them.
pub fn pod_processes(office: OfficeId) -> Result<Vec<u32>> {
    let part = format!("/{}/", office.0.simple());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("the process table can't be read")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|text| text.parse::<u32>().ok()) else { continue };
        // A process that ended meanwhile, or isn't ours to read, is none of ours.
        let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { continue };
        if is_of_pod(&environ, part.as_bytes()) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// What a process of a pod is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Takes the work and starts the harness.
    Runner,
    /// Holds the walls up; everything in it falls with it.
    Sandbox,
    Other,
}

/// By the words of its command line; a process that ended meanwhile is nothing.
pub fn part_of_pod(pid: u32) -> Part {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return Part::Other };
    part_in(&line)
}

fn part_in(command_line: &[u8]) -> Part {
    let mut words = command_line.split(|byte| *byte == 0);
    let program = words.next().unwrap_or_default();
    if program.ends_with(b"bwrap") {
        return Part::Sandbox;
    }
    match words.next() {
        Some(b"runner") => Part::Runner,
        Some(b"pod-enter") => Part::Sandbox,
        Some(_) | None => Part::Other,
    }
}

/// A process in words, for a message about one that should be gone: what it runs, in which state, below whom, and where in the
/// kernel it stands.
pub fn told(pid: u32) -> String {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let status = read("status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
    let words: String = read("cmdline").replace('\0', " ").chars().take(COMMAND_CHARS_SHOWN).collect();
    format!("{pid} ({words}) state {}, parent {}, in {}", field("State:"), field("PPid:"), read("wchan"))
}

fn is_of_pod(environ: &[u8], part: &[u8]) -> bool {
    environ
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(POD_MARKER) && variable.windows(part.len()).any(|window| window == part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 4 0 1 1 1";
        assert_eq!(cpu_time_in(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_time_in("7 (a"), None);
        assert!(cpu_time(std::process::id()).is_ok());
    }

    #[test]
    fn memory_is_read_in_mib() {
        assert_eq!(resident_mib_in("Name:\tmi\nVmRSS:\t   2048 kB\n"), Some(2.0));
        assert!(resident_mib(std::process::id()).unwrap() > 0.0);
        assert_eq!(share_mib_in("Rss:  9000 kB\nPss:  512 kB\nPss_Dirty:  1 kB\n"), Some(0.5));
        assert!(share_mib(std::process::id()).unwrap() > 0.0);
    }

    #[test]
    fn parts_of_a_pod_are_known_by_their_words() {
        assert_eq!(part_in(b"/usr/bin/mi\0runner\0"), Part::Runner);
        assert_eq!(part_in(b"/usr/bin/mi\0pod-enter\0"), Part::Sandbox);
        assert_eq!(part_in(b"/usr/bin/bwrap\0--args\0"), Part::Sandbox);
        assert_eq!(part_in(b"sh\0-c\0runner\0"), Part::Other);
    }

    #[test]
    fn a_pod_is_known_by_its_office() {
        let environ = b"A=1\0MI_POD_ID=00ff/0a0b/ada/3\0B=2";
        assert!(is_of_pod(environ, b"/0a0b/"));
        assert!(!is_of_pod(environ, b"/0a0c/"));
        assert!(!is_of_pod(b"X=/0a0b/", b"/0a0b/"));
    }
}
