//! What has to be done so that a colony is as declared: pure, from what is declared and what is there.
//!
//! Nothing is deleted, except undeclared agents on request. What is held or finished is left as it is.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::ids::{AgentName, OfficeId, TaskId, TaskName};
use mi_core::wire::agents::{HireAgent, UpdateAgent};
use serde_json::{Map, Value as Json};

use super::declared::{Agent, Colony, File, Schedule, Task};
use super::difference::{self, Difference};
use super::fields::did_you_mean;
use super::yaml::Complaint;

/// What is there, as far as the file speaks of it.
#[derive(Debug, Default)]
pub struct Present {
    /// `None` for a colony that has to be made.
    pub colony: Option<OfficeId>,
    pub settings: Map<String, Json>,
    pub agents: Vec<mi_core::wire::agents::Agent>,
    /// Of declared agents.
    pub env: BTreeMap<AgentName, BTreeMap<String, String>>,
    /// Of declared agents: what is on.
    pub integrations: BTreeMap<AgentName, BTreeSet<String>>,
    /// Name on the drive → SHA-256.
    pub files: BTreeMap<String, String>,
    pub tasks: BTreeMap<TaskName, mi_core::wire::tasks::Task>,
    /// The same tasks as they came, for the fields that are passed on.
    pub raw_tasks: BTreeMap<TaskName, Json>,
    /// By name, as they came.
    pub schedules: BTreeMap<String, Json>,
}

/// Agents that the file doesn't name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Stay,
    AreFired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Create,
    Change,
    Same,
    Remove,
    /// It is declared otherwise, and can't be changed (now).
    Left,
}

/// One thing of the colony, and what happens to it.
#[derive(Debug)]
pub struct Step {
    pub fate: Fate,
    /// `agent`, `task` …
    pub kind: &'static str,
    pub name: String,
    /// What a person should know beside the name.
    pub note: String,
    pub differences: Vec<Difference>,
    pub acts: Vec<Act>,
}

/// One call.
#[derive(Debug)]
pub enum Act {
    CreateColony(String),
    Set(Map<String, Json>),
    Hire(HireAgent),
    UpdateAgent(AgentName, UpdateAgent),
    SetEnv {
        agent: AgentName,
        key: String,
        value: String,
    },
    Toggle {
        agent: AgentName,
        integration: String,
        on: bool,
    },
    Fire(AgentName),
    Push(File),
    /// The names in it become numbers when it is sent.
    CreateTask(Box<Task>),
    UpdateTask {
        id: TaskId,
        task: Box<Task>,
        fields: Vec<&'static str>,
    },
    CreateSchedule(Map<String, Json>),
    UpdateSchedule {
        id: String,
        fields: Map<String, Json>,
    },
}

impl Step {
    fn new(fate: Fate, kind: &'static str, name: impl ToString) -> Self {
        Self { fate, kind, name: name.to_string(), note: String::new(), differences: Vec::new(), acts: Vec::new() }
    }

    fn created(kind: &'static str, name: impl ToString, act: Act) -> Self {
        Self { acts: vec![act], ..Self::new(Fate::Create, kind, name) }
    }

    /// Changed where there are acts, else the same.
    fn changed(kind: &'static str, name: impl ToString, differences: Vec<Difference>, acts: Vec<Act>) -> Self {
        let fate = if acts.is_empty() { Fate::Same } else { Fate::Change };
        Self { differences, acts, ..Self::new(fate, kind, name) }
    }

    fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

/// `digests` are those of the declared files here, by their names on the drive.
pub fn plan(colony: &Colony, present: &Present, digests: &BTreeMap<String, String>, others: Others) -> Vec<Step> {
    let mut steps = Vec::new();
    let name = colony.name.clone().unwrap_or_default();
    steps.push(match present.colony {
        None => Step::created("colony", &name, Act::CreateColony(name.clone())),
        Some(id) => Step::new(Fate::Same, "colony", if name.is_empty() { id.to_string() } else { name }),
    });
    steps.extend((!colony.settings.is_empty()).then(|| settings(&colony.settings, &present.settings)));
    steps.extend(colony.agents.iter().map(|declared| agent(declared, present)));
    steps.extend(undeclared(colony, present, others));
    steps.extend(colony.files.iter().map(|declared| file(declared, present, digests)));
    steps.extend(colony.tasks.iter().map(|declared| task(declared, present)));
    steps.extend(colony.schedules.iter().map(|declared| schedule(declared, present)));
    steps
}

/// Tasks that would be given to agents that are neither declared nor there, or that are fired by the same plan.
pub fn unknown_agents(colony: &Colony, present: &Present, steps: &[Step]) -> Vec<Complaint> {
    let fired = |name: &str| steps.iter().any(|step| step.fate == Fate::Remove && step.name == name);
    let declared = colony.agents.iter().map(|agent| agent.name.as_str());
    let there = present.agents.iter().map(|agent| agent.name.as_str()).filter(|name| !fired(name));
    let known: BTreeSet<&str> = declared.chain(there).collect();
    let given = steps.iter().flat_map(|step| &step.acts).filter_map(|act| match act {
        Act::CreateTask(task) => Some(task),
        Act::UpdateTask { task, fields, .. } => fields.contains(&"agent").then_some(task),
        Act::CreateColony(_)
        | Act::Set(_)
        | Act::Hire(_)
        | Act::UpdateAgent(..)
        | Act::SetEnv { .. }
        | Act::Toggle { .. }
        | Act::Fire(_)
        | Act::Push(_)
        | Act::CreateSchedule(_)
        | Act::UpdateSchedule { .. } => None,
    });
    let complaint = |task: &Task| {
        let agent = task.agent.as_deref().filter(|agent| !agent.is_empty() && !known.contains(agent))?;
        let hint = did_you_mean(agent, known.iter().copied());
        let where_not = if fired(agent) { "is fired by --prune" } else { "is neither in the file nor in the colony" };
        let what = format!("task {} is for {agent:?}, who {where_not}{hint}", task.name);
        Some(Complaint::new(task.at, what))
    };
    given.filter_map(|task| complaint(task)).collect()
}

fn settings(declared: &Map<String, Json>, present: &Map<String, Json>) -> Step {
    let differences = difference::of_json(declared, present);
    let changes: Map<String, Json> = declared
        .iter()
        .filter(|(key, _)| differences.iter().any(|difference| difference.field == **key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let acts = if changes.is_empty() { Vec::new() } else { vec![Act::Set(changes)] };
    Step::changed("settings", "", differences, acts)
}

fn agent(declared: &Agent, present: &Present) -> Step {
    let name = &declared.name;
    let Some(there) = present.agents.iter().find(|agent| agent.name == *name) else {
        let note = declared.role.clone().unwrap_or_default();
        return Step::created("agent", name, Act::Hire(hire(declared))).with_note(note);
    };
    let (update, mut differences) = difference::of_agent(declared, there);
    let mut acts: Vec<Act> = update.map(|update| Act::UpdateAgent(name.clone(), update)).into_iter().collect();
    let env = present.env.get(name);
    for (key, value) in &declared.env {
        let value = value.text.as_str();
        if env.and_then(|env| env.get(key)).map(String::as_str) != Some(value) {
            differences.push(Difference::hidden(format!("env {key}")));
            acts.push(Act::SetEnv { agent: name.clone(), key: key.clone(), value: value.to_owned() });
        }
    }
    let enabled = present.integrations.get(name);
    for (integration, on) in &declared.integrations {
        let is_on = enabled.is_some_and(|enabled| enabled.contains(integration));
        if is_on != *on {
            let word = |on: bool| Some(if on { "on" } else { "off" }.to_owned());
            differences.push(Difference::new(format!("integration {integration}"), word(is_on), word(*on)));
            acts.push(Act::Toggle { agent: name.clone(), integration: integration.clone(), on: *on });
        }
    }
    Step::changed("agent", name, differences, acts)
}

fn hire(declared: &Agent) -> HireAgent {
    let on: Vec<String> = declared.integrations.iter().filter(|(_, on)| **on).map(|(id, _)| id.clone()).collect();
    let env: BTreeMap<String, String> =
        declared.env.iter().map(|(key, value)| (key.clone(), value.text.clone())).collect();
    HireAgent {
        name: declared.name.to_string(),
        role: declared.role.clone(),
        model_tier: declared.model.clone(),
        provider: declared.provider.clone(),
        skills: declared.skills.clone(),
        env: (!env.is_empty()).then_some(env),
        system_prompt: declared.system_prompt.as_ref().map(|text| text.text.clone()),
        harness: declared.harness.map(|harness| harness.to_string()),
        command: declared.command.clone(),
        integrations: (!on.is_empty()).then_some(on),
        resources: None,
        budget: declared.budget,
        budget_per_day: declared.budget_per_day,
    }
}

/// Agents of the colony that the file doesn't name; specialists belong to those who hired them.
fn undeclared(colony: &Colony, present: &Present, others: Others) -> Vec<Step> {
    let is_declared = |name: &AgentName| colony.agents.iter().any(|agent| agent.name == *name);
    let fired = present.agents.iter().filter(|agent| !is_declared(&agent.name) && agent.spawned_by.is_none());
    match others {
        Others::Stay => Vec::new(),
        Others::AreFired => fired
            .map(|agent| Step {
                acts: vec![Act::Fire(agent.name.clone())],
                ..Step::new(Fate::Remove, "agent", &agent.name)
            })
            .collect(),
    }
}

fn file(declared: &File, present: &Present, digests: &BTreeMap<String, String>) -> Step {
    let name = declared.name.as_str();
    let (there, here) = (present.files.get(name), digests.get(name));
    let push = || Act::Push(declared.clone());
    match there {
        None => Step::created("file", name, push()).with_note(format!("from {}", declared.path)),
        Some(there) if Some(there) == here => Step::new(Fate::Same, "file", name),
        Some(there) => {
            let difference = Difference::new("content", Some(short(there)), here.map(|digest| short(digest)));
            Step::changed("file", name, vec![difference], vec![push()])
        }
    }
}

fn short(digest: &str) -> String {
    crate::views::short_digest(digest).to_owned()
}

fn task(declared: &Task, present: &Present) -> Step {
    let name = &declared.name;
    let Some(there) = present.tasks.get(name) else {
        let agent = declared.agent.as_ref().map(|agent| format!(" ({agent})")).unwrap_or_default();
        let note = format!("{}{agent}", declared.title);
        return Step::created("task", name, Act::CreateTask(Box::new(declared.clone()))).with_note(note);
    };
    let numbers: BTreeMap<&TaskName, TaskId> = present.tasks.iter().map(|(name, task)| (name, task.id)).collect();
    let raw = present.raw_tasks.get(name).unwrap_or(&Json::Null);
    let differences = difference::of_task(declared, there, raw, &numbers);
    if differences.is_empty() {
        return Step::new(Fate::Same, "task", name).with_note(format!("#{} {}", there.id, there.status));
    }
    let left =
        |why: String| Step { differences: differences.clone(), ..Step::new(Fate::Left, "task", name).with_note(why) };
    if let Some(fixed) = differences.iter().find(|difference| difference::FIXED.contains(&difference.field.as_str())) {
        return left(format!("#{}: its {} can't be changed any more", there.id, fixed.field));
    }
    // Only a budget may change while somebody is at the task.
    if there.status.is_held() && differences.iter().any(|difference| difference.field != "budget") {
        let holder = there.claimed_by.as_ref().map_or("an agent", AgentName::as_str);
        return left(format!("#{} is held by {holder}; apply again later", there.id));
    }
    if !there.status.is_open(there.verification) {
        return left(format!("#{} is {}; what is over stays as it was", there.id, there.status));
    }
    let fields = difference::task_fields(&differences);
    let act = Act::UpdateTask { id: there.id, task: Box::new(declared.clone()), fields };
    Step::changed("task", name, differences, vec![act]).with_note(format!("#{}", there.id))
}

fn schedule(declared: &Schedule, present: &Present) -> Step {
    let Some(there) = present.schedules.get(&declared.name) else {
        return Step::created("schedule", &declared.name, Act::CreateSchedule(declared.fields.clone()));
    };
    let Json::Object(fields) = there else { return Step::new(Fate::Same, "schedule", &declared.name) };
    let differences = difference::of_json(&declared.fields, fields);
    let id = fields.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let acts = match (differences.is_empty(), id) {
        (true, _) | (_, None) => Vec::new(),
        (false, Some(id)) => vec![Act::UpdateSchedule { id, fields: declared.fields.clone() }],
    };
    Step::changed("schedule", &declared.name, differences, acts)
}
