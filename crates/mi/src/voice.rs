//! Data goes to stdout, talk to stderr.

use std::io::{self, Write};

/// Talk. Where nobody listens any more there is nothing left to say.
pub fn say(text: &str) {
    if writeln!(io::stderr(), "{text}").is_err() {
        tracing::debug!("nobody reads stderr");
    }
}

/// Data. A reader that has seen enough, such as `head`, is no failure.
pub fn tell(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}
