//! House facts: what is true of every operation, every statement and every table, whoever wrote them.
//!
//! Each test asks the code for its whole list (operations, statements, tables) and
//! judges all of it, so that what is added later is judged without being named here.
//!
//! `access` sends every kind of caller to every operation; `world` is the house in
//! which it does so, and `samples` holds one good body for each operation.

mod access;
mod idempotency;
mod isolation;
mod mass_assignment;
mod openapi;
mod requests;
mod samples;
mod schema;
mod signed;
mod store;
mod world;
