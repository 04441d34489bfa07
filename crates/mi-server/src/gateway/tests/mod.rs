//! The gateway's providers, and calls through its routes to a provider of the test's own.

pub mod bench;
mod calls;
mod money;
mod providers;
mod translated;
mod upstream;
