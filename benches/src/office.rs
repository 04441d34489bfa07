//! An office to work in: its limits lifted, and agents without pods in whose name the operator claims.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mi_client::{Client, Credential, Endpoint, Patience};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::wire::agents::{CommandLine, HireAgent, LifecycleAction};
use mi_core::wire::offices::CreateOffice;
use serde_json::json;

use crate::lives::Pen;
use crate::procfs;
use crate::server::{Server, Site};

const AGENTS_MAX: i64 = 1_000;
const HIRES_PER_SECOND_MAX: i64 = 1_000_000;
/// Pods that were told to end are gone by then.
const PODS_GONE_LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub struct Office {
    pub id: OfficeId,
    pub client: Client,
    pub pen: Pen,
}

impl Office {
    pub async fn open(server: &Server, site: &Site) -> Result<Self> {
        let key = site.key()?;
        let endpoint: Endpoint = server.endpoint().parse()?;
        let client = Client::new(endpoint, Credential::Bearer(key.clone())).with_patience(Patience::LONG);
        let office = client.offices().create(&CreateOffice { name: "proof".to_owned() }).await?;
        let lifted = json!({
            "maxAgents": AGENTS_MAX,
            "hireLimit": {"count": HIRES_PER_SECOND_MAX, "windowSeconds": 1},
        });
        client.offices().update_settings(office.id, &lifted).await?;
        let pen = Pen::new(server.address(), office.id, &key);
        Ok(Self { id: office.id, client, pen })
    }

    /// An agent that runs `command` in its pod for each task.
    pub async fn hire(&self, name: &str, command: &str) -> Result<AgentName> {
        let wish = HireAgent {
            name: name.to_owned(),
            harness: Some("command".to_owned()),
            command: Some(CommandLine::Shell(command.to_owned())),
            ..HireAgent::default()
        };
        Ok(self.client.agents(self.id).hire(&wish).await.with_context(|| format!("{name} can't be hired"))?.name)
    }

    /// Agents without a pod: hired and stopped while the office is suspended, so that none ever starts.
    pub async fn hire_stopped(&self, prefix: &str, count: usize) -> Result<Vec<AgentName>> {
        let mut names = Vec::new();
        self.client.offices().suspend(self.id).await?;
        for number in 0..count {
            let name = self.hire(&format!("{prefix}-{number}"), "true").await?;
            self.client.agents(self.id).lifecycle(&name, LifecycleAction::Stop).await?;
            names.push(name);
        }
        self.client.offices().resume(self.id).await?;
        self.wait_no_pods().await?;
        Ok(names)
    }

    /// Changes settings of the office.
    pub async fn set(&self, changes: &serde_json::Value) -> Result<()> {
        self.client.offices().update_settings(self.id, changes).await?;
        Ok(())
    }

    pub async fn wait_no_pods(&self) -> Result<()> {
        wait_no_pods(self.id, PODS_GONE_LIMIT).await
    }
}

/// Waits until no process of the office's pods is left.
pub async fn wait_no_pods(office: OfficeId, limit: Duration) -> Result<()> {
    let until = Instant::now() + limit;
    loop {
        let left = procfs::pod_processes(office)?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let told: Vec<String> = left.iter().map(|pid| procfs::told(*pid)).collect();
            bail!("{} processes of pods are left after {limit:?}: {}", left.len(), told.join("; "));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
