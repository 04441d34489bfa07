//! Opening a page in a person's browser, where there is one.

use std::process::{Command, Stdio};

/// What opens a page on this system.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Whether a browser was told. Where there is none, nothing happens: the address was shown as well.
pub fn open(url: &str) -> bool {
    let told = Command::new(OPENER).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    told.is_ok()
}
