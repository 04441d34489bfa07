//! The agents that try: one makes most of the attempts one after the other, each of the others has a pod of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_core::ids::OfficeId;
use serde_json::{Value, json};

use super::attempts::Setting;
use super::scene::Scene;
use super::{Attempt, Plan, Went, script};
use crate::drive::Owner;
use crate::http::Connection;
use crate::left::find;
use crate::office::Office;
use crate::server::{Server, Site};

const DONE_LIMIT: Duration = Duration::from_secs(180);
/// A pod that can't hold its limits doesn't start, and a session that took too much is ended; neither finishes its task.
const ALONE_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Long enough for whatever is still alive to write again.
const STILL_WRITING: Duration = Duration::from_millis(400);
const DIARY: &str = "dear diary";

const BOB: &str = r#"
if [ ! -e /shared/files/old-key ]; then echo "dear diary" >/workspace/diary; chmod -R a+rwX /workspace
  echo "$MI_API_KEY" >/shared/files/old-key; tq update --status done --result ok; exit; fi
echo "$MI_API_KEY" >/shared/files/colleague-key.part; mv /shared/files/colleague-key.part /shared/files/colleague-key
i=0; while [ $i -lt 3000 ] && [ ! -e /shared/files/over ]; do sleep 0.1; i=$((i + 1)); done
tq update --status done --result ok
"#;
const STRANGER: &str = r#"echo "dear diary of a stranger" >/workspace/diary; chmod -R a+rwX /workspace; tq update --status done --result ok"#;
/// Runs the scripts that lie on the drive and says which got through.
const BURGLAR: &str = r#"
. /shared/files/scene.sh; cd /shared/files/attempts || exit 1
through=; for script in *.sh; do
  if timeout -k 1 20 bash "$script" </dev/null >/dev/null 2>&1; then through="$through ${script%.sh}"; fi
done
tq update --status done --result "through:$through"
"#;

/// The server with its two offices, and what the attempts must know of them.
pub(super) struct Stage {
    office: Office,
    other: Office,
    connection: tokio::sync::Mutex<Connection>,
    owner: Owner,
    data: PathBuf,
    colleague: PathBuf,
    stranger: PathBuf,
    old_key: String,
    colleague_key: String,
}

impl Stage {
    pub(super) async fn set(plan: &Plan, server: &Server, site: &Site) -> Result<Self> {
        let (office, other) = (Office::open(server, site).await?, Office::open(server, site).await?);
        let mut stage = Self {
            connection: tokio::sync::Mutex::new(Connection::open(server.address()).await?),
            office,
            other,
            owner: Owner::of(&plan.manner.program, server, site)?,
            data: site.data_dir(),
            colleague: PathBuf::new(),
            stranger: PathBuf::new(),
            old_key: String::new(),
            colleague_key: String::new(),
        };
        stage.office.hire("bob", BOB).await?;
        stage.other.hire("mallory", STRANGER).await?;
        let first = stage.task(&stage.office, "bob").await?;
        let theirs = stage.task(&stage.other, "mallory").await?;
        stage.wait_done(&stage.office, first).await?;
        stage.wait_done(&stage.other, theirs).await?;
        stage.task(&stage.office, "bob").await?;
        stage.old_key = stage.wait_file("old-key").await?;
        stage.colleague_key = stage.wait_file("colleague-key").await?;
        let folder =
            |content: &str| find(&stage.data, "diary", content).and_then(|file| file.parent().map(PathBuf::from));
        let stranger = folder("of a stranger").context("no workspace of another office on the host")?;
        let colleague = folder(&format!("{DIARY}\n")).context("no colleague's workspace on the host")?;
        (stage.stranger, stage.colleague) = (stranger, colleague);
        Ok(stage)
    }

    pub(super) fn offices(&self) -> [OfficeId; 2] {
        [self.office.id, self.other.id]
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATA", self.data.display().to_string()),
            ("COLLEAGUE", self.colleague.display().to_string()),
            ("STRANGER", self.stranger.display().to_string()),
            ("OFFICE", self.office.id.to_string()),
            ("OTHER_OFFICE", self.other.id.to_string()),
            ("OLD_KEY", self.old_key.clone()),
            ("COLLEAGUE_KEY", self.colleague_key.clone()),
        ]
    }

    pub(super) fn owners_access(&self) -> &[(&'static str, String)] {
        &self.owner.variables
    }

    pub(super) async fn end(&self) -> Result<()> {
        self.push("over", "over")?;
        for office in [&self.office, &self.other] {
            office.client.offices().suspend(office.id).await?;
            office.wait_no_pods().await?;
        }
        Ok(())
    }

    fn push(&self, name: &str, text: &str) -> Result<()> {
        self.owner.push(self.office.id, name, text)
    }

    async fn call(&self, office: &Office, method: &str, path: &str, body: &Value) -> Result<(u16, Vec<u8>)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = office.pen.request(method, path, None, &body);
        let mut connection = self.connection.lock().await;
        let answer = connection.send(&request).await?;
        Ok((answer.status, answer.body.to_vec()))
    }

    async fn task(&self, office: &Office, agent: &str) -> Result<i64> {
        let wish = json!({"title": format!("for {agent}"), "assignedAgent": agent});
        let (_, body) = self.call(office, "POST", "/tasks", &wish).await?;
        let task: Value = serde_json::from_slice(&body)?;
        task["id"].as_i64().with_context(|| format!("no task was created: {task}"))
    }

    async fn read_task(&self, office: &Office, id: i64) -> Result<Value> {
        let (_, body) = self.call(office, "GET", &format!("/tasks/{id}"), &Value::Null).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    async fn wait_done(&self, office: &Office, id: i64) -> Result<Value> {
        let until = Instant::now() + DONE_LIMIT;
        loop {
            let detail = self.read_task(office, id).await?;
            match detail["task"]["status"].as_str() {
                Some("done") => return Ok(detail),
                Some("failed") => bail!("an agent's task failed: {detail:#}"),
                _ if Instant::now() >= until => bail!("a task isn't done after {DONE_LIMIT:?}: {detail:#}"),
                _ => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    async fn file(&self, name: &str) -> Result<Option<String>> {
        let (status, body) = self.call(&self.office, "GET", &format!("/files/{name}"), &Value::Null).await?;
        Ok((status == 200).then(|| String::from_utf8_lossy(&body).trim().to_owned()))
    }

    async fn wait_file(&self, name: &str) -> Result<String> {
        let until = Instant::now() + DONE_LIMIT;
        loop {
            if let Some(text) = self.file(name).await? {
                return Ok(text);
            }
            if Instant::now() >= until {
                bail!("{name} doesn't appear on the drive");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// In the order of the attempts.
pub(super) async fn all(stage: &Stage, scene: &Scene, chosen: &[Attempt]) -> Result<Vec<Went>> {
    stage.push("scene.sh", &scene.for_the_inside())?;
    for attempt in chosen {
        stage.push(&format!("{}/{}.sh", folder_of(attempt), attempt.name), &script(attempt))?;
    }
    let mut alone = Vec::new();
    for attempt in chosen.iter().filter(|attempt| attempt.setting != Setting::Together) {
        alone.push((attempt.name, hire_alone(stage, attempt).await?));
    }
    let until = Instant::now() + ALONE_LIMIT;
    let through = together(stage).await?;
    let mut went = Vec::new();
    for attempt in chosen {
        let task = alone.iter().find(|(name, _)| *name == attempt.name).map(|(_, task)| *task);
        went.push(match (attempt.setting, task) {
            (Setting::Alone { .. }, Some(task)) => see_alone(stage, attempt, task, until).await?,
            (Setting::Outliving, Some(task)) => see_outliving(stage, attempt, task).await?,
            _ => Went::when(through.iter().any(|name| name == attempt.name)),
        });
    }
    Ok(went)
}

fn folder_of(attempt: &Attempt) -> &'static str {
    match attempt.setting {
        Setting::Together => "attempts",
        Setting::Alone { .. } | Setting::Outliving => "alone",
    }
}

async fn together(stage: &Stage) -> Result<Vec<String>> {
    stage.office.hire("burglar", &format!("exec bash -c '{}'", BURGLAR.replace('\'', "'\\''"))).await?;
    let task = stage.task(&stage.office, "burglar").await?;
    let detail = stage.wait_done(&stage.office, task).await?;
    let said = detail["task"]["result_summary"].as_str().or(detail["task"]["result"].as_str()).unwrap_or_default();
    let list = said.strip_prefix("through:").with_context(|| format!("the burglar said {said:?}"))?;
    Ok(list.split_whitespace().map(str::to_owned).collect())
}

async fn hire_alone(stage: &Stage, attempt: &Attempt) -> Result<i64> {
    let resources = match attempt.setting {
        Setting::Alone { resources } => serde_json::from_str(resources)?,
        Setting::Together | Setting::Outliving => json!({}),
    };
    let name = attempt.name;
    let line = format!(
        ". /shared/files/scene.sh; if bash /shared/files/alone/{name}.sh </dev/null; then echo yes >/shared/files/got-{name}; fi; \
         tq update --status done --result tried"
    );
    let wish = json!({"name": name, "harness": "command", "command": line, "resources": resources});
    let (status, body) = stage.call(&stage.office, "POST", "/employees", &wish).await?;
    if status != 201 && status != 200 {
        bail!("{name} can't be hired: {}", String::from_utf8_lossy(&body));
    }
    stage.task(&stage.office, name).await
}

async fn see_alone(stage: &Stage, attempt: &Attempt, task: i64, until: Instant) -> Result<Went> {
    while Instant::now() < until {
        let (_, card) = stage.call(&stage.office, "GET", &format!("/employees/{}", attempt.name), &Value::Null).await?;
        let card: Value = serde_json::from_slice(&card)?;
        if card["status"]["phase"] == "Failed" || has_ended(&stage.read_task(&stage.office, task).await?) {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(Went::when(stage.file(&format!("got-{}", attempt.name)).await?.is_some()))
}

/// Done, failed, or once begun and back in the queue.
fn has_ended(detail: &Value) -> bool {
    let status = detail["task"]["status"].as_str().unwrap_or_default();
    let begun = detail["sessions"].as_array().is_some_and(|sessions| !sessions.is_empty());
    matches!(status, "done" | "failed") || (begun && status == "queued")
}

async fn see_outliving(stage: &Stage, attempt: &Attempt, task: i64) -> Result<Went> {
    stage.wait_done(&stage.office, task).await?;
    let (status, body) =
        stage.call(&stage.office, "DELETE", &format!("/employees/{}", attempt.name), &Value::Null).await?;
    if status >= 300 {
        bail!("{} can't be fired: {}", attempt.name, String::from_utf8_lossy(&body));
    }
    // Its pod has 10 s to end.
    let until = Instant::now() + ALONE_LIMIT;
    loop {
        let before = stage.file("alive").await?;
        tokio::time::sleep(STILL_WRITING).await;
        match (before == stage.file("alive").await?, Instant::now() >= until) {
            (true, _) => return Ok(Went::Refused),
            (false, true) => return Ok(Went::Through),
            (false, false) => {}
        }
    }
}
