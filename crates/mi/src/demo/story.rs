//! What the guide's tutorial does, step by step, over the public API.

use std::path::{Path, PathBuf};

use mi_cli::programs::DemoArgs;
use mi_client::{Client, Progress};
use mi_core::drive::DrivePath;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::Kind;
use mi_core::wire::offices::CreateOffice;
use mi_core::wire::tasks::CreateTask;

use super::brains::Brains;
use super::stage::Stage;
use crate::failure::Failure;
use crate::voice;

/// The guide's two specialists: name, lens, and the subtask's title.
const SPECIALISTS: [(&str, &str, &str); 2] = [
    ("reviewer", "bugs", "Find bugs and edge cases"),
    ("analyst", "performance", "Analyze performance characteristics"),
];

pub struct Story {
    pub client: Client,
    pub office: OfficeId,
    pub brains: String,
    pub file: DrivePath,
    pub parent: TaskId,
    pub subtasks: Vec<TaskId>,
}

impl Story {
    pub async fn begin(stage: &Stage, args: &DemoArgs, brains: &Brains) -> Result<Self, Failure> {
        let client = stage.client.clone();
        let (path, file) = file_to_review(stage, args.file.as_deref())?;
        let office = client.offices().create(&CreateOffice { name: "code-review".to_owned() }).await?.id;
        for (name, lens, _) in SPECIALISTS {
            client.agents(office).hire(&brains.hire(name, lens)).await?;
        }
        voice::say("office code-review is open; reviewer and analyst are hired");
        let uploaded = client.files(office).upload(&path, &file, Progress::default()).await?;
        voice::say(&format!("{file} is on the drive ({} bytes)", uploaded.size));
        let (parent, subtasks) = create_tasks(&client, office, &file).await?;
        voice::say(&format!("task {parent} has two subtasks; the agents take them from the queue by themselves"));
        Ok(Self { client, office, brains: brains.word().to_owned(), file, parent, subtasks })
    }
}

fn file_to_review(stage: &Stage, given: Option<&Path>) -> Result<(PathBuf, DrivePath), Failure> {
    let (path, name) = match given {
        None => {
            (stage.write(code_review::SAMPLE_NAME, code_review::SAMPLE_SOURCE)?, code_review::SAMPLE_NAME.to_owned())
        }
        Some(path) => {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| Failure::usage(format!("{} has no name to upload it by", path.display())))?;
            if !path.is_file() {
                return Err(
                    Failure::usage(format!("{} is no file", path.display())).hint("mi demo takes a source file")
                );
            }
            (path.to_owned(), name.to_owned())
        }
    };
    let file = name.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    Ok((path, file))
}

async fn create_tasks(client: &Client, office: OfficeId, file: &DrivePath) -> Result<(TaskId, Vec<TaskId>), Failure> {
    let tasks = client.tasks(office);
    let review = CreateTask { title: format!("Review {file}"), kind: Some(Kind::Review), ..CreateTask::default() };
    let parent = tasks.create(&review).await?.id;
    let mut subtasks = Vec::new();
    for (name, _, title) in SPECIALISTS {
        let subtask = CreateTask {
            title: title.to_owned(),
            description: Some(format!(
                "Read {file} on the shared drive. Write what you find, with line numbers, to a report on the drive, \
                 link it to this task as an artifact, and finish with a summary of the findings."
            )),
            kind: Some(Kind::Review),
            parent_id: Some(parent),
            assigned_agent: Some(name.to_owned()),
            ..CreateTask::default()
        };
        subtasks.push(tasks.create(&subtask).await?.id);
    }
    Ok((parent, subtasks))
}
