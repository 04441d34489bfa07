//! The gateway's providers, and calls through its routes to a provider of the test's own.

pub mod bench;
mod calls;
mod fallbacks;
mod limits;
mod money;
mod office_keys;
mod pings;
mod places;
mod providers;
mod quota;
mod translated;
pub mod upstream;
