//! Role templates and skills: the catalogue, for those who hire.
//!
//! Nothing of it is stored: an agent's row keeps the words of its role and skills, and what they stand for is looked up
//! when a session begins.
//!
//! Elsewhere: the pages are in `roles/` and `skills/`, how they are read in `mi_core::roles`; a runner lays them out, a
//! claim prefers kinds by them (`tasks/claim.rs`).

pub mod routes;
#[cfg(test)]
mod tests;
