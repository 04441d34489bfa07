//! MCP over HTTP: the acts of an office as tools, at `/mcp`.
//!
//! There is no private door: a tool call becomes a request of the public API that goes
//! through the same front, by the same door and with the caller's own credential, so that
//! access, claims, limits and repetitions are judged as everywhere. Nothing is kept between
//! two calls.
//!
//! Acts: `answer`.
//! Elsewhere: the tools and the protocol are in `mi_core::hands`; over stdio it is `mi mcp`.

mod faults;
pub mod routes;
mod service;
#[cfg(test)]
mod tests;
