//! One command without input: its two outputs, then its exit code.

use futures_util::future::join;
use mi_client::Terminal;
use mi_core::terminal::Frame;
use mi_core::wire::agents::CommandLine;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::sync::mpsc;

use super::{OUTPUT_WAIT, Work, code, refuse};
use crate::clock::within;
use crate::harness::command::{command_of, dress};
use crate::process::Tree;

const READ_BYTES: usize = 16 * 1024;
/// Pieces of output on their way; a command that writes faster than they go out waits.
const PIECES_MAX: usize = 4;

pub(super) async fn run(work: Work, line: &CommandLine) {
    let mut command = match command_of(line) {
        Ok(command) => command,
        Err(missing) => return refuse(work.terminal, missing).await,
    };
    dress(&mut command, &work.environment, &work.place.workspace);
    match work.tree.spawn(command) {
        Ok(child) => attend(work, child).await,
        Err(error) => refuse(work.terminal, format!("{}: {error}", program(line))).await,
    }
}

fn program(line: &CommandLine) -> &str {
    match line {
        CommandLine::Shell(_) => "/bin/sh",
        CommandLine::Argv(words) => words.first().map_or("", String::as_str),
    }
}

async fn attend(mut work: Work, mut child: Child) {
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let out = child.stdout.take().map(|out| tokio::spawn(pump(out, sender.clone(), Frame::Output)));
    let err = child.stderr.take().map(|err| tokio::spawn(pump(err, sender, Frame::Errors)));
    let ended = pass_on(&mut work.terminal, &work.tree, &mut child, pieces).await;
    if ended.is_none() {
        // Waited for meanwhile, so that the tree can be seen to be empty.
        join(work.tree.kill_all(), within(OUTPUT_WAIT, child.wait())).await;
    }
    for pump in out.into_iter().chain(err) {
        pump.abort();
    }
    let mut says = work.terminal.says;
    if let Some(ended) = ended
        && says.say(&Frame::Ended(ended)).await.is_ok()
    {
        says.close().await;
    }
}

/// Until the command has ended and all of its output is passed on: then its code. Nothing, if the other end hung up.
async fn pass_on(
    terminal: &mut Terminal,
    tree: &Tree,
    child: &mut Child,
    mut pieces: mpsc::Receiver<Frame>,
) -> Option<i32> {
    let Terminal { hears, says } = terminal;
    let mut ended = None;
    // A command may close its outputs and go on: only its end is its end.
    let mut is_writing = true;
    while ended.is_none() || is_writing {
        tokio::select! {
            // Whatever else comes from the other end says nothing to a command without input.
            heard = hears.next() => if !matches!(heard, Ok(Some(_))) { return None },
            piece = pieces.recv(), if is_writing => match piece {
                Some(frame) => if says.say(&frame).await.is_err() { return None },
                None => is_writing = false,
            },
            status = child.wait(), if ended.is_none() => {
                ended = Some(code(status));
                // What it left running holds its outputs open, and must not go on.
                tree.kill_all().await;
            }
        }
    }
    ended
}

/// Reads to the end.
async fn pump(mut stream: impl AsyncRead + Unpin, to: mpsc::Sender<Frame>, frame: fn(Vec<u8>) -> Frame) {
    let mut chunk = vec![0; READ_BYTES];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if to.send(frame(chunk[..count].to_vec())).await.is_err() {
                    return;
                }
            }
        }
    }
}
