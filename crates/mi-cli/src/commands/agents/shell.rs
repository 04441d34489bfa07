//! `mi agents shell NAME`: an interactive shell in an agent's pod.

use std::io::{ErrorKind, Read};
use std::thread;

use clap::Args;
use mi_client::{Hearing, Saying, Terminal};
use mi_core::ids::AgentName;
use mi_core::terminal::{FRAME_BYTES_MAX, Frame};
use tokio::sync::mpsc;

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::{Format, Output};
use crate::targets::Target;
use crate::variables;
use crate::window::{Happening, Watch, Window};

/// Pieces of what is typed, on their way.
const PIECES_MAX: usize = 16;
const READ_BYTES: usize = 4 * 1024;

/// As shells count an end by SIGTERM.
const TOLD_TO_END: u8 = 143;

const HELP: &str = "\
The shell runs within the pod's walls, in /workspace, beside the agent's work, with the agent's variables and no
credential. There is one terminal at a time in a pod. `exit` or Ctrl-D ends it; when the connection goes, everything
that runs in it is ended. That you had it, and for how long, is recorded; what you typed is not.

Without a terminal on stdin, what is piped in is typed:  echo 'ls; exit' | mi agents shell ada";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct ShellArgs {
    #[command(flatten)]
    target: Target,
}

pub async fn run(desk: &mut Desk, args: ShellArgs) -> Result<(), Fault> {
    if desk.out.format == Format::Json {
        return Err(Fault::usage("a shell is for people", "mi agents debug NAME --json -- COMMAND is for programs"));
    }
    let found = args.target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let window = desk.window;
    let size = (window.size)().unwrap_or_default();
    let term = desk.variable(variables::TERM).map(str::to_owned);
    let terminal = client.agents(office).shell(&found.thing, size, term).await?;
    desk.out.note(&format!("a shell in {}'s pod; exit or Ctrl-D ends it", found.thing))?;
    let watch = (window.watch)().map_err(|fault| Fault::io("the window can't be watched", fault))?;
    let stdin = desk.take_stdin();
    // Given back however this ends.
    let raw = (window.raw)().map_err(|fault| Fault::io("the terminal can't be prepared", fault))?;
    let ended = converse(&mut desk.out, terminal, typed(stdin), (window, watch)).await;
    drop(raw);
    match ended? {
        Ended::With(0) => Ok(()),
        Ended::With(code) => Err(Fault::Passed(u8::try_from(code).unwrap_or(u8::MAX))),
        Ended::Refused(why) => {
            Err(Fault::failed(format!("the shell can't be started: {why}"), "`mi logs NAME` shows the pod's side"))
        }
        Ended::Here => Err(Fault::Passed(TOLD_TO_END)),
        Ended::Lost => {
            let hint = "`mi agents activity NAME --category terminal` says how it ended";
            Err(Fault::failed("the connection to the pod is gone", hint))
        }
    }
}

enum Ended {
    With(i32),
    Refused(String),
    Lost,
    /// This program was told to end.
    Here,
}

/// Reads on a thread of its own: a blocked read can't be given up, only left behind when the program ends.
fn typed(mut stdin: Box<dyn Read + Send>) -> mpsc::Receiver<Frame> {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    thread::spawn(move || {
        let mut chunk = vec![0; READ_BYTES.min(FRAME_BYTES_MAX)];
        loop {
            let frame = match stdin.read(&mut chunk) {
                Ok(0) => Frame::InputEnd,
                Ok(count) => Frame::Input(chunk[..count].to_vec()),
                Err(fault) if fault.kind() == ErrorKind::Interrupted => continue,
                Err(_) => Frame::InputEnd,
            };
            let is_last = frame == Frame::InputEnd;
            if sender.blocking_send(frame).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// Showing and typing go on side by side, so that a slow screen never keeps Ctrl-C back.
async fn converse(
    out: &mut Output,
    terminal: Terminal,
    typed: mpsc::Receiver<Frame>,
    window: (Window, Watch),
) -> Result<Ended, Fault> {
    let Terminal { hears, says } = terminal;
    tokio::select! {
        ended = show(out, hears) => ended,
        ended = pass_on(says, typed, window) => Ok(ended),
    }
}

async fn show(out: &mut Output, mut hears: Hearing) -> Result<Ended, Fault> {
    loop {
        match hears.next().await {
            Ok(Some(Frame::Output(bytes) | Frame::Errors(bytes))) => out.bytes(&bytes)?,
            Ok(Some(Frame::Ended(code))) => return Ok(Ended::With(code)),
            Ok(Some(Frame::Refused(why))) => return Ok(Ended::Refused(why)),
            Ok(Some(Frame::Plan(_) | Frame::Input(_) | Frame::InputEnd | Frame::Resize(_)) | None) | Err(_) => {
                return Ok(Ended::Lost);
            }
        }
    }
}

/// Until this program shall end: whether the connection is gone is seen by whoever listens.
async fn pass_on(mut says: Saying, mut typed: mpsc::Receiver<Frame>, (window, mut watch): (Window, Watch)) -> Ended {
    loop {
        let frame = tokio::select! {
            Some(frame) = typed.recv() => frame,
            happening = watch.next() => match (happening, (window.size)()) {
                (Happening::Ending, _) => return Ended::Here,
                (Happening::Resized, Some(size)) => Frame::Resize(size),
                (Happening::Resized, None) => continue,
            },
        };
        if says.say(&frame).await.is_err() {
            std::future::pending().await
        }
    }
}
