//! Agents: their rules, their hiring, their life.

mod hiring;
mod life;
mod reports;
mod rules;
