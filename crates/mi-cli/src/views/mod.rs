//! How people see things. Programs get the API's JSON instead.

pub mod agents;
pub mod audit;
pub mod backups;
mod checks;
pub mod colony;
pub mod credits;
pub mod env;
pub mod events;
pub mod files;
pub mod identity;
pub mod integrations;
pub mod invites;
pub mod messages;
pub mod offices;
pub mod proof;
pub mod roles;
pub mod schedules;
pub mod sessions;
pub mod tasks;
pub mod tree;
pub mod waiting;
pub mod webhooks;

use mi_core::time::Time;

use crate::output::Screen;

/// For acts whose answer holds nothing to see.
pub fn nothing(_: &(), _: Screen) -> String {
    String::new()
}

/// A list, and how much of it is not shown.
pub fn listed(text: String, shown: usize, total: u64) -> String {
    let all = shown as u64 >= total;
    if all { text } else { format!("{text}({shown} of {total}: --limit, --offset)\n") }
}

/// `2026-04-27 09:30:00`, UTC.
pub fn moment(time: Time) -> String {
    const SECONDS_END: usize = 19;
    let text = time.to_string();
    text.get(..SECONDS_END).unwrap_or(&text).replace('T', " ")
}

/// The beginning of a digest, enough to tell two apart.
pub fn short_digest(sha256: &str) -> &str {
    const DIGEST_CHARS: usize = 12;
    sha256.get(..DIGEST_CHARS).unwrap_or(sha256)
}
