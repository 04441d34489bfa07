//! Entering a pod: the hidden subcommand `mi pod-enter`, from the server's child to the pod's program.
//!
//! It must be the first thing the process does: while it has one thread and no open files but its standard three, of
//! which input is the socket to the server. It reads the spec, drops everything it doesn't need, raises the walls in the
//! order in which each one still can be raised, and becomes the pod's first process. Any failure ends it before the
//! program starts, and is reported to the server.
//!
//! Elsewhere: `view` says what a pod sees, `bwrap` and `namespaces` make it so, `init` raises what can only be raised inside
//! (`landlock`, `seccomp`) and watches over the program.

mod bwrap;
mod failure;
mod init;
mod kernel;
mod landlock;
mod loopback;
mod namespaces;
pub(crate) mod probe;
mod seccomp;
mod stage;
mod syscalls;
mod view;

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Pid, Uid, getppid, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::wire::{EnterSpec, InitPlan, Report, TICKET_FD, Wall, receive_frame, receive_json};
use failure::{Failure, wall};

/// The pod's first process, inside.
const INIT_FLAG: &str = "--init";
/// The program's process in a pod without a sandbox.
const LEAF_FLAG: &str = "--leaf";
/// The exit code of a pod that didn't come up.
const EXIT_FAILED: u8 = 125;
const STANDARD_FDS: i32 = 3;
const UMASK: Mode = Mode::from_bits_truncate(0o022);

/// Runs `pod-enter` with the arguments that follow that word, and returns the process's exit code.
///
/// Call it before any thread is started and any file is opened.
#[must_use]
pub fn main(args: &[String]) -> ExitCode {
    let detail = args.get(1).map_or("", String::as_str);
    let outcome = match args.first().map(String::as_str) {
        None => enter(),
        Some(INIT_FLAG) => run_init(detail),
        Some(LEAF_FLAG) => run_leaf(detail).map(|never| match never {}),
        Some(probe::PROBE_FLAG) => return probe::run(detail),
        Some(other) => Err(Failure::start(format!("pod-enter knows no argument {other}"))),
    };
    outcome.unwrap_or_else(|failure| {
        tell(&Report::Failed { wall: failure.wall.to_owned(), detail: failure.detail });
        ExitCode::from(EXIT_FAILED)
    })
}

fn enter() -> Result<ExitCode, Failure> {
    let mut input = Input;
    let spec: EnterSpec = receive_json(&mut input).map_err(wall("start"))?;
    let ticket = receive_frame(&mut input).map_err(wall("start"))?;
    die_with(spec.server_pid)?;
    close_inherited().map_err(wall("files"))?;
    umask(UMASK);
    hand_over(ticket)?;
    match &spec.wall {
        Wall::None => enter_process(spec),
        Wall::Bwrap { path } => {
            let path = path.clone();
            let spec = step_down(spec)?;
            bwrap::enter(&path, &spec).map(|never| match never {})
        }
        Wall::Namespaces => namespaces::enter(step_down(spec)?),
    }
}

/// Leaves root behind: brings what the pod will see within reach of its uid, then becomes that uid for good.
fn step_down(mut spec: EnterSpec) -> Result<EnterSpec, Failure> {
    if let Some(uid) = spec.uid {
        spec.sources = stage::stage(spec.sources)?;
        become_uid(uid).map_err(wall("privileges"))?;
    }
    prctl::set_no_new_privs().map_err(wall("privileges"))?;
    // Changing the uid forgot it.
    die_with(spec.server_pid)?;
    Ok(spec)
}

fn become_uid(uid: u32) -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    // Else /proc/self belongs to root, and this process could not write its own uid map.
    prctl::set_dumpable(true)
}

/// Ends this process when its parent ends, also when that happened just now.
fn die_with(parent: u32) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(wall("processes"))?;
    if u32::try_from(getppid().as_raw()).ok() == Some(parent) {
        return Ok(());
    }
    Err(Failure::start("the server is gone"))
}

/// Closes every descriptor above the standard three that this process was given.
fn close_inherited() -> io::Result<()> {
    let listed: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd >= STANDARD_FDS)
        .collect();
    for fd in listed {
        match nix::unistd::close(fd) {
            // The listing's own descriptor is in the list and closed already.
            Ok(()) | Err(Errno::EBADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Puts the ticket into a pipe whose end stays open, through every exec, as the descriptor that the program is told of.
fn hand_over(ticket: Zeroizing<Vec<u8>>) -> Result<(), Failure> {
    let end = filled_pipe(&ticket).map_err(wall("start"))?;
    if end.as_raw_fd() != TICKET_FD {
        return Err(Failure::start("the ticket's descriptor is taken"));
    }
    let _stays_open = end.into_raw_fd();
    Ok(())
}

/// A pipe's reading end, inherited by what this process becomes, with the bytes in it. They must fit: nobody reads yet.
fn filled_pipe(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (reader, writer) = nix::unistd::pipe()?;
    File::from(writer).write_all(bytes)?;
    Ok(reader)
}

/// Without a sandbox this process itself watches over the program.
fn enter_process(spec: EnterSpec) -> Result<ExitCode, Failure> {
    std::env::set_current_dir(&spec.sources.workspace).map_err(wall("start"))?;
    if let Some(uid) = spec.uid {
        become_uid(uid).map_err(wall("privileges"))?;
        prctl::set_no_new_privs().map_err(wall("privileges"))?;
        die_with(spec.server_pid)?;
    }
    prctl::set_child_subreaper(true).map_err(wall("processes"))?;
    let leaf = Leaf { parent: std::process::id(), program: spec.sources.program, args: spec.args };
    let plan = serde_json::to_string(&leaf).map_err(wall("start"))?;
    // Itself, even where the pod's uid can't reach its path.
    let mut command = Command::new("/proc/self/exe");
    command.args(&spec.enter_args).args([LEAF_FLAG, &plan]).env_clear().envs(spec.env);
    init::run(command, &spec.rlimits, init::Reach::Tree)
}

/// What the program's own process needs before it becomes the program.
#[derive(Serialize, Deserialize)]
struct Leaf {
    parent: u32,
    program: PathBuf,
    args: Vec<String>,
}

fn run_leaf(plan: &str) -> Result<Infallible, Failure> {
    let leaf: Leaf = serde_json::from_str(plan).map_err(wall("start"))?;
    die_with(leaf.parent)?;
    let error = Command::new(&leaf.program).args(&leaf.args).exec();
    Err(Failure::start(format!("{}: {error}", leaf.program.display())))
}

fn run_init(plan: &str) -> Result<ExitCode, Failure> {
    let plan: InitPlan = serde_json::from_str(plan).map_err(wall("start"))?;
    let mut command = Command::new(&plan.program);
    command.args(&plan.args);
    init::run(command, &plan.rlimits, init::Reach::Namespace { room: plan.room })
}

/// The command line of the pod's first process, as seen inside.
fn init_args(spec: &EnterSpec) -> Result<Vec<String>, Failure> {
    let plan = InitPlan {
        program: PathBuf::from(view::PROGRAM_AT),
        args: spec.args.clone(),
        rlimits: spec.rlimits.clone(),
        room: spec.room,
    };
    let plan = serde_json::to_string(&plan).map_err(wall("start"))?;
    Ok(spec.enter_args.iter().cloned().chain([INIT_FLAG.to_owned(), plan]).collect())
}

/// Says a report to the server. When nobody hears it, the log gets it.
fn tell(report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_else(|error| error.to_string().into_bytes());
    line.push(b'\n');
    if Input.write_all(&line).is_err() {
        // Standard error is the log; where that is gone too, the exit code alone must tell.
        drop(io::stderr().write_all(&line));
    }
}

/// The socket to the server, read without the standard library's buffer: control bytes must stay where they are.
struct Input;

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(io::stdin().as_fd(), bytes)?)
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(io::stdin().as_fd(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pid_of(raw: u32) -> Result<Pid, Failure> {
    i32::try_from(raw).map(Pid::from_raw).map_err(wall("processes"))
}
