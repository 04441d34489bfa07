//! Deliberate bugs, one at a time, to show that the checkers find them.
//!
//! `sabotage!(Bug)` asks whether that bug is wanted now. Only the server's own tests and builds with the feature
//! `sabotage` know how to answer yes: `MI_SABOTAGE` names one. In every other build the question is the constant
//! `false`, and nothing of this is in the program.

/// Whether a deliberate bug is wanted.
#[cfg(any(test, feature = "sabotage"))]
macro_rules! sabotage {
    ($bug:ident) => {
        $crate::sabotage::is_wanted($crate::sabotage::Bug::$bug)
    };
}

#[cfg(not(any(test, feature = "sabotage")))]
macro_rules! sabotage {
    ($bug:ident) => {
        false
    };
}

#[cfg(test)]
pub use wanted::VARIABLE;
#[cfg(any(test, feature = "sabotage"))]
pub use wanted::{Bug, is_wanted};

#[cfg(any(test, feature = "sabotage"))]
mod wanted {
    use std::sync::OnceLock;

    /// Names the bug that this process has.
    pub const VARIABLE: &str = "MI_SABOTAGE";

    macro_rules! bugs {
        ($($(#[$doc:meta])* $bug:ident),* $(,)?) => {
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum Bug { $($(#[$doc])* $bug),* }

            impl Bug {
                pub const ALL: &'static [Bug] = &[$(Bug::$bug),*];
            }
        };
    }

    bugs! {
        /// A named task is given out whatever its status.
        ClaimWithoutCheck,
        /// A claim gets the number of the one before.
        TokenNotBumped,
        /// Later claims get smaller numbers.
        TokensFall,
        /// A renewal is answered and forgotten, so that the lease ends as if there had been none.
        RenewalForgotten,
        /// What failed counts as accepted for those who wait for it.
        FailedSatisfies,
        /// Whoever did the work may judge it.
        SelfReview,
        /// A task that becomes ready wakes nobody who sleeps.
        SleepersForgotten,
        /// Every few events one is counted and not written.
        EventDropped,
        /// Every few commits the answers go out, and then the commit fails.
        ReplyBeforeCommit,
        /// Done without a word of what was done.
        DoneWithoutResult,
        /// A report with a lost claim moves the task.
        StaleUpdate,
        /// A log line, comment, renewal or artifact with a lost claim is taken.
        StaleNote,
        /// A hosted task whose lease lapsed is offered again at once, its sandbox still at work.
        OfferedBeforeGone,
        /// The end of a task is recorded twice.
        DoubleCompletion,
        /// A lost attempt isn't counted.
        AttemptsNotCounted,
        /// A model call is let through whatever there is to spend.
        HeldUnchecked,
        /// A model call that ends twice is paid twice.
        PaidTwice,
        /// Anybody with a key may look into every office.
        ForeignOffice,
        /// A request repeated with its key is carried out again.
        IdempotencyForgotten,
        /// A fired agent keeps what it holds.
        FiredKeepsClaims,
    }

    pub fn is_wanted(bug: Bug) -> bool {
        static WANTED: OnceLock<Option<Bug>> = OnceLock::new();
        let wanted = WANTED.get_or_init(|| {
            let name = std::env::var(VARIABLE).ok()?;
            Bug::ALL.iter().find(|bug| format!("{bug:?}") == name).copied()
        });
        *wanted == Some(bug)
    }
}
