//! The history of a run, and whether it may have happened.
//!
//! Clients of a server under load write down what they asked, when they asked it and when they heard the answer
//! (`record`). Afterwards the office is asked what it remembers (`memory`). `check` compares both with what was
//! promised; it is pure, and it never guesses: a request that was not answered may have happened at any moment after it
//! was sent, or not at all, and only what holds in every case is called a violation.
//!
//! Rules are in three files: `spans` who held a task when, `story` what the event log tells, `kept` what was
//! acknowledged and has to be there. That each of them finds what it is for is shown by hand-written histories in
//! `tests/`, and by deliberate bugs in the server (`mi-server/src/sabotage.rs`).

mod check;
mod deed;
mod kept;
mod memory;
mod record;
mod spans;
mod story;
#[cfg(test)]
mod tests;

pub use check::{RULES, Rule, Violation, check};
pub use deed::{Ask, Deed, Ending, Moment, Said, Write};
pub use memory::{Attempt, Memory, Remembered};
pub use record::{Begun, Recorder};
pub use spans::OTHERS_WORK;
