//! What an office makes of the catalogue: which secrets are there, who may use what.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::ids::{AgentName, OfficeId};
use mi_core::time::Time;
use mi_core::wire::integrations::{Integration, IntegrationMetadata, IntegrationStatus, RequiredSecret};

use super::catalogue::{Manifest, canonical};
use super::store;
use crate::agents::service as agents;
use crate::gateway::providers::Providers;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;

/// Everything but the values.
#[derive(Debug, Default)]
pub struct State {
    /// Names of the secrets that are set, by integration.
    keys: BTreeMap<String, BTreeSet<String>>,
    /// When a secret was last set, by integration.
    set_at: BTreeMap<String, Time>,
    raw: BTreeSet<String>,
    agents: BTreeMap<String, Vec<AgentName>>,
}

impl State {
    pub fn load(tx: &mut dyn Tx, office: OfficeId) -> Result<Self, Fault> {
        let mut state = State { raw: store::raw(tx, office)?.into_iter().collect(), ..State::default() };
        for key in store::keys(tx, office)? {
            let set_at = state.set_at.entry(key.integration.clone()).or_insert(key.created_at);
            *set_at = key.created_at.max(*set_at);
            state.keys.entry(key.integration).or_default().insert(key.key);
        }
        for agent in agents::list(tx, office)? {
            let ids: BTreeSet<&str> = agent.integrations.iter().map(|word| canonical(word)).collect();
            for id in ids {
                state.agents.entry(id.to_owned()).or_default().push(agent.name.clone());
            }
        }
        Ok(state)
    }

    pub fn is_raw(&self, id: &str) -> bool {
        self.raw.contains(id)
    }

    pub fn set_at(&self, id: &str) -> Option<Time> {
        self.set_at.get(id).copied()
    }

    pub fn is_set(&self, manifest: &Manifest, key: &str) -> bool {
        self.keys.get(&manifest.id).is_some_and(|keys| keys.contains(key))
    }

    fn missing(&self, manifest: &Manifest) -> Vec<String> {
        let open = manifest.required().filter(|secret| !self.is_set(manifest, &secret.key));
        open.map(|secret| secret.key.clone()).collect()
    }

    /// Every secret that it requires is there.
    pub fn is_complete(&self, manifest: &Manifest) -> bool {
        self.missing(manifest).is_empty()
    }

    /// Model calls go out with the server's own keys, so those decide there.
    pub fn is_configured(&self, manifest: &Manifest, providers: &Providers) -> bool {
        match &manifest.provider {
            Some(provider) => providers.is_configured(provider),
            None => self.is_complete(manifest),
        }
    }

    pub fn status(&self, manifest: &Manifest, providers: &Providers) -> IntegrationStatus {
        let used = self.agents.get(&manifest.id).is_some_and(|names| !names.is_empty());
        match (self.is_configured(manifest, providers), used) {
            (false, _) => IntegrationStatus::Pending,
            (true, false) => IntegrationStatus::Configured,
            (true, true) => IntegrationStatus::Active,
        }
    }

    pub fn card(&self, manifest: &Manifest, providers: &Providers) -> Integration {
        let configured = self.is_configured(manifest, providers);
        Integration {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            description: manifest.description.clone(),
            category: manifest.category,
            kind: manifest.kind,
            aliases: manifest.aliases.clone(),
            capabilities: manifest.capabilities.clone(),
            agent_env_vars: manifest.env_vars(),
            channels: manifest.channels.clone(),
            required_secrets: required_secrets(manifest),
            verified: true,
            status: self.status(manifest, providers),
            metadata: IntegrationMetadata {
                docs: manifest.docs.clone(),
                hosts: manifest.hosts.clone(),
                raw_keys: self.is_raw(&manifest.id),
                agents: self.agents.get(&manifest.id).cloned().unwrap_or_default(),
                missing: if configured { Vec::new() } else { self.missing(manifest) },
                note: if configured { manifest.note.clone() } else { key_note(manifest, providers) },
            },
        }
    }
}

fn required_secrets(manifest: &Manifest) -> Vec<RequiredSecret> {
    let shown = manifest.secrets.iter().map(|secret| RequiredSecret {
        key: secret.key.clone(),
        label: secret.label.clone(),
        kind: secret.kind.clone(),
        required: secret.required,
        hint: secret.hint.clone(),
    });
    shown.collect()
}

/// How a provider of models gets its key.
fn key_note(manifest: &Manifest, providers: &Providers) -> Option<String> {
    let provider = manifest.provider.as_deref()?;
    Some(match providers.resolve(provider) {
        Some(_) => format!("model calls use the server's key: start mi up with {} set", providers.variable(provider)),
        None => format!("this server can't call the models of {} yet", manifest.name),
    })
}
