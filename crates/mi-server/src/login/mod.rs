//! Login: how a browser is signed in, and how a terminal gets a key through it.
//!
//! A terminal shows a code and waits; a person who is signed in sees who asks and says yes or no. A browser is signed
//! in by a link that works once or by a password. Codes, links and browsers are random, kept as keyed hashes, and end by
//! themselves; a key exists only from the moment in which the terminal fetches it.
//!
//! Acts: `begin`, `poll`, `make_link`; on the pages `sign_in`, `sign_in_by_link`, `decide`, `set_password`, `sign_out`,
//! and `applications`, where an owner says who comes in.
//! Elsewhere: keys themselves are in `identity`; invites bring people who aren't known yet.

mod applications;
mod browser;
mod codes;
mod faults;
mod pages;
mod passwords;
pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
mod throttle;
mod visits;

pub use service::Desk;
