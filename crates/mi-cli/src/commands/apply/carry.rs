//! Carries a plan out, step by step; what was done is told as it is done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mi_client::{Client, Method};
use mi_core::ids::{OfficeId, TaskId, TaskName};
use mi_core::wire::offices::CreateOffice;
use mi_core::wire::tasks::{CreateTask, UpdateTask};
use serde_json::{Map, Value as Json};

use super::declared::{File, Task};
use super::plan::{Act, Fate, Step};
use super::view;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::progress::Bar;

pub struct Carrier<'a> {
    pub client: &'a Client,
    /// `None` until the plan has made it.
    pub office: Option<OfficeId>,
    /// The numbers of the tasks that are there.
    pub numbers: BTreeMap<TaskName, TaskId>,
    /// Where the declaring file stands; its paths are relative to it.
    pub folder: PathBuf,
}

impl Carrier<'_> {
    /// Stops at the first refusal: what was done stays, and another try goes on from there.
    pub async fn carry_out(&mut self, desk: &mut Desk, steps: &[Step]) -> Result<(), Fault> {
        for step in steps {
            for act in &step.acts {
                if let Err(fault) = self.act(desk, act).await {
                    desk.out.note(&format!(
                        "stopped at {} {}: what was done stays, and `mi apply` goes on from there",
                        step.kind, step.name
                    ))?;
                    return Err(fault);
                }
            }
            let is_news = !matches!(step.fate, Fate::Same);
            if is_news && desk.out.format == Format::People {
                let screen = desk.out.screen;
                desk.out.data(&view::done(step, self.number_of(step), screen))?;
            }
        }
        Ok(())
    }

    pub fn number_of(&self, step: &Step) -> Option<TaskId> {
        let is_task = step.kind == "task";
        self.numbers.iter().find(|(name, _)| is_task && name.as_str() == step.name).map(|(_, id)| *id)
    }

    fn office(&self) -> Result<OfficeId, Fault> {
        self.office.ok_or_else(|| Fault::failed("the colony wasn't made", "apply the file again"))
    }

    async fn act(&mut self, desk: &mut Desk, act: &Act) -> Result<(), Fault> {
        if let Act::CreateColony(name) = act {
            let office = self.client.offices().create(&CreateOffice { name: name.clone() }).await?;
            self.office = Some(office.id);
            return Ok(());
        }
        let office = self.office()?;
        let (agents, tasks) = (self.client.agents(office), self.client.tasks(office));
        match act {
            Act::CreateColony(_) => {}
            Act::Set(changes) => {
                self.client.offices().update_settings(office, &Json::Object(changes.clone())).await?;
            }
            Act::Hire(agent) => {
                agents.hire(agent).await?;
            }
            Act::UpdateAgent(name, changes) => {
                agents.update(name, changes).await?;
            }
            Act::SetEnv { agent, key, value } => self.client.env(office).set_for_agent(agent, key, value).await?,
            Act::Toggle { agent, integration, on } => {
                let path = format!("/integrations/{integration}/agents/{agent}");
                self.send(Method::POST, &path, Map::from_iter([("enabled".to_owned(), Json::Bool(*on))])).await?;
            }
            Act::Fire(name) => agents.fire(name).await?,
            Act::Push(file) => self.push(desk, office, file).await?,
            Act::CreateTask(task) => {
                let made = tasks.create_with(&self.creation(task), &task.passed_on).await?;
                self.numbers.insert(task.name.clone(), made.id);
            }
            Act::UpdateTask { id, task, fields } => {
                let passed_on = task.passed_on.iter().filter(|(key, _)| fields.contains(&key.as_str()));
                let passed_on = passed_on.map(|(key, value)| (key.clone(), value.clone())).collect();
                tasks.update_with(*id, &self.changes(task, fields), &passed_on).await?;
            }
            Act::CreateSchedule(fields) => self.send(Method::POST, "/schedules", fields.clone()).await?,
            Act::UpdateSchedule { id, fields } => {
                self.send(Method::PATCH, &format!("/schedules/{id}"), fields.clone()).await?;
            }
        }
        Ok(())
    }

    /// For calls that the client has no method for.
    async fn send(&self, method: Method, path: &str, body: Map<String, Json>) -> Result<(), Fault> {
        let path = format!("/api/v1/offices/{}{path}", self.office()?);
        self.client.server().raw(method, &path, Some(&Json::Object(body))).await?;
        Ok(())
    }

    async fn push(&self, desk: &Desk, office: OfficeId, file: &File) -> Result<(), Fault> {
        let path = beside(&self.folder, &file.path);
        let total = std::fs::metadata(&path).map(|about| about.len()).ok();
        let bar = Bar::start(&desk.out, file.name.as_str(), total);
        let stored = self.client.files(office).upload(&path, &file.name, bar.progress()).await;
        drop(bar);
        stored?;
        Ok(())
    }

    fn number(&self, name: &TaskName) -> Option<TaskId> {
        self.numbers.get(name).copied()
    }

    fn dependencies(&self, task: &Task) -> Vec<String> {
        task.depends_on.iter().filter_map(|name| self.number(name)).map(|id| id.to_string()).collect()
    }

    fn creation(&self, task: &Task) -> CreateTask {
        let depends_on = self.dependencies(task);
        CreateTask {
            title: task.title.clone(),
            name: Some(task.name.to_string()),
            description: task.description.as_ref().map(|text| text.text.clone()),
            kind: task.kind,
            priority: task.priority,
            assigned_agent: task.agent.clone(),
            parent_id: task.parent.as_ref().and_then(|parent| self.number(parent)),
            depends_on: (!depends_on.is_empty()).then_some(depends_on),
            required_tools: task.tools.clone(),
            budget: task.budget,
            ..CreateTask::default()
        }
    }

    /// Only what differs, for each field sent is an edit.
    fn changes(&self, task: &Task, fields: &[&str]) -> UpdateTask {
        let differs = |field: &str| fields.contains(&field);
        UpdateTask {
            title: differs("title").then(|| task.title.clone()),
            description: task.description.as_ref().filter(|_| differs("description")).map(|text| text.text.clone()),
            priority: task.priority.filter(|_| differs("priority")),
            assigned_agent: task.agent.clone().filter(|_| differs("agent")),
            required_tools: task.tools.clone().filter(|_| differs("tools")),
            budget: task.budget.filter(|_| differs("budget")),
            depends_on: differs("depends on").then(|| self.dependencies(task)),
            ..UpdateTask::default()
        }
    }
}

/// A path of the file, which is relative to the file.
pub fn beside(folder: &Path, path: &str) -> PathBuf {
    folder.join(path)
}
