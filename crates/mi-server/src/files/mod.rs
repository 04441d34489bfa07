//! Files: the office's shared drive.
//!
//! A file is visible only when it is complete and on disk, and it is replaced whole or not
//! at all. Agents write to the same folder with plain file operations; the drive itself is
//! the truth, and the store holds an index of it that every read refreshes first. The
//! server never follows a link on the drive and opens nothing but regular files.
//!
//! Acts: `upload`, `delete`; reads: `list`, `changes`, `download`, `digest`, `index`, `examine::facts`.
//! Elsewhere: which files prove a task's result is in `tasks`; how the drive gets into a pod is in `pods`.

mod arriving;
pub mod disk;
pub mod download;
mod drives;
pub mod examine;
mod faults;
mod form;
mod refresh;
pub mod routes;
mod scan;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
