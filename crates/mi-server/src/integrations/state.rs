//! What an office makes of the catalogue: which secrets are there, who may use what.

use std::collections::{BTreeMap, BTreeSet};

use mi_core::ids::{AgentName, OfficeId};
use mi_core::time::Time;
use mi_core::wire::integrations::{Integration, IntegrationMetadata, IntegrationStatus, RequiredSecret};

use super::catalogue::{Manifest, canonical};
use super::store;
use crate::agents::service as agents;
use crate::gateway::providers::Providers;
use crate::gateway::reach::{Reach, Standing, remedy};
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
    reach: Reach,
}

impl State {
    pub fn load(tx: &mut dyn Tx, office: OfficeId, providers: &Providers) -> Result<Self, Fault> {
        let reach = Reach::load(tx, office, providers)?;
        let mut state = State { raw: store::raw(tx, office)?.into_iter().collect(), reach, ..State::default() };
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

    /// Every secret that it requires is there; of a provider of models, any key, be it the server's.
    pub fn is_configured(&self, manifest: &Manifest) -> bool {
        match manifest.kind_of_provider() {
            Some(kind) => self.reach.has_key(kind),
            None => self.missing(manifest).is_empty(),
        }
    }

    pub fn status(&self, manifest: &Manifest) -> IntegrationStatus {
        let used = self.agents.get(&manifest.id).is_some_and(|names| !names.is_empty());
        match (self.is_configured(manifest), used) {
            (false, _) => IntegrationStatus::Pending,
            (true, false) => IntegrationStatus::Configured,
            (true, true) => IntegrationStatus::Active,
        }
    }

    pub fn card(&self, manifest: &Manifest) -> Integration {
        let configured = self.is_configured(manifest);
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
            status: self.status(manifest),
            metadata: IntegrationMetadata {
                docs: manifest.docs.clone(),
                hosts: manifest.hosts.clone(),
                raw_keys: self.is_raw(&manifest.id),
                agents: self.agents.get(&manifest.id).cloned().unwrap_or_default(),
                missing: if configured { Vec::new() } else { self.missing(manifest) },
                note: self.key_note(manifest).or_else(|| manifest.note.clone().filter(|_| configured)),
            },
        }
    }

    /// How it stands with the key of a provider of models.
    fn key_note(&self, manifest: &Manifest) -> Option<String> {
        let kind = manifest.kind_of_provider()?;
        match self.reach.standing(kind) {
            Standing::Keyless => Some(format!("no key yet: {}", remedy(Some(kind)))),
            Standing::Refused => Some(format!("{} refused the key: {}", kind.as_str(), remedy(Some(kind)))),
            Standing::Parked(until) => Some(format!("quota: it takes no calls until {until}")),
            Standing::Ready if self.reach.has_own(kind) => None,
            Standing::Ready => Some("calls use the server's key until the office has its own".to_owned()),
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
