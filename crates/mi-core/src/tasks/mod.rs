//! The rules of the queue: what a task can be and how it may move.
//!
//! One agent holds a task at a time, and no task is done without a result.
//! Pure: values and the time go in, the new value or a refusal comes out.
//!
//! `machine` decides moves, `rules` what follows from them, `why` explains waiting,
//! `deadline` what is late.
//! Elsewhere: rows and transactions are in the server's `tasks`.

pub mod deadline;
pub mod machine;
#[cfg(test)]
mod properties;
pub mod rules;
pub mod status;
pub mod why;
