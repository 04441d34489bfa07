//! The process table, read from `/proc`: who descends from whom, who is left.

use std::collections::BTreeMap;
use std::fs;

/// A process that can't be mistaken for a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    started: u64,
    pub name: String,
}

impl Process {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (before, after) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        // proc(5): the fields after the name are state, parent …, and the 20th is the time of its start.
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        let name = before.split_once('(')?.1.to_owned();
        Some(Self { pid, parent: fields.get(1)?.parse().ok()?, started: fields.get(19)?.parse().ok()?, name })
    }

    pub fn lives(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now.started == self.started)
    }

    pub fn arguments(&self) -> Vec<String> {
        words(&format!("/proc/{}/cmdline", self.pid))
    }

    /// Empty where it may not be read.
    pub fn environment(&self) -> Vec<String> {
        words(&format!("/proc/{}/environ", self.pid))
    }
}

fn words(path: &str) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Every living process.
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| Process::of(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// All that descend from a process.
pub fn descendants(pid: u32) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut left = vec![pid];
    while let Some(parent) = left.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            left.push(child.pid);
            found.push(child);
        }
    }
    found
}

/// Living processes with exactly this word among their arguments.
pub fn with_argument(word: &str) -> Vec<Process> {
    all().into_iter().filter(|process| process.arguments().iter().any(|known| known == word)).collect()
}

/// Living processes that name this text anywhere in their arguments or environment.
pub fn that_mention(text: &str) -> Vec<Process> {
    let mentions = |words: Vec<String>| words.iter().any(|word| word.contains(text));
    all().into_iter().filter(|process| mentions(process.arguments()) || mentions(process.environment())).collect()
}

/// The runner in an agent's pod on this server.
pub fn runner_of(server: u32, agent: &str) -> Option<Process> {
    let variable = format!("MI_AGENT={agent}");
    let is_runner = |process: &Process| {
        process.arguments() == ["/opt/mi/bin/mi", "runner"] && process.environment().contains(&variable)
    };
    // Parents come first: a child that is just being started still looks like its parent.
    descendants(server).into_iter().find(is_runner)
}

/// The server's own child above this process.
pub fn outermost(server: u32, process: &Process) -> Process {
    let family = descendants(server);
    let mut here = process.clone();
    while here.parent != server {
        let parent = family.iter().find(|known| known.pid == here.parent);
        here = parent.expect("it descends from the server").clone();
    }
    here
}
