//! The refusals that only backups meet.

use mi_core::ids::AgentName;
use mi_core::limits::{BACKUP_BYTES_MAX, BACKUP_FILES_MAX};
use mi_core::problem::Code;

use super::pack::{PATHS_BYTES_MAX, Stopped};
use crate::infra::fault::Fault;

const BYTES_PER_GIB: u64 = 1024 * 1024 * 1024;
const RETRY_AFTER_SECONDS: i64 = 1;

pub fn no_such_backup(id: &str) -> Fault {
    let sentence = format!("there is no backup {:?} in this office", mi_core::ids::excerpt(id));
    Fault::new(Code::NoSuchBackup, sentence).hint("mi backup list shows those that there are")
}

pub fn of_somebody_else(id: &str, name: &AgentName) -> Fault {
    Fault::new(Code::NoSuchBackup, format!("backup {id} is not one of {name}"))
        .hint(format!("mi backup list --agent {name} shows those that are"))
}

pub fn failed(name: &AgentName, stopped: &Stopped) -> Fault {
    let without = format!("mi agents fire {name} --no-backup lets it go without one");
    match stopped {
        Stopped::TooLarge => {
            let gib = BACKUP_BYTES_MAX / BYTES_PER_GIB;
            let sentence = format!("the workspace of {name} is larger than backups may be: {gib} GiB");
            Fault::new(Code::BackupTooLarge, sentence).hint(format!("remove what isn't needed, or {without}"))
        }
        Stopped::FileTooLarge { path, bytes } => {
            let (long, gib) = (bytes.div_ceil(BYTES_PER_GIB), BACKUP_BYTES_MAX / BYTES_PER_GIB);
            let sentence = format!(
                "{path} in the workspace of {name} is {long} GiB long, its holes included; a backup holds {gib} GiB"
            );
            Fault::new(Code::BackupTooLarge, sentence).hint(format!("remove or shorten it, or {without}"))
        }
        Stopped::TooMany => {
            let most = format!("{BACKUP_FILES_MAX} files and folders, or {} MiB of names", PATHS_BYTES_MAX >> 20);
            let sentence = format!("the workspace of {name} has more than {most}");
            Fault::new(Code::BackupTooLarge, sentence).hint(format!("remove what isn't needed, or {without}"))
        }
        Stopped::TooDeep(path) => Fault::new(
            Code::BackupFailed,
            format!("the workspace of {name} can't be backed up: its folders nest too deep at {path}"),
        )
        .hint(without),
        Stopped::Closed(path) => Fault::new(
            Code::BackupFailed,
            format!("the workspace of {name} can't be backed up: the server may not read {path} in it"),
        )
        .hint(format!("let the agent make it readable, or {without}")),
        Stopped::Io(_) => {
            let sentence = format!("the workspace of {name} can't be backed up: the disk refused");
            let mut fault = Fault::new(Code::BackupFailed, sentence);
            fault.cause = Some(stopped.to_string());
            fault.hint(without)
        }
    }
}

pub fn damaged(id: &str, cause: &str) -> Fault {
    let mut fault =
        Fault::new(Code::BackupDamaged, format!("backup {id} is not as it was written; nothing was restored"));
    fault.cause = Some(cause.to_owned());
    fault.hint("take another one: mi backup list")
}

pub fn not_stopped(name: &AgentName) -> Fault {
    Fault::new(Code::AgentNotStopped, format!("{name} has its workspace open, so it can't be replaced now"))
        .hint(format!("mi agents stop {name} first, and mi agents start {name} afterwards"))
}

pub fn at_work() -> Fault {
    later("somebody backs this workspace up, or restores it, just now")
}

pub fn still_ending(name: &AgentName) -> Fault {
    later(&format!("the pod of {name} is still ending"))
}

fn later(sentence: &str) -> Fault {
    let mut fault = Fault::new(Code::Busy, sentence.to_owned()).hint("again in a moment");
    fault.retry_after_seconds = Some(RETRY_AFTER_SECONDS);
    fault
}

pub fn no_workspace(name: &AgentName) -> Fault {
    Fault::new(Code::NoSuchFile, format!("{name} has no workspace yet: its pod has never run"))
}

pub fn no_such_place() -> Fault {
    Fault::new(Code::NoSuchFile, "nothing stands at this name in the workspace")
        .hint("mi agents files NAME lists what does")
}

pub fn not_to_be_read() -> Fault {
    Fault::new(Code::NotAFile, "no regular file or folder that the server may read stands at this name")
}

pub fn bad_path() -> Fault {
    Fault::new(Code::BadPath, "a path in a workspace is relative, and has no empty part, no `.` and no `..`")
}
