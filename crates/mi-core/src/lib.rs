//! What things are: ids, rules, state machines and wire shapes.
//!
//! No IO, no async, no clock: time is always an argument. Everything that comes
//! from outside becomes one of these types at the door, once.
//!
//! `tasks` holds the queue's rules, `checks` what tasks are measured by, `schedules` the rules of recurring tasks, `roles`
//! what agents are told about their trade,
//! `signing` keys and signatures of agents, `wire` the JSON that clients see, `problem` every error code of the platform
//! with its status.

pub mod casing;
pub mod chain;
pub mod checks;
pub mod codes;
pub mod credits;
pub mod drive;
pub mod egress;
pub mod hands;
pub mod harnesses;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod mentions;
pub mod moment;
pub mod problem;
pub mod redact;
pub mod roles;
pub mod schedules;
pub mod signing;
pub mod tasks;
pub mod terminal;
pub mod time;
pub mod transfer;
pub mod wire;
