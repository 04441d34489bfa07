//! An interactive shell on a pseudo-terminal.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use mi_client::{Hearing, Saying, Terminal};
use mi_core::terminal::{Frame, Size};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};

use super::{OUTPUT_WAIT, Work, code, refuse};
use crate::clock::{pause, within};
use crate::process::Tree;

const READ_BYTES: usize = 16 * 1024;
/// What a program doesn't take from its terminal in this time is dropped, so that a hang-up is always noticed.
const INPUT_WAIT: Duration = Duration::from_secs(5);
/// Ctrl-D: the end of what is typed.
const END_OF_INPUT: &[u8] = &[4];
/// After so long, what a shell may have missed or undone is said again.
const AGAIN: Duration = Duration::from_millis(500);
/// The first that is there. Without files of the home: an agent can't change what its owner's shell does.
const SHELLS: [(&str, &[&str]); 2] = [("/bin/bash", &["--norc", "--noprofile"]), ("/bin/sh", &[])];

/// The workspace is the shell's home, and the agent writes there: key bindings of its making could type for its owner, and
/// a history would tell it what its owner typed.
const NOTHING_OF_THE_HOME: [(&str, &str); 2] = [("INPUTRC", "/dev/null"), ("HISTFILE", "/dev/null")];
/// What shells run by themselves.
const RUN_UNASKED: [&str; 3] = ["ENV", "BASH_ENV", "PROMPT_COMMAND"];

type Master = Arc<AsyncFd<OwnedFd>>;

pub(super) async fn run(work: Work, size: Size, term: &str) {
    let (master, child) = match start(&work, size, term) {
        Ok(started) => started,
        Err(error) => return refuse(work.terminal, error).await,
    };
    let Terminal { hears, says } = work.terminal;
    attend(&work.tree, master, child, hears, says).await;
}

/// The pseudo-terminal and the shell on it. Neither end is inherited by anything else that this process starts.
fn start(work: &Work, size: Size, term: &str) -> io::Result<(Master, Child)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    resize(&master, size)?;
    let program_end = ioctl_tiocgptpeer(&master, flags)?;
    fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
    let master = Arc::new(watched(master)?);
    let mut command = shell(work, term);
    command.stdin(Stdio::from(program_end.try_clone()?)).stdout(Stdio::from(program_end.try_clone()?));
    command.stderr(Stdio::from(program_end));
    Ok((master, work.tree.spawn_on_terminal(command)?))
}

#[allow(unsafe_code)]
fn watched(master: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by what watches it, so it stays open, and the same one, for as long.
    unsafe { Ok(AsyncFd::register(master)?) }
}

fn shell(work: &Work, term: &str) -> Command {
    let found = SHELLS.iter().find(|(path, _)| Path::new(path).is_file());
    let (path, arguments) = found.copied().unwrap_or(("/bin/sh", &[]));
    let mut command = Command::new(path);
    command.args(arguments).env_clear().envs(&work.environment).current_dir(&work.place.workspace);
    command.env("TERM", term).env("SHELL", path).env("PS1", format!("{}:\\w\\$ ", work.place.agent));
    // After all others, so that no variable of the agent's brings them back.
    command.envs(NOTHING_OF_THE_HOME);
    for name in RUN_UNASKED {
        command.env_remove(name);
    }
    command
}

fn resize(master: &impl std::os::fd::AsFd, size: Size) -> io::Result<()> {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(tcsetwinsize(master, size)?)
}

/// Until the shell ends or the connection does; then nothing of it goes on.
async fn attend(tree: &Tree, master: Master, mut child: Child, hears: Hearing, says: Saying) {
    let showing = tokio::spawn(show(master.clone(), says));
    let ended = tokio::select! {
        status = child.wait() => Some(code(status)),
        () = obey(&master, hears) => None,
    };
    if ended.is_some() {
        tree.kill_all().await;
    } else {
        // Waited for meanwhile, so that the tree can be seen to be empty.
        join(tree.kill_all(), within(OUTPUT_WAIT, child.wait())).await;
    }
    let abort = showing.abort_handle();
    match (ended, within(OUTPUT_WAIT, showing).await) {
        (Some(ended), Some(Ok(mut says))) => {
            if says.say(&Frame::Ended(ended)).await.is_ok() {
                says.close().await;
            }
        }
        (Some(_), Some(Err(_)) | None) | (None, _) => abort.abort(),
    }
}

/// What the shell shows, until nobody has its end of the terminal any more.
async fn show(master: Master, mut says: Saying) -> Saying {
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let read = master.async_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut chunk)?)).await;
        match read {
            // The kernel says EIO when the last process on the terminal is gone.
            Ok(0) | Err(_) => return says,
            Ok(count) => {
                if says.say(&Frame::Output(chunk[..count].to_vec())).await.is_err() {
                    return says;
                }
            }
        }
    }
}

/// What is typed, until the other end hangs up or says what no person says.
///
/// Two things may come just as a shell prepares its terminal for the next line, and are then without effect: an end of the
/// input is lost while the modes change, so it is typed until it has its effect; and a size is overwritten with the one
/// before, which bash reads and sets again, so it is set once more.
async fn obey(master: &Master, mut hears: Hearing) {
    let (mut is_over, mut new_size) = (false, None);
    loop {
        let frame = tokio::select! {
            frame = hears.next() => frame,
            () = pause(AGAIN), if is_over || new_size.is_some() => {
                if let Some(size) = new_size.take() {
                    become_of(master, size);
                }
                if is_over {
                    type_in(master, END_OF_INPUT).await;
                }
                continue;
            }
        };
        let Ok(Some(frame)) = frame else { return };
        match frame {
            Frame::Input(bytes) => type_in(master, &bytes).await,
            Frame::InputEnd => {
                is_over = true;
                type_in(master, END_OF_INPUT).await;
            }
            Frame::Resize(size) => {
                new_size = Some(size);
                become_of(master, size);
            }
            Frame::Plan(_) | Frame::Output(_) | Frame::Errors(_) | Frame::Ended(_) | Frame::Refused(_) => return,
        }
    }
}

/// Programs hear of a size (SIGWINCH) only where it is a new one.
fn become_of(master: &Master, size: Size) {
    if let Err(error) = resize(master.get_ref(), size) {
        tracing::debug!(%error, "a terminal keeps its size");
    }
}

async fn type_in(master: &Master, mut bytes: &[u8]) {
    let typing = async {
        while !bytes.is_empty() {
            match master.async_io(Interest::WRITABLE, |fd| Ok(rustix::io::write(fd, bytes)?)).await {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => return tracing::debug!(%error, "a terminal takes no input"),
            }
        }
    };
    if within(INPUT_WAIT, typing).await.is_none() {
        tracing::debug!("what was typed was not taken in time, and is dropped");
    }
}
