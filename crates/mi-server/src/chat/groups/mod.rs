//! Groups: where several talk at once.
//!
//! Everybody of an office is in its one office group, from hire to leaving; further groups have
//! the members that they are given. A message in a group wakes only whom it mentions; the
//! others read it in their next session. Nobody sees what was written before they joined.
//!
//! Acts: `send`, `create`, `rename`, `add_member`, `remove_member`.

pub mod routes;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
