//! The few calls of the kernel that no library of ours has a safe form for.

#![allow(unsafe_code, reason = "seccomp, landlock and the bounding set have no safe door in the crates that we use")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::libc::{self, c_long, sock_filter, sock_fprog};

/// Puts a filter on this thread and everything that it starts from now on. The process must have sworn off new privileges.
pub(super) fn install_filter(program: &[sock_filter]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let described = sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel reads `len` steps at `filter`, both of the slice that outlives the call, and keeps a copy.
    checked(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, std::ptr::from_ref(&described))
    })
    .map(drop)
}

/// Takes a capability out of the bounding set: no program started from now on can have it.
pub(super) fn drop_from_bounding_set(capability: u32) -> io::Result<()> {
    // SAFETY: plain numbers; no memory is involved.
    checked(c_long::from(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) }))
        .map(drop)
}

/// What a set of Landlock rules is about (landlock(7), struct landlock_ruleset_attr).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Handled {
    pub files: u64,
    pub network: u64,
    pub scopes: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

const RULE_PATH_BENEATH: c_long = 1;
const VERSION_QUESTION: c_long = 1;

/// The kernel's version of Landlock's interface.
pub(super) fn landlock_version() -> io::Result<i64> {
    // SAFETY: with this flag the kernel takes no memory.
    checked(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, VERSION_QUESTION) })
}

pub(super) fn landlock_rules(handled: &Handled, bytes: usize) -> io::Result<OwnedFd> {
    let bytes = bytes.min(size_of::<Handled>());
    // SAFETY: the kernel reads at most `bytes` of the structure, which is no longer than it.
    let made =
        checked(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::from_ref(handled), bytes, 0) })?;
    let number = i32::try_from(made).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

pub(super) fn landlock_allow(rules: &OwnedFd, place: &OwnedFd, allowed: u64) -> io::Result<()> {
    let rule = PathBeneath { allowed, parent: place.as_raw_fd() };
    // SAFETY: the kernel reads one structure of this kind, which outlives the call.
    checked(unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), RULE_PATH_BENEATH, std::ptr::from_ref(&rule), 0)
    })
    .map(drop)
}

/// Holds this thread and everything that it starts from now on to the rules.
pub(super) fn landlock_restrict(rules: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain numbers; no memory is involved.
    checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) }).map(drop)
}

fn checked(outcome: c_long) -> io::Result<c_long> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(outcome) }
}
