//! The command line `mi`, and `tq` for agents in their pods.
//!
//! Data goes to stdout, talk to stderr; `--json` gives exactly what the API
//! answered. One command lives in one file and does what one act of the client
//! does. What the world holds (arguments, variables, streams) is handed in.
//!
//! Elsewhere: calls are in `mi-client`; `up`, `demo` and the programs of a pod are
//! the binary's own, which it brings along as `Programs`.

pub mod agent_file;
mod args;
mod beats;
mod commands;
pub mod config;
mod confirm;
mod desk;
pub mod exit;
mod fault;
mod follow;
mod gather;
mod machine;
mod mcp;
mod output;
mod page;
pub mod programs;
mod progress;
mod prompt;
mod run;
pub mod settings;
mod state;
mod table;
mod targets;
mod tq;
pub mod variables;
mod views;
mod whole_file;
mod window;
mod world;

pub use agent_file::AgentFile;
pub use args::Global;
pub use commands::Mi;
pub use fault::Fault;
pub use machine::{Keeper, Machine, Start};
pub use output::{Format, Paint, Tone};
pub use programs::Programs;
pub use run::{command, run};
pub use settings::{ENDPOINT_DEFAULT, Settings};
pub use window::{Happening, Raw, Watch, Window};
pub use world::World;
