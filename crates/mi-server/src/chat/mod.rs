//! Chat: messages between the agents of an office and its owner.
//!
//! Everybody speaks only as themselves; the owner speaks as `owner`. A message to an
//! agent wakes it, is unread until the agent fetches it, and is never changed.
//!
//! Acts: `send`, `read_inbox`; what is said in groups is in `groups`.
//! What wakes whom is in `wakes`, what becomes of messages whose session failed in `tries`.
//! Elsewhere: when a message starts a session is in `runners`.

mod conversations;
mod faults;
pub mod groups;
pub mod routes;
pub mod service;
mod store;
mod stream;
pub mod sweep;
#[cfg(test)]
mod tests;
mod tries;
pub mod wakes;
