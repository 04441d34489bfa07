//! What a model may do: files and commands in its place, and the queue's own acts.
//!
//! A mistake (a wrong name, missing arguments, a refusal of the server) goes back to the model as a sentence. Only an
//! act that the queue has accepted ends the session.

use std::path::Path;
use std::time::Duration;

use mi_core::ids::TaskId;
use mi_core::problem::Code;
use mi_core::roles::role_of;
use mi_core::tasks::status::{BlockedKind, Status};
use mi_core::wire::agents::HireAgent;
use mi_core::wire::runner::{Cause, EndCause};
use mi_core::wire::tasks::{AddArtifact, CreateTask, UpdateTask};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::files::{DRIVE, Shelf};
use super::model::ToolSpec;
use super::specs;
use super::{Job, Outcome, shell};
use crate::config::Drive;
use crate::control::{ControlError, Verdict};
use crate::harness::reply;

/// What a tool call led to.
pub(super) enum Effect {
    Answer(String),
    Ends { cause: EndCause, summary: String },
}

/// Why a tool call came to nothing.
enum Fault {
    /// For the model to read.
    Told(String),
    /// For the session: it must end.
    Ends { cause: EndCause, summary: String },
}

type Done = Result<Effect, Fault>;

pub(super) struct Bench<'a> {
    job: &'a Job,
    shelf: Shelf<'a>,
    /// Whom the model has written to with `message` in this session.
    written_to: Vec<String>,
}

#[derive(Deserialize)]
struct ShellArgs {
    command: String,
    timeout_seconds: Option<u64>,
}
#[derive(Deserialize)]
struct PathArgs {
    #[serde(default)]
    path: String,
}
#[derive(Deserialize)]
struct WriteArgs {
    path: String,
    content: String,
}
#[derive(Deserialize)]
struct EditArgs {
    path: String,
    old: String,
    new: String,
}
#[derive(Deserialize)]
struct SubtaskArgs {
    title: String,
    description: Option<String>,
    assigned_agent: Option<String>,
}
#[derive(Deserialize)]
struct CommentArgs {
    message: String,
}
#[derive(Deserialize)]
struct ArtifactArgs {
    path: String,
    label: Option<String>,
}
#[derive(Deserialize)]
struct FinishArgs {
    result: String,
}
#[derive(Deserialize)]
struct FailArgs {
    error: String,
}
#[derive(Deserialize)]
struct BlockArgs {
    reason: String,
    kind: BlockedKind,
    integration: Option<String>,
}
#[derive(Deserialize)]
struct MessageArgs {
    to: String,
    body: String,
}
#[derive(Deserialize)]
struct HireArgs {
    name: String,
    role: Option<String>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let drive = match &job.drive {
            Drive::Standard => Some(Path::new(DRIVE)),
            Drive::At(path) => Some(path.as_path()),
            Drive::ApiOnly => None,
        };
        Self { job, shelf: Shelf { workspace: &job.workspace, drive }, written_to: Vec::new() }
    }

    /// The acts on a task exist only where there is one; of the others, its role may leave some out.
    pub(super) fn specs(&self) -> Vec<ToolSpec> {
        let everywhere = specs::everywhere().into_iter().filter(|spec| !self.is_left_out(spec.name));
        match self.job.grant.cause {
            Cause::Task => everywhere.chain(specs::on_a_task()).collect(),
            Cause::Message => everywhere.collect(),
        }
    }

    fn is_left_out(&self, name: &str) -> bool {
        let tools = role_of(&self.job.context.agent).and_then(|role| role.tools.as_ref());
        let is_of_all = || specs::everywhere().iter().any(|spec| spec.name == name);
        tools.is_some_and(|tools| !tools.iter().any(|tool| tool == name) && is_of_all())
    }

    pub(super) async fn use_tool(&mut self, name: &str, arguments: Value) -> Effect {
        if self.is_left_out(name) {
            return Effect::Answer(format!("error: your role works without the tool {name}"));
        }
        match self.dispatch(name, arguments).await {
            Ok(effect) => effect,
            Err(Fault::Told(sentence)) => Effect::Answer(format!("error: {sentence}")),
            Err(Fault::Ends { cause, summary }) => Effect::Ends { cause, summary },
        }
    }

    async fn dispatch(&mut self, name: &str, arguments: Value) -> Done {
        match name {
            "shell" => self.shell(args(arguments)?).await,
            "read_file" => said(self.shelf.read(&args::<PathArgs>(arguments)?.path).await),
            "list_files" => said(self.shelf.list(&args::<PathArgs>(arguments)?.path).await),
            "write_file" => {
                let WriteArgs { path, content } = args(arguments)?;
                said(self.shelf.write(&path, &content).await)
            }
            "edit_file" => {
                let EditArgs { path, old, new } = args(arguments)?;
                said(self.shelf.edit(&path, &old, &new).await)
            }
            "message" => self.message(args(arguments)?).await,
            "hire" => self.hire(args(arguments)?).await,
            "create_subtask" => self.create_subtask(args(arguments)?).await,
            "comment" => self.comment(args(arguments)?).await,
            "artifact" => self.artifact(args(arguments)?).await,
            "finish" => self.finish(args(arguments)?).await,
            "fail" => self.fail(args(arguments)?).await,
            "block" => self.block(args(arguments)?).await,
            unknown => {
                let names: Vec<&str> = self.specs().iter().map(|spec| spec.name).collect();
                Err(Fault::Told(format!("there is no tool {unknown:?}; there are {}", names.join(", "))))
            }
        }
    }

    async fn shell(&self, ShellArgs { command, timeout_seconds }: ShellArgs) -> Done {
        let seconds = timeout_seconds.unwrap_or(shell::TIMEOUT_SECONDS_DEFAULT).clamp(1, shell::TIMEOUT_SECONDS_MAX);
        said(shell::run(self.job, &command, Duration::from_secs(seconds)).await)
    }

    async fn message(&mut self, MessageArgs { to, body }: MessageArgs) -> Done {
        self.job.desk.send_message(to.clone(), body).await?;
        let answer = format!("sent to {to}");
        self.written_to.push(to);
        Ok(Effect::Answer(answer))
    }

    async fn hire(&self, HireArgs { name, role }: HireArgs) -> Done {
        let agent = self.job.desk.hire(HireAgent { name, role, ..HireAgent::default() }).await?;
        Ok(Effect::Answer(format!("hired {}; assign work with create_subtask and assigned_agent", agent.name)))
    }

    async fn create_subtask(&self, given: SubtaskArgs) -> Done {
        let parent = self.task()?;
        let SubtaskArgs { title, description, assigned_agent } = given;
        let new = CreateTask { title, description, assigned_agent, parent_id: Some(parent), ..CreateTask::default() };
        let task = self.job.desk.create_task(new).await?;
        Ok(Effect::Answer(format!("created task {} as a subtask of task {parent}", task.id)))
    }

    async fn comment(&self, CommentArgs { message }: CommentArgs) -> Done {
        let comment = self.job.desk.comment(self.task()?, message).await?;
        Ok(Effect::Answer(format!("comment {} is on the task", comment.id)))
    }

    async fn artifact(&self, ArtifactArgs { path, label }: ArtifactArgs) -> Done {
        let name = path.strip_prefix(DRIVE).map_or(path.as_str(), |rest| rest.trim_start_matches('/'));
        let new = AddArtifact { kind: None, path: name.to_owned(), label };
        let artifact = self.job.desk.add_artifact(self.task()?, new).await?;
        let text = format!("linked {}, {} bytes, sha256 {}", artifact.path, artifact.size, artifact.sha256);
        Ok(Effect::Answer(text))
    }

    async fn finish(&self, FinishArgs { result }: FinishArgs) -> Done {
        let task = self.task()?;
        let change = UpdateTask { status: Some(Status::Done), result: Some(result), ..UpdateTask::default() };
        match self.job.desk.update_task(task, change).await {
            Ok(_) => ended(EndCause::Finished, format!("task {task} is done")),
            // The task comes back for its synthesis when the subtasks are done; holding on to it would keep it from that.
            Err(error) if error.code() == Some(Code::SubtasksOpen) => {
                ended(EndCause::Finished, format!("task {task} waits for its subtasks"))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn fail(&self, FailArgs { error }: FailArgs) -> Done {
        let task = self.task()?;
        let summary = format!("task {task} failed: {error}");
        let change = UpdateTask { status: Some(Status::Failed), error: Some(error), ..UpdateTask::default() };
        self.job.desk.update_task(task, change).await?;
        ended(EndCause::Finished, summary)
    }

    async fn block(&self, BlockArgs { reason, kind, integration }: BlockArgs) -> Done {
        if !kind.may_be_reported() {
            return Err(Fault::Told(format!("kind {kind} is the server's own finding; choose another")));
        }
        let task = self.task()?;
        let summary = format!("task {task} is blocked: {reason}");
        let change = UpdateTask {
            status: Some(Status::Blocked),
            reason: Some(reason),
            blocked_kind: Some(kind),
            integration_id: integration,
            ..UpdateTask::default()
        };
        self.job.desk.update_task(task, change).await?;
        ended(EndCause::Finished, summary)
    }

    /// Sends the last text of a chat session to whom it answers.
    pub(super) async fn reply(&self, text: &str) -> Result<String, Outcome> {
        reply::send(self.job, text, &self.written_to).await
    }

    fn task(&self) -> Result<TaskId, Fault> {
        self.job.grant.task.ok_or_else(|| Fault::Told("this session has no task".into()))
    }
}

fn args<T: DeserializeOwned>(arguments: Value) -> Result<T, Fault> {
    serde_json::from_value(arguments).map_err(|error| Fault::Told(format!("the arguments don't fit the tool: {error}")))
}

fn said(answer: Result<String, String>) -> Done {
    answer.map(Effect::Answer).map_err(Fault::Told)
}

fn ended(cause: EndCause, summary: String) -> Done {
    Ok(Effect::Ends { cause, summary })
}

impl From<ControlError> for Fault {
    fn from(error: ControlError) -> Self {
        match error.verdict() {
            Verdict::Stale | Verdict::Superseded => Self::Ends { cause: EndCause::Stale, summary: error.to_string() },
            Verdict::Unauthenticated => Self::Ends { cause: EndCause::Failed, summary: error.to_string() },
            Verdict::Retry | Verdict::Refused => Self::Told(match error {
                ControlError::Refused { problem, .. } => match problem.hint {
                    Some(hint) => format!("{} ({}); {hint}", problem.error, problem.code),
                    None => format!("{} ({})", problem.error, problem.code),
                },
                ControlError::Unreachable(sentence) => sentence,
            }),
        }
    }
}
