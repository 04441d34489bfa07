//! The rules of recurring tasks: when the next one is due, and what becomes of missed ones.
//!
//! Local times that don't exist (clocks go forward) are due at the next moment that does;
//! those that come twice (clocks go back) are due once. What runs every hour follows the
//! hours that pass instead: it neither pauses nor doubles when the clocks change.
//! Pure: the time is handed in; the time zones are data that is compiled in.
//!
//! `cron` reads the five fields, `zone` the names of time zones, `name` those of schedules, `rhythm` finds moments,
//! `plan` decides what is done about those that are due, `title` fills in a title.
//! Elsewhere: rows, transactions and the sweep are in the server's `schedules`.

pub mod cron;
pub mod name;
pub mod plan;
pub mod rhythm;
pub mod title;
pub mod zone;
