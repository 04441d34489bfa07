//! The system end to end: what tests need to run the real `mi` against a real `mi up`.
//!
//! A `House` is one person's machine: a home, a data directory and a working folder below one temporary folder that
//! goes when the test ends. A `Server` is one life of `mi up` in it, an `Office` one colony on that server.
//! Nothing here sleeps but `until`, which looks for a state with a limit; nothing talks to anything but loopback.
//!
//! Elsewhere: the scripted model server is in `testkit`; what is tested is in `tests/system`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a library for tests only: what goes wrong here is a failed test"
)]

mod house;
mod http;
mod office;
pub mod processes;
mod said;
mod server;
mod waiting;

pub use house::{House, NOBODY, User};
pub use http::Answer;
pub use office::Office;
pub use said::Said;
pub use server::{Server, Start};
pub use waiting::{LONG, SHORT, until};

/// A file of the shipped example, whole.
pub fn example(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/code-review").join(name)
}

/// The SHA-256 of bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(bytes))
}
