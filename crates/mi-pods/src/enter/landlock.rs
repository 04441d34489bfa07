//! Which files may be touched and how, held by the kernel beside the mounts: a mistake in one of the two leaves the other.
//!
//! Raised by the pod's first process on itself; everything in the pod inherits it. Kernels without Landlock, or with its first
//! version, which forbids moving files between folders, go without: the mounts are the wall, this is the second one, and
//! the pod's state says which stand.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::kernel::{self, Handled};
use super::view::{DRIVE_AT, WORKSPACE_AT};
use crate::spec::Room;

// Rights by the version that brought them (landlock(7)).
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
/// Removing and making of every kind, from bit 4 to 12, but for devices.
const CHANGE_FOLDERS: u64 = 0x1FF0 & !MAKE_DEVICES;
const MAKE_DEVICES: u64 = 1 << 6 | 1 << 11;
const ALL_OF_VERSION_1: u64 = 0x1FFF;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const DEVICE_CONTROL: u64 = 1 << 15;
/// Abstract sockets of, and signals to, processes outside.
const SCOPES: u64 = 1 | 1 << 1;

const READ: u64 = READ_FILE | READ_DIR;
const CHANGE: u64 = READ | EXECUTE | WRITE_FILE | TRUNCATE | CHANGE_FOLDERS | REFER;
const DEVICES: u64 = READ | WRITE_FILE | TRUNCATE | DEVICE_CONTROL;

/// The first version that allows moving files between folders.
const VERSION_MIN: i64 = 2;

/// Where programs and their files are; what isn't there on this machine needs no rule.
const SYSTEM: [&str; 10] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/run"];

/// Does nothing where the kernel has no Landlock, or one that ordinary programs can't live with.
pub(super) fn raise(room: Room) -> io::Result<()> {
    let Some(version) = version()? else { return Ok(()) };
    let handled = handled(version);
    let rules = kernel::landlock_rules(&handled, attribute_bytes(version))?;
    let allow = |place: &str, rights: u64| match look_at(place)? {
        Some(folder) => kernel::landlock_allow(&rules, &folder, rights & handled.files),
        None => Ok(()),
    };
    // Names may be listed anywhere in the pod's own small world; contents are another matter.
    allow("/", READ_DIR)?;
    SYSTEM.iter().try_for_each(|place| allow(place, READ | EXECUTE))?;
    // Threads are named and processes rank themselves for the kernel's memory killer by files of /proc.
    allow("/proc", READ | WRITE_FILE)?;
    allow("/dev", DEVICES)?;
    for place in [WORKSPACE_AT, "/tmp", "/dev/shm"] {
        allow(place, CHANGE)?;
    }
    let drive = match room {
        Room::Agent => CHANGE,
        Room::Check => READ | EXECUTE,
    };
    allow(DRIVE_AT, drive)?;
    kernel::landlock_restrict(&rules)
}

/// What the kernel offers, when it is enough.
pub(super) fn version() -> io::Result<Option<i64>> {
    match kernel::landlock_version() {
        Ok(version) if version >= VERSION_MIN => Ok(Some(version)),
        Ok(_) => Ok(None),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(None),
            _ => Err(error),
        },
    }
}

fn handled(version: i64) -> Handled {
    let since = |first: i64, rights: u64| if version >= first { rights } else { 0 };
    let files = ALL_OF_VERSION_1 | since(2, REFER) | since(3, TRUNCATE) | since(5, DEVICE_CONTROL);
    Handled { files, network: 0, scopes: since(6, SCOPES) }
}

/// Older kernels know a shorter structure.
fn attribute_bytes(version: i64) -> usize {
    const WORD: usize = size_of::<u64>();
    match version {
        ..=3 => WORD,
        4 | 5 => 2 * WORD,
        _ => 3 * WORD,
    }
}

fn look_at(place: &str) -> io::Result<Option<OwnedFd>> {
    match open(Path::new(place), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
