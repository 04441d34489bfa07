//! Tasks of an office: the shared queue.

use mi_core::ids::{OfficeId, TaskId, TaskName};
use mi_core::tasks::status::{Kind, Status};
use mi_core::wire::tasks::{
    AddArtifact, AddComment, AddLog, Artifact, CancelTask, ClaimTask, Comment, CreateTask, LateResult, LeaseRenewed,
    ProofRecord, RetryTask, Task, TaskDetail, TaskLog, TaskStats, UpdateTask, VerifyTask,
};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Paging;
use crate::call::{Call, Draft};
use crate::error::ClientError;
use crate::offices::path_of;
use crate::stream::Stream;
use crate::transport::Client;

/// Which tasks of the queue.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Any of these; none means all.
    pub status: Vec<Status>,
    pub assigned_agent: Option<String>,
    pub kind: Option<Kind>,
    pub parent_id: Option<TaskId>,
    /// Tasks of these names; the rest of the filter then counts for nothing.
    pub names: Vec<TaskName>,
    /// Only those that missed their deadline.
    pub late: bool,
    pub paging: Paging,
}

#[derive(Debug, Clone)]
pub struct Tasks {
    client: Client,
    office: OfficeId,
}

impl Tasks {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/tasks", path_of(self.office))
    }

    fn one(&self, id: TaskId) -> String {
        format!("{}/{id}", self.all())
    }

    fn post(&self, id: TaskId, act: &str, body: &impl Serialize) -> Result<Draft, ClientError> {
        Draft::write(Method::POST, format!("{}/{act}", self.one(id))).json(body)
    }

    pub fn create(&self, task: &CreateTask) -> Call<Task> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(task))
    }

    /// With fields beside those of `task`, as they stand.
    pub fn create_with(&self, task: &CreateTask, more: &Map<String, Value>) -> Call<Task> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(&With { body: task, more }))
    }

    pub fn list(&self, filter: &TaskFilter) -> Call<(Vec<Task>, u64)> {
        let status = filter.status.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(",");
        let names = filter.names.iter().map(TaskName::as_str).collect::<Vec<_>>().join(",");
        let draft = Draft::read(self.all())
            .query("name", (!names.is_empty()).then_some(names))
            .query("status", (!status.is_empty()).then_some(status))
            .query("assignedAgent", filter.assigned_agent.clone())
            .query("kind", filter.kind)
            .query("parentId", filter.parent_id)
            .query("late", filter.late.then_some(true))
            .query("limit", filter.paging.limit)
            .query("offset", filter.paging.offset);
        Call::list(&self.client, draft)
    }

    /// The task as it goes on: `snapshot` first, then `event`, `log` and `comment`.
    pub fn follow(&self, id: TaskId) -> Stream {
        Stream::new(&self.client, Draft::read(format!("{}/stream", self.one(id))))
    }

    pub fn get(&self, id: TaskId) -> Call<TaskDetail> {
        Call::json(&self.client, Draft::read(self.one(id)))
    }

    pub fn stats(&self) -> Call<TaskStats> {
        Call::json(&self.client, Draft::read(format!("{}/stats", self.all())))
    }

    /// `None` when no task is ready; with `wait` only after so many seconds.
    pub fn claim(&self, claim: &ClaimTask) -> Call<Option<Task>> {
        let draft = Draft::write(Method::POST, format!("{}/claim", self.all())).parked(claim.wait.unwrap_or(0));
        Call::optional(&self.client, draft.json(claim))
    }

    pub fn update(&self, id: TaskId, changes: &UpdateTask) -> Call<Task> {
        Call::json(&self.client, Draft::write(Method::PATCH, self.one(id)).json(changes))
    }

    /// With fields beside those of `changes`, as they stand.
    pub fn update_with(&self, id: TaskId, changes: &UpdateTask, more: &Map<String, Value>) -> Call<Task> {
        Call::json(&self.client, Draft::write(Method::PATCH, self.one(id)).json(&With { body: changes, more }))
    }

    pub fn renew(&self, id: TaskId) -> Call<LeaseRenewed> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/renew", self.one(id))))
    }

    pub fn log(&self, id: TaskId, line: &AddLog) -> Call<TaskLog> {
        Call::json(&self.client, self.post(id, "log", line))
    }

    pub fn comments(&self, id: TaskId) -> Call<(Vec<Comment>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/comments", self.one(id))))
    }

    pub fn comment(&self, id: TaskId, comment: &AddComment) -> Call<Comment> {
        Call::json(&self.client, self.post(id, "comments", comment))
    }

    pub fn artifacts(&self, id: TaskId) -> Call<(Vec<Artifact>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/artifacts", self.one(id))))
    }

    pub fn add_artifact(&self, id: TaskId, artifact: &AddArtifact) -> Call<Artifact> {
        Call::json(&self.client, self.post(id, "artifacts", artifact))
    }

    /// One record for each attempt, oldest first.
    pub fn proof(&self, id: TaskId) -> Call<(Vec<ProofRecord>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/proof", self.one(id))))
    }

    /// What lost claims reported.
    pub fn late_results(&self, id: TaskId) -> Call<(Vec<LateResult>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/late-results", self.one(id))))
    }

    /// Lets a late result count: the task is done by it.
    pub fn accept_late(&self, id: TaskId, number: i64) -> Call<Task> {
        let path = format!("{}/late-results/{number}/accept", self.one(id));
        Call::json(&self.client, Draft::write(Method::POST, path))
    }

    /// Lets a late result go.
    pub fn drop_late(&self, id: TaskId, number: i64) -> Call<LateResult> {
        let path = format!("{}/late-results/{number}/drop", self.one(id));
        Call::json(&self.client, Draft::write(Method::POST, path))
    }

    pub fn subtasks(&self, id: TaskId) -> Call<(Vec<Task>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/subtasks", self.one(id))))
    }

    pub fn verify(&self, id: TaskId, verdict: &VerifyTask) -> Call<Task> {
        Call::json(&self.client, self.post(id, "verify", verdict))
    }

    pub fn retry(&self, id: TaskId, retry: &RetryTask) -> Call<Task> {
        Call::json(&self.client, self.post(id, "retry", retry))
    }

    pub fn cancel(&self, id: TaskId, cancel: &CancelTask) -> Call<Task> {
        Call::json(&self.client, self.post(id, "cancel", cancel))
    }
}

/// A body with fields beside its own, as they stand.
#[derive(Serialize)]
struct With<'a, T> {
    #[serde(flatten)]
    body: &'a T,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}
