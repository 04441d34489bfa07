//! Every wire is spoken to over real HTTP, as a harness would, and what comes back is read by readers of their own.

mod faults;
mod heard;
mod programs;
mod rules;
mod scenarios;
mod shapes;
mod talk;

use super::ScriptedModel;
use super::scenario::Scenario;

fn start(scenario: &str) -> ScriptedModel {
    ScriptedModel::start(Scenario::parse(scenario).unwrap()).unwrap()
}

fn start_shipped(name: &str) -> ScriptedModel {
    ScriptedModel::start(Scenario::shipped(name).unwrap()).unwrap()
}

/// The refusal of a scenario, with its causes.
fn refusal(scenario: &str) -> String {
    format!("{:#}", Scenario::parse(scenario).unwrap_err())
}
