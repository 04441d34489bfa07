//! The lens `bugs`: what can go wrong at run time.
//!
//! Each rule prefers silence to a guess: what it can't tell from the file's own text it leaves out.

mod control;
mod locking;
mod numbers;
mod web;

use crate::report::Severity::{High, Low, Medium};
use crate::rules::Rule;

pub(crate) const RULES: [Rule; 15] = [
    Rule {
        id: "map-without-lock",
        severity: High,
        why: "Go maps are not safe for concurrent use: a write beside any other access can crash the whole process.",
        find: locking::map_without_lock,
    },
    Rule {
        id: "write-without-lock",
        severity: Medium,
        why: "A field that is written under a lock in one place and without it in another is a data race.",
        find: locking::write_without_lock,
    },
    Rule {
        id: "write-under-read-lock",
        severity: High,
        why: "A read lock admits other readers at the same time, so a write under it is a data race.",
        find: locking::write_under_read_lock,
    },
    Rule {
        id: "lock-not-released",
        severity: High,
        why: "A path that returns with the lock held blocks every later caller for ever.",
        find: locking::lock_not_released,
    },
    Rule {
        id: "copied-mutex",
        severity: High,
        why: "A method with a value receiver locks a copy of the mutex, which excludes nobody.",
        find: locking::copied_mutex,
    },
    Rule {
        id: "error-without-return",
        severity: High,
        why: "http.Error only writes an answer; the handler goes on unless it returns.",
        find: web::error_without_return,
    },
    Rule {
        id: "forwarded-header-trusted",
        severity: High,
        why: "Any client can send this header, so it may claim to be anybody unless a trusted proxy sets it.",
        find: web::forwarded_header_trusted,
    },
    Rule {
        id: "index-past-end",
        severity: High,
        why: "The last valid index is len-1; one more panics.",
        find: numbers::index_past_end,
    },
    Rule {
        id: "number-unchecked",
        severity: Medium,
        why: "A zero (or negative) number panics here, and nothing in the file rules it out.",
        find: numbers::number_unchecked,
    },
    Rule {
        id: "duration-truncated",
        severity: Medium,
        why: "The fraction of a unit is cut off before the multiplication, so short times count as nothing.",
        find: numbers::duration_truncated,
    },
    Rule {
        id: "wall-clock-elapsed",
        severity: Low,
        why: "Unix times follow the wall clock, which can jump back; time.Since keeps a monotonic reading.",
        find: numbers::wall_clock_elapsed,
    },
    Rule {
        id: "ignored-error",
        severity: Medium,
        why: "When the call fails, the code goes on with a zero or half-filled value and nobody learns of it.",
        find: control::ignored_error,
    },
    Rule {
        id: "defer-in-loop",
        severity: Medium,
        why: "Deferred calls run when the function returns, so each round of the loop keeps its resource until then.",
        find: control::defer_in_loop,
    },
    Rule {
        id: "goroutine-never-ends",
        severity: Medium,
        why: "A goroutine without a way out lives, with all that it refers to, until the process ends.",
        find: control::goroutine_never_ends,
    },
    Rule {
        id: "close-twice",
        severity: Medium,
        why: "Closing a closed channel panics, and callers may well stop twice.",
        find: control::close_twice,
    },
];
