//! The runner driven in process against a scripted server: real short programs, no real clock to wait for.

mod command;
pub(crate) mod fake;
mod http;
mod kit;
mod life;
mod native;
mod terminal;
mod unreachable;
mod vendors;
