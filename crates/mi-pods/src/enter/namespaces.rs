//! The walls by our own hand, for machines without bubblewrap: the same view, built on user namespaces.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, chdir, fork, getegid, geteuid, pivot_root, sethostname, setsid};

use super::failure::{Failure, wall, wall_at};
use super::view::{self, Access, INIT_AT, Step, WORKSPACE_AT};
use super::{EXIT_FAILED, init_args, kernel, loopback, tell};
use crate::wire::{EnterSpec, Report, TICKET_FD};

/// The memory file system in which the new root is built; exists everywhere.
const BASE: &str = "/tmp";
/// Seen after the first pivot: the pod's root to be, and the host's.
const NEW: &str = "/new";
const OLD: &str = "/old";
const NOTHING: Option<&str> = None;
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

pub(crate) fn enter(spec: EnterSpec) -> Result<ExitCode, Failure> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    unshare(flags).map_err(wall_at("namespaces", "unshare"))?;
    map_ids(uid, gid).map_err(wall_at("namespaces", "map the uid"))?;
    let (life, held) = nix::unistd::pipe().map_err(wall("processes"))?;
    match fork_alone().map_err(wall_at("namespaces", "fork"))? {
        ForkResult::Parent { child } => {
            drop(life);
            attend(child, held)
        }
        ForkResult::Child => {
            drop(held);
            let Err(failure) = become_first(&spec, life, uid, gid);
            tell(&Report::Failed { wall: failure.wall.to_owned(), detail: failure.detail });
            Ok(ExitCode::from(EXIT_FAILED))
        }
    }
}

/// The first fork after a new pid namespace makes its first process.
#[allow(unsafe_code, reason = "fork has no safe form, and only a fork enters the new pid namespace")]
fn fork_alone() -> nix::Result<ForkResult> {
    // SAFETY: `pod-enter` runs before any thread is started, so the child finds no lock held by a thread it doesn't have.
    unsafe { fork() }
}

/// The uid and gid keep their numbers inside, and are the only ones there.
fn map_ids(uid: u32, gid: u32) -> io::Result<()> {
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

/// Waits, outside, for the pod's first process; holds the pipe whose end tells that process that its parent is gone.
fn attend(child: Pid, held: OwnedFd) -> Result<ExitCode, Failure> {
    nix::unistd::close(TICKET_FD).map_err(wall("start"))?;
    let code = loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => break u8::try_from(code).unwrap_or(EXIT_FAILED),
            Ok(WaitStatus::Signaled(_, signal, _)) => break u8::try_from(128 + signal as i32).unwrap_or(EXIT_FAILED),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(wall("processes")(error)),
        }
    };
    drop(held);
    Ok(ExitCode::from(code))
}

fn become_first(spec: &EnterSpec, life: OwnedFd, uid: u32, gid: u32) -> Result<Infallible, Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(wall("processes"))?;
    parent_lives(&life)?;
    drop(life);
    setsid().map_err(wall("processes"))?;
    sethostname(&spec.hostname).map_err(wall_at("namespaces", "host name"))?;
    loopback::bring_up().map_err(wall_at("network", "bring up lo"))?;
    let steps = view::steps(spec, uid, gid);
    let steps = steps.into_iter().map(resolve).collect::<Result<Vec<Step>, Failure>>()?;
    open_base().map_err(wall_at("files", "new root"))?;
    for step in steps {
        take(&step).map_err(wall_at("files", format!("{step:?}")))?;
    }
    close_base().map_err(wall_at("files", "pivot"))?;
    chdir(WORKSPACE_AT).map_err(wall("files"))?;
    drop_capabilities().map_err(wall_at("privileges", "drop capabilities"))?;
    let mut command = Command::new(INIT_AT);
    command.args(init_args(spec)?).env_clear().envs(spec.env.iter().cloned());
    Err(wall_at("start", INIT_AT)(command.exec()))
}

/// None can come back by a program that would bring it along; what this process has itself ends with its exec.
fn drop_capabilities() -> io::Result<()> {
    const CAPABILITIES_MAX: u32 = 64;
    for capability in 0..CAPABILITIES_MAX {
        match kernel::drop_from_bounding_set(capability) {
            Ok(()) => {}
            // Above the last one that this kernel knows.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// In a new pid namespace the parent's number is always 0, so its life shows by the pipe that only it holds open.
fn parent_lives(life: &OwnedFd) -> Result<(), Failure> {
    let mut watched = [PollFd::new(life.as_fd(), PollFlags::POLLIN)];
    match poll(&mut watched, PollTimeout::ZERO) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::start("the server is gone")),
        Err(error) => Err(wall("processes")(error)),
    }
}

/// Follows the links of sources while the host's root is still the root.
fn resolve(step: Step) -> Result<Step, Failure> {
    match step {
        Step::Bind { source, at, access } => {
            let source = source.canonicalize().map_err(wall_at("files", source.display()))?;
            Ok(Step::Bind { source, at, access })
        }
        other => Ok(other),
    }
}

fn open_base() -> io::Result<()> {
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_SLAVE, NOTHING)?;
    mount(Some("tmpfs"), BASE, Some("tmpfs"), SAFE, Some("mode=0755"))?;
    for name in [NEW, OLD] {
        fs::create_dir(Path::new(BASE).join(&name[1..]))?;
    }
    pivot_root(BASE, &Path::new(BASE).join(&OLD[1..]))?;
    chdir("/")?;
    mount(Some("tmpfs"), NEW, Some("tmpfs"), SAFE, Some("mode=0755,size=4m"))?;
    Ok(())
}

/// Leaves the host's root and the scaffold behind; what remains is the pod's root, read-only.
fn close_base() -> io::Result<()> {
    umount2(OLD, MntFlags::MNT_DETACH)?;
    mount(NOTHING, NEW, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | SAFE, NOTHING)?;
    chdir(NEW)?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")?;
    Ok(())
}

fn take(step: &Step) -> io::Result<()> {
    match step {
        Step::Dir { at } => make_dir(at).map(drop),
        Step::Bind { source, at, access } => {
            let source = below(OLD, source);
            let place = below(NEW, at);
            make_place(&place, &source)?;
            bind(&source, &place, *access)
        }
        Step::Link { target, at } => {
            let place = below(NEW, at);
            make_parents(&place)?;
            symlink(target, place)
        }
        Step::Tmpfs { at, mode, bytes_max } => {
            let place = make_dir(at)?;
            let options = format!("mode={mode:o},size={bytes_max}");
            Ok(mount(Some("tmpfs"), &place, Some("tmpfs"), SAFE, Some(options.as_str()))?)
        }
        Step::File { at, content } => {
            let place = below(NEW, at);
            make_parents(&place)?;
            fs::write(place, content)
        }
        Step::Proc => {
            let place = make_dir("/proc")?;
            Ok(mount(Some("proc"), &place, Some("proc"), SAFE | MsFlags::MS_NOEXEC, NOTHING)?)
        }
        Step::Cover { at } => cover(&below(NEW, at)),
        Step::Devices => devices(),
        Step::Seal { at } => seal(&below(NEW, at)),
    }
}

fn bind(source: &Path, place: &Path, access: Access) -> io::Result<()> {
    mount(Some(source), place, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REC, NOTHING)?;
    let added = match access {
        Access::ReadOnly => SAFE | MsFlags::MS_RDONLY,
        Access::ReadWrite => SAFE,
    };
    tighten(place, added)
}

/// Flags hold per mount, so whatever came along below the source gets them too.
fn tighten(place: &Path, added: MsFlags) -> io::Result<()> {
    for (point, flags) in mounts_below(place)? {
        let flags = flags | added | MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
        mount(NOTHING, &point, NOTHING, flags, NOTHING)?;
    }
    Ok(())
}

fn cover(place: &Path) -> io::Result<()> {
    if place.symlink_metadata().is_err() {
        return Ok(());
    }
    bind(place, place, Access::ReadOnly)
}

fn seal(place: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC | SAFE;
    Ok(mount(NOTHING, place, NOTHING, flags, NOTHING)?)
}

fn devices() -> io::Result<()> {
    let dev = make_dir("/dev")?;
    mount(Some("tmpfs"), &dev, Some("tmpfs"), SAFE | MsFlags::MS_NOEXEC, Some("mode=0755,size=64m"))?;
    for name in DEVICES {
        let place = dev.join(name);
        File::create(&place)?;
        mount(Some(&Path::new(OLD).join("dev").join(name)), &place, NOTHING, MsFlags::MS_BIND, NOTHING)?;
        tighten(&place, MsFlags::MS_NOSUID)?;
    }
    for (name, target) in [
        ("core", "/proc/kcore"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, dev.join(name))?;
    }
    fs::create_dir(dev.join("shm"))?;
    fs::create_dir(dev.join("pts"))?;
    let options = Some("newinstance,ptmxmode=0666,mode=620");
    mount(Some("devpts"), &dev.join("pts"), Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, options)?;
    symlink("pts/ptmx", dev.join("ptmx"))
}

/// A place of the pod or the host, as seen from the scaffold.
fn below(root: &str, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    Path::new(root).join(path.strip_prefix("/").unwrap_or(path))
}

fn make_dir(at: impl AsRef<Path>) -> io::Result<PathBuf> {
    let place = below(NEW, at);
    fs::DirBuilder::new().recursive(true).mode(0o755).create(&place)?;
    Ok(place)
}

fn make_parents(place: &Path) -> io::Result<()> {
    place.parent().map_or(Ok(()), |parent| fs::DirBuilder::new().recursive(true).mode(0o755).create(parent))
}

/// What a bind needs to land on: a folder for a folder, a file for anything else.
fn make_place(place: &Path, source: &Path) -> io::Result<()> {
    make_parents(place)?;
    if source.is_dir() {
        return fs::DirBuilder::new().recursive(true).mode(0o755).create(place);
    }
    File::create(place).map(drop)
}

/// Every mount at or below this place with the flags it has, which a user namespace may add to but not take from.
fn mounts_below(place: &Path) -> io::Result<Vec<(PathBuf, MsFlags)>> {
    let table = fs::read_to_string(Path::new(OLD).join("proc/self/mountinfo"))?;
    let mounts = table.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        let point = PathBuf::from(unescape(fields.next()?));
        Some((point, flags_of(fields.next()?)))
    });
    Ok(mounts.filter(|(point, _)| point.starts_with(place)).collect())
}

fn flags_of(options: &str) -> MsFlags {
    options.split(',').fold(MsFlags::empty(), |flags, option| {
        flags
            | match option {
                "ro" => MsFlags::MS_RDONLY,
                "nosuid" => MsFlags::MS_NOSUID,
                "nodev" => MsFlags::MS_NODEV,
                "noexec" => MsFlags::MS_NOEXEC,
                "noatime" => MsFlags::MS_NOATIME,
                "nodiratime" => MsFlags::MS_NODIRATIME,
                "relatime" => MsFlags::MS_RELATIME,
                _ => MsFlags::empty(),
            }
    })
}

/// The kernel writes blank, tab, newline and backslash in paths as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}
