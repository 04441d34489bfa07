//! Asking a person for a secret: at the terminal itself, whatever stdin is, and without an echo.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::fault::Fault;

const TERMINAL: &str = "/dev/tty";
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// One line that nobody sees.
pub fn secret(question: &str) -> Result<String, Fault> {
    let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL).map_err(|_| nobody_there())?;
    let broken = |source| Fault::io("the terminal can't be read", source);
    (&terminal).write_all(format!("{question}: ").as_bytes()).map_err(broken)?;
    let mut line = String::new();
    let quiet = Quiet::begin(&terminal)?;
    let read = BufReader::new((&terminal).take(ANSWER_BYTES_MAX)).read_line(&mut line);
    drop(quiet);
    (&terminal).write_all(b"\n").map_err(broken)?;
    read.map_err(broken)?;
    Ok(line.trim().to_owned())
}

fn nobody_there() -> Fault {
    Fault::usage("there is no terminal to ask for the value", "`-` reads it from stdin, --from-env VARIABLE from there")
}

/// A terminal that shows nothing of what is typed, until this ends.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn begin(terminal: &'a File) -> Result<Self, Fault> {
        let broken = |errno: nix::errno::Errno| Fault::io("the terminal can't be silenced", errno.into());
        let before = tcgetattr(terminal).map_err(broken)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &silent).map_err(broken)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        match tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before) {
            // A terminal that went away needs no mending.
            Ok(()) | Err(_) => {}
        }
    }
}
