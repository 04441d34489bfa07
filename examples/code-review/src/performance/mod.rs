//! The lens `performance`: what costs time or memory, and grows with load.
//!
//! "Per request" means: in a function that takes a `*http.Request`, or one that such a function calls in the same file.

mod allocation;
mod contention;
mod growth;

use crate::report::Severity::{High, Low, Medium};
use crate::rules::Rule;

pub(crate) const RULES: [Rule; 14] = [
    Rule {
        id: "io-under-lock",
        severity: High,
        why: "Everybody who wants the lock waits for the disk, the network or the log as well.",
        find: contention::io_under_lock,
    },
    Rule {
        id: "scan-under-lock",
        severity: Medium,
        why: "One request walks all entries while every other request waits: the cost grows with the number of clients.",
        find: contention::scan_under_lock,
    },
    Rule {
        id: "one-lock-for-all",
        severity: Low,
        why: "Requests that have nothing to do with each other queue up behind one mutex; shards would part them.",
        find: contention::one_lock_for_all,
    },
    Rule {
        id: "polling-loop",
        severity: Medium,
        why: "Asking again and again burns processor time and still answers late; a channel or sync.Cond wakes at once.",
        find: contention::polling_loop,
    },
    Rule {
        id: "unbounded-map",
        severity: High,
        why: "Memory grows with every new key, and whoever chooses the keys chooses how far.",
        find: growth::unbounded_map,
    },
    Rule {
        id: "body-read-unbounded",
        severity: High,
        why: "The caller decides how much memory the server spends on one request.",
        find: growth::body_read_unbounded,
    },
    Rule {
        id: "tick-cannot-stop",
        severity: Medium,
        why: "The ticker behind time.Tick can't be stopped, and before Go 1.23 it was never freed.",
        find: growth::tick_cannot_stop,
    },
    Rule {
        id: "slice-shift",
        severity: Low,
        why: "The array keeps what was cut off its front, or is copied for each element taken.",
        find: growth::slice_shift,
    },
    Rule {
        id: "regexp-per-call",
        severity: Medium,
        why: "Compiling a regular expression costs far more than using it; compile it once, at package level.",
        find: allocation::regexp_per_call,
    },
    Rule {
        id: "transport-per-call",
        severity: High,
        why: "Connections are kept per transport, so a new one means a new connection (and TLS handshake) each time.",
        find: allocation::transport_per_call,
    },
    Rule {
        id: "concat-in-loop",
        severity: Medium,
        why: "Each += copies the whole string so far: quadratic time; strings.Builder appends.",
        find: allocation::concat_in_loop,
    },
    Rule {
        id: "sprintf-hot-path",
        severity: Low,
        why: "fmt parses the format and boxes its arguments each time; plain concatenation or strconv doesn't.",
        find: allocation::sprintf_hot_path,
    },
    Rule {
        id: "timer-per-iteration",
        severity: Low,
        why: "time.After makes a timer each round, which before Go 1.23 stayed in memory until it fired.",
        find: allocation::timer_per_iteration,
    },
    Rule {
        id: "append-without-capacity",
        severity: Low,
        why: "The slice is grown and copied several times although its final length is known.",
        find: allocation::append_without_capacity,
    },
];
