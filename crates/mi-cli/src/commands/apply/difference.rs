//! How what is declared differs from what is there, field by field.

use std::collections::BTreeMap;

use mi_core::credits::{Ceiling, Micro};
use mi_core::ids::{TaskId, TaskName};
use mi_core::time::Time;
use mi_core::wire::agents::{self, CommandLine, UpdateAgent};
use mi_core::wire::tasks;
use serde_json::{Map, Value as Json};

use super::declared::{Agent, Task};

/// Fields of a task that it keeps from its creation on.
pub const FIXED: [&str; 2] = ["kind", "parent"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub field: String,
    /// `None` where there is nothing, or what is there isn't shown.
    pub from: Option<String>,
    pub to: Option<String>,
}

impl Difference {
    pub fn new(field: impl Into<String>, from: Option<String>, to: Option<String>) -> Self {
        Self { field: field.into(), from, to }
    }

    /// Of a secret.
    pub fn hidden(field: impl Into<String>) -> Self {
        Self::new(field, None, None)
    }
}

/// Keys are compared whatever their casing; what isn't declared may be as it is.
pub fn of_json(declared: &Map<String, Json>, present: &Map<String, Json>) -> Vec<Difference> {
    let differs = |(key, value): (&String, &Json)| {
        let there = look_up(present, key);
        let same = there.is_some_and(|there| covers(there, value));
        (!same).then(|| Difference::new(key, there.map(shown), Some(shown(value))))
    };
    declared.iter().filter_map(differs).collect()
}

fn look_up<'a>(map: &'a Map<String, Json>, key: &str) -> Option<&'a Json> {
    let plain = |key: &str| key.replace('_', "").to_lowercase();
    map.get(key).or_else(|| map.iter().find(|(other, _)| plain(other) == plain(key)).map(|(_, value)| value))
}

/// Whether `there` says all that is declared. Times are compared as times.
fn covers(there: &Json, declared: &Json) -> bool {
    match (there, declared) {
        (Json::Object(there), Json::Object(declared)) => {
            declared.iter().all(|(key, value)| look_up(there, key).is_some_and(|there| covers(there, value)))
        }
        (Json::Array(there), Json::Array(declared)) => {
            there.len() == declared.len() && there.iter().zip(declared).all(|(there, declared)| covers(there, declared))
        }
        // A check has a short form beside its fields.
        (Json::Object(there), Json::String(declared)) => {
            there.get("text").and_then(Json::as_str).map(str::trim) == Some(declared.trim())
        }
        (Json::String(there), Json::String(declared)) => {
            let time = |text: &str| Time::parse(text).filter(|_| text.contains('T'));
            there == declared || (time(there).is_some() && time(there) == time(declared))
        }
        (there, declared) => there == declared,
    }
}

fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What to send, and what differs; fields that aren't declared stay.
pub fn of_agent(declared: &Agent, there: &agents::Agent) -> (Option<UpdateAgent>, Vec<Difference>) {
    let mut update = UpdateAgent::default();
    let mut differences = Vec::new();
    let mut text = |field: &str, declared: Option<&str>, there: Option<&str>, to: &mut Option<String>| {
        if let Some(declared) = declared.filter(|declared| Some(declared.trim()) != there.map(str::trim)) {
            differences.push(Difference::new(field, there.map(str::to_owned), Some(declared.to_owned())));
            *to = Some(declared.to_owned());
        }
    };
    let prompt = declared.system_prompt.as_ref().map(|text| text.text.as_str());
    let (harness, command) = (declared.harness.map(|harness| harness.to_string()), there.command.as_ref());
    text("role", declared.role.as_deref(), there.role.as_deref(), &mut update.role);
    text("provider", declared.provider.as_deref(), there.model_provider.as_deref(), &mut update.provider);
    text("model", declared.model.as_deref(), there.model_tier.as_deref(), &mut update.model_tier);
    text("system prompt", prompt, there.system_prompt.as_deref(), &mut update.system_prompt);
    text("harness", harness.as_deref(), Some(there.harness.as_str()), &mut update.harness);
    if let Some(line) = declared.command.as_ref().filter(|line| Some(*line) != command) {
        differences.push(Difference::new("command", command.map(command_line), Some(command_line(line))));
        update.command = Some(line.clone());
    }
    if let Some(skills) = declared.skills.as_ref().filter(|skills| **skills != there.skills) {
        differences.push(Difference::new("skills", Some(there.skills.join(", ")), Some(skills.join(", "))));
        update.skills = Some(skills.clone());
    }
    let total = there.budget.as_ref().and_then(|budget| budget.total);
    let per_day = there.budget.as_ref().and_then(|budget| budget.per_day);
    let budgets = [
        ("budget", declared.budget, total, &mut update.budget),
        ("budget a day", declared.budget_per_day, per_day, &mut update.budget_per_day),
    ];
    for (field, declared, there, to) in budgets {
        *to = declared.filter(|declared| limit(*declared) != there);
        differences.extend(to.map(|to| Difference::new(field, there.map(credits), limit(to).map(credits))));
    }
    ((!differences.is_empty()).then_some(update), differences)
}

const fn limit(ceiling: Ceiling) -> Option<Micro> {
    match ceiling {
        Ceiling::None => None,
        Ceiling::At(most) => Some(most),
    }
}

fn credits(amount: Micro) -> String {
    format!("{amount} credits")
}

fn command_line(command: &CommandLine) -> String {
    match command {
        CommandLine::Shell(line) => line.clone(),
        CommandLine::Argv(words) => words.join(" "),
    }
}

/// `numbers` are those of the declared tasks that are there.
pub fn of_task(
    declared: &Task,
    there: &tasks::Task,
    raw: &Json,
    numbers: &BTreeMap<&TaskName, TaskId>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |field: &str, there: Option<String>, declared: Option<String>| {
        if there != declared {
            differences.push(Difference::new(field, there, declared));
        }
    };
    compare("title", Some(there.title.clone()), Some(declared.title.clone()));
    if let Some(text) = &declared.description {
        compare("description", there.description.clone(), Some(text.text.clone()).filter(|text| !text.is_empty()));
    }
    if let Some(kind) = declared.kind {
        compare("kind", Some(there.kind.to_string()), Some(kind.to_string()));
    }
    if let Some(priority) = declared.priority {
        compare("priority", Some(there.priority.to_string()), Some(priority.to_string()));
    }
    if let Some(agent) = &declared.agent {
        compare("agent", there.assigned_agent.clone(), Some(agent.clone()));
    }
    if let Some(tools) = &declared.tools {
        compare("tools", Some(there.required_tools.join(", ")), Some(tools.join(", ")));
    }
    if let Some(budget) = declared.budget {
        let there = serde_json::from_value(raw["budget"]["total"].clone()).ok();
        compare("budget", there.map(credits), limit(budget).map(credits));
    }
    // A name without a number is a task that is still to be made.
    let number = |name: &TaskName| numbers.get(name).map_or_else(|| name.to_string(), |id| format!("#{id}"));
    compare("parent", there.parent_id.map(|id| format!("#{id}")), declared.parent.as_ref().map(number));
    compare("depends on", ids_in(there.depends_on.as_deref()), sorted_words(declared.depends_on.iter().map(number)));
    if let Json::Object(raw) = raw {
        differences.extend(of_json(&declared.passed_on, raw));
    }
    differences
}

fn ids_in(depends_on: Option<&str>) -> Option<String> {
    let ids = depends_on.unwrap_or_default().split(',').map(str::trim).filter(|id| !id.is_empty());
    sorted_words(ids.map(|id| format!("#{id}")))
}

fn sorted_words(words: impl Iterator<Item = String>) -> Option<String> {
    let mut words: Vec<String> = words.collect();
    words.sort();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The fields that a change of a task sends, by the names that people see.
pub fn task_fields(differences: &[Difference]) -> Vec<&'static str> {
    const FIELDS: [&str; 10] = [
        "title",
        "description",
        "priority",
        "agent",
        "tools",
        "budget",
        "depends on",
        "checks",
        "notBefore",
        "deadline",
    ];
    FIELDS.into_iter().filter(|field| differences.iter().any(|difference| difference.field == *field)).collect()
}
