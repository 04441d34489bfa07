//! The real `mi` against a real `mi up`, with real pods: what the guide promises, what goes wrong, what is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "everything here is a test"
)]

mod apply;
mod bad_calls;
mod bad_places;
mod canaries;
mod checks;
mod command_agents;
mod crashes;
mod demo;
mod egress;
mod elsewhere;
mod hands;
mod harnesses;
mod models;
mod own_machine;
mod shipped;
mod terminals;
mod tls;
mod troubles;
mod tutorial;
mod walls;
