//! Agents (= employees) of an office.

use mi_core::ids::{AgentName, OfficeId};
use mi_core::limits::{DEBUG_SECONDS_DEFAULT, TERMINAL_WAIT_SECONDS};
use mi_core::terminal::Size;
use mi_core::wire::agents::{
    Activity, Agent, AgentKey, AgentLogs, AgentReport, HireAgent, LastError, Lifecycle, LifecycleAction, Presence,
    RotateCredentials, RotatedCredentials, UpdateAgent,
};
use mi_core::wire::backups::{RestoreAgent, WorkspaceEntry};
use mi_core::wire::terminals::{DebugCommand, DebugOutcome};
use reqwest::Method;
use tokio::io::AsyncWrite;

use crate::Paging;
use crate::call::{Call, Draft, path_segments};
use crate::error::ClientError;
use crate::files::{Download, Progress};
use crate::offices::path_of;
use crate::patience::Patience;
use crate::stream::Stream;
use crate::terminal::Terminal;
use crate::transport::Client;

/// Which lines of an agent's log.
#[derive(Debug, Clone, Default)]
pub struct LogsFilter {
    /// The last so many.
    pub tail: Option<i64>,
    /// RFC 3339.
    pub since: Option<String>,
}

/// Which part of an agent's activity.
#[derive(Debug, Clone, Default)]
pub struct ActivityFilter {
    pub category: Option<String>,
    pub since: Option<String>,
    pub paging: Paging,
}

#[derive(Debug, Clone)]
pub struct Agents {
    client: Client,
    office: OfficeId,
}

impl Agents {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/employees", path_of(self.office))
    }

    fn one(&self, name: &AgentName) -> String {
        format!("{}/{name}", self.all())
    }

    pub fn list(&self, paging: Paging) -> Call<(Vec<Agent>, u64)> {
        let draft = Draft::read(self.all()).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    pub fn hire(&self, agent: &HireAgent) -> Call<Agent> {
        Call::json(&self.client, Draft::write(Method::POST, self.all()).json(agent))
    }

    pub fn get(&self, name: &AgentName) -> Call<Agent> {
        Call::json(&self.client, Draft::read(self.one(name)))
    }

    pub fn update(&self, name: &AgentName, changes: &UpdateAgent) -> Call<Agent> {
        Call::json(&self.client, Draft::write(Method::PATCH, self.one(name)).json(changes))
    }

    /// Its workspace is backed up first, which may take a while.
    pub fn fire(&self, name: &AgentName) -> Call<()> {
        Call::done(&self.client, Draft { answer_within: None, ..Draft::write(Method::DELETE, self.one(name)) })
    }

    /// Nothing of its workspace is kept.
    pub fn fire_without_backup(&self, name: &AgentName) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, self.one(name)).query("noBackup", Some(true)))
    }

    pub fn archive(&self, name: &AgentName) -> Call<Agent> {
        let draft = Draft::write(Method::POST, format!("{}/archive", self.one(name)));
        Call::json(&self.client, Draft { answer_within: None, ..draft })
    }

    /// Back from the archive, or from having been fired.
    pub fn restore(&self, name: &AgentName, wish: &RestoreAgent) -> Call<Agent> {
        let draft = Draft::write(Method::POST, format!("{}/restore", self.one(name)));
        Call::json(&self.client, Draft { answer_within: None, ..draft }.json(wish))
    }

    /// What is in a folder of its workspace; without a path, in the workspace itself.
    pub fn files(&self, name: &AgentName, path: Option<&str>) -> Call<(Vec<WorkspaceEntry>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/files", self.one(name))).query("path", path))
    }

    /// Streams a file of its workspace to `sink`.
    pub async fn read_file<W: AsyncWrite + Unpin + Send>(
        &self,
        name: &AgentName,
        path: &str,
        sink: &mut W,
    ) -> Result<Download, ClientError> {
        let draft = Draft::read(format!("{}/files/{}", self.one(name), path_segments(path)));
        let draft = Draft { answer_within: None, ..draft };
        Ok(Download { bytes: self.client.pour(&draft, sink, Progress::default()).await? })
    }

    pub fn logs(&self, name: &AgentName, filter: &LogsFilter) -> Call<AgentLogs> {
        let draft = Draft::read(format!("{}/logs", self.one(name)));
        Call::json(&self.client, draft.query("tail", filter.tail).query("since", filter.since.clone()))
    }

    /// The same as it grows: `log` for lines of its sessions, `pod` for those of its pod.
    pub fn follow_logs(&self, name: &AgentName, filter: &LogsFilter) -> Stream {
        let draft = Draft::read(format!("{}/logs", self.one(name))).query("follow", Some(true));
        Stream::new(&self.client, draft.query("tail", filter.tail).query("since", filter.since.clone()))
    }

    pub fn activity(&self, name: &AgentName, filter: &ActivityFilter) -> Call<(Vec<Activity>, u64)> {
        let draft = Draft::read(format!("{}/activity", self.one(name)))
            .query("limit", filter.paging.limit)
            .query("offset", filter.paging.offset)
            .query("category", filter.category.clone())
            .query("since", filter.since.clone());
        Call::list(&self.client, draft)
    }

    /// What an agent says of itself, such as a standup.
    pub fn report(&self, name: &AgentName, report: &AgentReport) -> Call<Activity> {
        Call::json(&self.client, Draft::write(Method::POST, format!("{}/events", self.one(name))).json(report))
    }

    pub fn reports(&self, name: &AgentName, paging: Paging) -> Call<(Vec<Activity>, u64)> {
        let draft = Draft::read(format!("{}/events", self.one(name)));
        Call::list(&self.client, draft.query("limit", paging.limit).query("offset", paging.offset))
    }

    pub fn lifecycle(&self, name: &AgentName, action: LifecycleAction) -> Call<()> {
        let draft = Draft::write(Method::POST, format!("{}/lifecycle", self.one(name)));
        Call::done(&self.client, draft.json(&Lifecycle { action }))
    }

    /// New credentials; the old ones are refused from then on. A public key is an external agent's own.
    pub fn rotate_credentials(&self, name: &AgentName, public_key: Option<String>) -> Call<RotatedCredentials> {
        let draft = Draft::write(Method::POST, format!("{}/credentials/rotate", self.one(name)));
        Call::json(&self.client, draft.json(&RotateCredentials { public_key }))
    }

    /// By which keys it is known, and when each was used.
    pub fn keys(&self, name: &AgentName) -> Call<(Vec<AgentKey>, u64)> {
        Call::list(&self.client, Draft::read(format!("{}/keys", self.one(name))))
    }

    /// Runs a command in its pod. Never sent twice: it may be one that must not run twice.
    pub fn debug(&self, name: &AgentName, command: &DebugCommand) -> Call<DebugOutcome> {
        let client = self.client.clone().with_patience(Patience::NONE);
        let draft = Draft::write(Method::POST, format!("{}/debug/{name}", self.one(name)));
        let seconds = command.timeout_seconds.unwrap_or(DEBUG_SECONDS_DEFAULT) + TERMINAL_WAIT_SECONDS;
        Call::json(&client, draft.parked(seconds).json(command))
    }

    /// An interactive shell in its pod, in a window of this size on this kind of terminal.
    pub async fn shell(&self, name: &AgentName, size: Size, term: Option<String>) -> Result<Terminal, ClientError> {
        let draft = Draft::write(Method::POST, format!("{}/shell", self.one(name))).parked(TERMINAL_WAIT_SECONDS);
        let draft = draft.query("columns", Some(size.columns)).query("rows", Some(size.rows)).query("term", term);
        self.client.become_terminal(draft).await
    }

    pub fn presence(&self, name: &AgentName) -> Call<Presence> {
        Call::json(&self.client, Draft::read(format!("{}/presence", self.one(name))))
    }

    pub fn last_error(&self, name: &AgentName) -> Call<LastError> {
        Call::json(&self.client, Draft::read(format!("{}/last-error", self.one(name))))
    }
}
