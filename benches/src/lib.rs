//! Long evidence: programs that start the real `mi up` on loopback, put it under load or kill it, and look closely.
//!
//! `figures` measures, each figure beside a floor taken in the same run; `claims` shows that 64 clients never get one
//! task twice; `kills` ends the server again and again in the middle of work and checks what is left. All are bounded
//! in count and time, need nothing but `MI_BIN` (the program `mi`), and leave nothing behind.
//!
//! `server`, `office`, `http`, `lives`, `procfs`, `sample`, `floor`, `chance` and `exit` are what they share.

pub mod chance;
pub mod claims;
pub mod exit;
pub mod figures;
pub mod floor;
pub mod http;
pub mod kills;
pub mod lives;
pub mod office;
pub mod procfs;
pub mod sample;
pub mod server;
