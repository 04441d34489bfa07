//! Which server, key and colony a command uses: flags, then variables, then `config.json`.

use mi_client::{Endpoint, Signer};

use crate::agent_file::AgentFile;
use crate::args::Global;
use crate::config::Config;
use crate::fault::Fault;
use crate::variables;
use crate::world::World;

/// Where `mi up` listens unless it is told otherwise.
pub const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:7700";

#[derive(Debug, Clone)]
pub struct Settings {
    pub endpoint: Endpoint,
    pub key: Option<String>,
    /// An id or a name.
    pub colony: Option<String>,
    /// The agent as which a command acts.
    pub agent: Option<AgentFile>,
}

impl Settings {
    pub fn find(global: &Global, world: &World, config: &Config) -> Result<Self, Fault> {
        let first = |flag: Option<&String>, variable: &str, configured: Option<&String>| {
            let given = flag.map(String::as_str).or_else(|| world.variable(variable));
            given.or(configured.map(String::as_str)).map(str::to_owned)
        };
        let endpoint = first(global.endpoint.as_ref(), variables::MI_ENDPOINT, config.endpoint.as_ref());
        let endpoint = endpoint.unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned());
        let key = first(global.key.as_ref(), variables::MI_API_KEY, config.key.as_ref());
        // In a pod the office of the session stands in another variable.
        let in_pod = world.variable(variables::MI_OFFICE).map(str::to_owned);
        let colony = world.variable(variables::MI_COLONY).map(str::to_owned);
        let settings = Self {
            endpoint: endpoint.parse().map_err(Fault::endpoint)?,
            key: key.filter(|key| !key.is_empty()),
            colony: colony.or(in_pod).or_else(|| config.colony.clone()),
            agent: None,
        };
        let named = global.as_agent.as_deref().or_else(|| world.variable(variables::MI_AGENT_PROFILE));
        match (named, world.home()) {
            (None, _) => Ok(settings),
            (Some(named), Some(home)) => {
                let agent = AgentFile::find(&home, Some(named))?.ok_or_else(|| Fault::no_such_agent_here(named))?;
                settings.of_agent(agent, global)
            }
            (Some(named), None) => Err(Fault::no_such_agent_here(named)),
        }
    }

    /// Its keys go to its own server and to no other, whatever the variables say; only a flag is meant that way.
    pub fn of_agent(self, agent: AgentFile, global: &Global) -> Result<Self, Fault> {
        let endpoint = match &global.endpoint {
            Some(_) => self.endpoint,
            None => agent.endpoint.parse().map_err(Fault::endpoint)?,
        };
        let key = global.key.clone().or_else(|| agent.api_key.clone());
        Ok(Self { endpoint, key, colony: Some(agent.office.to_string()), agent: Some(agent) })
    }

    /// An agent that has a key pair signs what it sends; no key of its goes over the wire.
    pub fn signer(&self) -> Result<Option<Signer>, Fault> {
        let Some(agent) = &self.agent else { return Ok(None) };
        agent.signer()
    }

    /// The key would be readable on its way.
    pub fn exposes_key(&self) -> bool {
        self.key.is_some() && self.endpoint.is_plain() && !self.endpoint.is_loopback()
    }
}
