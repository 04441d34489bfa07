//! What is on the machine that a pod could leave behind: processes that carry a pod's mark, mounts, control groups.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mi_core::ids::OfficeId;

const GROUPS: &str = "/sys/fs/cgroup";
const GROUP_DEPTH_MAX: usize = 6;
const POD_MARKER: &[u8] = b"MI_POD_ID=";
const GONE_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What was there before, and whose pods ours are.
#[derive(Debug, Clone)]
pub struct Left {
    mounts: BTreeSet<String>,
}

impl Left {
    /// Before any pod is started.
    pub fn look() -> Result<Self> {
        Ok(Self { mounts: mounts()? })
    }

    /// What there is now of these offices' pods, and every mount that is new; given a moment, since the kernel buries the dead
    /// when it comes to it.
    pub fn since(&self, offices: &[OfficeId]) -> Result<Vec<String>> {
        let marks: Vec<String> = offices.iter().map(|office| office.0.simple().to_string()).collect();
        let is_ours = |text: &str| marks.iter().any(|mark| text.contains(mark.as_str()));
        let until = Instant::now() + GONE_LIMIT;
        loop {
            let mut left: Vec<String> = mounts()?.difference(&self.mounts).cloned().collect();
            left.extend(processes(&is_ours)?);
            groups(Path::new(GROUPS), 0, &is_ours, &mut left);
            if left.is_empty() || Instant::now() >= until {
                return Ok(left);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

fn mounts() -> Result<BTreeSet<String>> {
    let text = fs::read_to_string("/proc/self/mountinfo").context("the mounts can't be read")?;
    Ok(text.lines().map(|line| format!("mount {line}")).collect())
}

fn processes(is_ours: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("the process table can't be read")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|text| text.parse::<u32>().ok()) else { continue };
        // One that ended meanwhile, or isn't ours to read, is none of ours.
        let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { continue };
        let variables = environ.split(|byte| *byte == 0).filter(|variable| variable.starts_with(POD_MARKER));
        let marks = variables.map(|variable| String::from_utf8_lossy(variable).into_owned());
        found.extend(marks.filter(|mark| is_ours(mark)).map(|mark| format!("process {pid} of {mark}")));
    }
    Ok(found)
}

/// Groups that were made for pods.
fn groups(folder: &Path, depth: usize, is_ours: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if depth > GROUP_DEPTH_MAX || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if is_ours(&entry.file_name().to_string_lossy()) {
            found.push(format!("control group {}", entry.path().display()));
        }
        groups(&entry.path(), depth + 1, is_ours, found);
    }
}

/// The file of that name and content below a folder.
pub fn find(folder: &Path, name: &str, content: &str) -> Option<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder).ok()?.filter_map(Result::ok).collect();
    let here = folder.join(name);
    if fs::read_to_string(&here).is_ok_and(|text| text.contains(content)) {
        return Some(here);
    }
    let folders = entries.iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.into_iter().find_map(|entry| find(&entry.path(), name, content))
}
