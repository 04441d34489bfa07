//! Long evidence: programs that start the real `mi up` on loopback, put it under load or kill it, and look closely.
//!
//! `figures` measures, each figure beside a floor taken in the same run; `claims` and `claimers` show that nobody gets
//! what another one has; `joins` lets crowds race for invite codes and guess them; `kills` ends the server again and again in the middle of work and checks what is left;
//! `escapes` tries to get out of pods, `ordinary` does everyday work in one, `pods` starts and stops
//! them in a row; `crashes` is `kills` with servers, runners and sandboxes alike; `zombies` write after their lease; `dag` lets agents work through a graph of tasks; `backlog`, `full`, `idle` and `asleep`
//! look at a long queue, at as much work as the server bears, at none, and at a thousand agents that rest; `signatures` judges what other programs signed; `spending` lets
//! agents spend more than there is, `gateway` measures what model calls wait for. All are bounded in count and time, need nothing
//! but `MI_BIN` (the program `mi`), and leave nothing behind.
//!
//! `server`, `office`, `http`, `lives`, `left`, `drive`, `client`, `memory`, `procfs`, `provider`, `sample`, `floor`, `chance`, `verdict` and `exit`
//! are what they share.

pub mod asleep;
pub mod backlog;
pub mod chance;
pub mod claimers;
pub mod claims;
pub mod client;
pub mod dag;
pub mod drive;
pub mod escapes;
pub mod exit;
pub mod figures;
pub mod floor;
pub mod full;
pub mod gateway;
pub mod http;
pub mod idle;
pub mod joins;
pub mod kills;
pub mod left;
pub mod lives;
pub mod memory;
pub mod office;
pub mod ordinary;
pub mod pods;
pub mod procfs;
pub mod program;
pub mod provider;
pub mod sample;
pub mod server;
pub mod signatures;
pub mod spending;
pub mod verdict;
pub mod zombies;
