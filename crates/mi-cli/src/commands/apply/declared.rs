//! What a file declares: a colony with its agents, files and tasks.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::credits::Ceiling;
use mi_core::drive::DrivePath;
use mi_core::ids::{AgentName, TaskName};
use mi_core::tasks::status::Kind;
use mi_core::wire::agents::{CommandLine, HarnessKind};
use serde_json::{Map, Value as Json};

use super::fields::{Complaints, Fields, named, text_of};
use super::graph;
use super::yaml::{Complaint, Node, Place, Value};
use crate::args;

#[derive(Debug, Default)]
pub struct Colony {
    /// Its name or its id.
    pub name: Option<String>,
    pub settings: Map<String, Json>,
    pub agents: Vec<Agent>,
    pub files: Vec<File>,
    /// Each after all that it names.
    pub tasks: Vec<Task>,
    pub schedules: Vec<Schedule>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub name: AgentName,
    pub role: Option<String>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub harness: Option<HarnessKind>,
    pub command: Option<CommandLine>,
    pub system_prompt: Option<Text>,
    pub skills: Option<Vec<String>>,
    pub env: BTreeMap<String, Text>,
    /// On or off.
    pub integrations: BTreeMap<String, bool>,
    pub budget: Option<Ceiling>,
    pub budget_per_day: Option<Ceiling>,
}

/// A text, or what stands for it until it is read in.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub text: String,
    /// Where else the text is, and where the file says so.
    pub from: Option<(Source, Place)>,
}

/// Where a text is that doesn't stand in the file itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// `@FILE`
    File(String),
    /// `{fromEnv: NAME}`: a variable of whoever applies the file.
    Variable(String),
}

impl Text {
    pub fn here(text: impl Into<String>) -> Self {
        Self { text: text.into(), from: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// As written; relative to the declaring file.
    pub path: String,
    pub name: DrivePath,
    pub at: Place,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub name: TaskName,
    pub at: Place,
    pub title: String,
    pub description: Option<Text>,
    pub kind: Option<Kind>,
    pub priority: Option<i64>,
    pub agent: Option<String>,
    pub parent: Option<TaskName>,
    pub depends_on: Vec<TaskName>,
    pub tools: Option<Vec<String>>,
    pub budget: Option<Ceiling>,
    /// Fields that are passed on as they stand: `checks`, `notBefore`, `deadline`.
    pub passed_on: Map<String, Json>,
}

/// A recurring task; its fields are the server's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub name: String,
    pub fields: Map<String, Json>,
}

/// What a text declares, or everything that is wrong with it.
pub fn read(text: &str) -> Result<Colony, Vec<Complaint>> {
    let root = super::yaml::read(text).map_err(|complaint| vec![complaint])?;
    let Some(root) = root else {
        return Err(vec![Complaint::new(Place { line: 1, column: 1 }, "the file declares nothing")]);
    };
    let mut complaints = Complaints::default();
    let colony = colony(&root, &mut complaints);
    let complaints = complaints.into_sorted();
    if complaints.is_empty() { Ok(colony) } else { Err(complaints) }
}

fn colony(root: &Node, complaints: &mut Complaints) -> Colony {
    let mut fields = Fields::of(root, "the file", complaints);
    let name = fields.text(&["colony", "office"], complaints).map(|(name, _)| name);
    let settings = fields.take(&["settings"]).map(|node| json_map("settings", node, complaints)).unwrap_or_default();
    let agents = fields.take(&["agents", "employees"]).map(|node| agents(node, complaints)).unwrap_or_default();
    let files = fields.take(&["files"]).map(|node| files(node, complaints)).unwrap_or_default();
    let tasks = fields.take(&["tasks"]).map(|node| tasks(node, complaints)).unwrap_or_default();
    let schedules = fields.take(&["schedules"]).map(|node| schedules(node, complaints)).unwrap_or_default();
    fields.end(complaints);
    Colony { name, settings, agents, files, tasks: graph::ordered(tasks, complaints), schedules }
}

fn json_map(key: &str, node: &Node, complaints: &mut Complaints) -> Map<String, Json> {
    match node.json() {
        Json::Object(map) => map,
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            complaints.add(node.at, format!("{key} is a map, not {}", node.kind()));
            Map::new()
        }
    }
}

fn agents(node: &Node, complaints: &mut Complaints) -> Vec<Agent> {
    let mut agents: Vec<Agent> = Vec::new();
    for (name, at, node) in named(node, "agents", complaints) {
        match name.parse::<AgentName>() {
            Err(fault) => complaints.add(at, fault.to_string()),
            Ok(name) if agents.iter().any(|agent| agent.name == name) => {
                complaints.add(at, format!("agent {name} stands twice"));
            }
            Ok(name) => agents.push(agent(name, node, complaints)),
        }
    }
    agents
}

fn agent(name: AgentName, node: &Node, complaints: &mut Complaints) -> Agent {
    let mut fields = Fields::of(node, format!("agent {name}"), complaints);
    fields.take(&["name"]);
    let plain = |found: Option<(String, Place)>| found.map(|(text, _)| text);
    let command = fields.take(&["command"]).and_then(|node| command(node, complaints));
    let agent = Agent {
        role: plain(fields.text(&["role"], complaints)),
        provider: plain(fields.text(&["provider", "modelProvider"], complaints)),
        model: plain(fields.text(&["model", "modelTier"], complaints)),
        // A command line says which harness is meant.
        harness: fields.parsed(&["harness"], complaints).or(command.is_some().then_some(HarnessKind::Command)),
        command,
        system_prompt: fields.text(&["systemPrompt"], complaints).map(text_or_file),
        skills: fields.texts(&["skills"], complaints).map(unplaced),
        env: fields.take(&["env"]).map(|node| env(node, complaints)).unwrap_or_default(),
        integrations: fields.take(&["integrations"]).map(|node| toggles(node, complaints)).unwrap_or_default(),
        budget: budget(&mut fields, "budget", complaints),
        budget_per_day: budget(&mut fields, "budgetPerDay", complaints),
        name,
    };
    fields.end(complaints);
    agent
}

/// Credits, or `none` for no limit.
fn budget(fields: &mut Fields<'_>, key: &'static str, complaints: &mut Complaints) -> Option<Ceiling> {
    let (text, at) = fields.text(&[key], complaints)?;
    match args::ceiling(&text) {
        Ok(ceiling) => Some(ceiling),
        Err(fault) => {
            complaints.add(at, format!("{key}: {fault}"));
            None
        }
    }
}

fn unplaced(texts: Vec<(String, Place)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text).collect()
}

/// `@FILE` names a file, `@@` begins a text that begins with `@`.
fn text_or_file((text, at): (String, Place)) -> Text {
    match text.strip_prefix('@') {
        None => Text::here(text),
        Some(rest) if rest.starts_with('@') => Text::here(rest),
        Some(file) => {
            let source = Source::File(file.trim_end().to_owned());
            Text { text, from: Some((source, at)) }
        }
    }
}

fn command(node: &Node, complaints: &mut Complaints) -> Option<CommandLine> {
    match &node.value {
        Value::List(items) => {
            let words = items.iter().filter_map(|item| text_of("command", item, complaints));
            Some(CommandLine::Argv(words.collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => {
            text_of("command", node, complaints).map(CommandLine::Shell)
        }
    }
}

fn env(node: &Node, complaints: &mut Complaints) -> BTreeMap<String, Text> {
    let mut variables = BTreeMap::new();
    for (key, at, node) in named(node, "env", complaints) {
        if !mi_core::wire::env::is_env_key(&key) {
            complaints.add(at, format!("{key:?} is no name of an environment variable"));
        } else if mi_core::wire::env::is_reserved_env_key(&key) {
            complaints.add(at, format!("{key} belongs to the platform"));
        } else if let Some(value) = secret(&key, node, complaints) {
            variables.insert(key, value);
        }
    }
    variables
}

fn secret(key: &str, node: &Node, complaints: &mut Complaints) -> Option<Text> {
    if !matches!(node.value, Value::Map(_)) {
        return text_of(key, node, complaints).map(Text::here);
    }
    let mut fields = Fields::of(node, key, complaints);
    let from = fields.text(&["fromEnv"], complaints);
    fields.end(complaints);
    if from.is_none() {
        complaints.add(node.at, format!("{key} is a text, or {{fromEnv: NAME}}"));
    }
    from.map(|(variable, at)| Text { text: String::new(), from: Some((Source::Variable(variable), at)) })
}

/// A list of those that are on, or a map of ids to true and false.
fn toggles(node: &Node, complaints: &mut Complaints) -> BTreeMap<String, bool> {
    let mut toggles = BTreeMap::new();
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                match entry.node.value {
                    Value::Bool(on) => {
                        toggles.insert(entry.key.clone(), on);
                    }
                    Value::Null | Value::Number(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
                        complaints.add(entry.node.at, format!("{} is true or false", entry.key));
                    }
                }
            }
        }
        Value::List(items) => {
            toggles.extend(items.iter().filter_map(|item| Some((text_of("integrations", item, complaints)?, true))));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            complaints.add(node.at, "integrations is a list of ids, or a map of ids to true and false");
        }
    }
    toggles
}

fn files(node: &Node, complaints: &mut Complaints) -> Vec<File> {
    let Value::List(items) = &node.value else {
        complaints.add(node.at, format!("files is a list, not {}", node.kind()));
        return Vec::new();
    };
    let mut files = Vec::new();
    let mut names = BTreeSet::new();
    for item in items {
        let Some(file) = file(item, complaints) else { continue };
        if !names.insert(file.name.clone()) {
            complaints.add(file.at, format!("{} stands twice on the drive", file.name));
        }
        files.push(file);
    }
    files
}

/// `path`, or `{path, as}`.
fn file(node: &Node, complaints: &mut Complaints) -> Option<File> {
    let (path, at, name) = match &node.value {
        Value::Text(path) => (path.clone(), node.at, None),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
            let mut fields = Fields::of(node, "a file", complaints);
            let (path, name) = (fields.text(&["path"], complaints), fields.text(&["as", "name"], complaints));
            fields.end(complaints);
            let Some((path, at)) = path else {
                complaints.add(node.at, "a file needs its path");
                return None;
            };
            (path, at, name)
        }
    };
    let base = || path.rsplit('/').next().unwrap_or(&path).to_owned();
    let (name, name_at) = name.unwrap_or_else(|| (base(), at));
    match name.parse() {
        Ok(name) => Some(File { path, name, at }),
        Err(fault) => {
            let fault: mi_core::drive::BadPath = fault;
            complaints.add(name_at, fault.to_string());
            None
        }
    }
}

fn tasks(node: &Node, complaints: &mut Complaints) -> Vec<graph::Draft> {
    let mut tasks: Vec<graph::Draft> = Vec::new();
    for (name, at, node) in named(node, "tasks", complaints) {
        match name.parse::<TaskName>() {
            Err(fault) => complaints.add(at, fault.to_string()),
            Ok(name) if tasks.iter().any(|draft| draft.task.name == name) => {
                complaints.add(at, format!("task {name} stands twice"));
            }
            Ok(name) => tasks.push(task(name, at, node, complaints)),
        }
    }
    tasks
}

fn task(name: TaskName, at: Place, node: &Node, complaints: &mut Complaints) -> graph::Draft {
    let mut fields = Fields::of(node, format!("task {name}"), complaints);
    fields.take(&["name"]);
    let title = fields.text(&["title"], complaints).map(|(title, _)| title);
    if title.as_deref().is_none_or(|title| title.trim().is_empty()) {
        complaints.add(at, format!("task {name} needs a title"));
    }
    let mut passed_on = Map::new();
    if let Some(node) = fields.take(&["checks"]) {
        passed_on.insert("checks".to_owned(), checks(node, complaints));
    }
    for key in ["notBefore", "deadline"] {
        let time = fields.text(&[key], complaints).and_then(|text| time(key, text, complaints));
        passed_on.extend(time.map(|time| (key.to_owned(), Json::String(time))));
    }
    let parent = fields.text(&["parent", "parentId"], complaints);
    let depends_on = fields.texts(&["dependsOn", "after"], complaints).unwrap_or_default();
    let task = Task {
        at,
        title: title.map(|title| title.trim().to_owned()).unwrap_or_default(),
        description: fields.text(&["description"], complaints).map(text_or_file),
        kind: fields.parsed(&["kind"], complaints),
        priority: fields.number(&["priority"], complaints),
        agent: fields.text(&["agent", "assignedAgent"], complaints).map(|(agent, _)| agent),
        parent: None,
        depends_on: Vec::new(),
        tools: fields.texts(&["tools", "requiredTools"], complaints).map(unplaced),
        budget: budget(&mut fields, "budget", complaints),
        passed_on,
        name,
    };
    fields.end(complaints);
    graph::Draft { task, parent, depends_on }
}

/// Each an object with a `kind`, a text such as `cmd: cargo test`, or the map that YAML takes such a text for.
fn checks(node: &Node, complaints: &mut Complaints) -> Json {
    let Value::List(items) = &node.value else {
        complaints.add(node.at, format!("checks is a list, not {}", node.kind()));
        return Json::Null;
    };
    let mut one = |item: &Node| match &item.value {
        Value::Map(entries) => match entries.as_slice() {
            [only] if only.key != "kind" => {
                let rest = text_of(&only.key, &only.node, complaints).unwrap_or_default();
                Json::String(format!("{}: {rest}", only.key))
            }
            _ => item.json(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => item.json(),
    };
    Json::Array(items.iter().map(&mut one).collect())
}

/// A length from now would be another time whenever the file is applied.
fn time(key: &str, (text, at): (String, Place), complaints: &mut Complaints) -> Option<String> {
    if text.contains('T') && mi_core::time::Time::parse(&text).is_some() {
        return Some(text);
    }
    complaints.add(at, format!("{key} is a time with its zone, such as 2026-12-01T09:00:00Z"));
    None
}

fn schedules(node: &Node, complaints: &mut Complaints) -> Vec<Schedule> {
    let mut schedules = Vec::new();
    for (name, _, node) in named(node, "schedules", complaints) {
        let mut fields = json_map("a schedule", node, complaints);
        if let Some(Json::Object(task)) = fields.get_mut("task") {
            *task = std::mem::take(task).into_iter().map(|(key, value)| (wire_key(key), value)).collect();
        }
        fields.insert("name".to_owned(), Json::String(name.clone()));
        schedules.push(Schedule { name, fields });
    }
    schedules
}

/// A task in a schedule is passed on as it stands, so it gets the server's names.
fn wire_key(key: String) -> String {
    match key.as_str() {
        "agent" => "assignedAgent".to_owned(),
        "tools" => "requiredTools".to_owned(),
        _ => key,
    }
}
