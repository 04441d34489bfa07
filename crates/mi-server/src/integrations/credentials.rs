//! What agents get of an integration: the real values, or placeholders.
//!
//! An agent in a pod of ours could be talked into telling what it knows, so it gets a placeholder unless the owner
//! said otherwise. Keys of model providers are never handed out: models are called through the gateway.

use std::collections::BTreeMap;

use mi_core::ids::{AgentId, OfficeId};
use mi_core::wire::agents::AgentKind;
use mi_core::wire::integrations::{AgentCredentials, EnabledIntegration, IntegrationCredentials};

use super::catalogue::{Manifest, catalogue};
use super::service;
use super::state::State;
use crate::agents::service::{self as agents, AgentRow};
use crate::house::View;
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::keys::Keys;

/// Stands where a hosted agent would find a value; the id of the integration follows.
const PLACEHOLDER: &str = "mi-placeholder:";

type Variables = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Values,
    Placeholders,
}

/// Where credentials are looked up, and with what.
struct Source<'a> {
    tx: &'a mut dyn Tx,
    office: OfficeId,
    keys: &'a Keys,
    state: State,
}

/// All that is enabled for the agent, for itself alone.
pub fn of_agent(
    view: &mut View<'_>,
    member: &Member,
    name: &str,
    desk: &service::Desk,
) -> Result<AgentCredentials, Fault> {
    let agent = itself(view, member, name)?;
    let all = Source::new(view.tx, view.office, desk)?.all(&agent)?;
    let integrations = all.into_iter().map(|(id, env)| (id, EnabledIntegration { enabled: true, env })).collect();
    Ok(AgentCredentials { integrations })
}

/// Those of one integration; of one that isn't enabled, none.
pub fn of_one(
    view: &mut View<'_>,
    member: &Member,
    name: &str,
    manifest: &Manifest,
    desk: &service::Desk,
) -> Result<IntegrationCredentials, Fault> {
    let agent = itself(view, member, name)?;
    let mut source = Source::new(view.tx, view.office, desk)?;
    let enabled = agent.has_integration(&manifest.id);
    let env_vars = if enabled { source.variables(&agent, manifest)? } else { Variables::new() };
    Ok(IntegrationCredentials { env_vars })
}

/// What a session of the agent finds in its environment.
pub fn for_session(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: AgentId,
    desk: &service::Desk,
) -> Result<Variables, Fault> {
    let agent = agents::by_id(tx, office, agent)?.ok_or_else(|| fault::no_such_agent(agent))?;
    let all = Source::new(tx, office, desk)?.all(&agent)?;
    Ok(all.into_values().flatten().collect())
}

fn itself(view: &mut View<'_>, member: &Member, name: &str) -> Result<AgentRow, Fault> {
    let agent = agents::find(view.tx, view.office, name)?;
    match member {
        Member::Agent { id, .. } if *id == agent.id => Ok(agent),
        Member::Agent { .. } | Member::Person(_) => Err(fault::not_you(agent.name.as_str())),
    }
}

impl<'a> Source<'a> {
    fn new(tx: &'a mut dyn Tx, office: OfficeId, desk: &'a service::Desk) -> Result<Self, Fault> {
        let state = State::load(tx, office, &desk.providers)?;
        Ok(Self { tx, office, keys: &desk.keys, state })
    }

    fn all(&mut self, agent: &AgentRow) -> Result<BTreeMap<String, Variables>, Fault> {
        let enabled = catalogue().all().iter().filter(|manifest| agent.has_integration(&manifest.id));
        enabled.map(|manifest| Ok((manifest.id.clone(), self.variables(agent, manifest)?))).collect()
    }

    fn variables(&mut self, agent: &AgentRow, manifest: &Manifest) -> Result<Variables, Fault> {
        match self.shown(agent, manifest) {
            Shown::Values => self.values(manifest),
            Shown::Placeholders => Ok(self.placeholders(manifest)),
        }
    }

    fn shown(&self, agent: &AgentRow, manifest: &Manifest) -> Shown {
        match agent.kind {
            AgentKind::Hosted | AgentKind::External if manifest.is_llm() => Shown::Placeholders,
            AgentKind::External => Shown::Values,
            AgentKind::Hosted if self.state.is_raw(&manifest.id) => Shown::Values,
            AgentKind::Hosted => Shown::Placeholders,
        }
    }

    fn values(&mut self, manifest: &Manifest) -> Result<Variables, Fault> {
        let mut out = Variables::new();
        for (key, value) in service::open_all(self.tx, self.keys, self.office, &manifest.id)? {
            let names = manifest.secrets.iter().filter(|secret| secret.key == key).flat_map(|secret| &secret.env);
            out.extend(names.map(|name| (name.clone(), value.to_string())));
        }
        Ok(out)
    }

    /// For what is there; of an integration that nobody set up, an agent finds nothing.
    fn placeholders(&self, manifest: &Manifest) -> Variables {
        if !self.state.is_configured(manifest) {
            return Variables::new();
        }
        let there =
            manifest.secrets.iter().filter(|secret| manifest.is_llm() || self.state.is_set(manifest, &secret.key));
        let names = there.flat_map(|secret| &secret.env);
        names.map(|name| (name.clone(), format!("{PLACEHOLDER}{}", manifest.id))).collect()
    }
}
