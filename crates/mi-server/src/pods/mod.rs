//! Pods: what each hosted agent's pod should be, and what it is.
//!
//! Rows are wishes. Acts change them; only this folder's sweep starts and ends
//! pods, and it never gives them work. A pod's runner proves itself with a ticket
//! that is good once and for a minute; with it the pod's epoch rises, and every
//! earlier runner of the agent is void.
//!
//! A pod whose agent has had nothing to do for a while sleeps: its runner leaves, and the act that makes work for it wakes
//! it. Which of several sleepers that is, is judged in `tasks`.
//!
//! Acts: `create`, `wish`, `restart`, `take_ticket`, `fall_asleep`, `wake`.
//! Elsewhere: walls and processes are in mi-pods; what a runner asks for is in `runners`.

mod door;
pub mod harnesses;
pub mod log;
mod raise;
mod readiness;
mod rules;
pub mod service;
mod shutdown;
mod sleep;
mod store;
mod supervisor;
pub mod sweep;
#[cfg(test)]
mod tests;

pub use raise::{PodDoors, make_owned, make_passable, own_drive};
pub use readiness::readiness;
pub use shutdown::{shut_down, start_up};
pub use sleep::{Cause, Rest, any_asleep, rest, sleeps_at, stir, wake};
pub use store::PodRow;
pub use supervisor::{PodUsers, Supervisor};

/// A closed set of words in a column.
macro_rules! column_words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)* _ => None }
            }
        }
    };
}

column_words! {
    /// What an agent's pod should be. `Asleep` is not there until there is work for it.
    Desired { Running = "running", Asleep = "asleep", Stopped = "stopped", Gone = "gone" }
}

column_words! {
    /// What it was last seen to be. `Exited` waits for its next start, `Failed` for somebody to start it.
    Observed { None = "none", Starting = "starting", Running = "running", Exited = "exited", Failed = "failed" }
}
