//! The window in which a person sits: its size, its changes, and raw mode for shells that run elsewhere.

use std::io::{self, IsTerminal};

use mi_core::terminal::Size;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What is handed in, so that tests need no terminal.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// `None` where there is no terminal.
    pub size: fn() -> Option<Size>,
    /// To be called within a runtime.
    pub watch: fn() -> io::Result<Watch>,
    /// Every key goes where the shell is, Ctrl-C too, until what is given is dropped.
    pub raw: fn() -> io::Result<Raw>,
}

impl Window {
    pub const OF_PROCESS: Self = Self { size, watch, raw };
    /// There is none.
    pub const NONE: Self = Self { size: || None, watch: || Ok(Watch::default()), raw: || Ok(Raw(None)) };
}

fn size() -> Option<Size> {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin())).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Size { columns: size.ws_col, rows: size.ws_row })
}

fn watch() -> io::Result<Watch> {
    let of = |kind| signal(kind).map(Some);
    let ends = [of(SignalKind::terminate())?, of(SignalKind::hangup())?, of(SignalKind::interrupt())?];
    Ok(Watch { resized: of(SignalKind::window_change())?, ends })
}

/// What happens to a window from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    Resized,
    /// This program shall end; its terminal is to be given back first.
    Ending,
}

#[derive(Debug, Default)]
pub struct Watch {
    resized: Option<Signal>,
    ends: [Option<Signal>; 3],
}

impl Watch {
    pub async fn next(&mut self) -> Happening {
        let [terminate, hangup, interrupt] = &mut self.ends;
        tokio::select! {
            () = received(&mut self.resized) => Happening::Resized,
            () = received(terminate) => Happening::Ending,
            () = received(hangup) => Happening::Ending,
            () = received(interrupt) => Happening::Ending,
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// A terminal in raw mode; dropping it gives the terminal back as it was. The build unwinds, so a panic gives it back too.
#[derive(Debug)]
pub struct Raw(Option<Termios>);

fn raw() -> io::Result<Raw> {
    if !io::stdin().is_terminal() {
        return Ok(Raw(None));
    }
    let before = tcgetattr(io::stdin())?;
    let mut wanted = before.clone();
    wanted.make_raw();
    tcsetattr(io::stdin(), OptionalActions::Drain, &wanted)?;
    Ok(Raw(Some(before)))
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Where the terminal is gone, there is nothing to give back.
        if let Some(before) = &self.0 {
            tcsetattr(io::stdin(), OptionalActions::Drain, before).unwrap_or_default();
        }
    }
}
