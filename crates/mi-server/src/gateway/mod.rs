//! Gateway: the only way from a session to a model.
//!
//! A pod never sees a provider's key; the session's credential is the only one that
//! counts here, and only while the session lives. Every call is reserved before it is
//! sent and settled afterwards, however it ended. Bodies pass through and are never logged.
//!
//! Acts: `reserve`, `settle`; `park`, `refuse` and `clear` keep what providers say of a key.
//! Elsewhere: what is put aside and paid is in `credits`; what a session used in all is in `sessions`.

pub mod account;
mod addresses;
mod attempts;
mod bill;
pub mod check;
pub mod choice;
pub mod estimate;
pub mod kinds;
mod limits;
pub mod listing;
pub mod marks;
mod members;
mod memory;
pub mod meter;
pub mod models;
mod outflow;
mod outside;
mod paths;
mod ping;
mod places;
pub mod prices;
pub mod providers;
mod quota;
pub mod reach;
mod request;
pub mod routes;
pub mod service;
mod settling;
mod store;
pub mod subscription;
pub mod sweep;
#[cfg(test)]
pub mod tests;
mod tools;
mod translate;
mod translated;
mod upstream;
