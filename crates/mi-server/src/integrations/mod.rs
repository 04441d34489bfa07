//! Integrations: the services that agents may use, and on whose word.
//!
//! The catalogue is data (`integrations/*.toml`); an office adds its secrets, sealed. They go in and never come
//! out again, except to an agent for which the owner enabled the integration, and to a hosted one only where the
//! owner said so (`rawKeys`). Keys of model providers reach no agent at all. Enabling wakes what waited for it.
//!
//! Acts: `set_secret`, `delete_secret`, `update`, `toggle`, `ask`; reads: `list`, `get`, `of_agent`, `credentials`.
//! Elsewhere: who may use what stands in the agent's row (`agents`); blocked tasks are in `tasks::needs`;
//! model calls and their keys are in `gateway`.

pub mod catalogue;
pub mod credentials;
mod faults;
mod manifests;
pub mod requests;
pub mod routes;
pub mod service;
mod state;
mod store;
#[cfg(test)]
mod tests;
pub mod wishes;
