//! Which server, key and colony a command uses: flags, then variables, then `config.json`.
//!
//! A profile that a flag names is meant as a whole: variables don't mix into it.

use std::path::PathBuf;

use mi_client::{Endpoint, Signer, Trust};

use crate::agent_file::AgentFile;
use crate::args::Global;
use crate::config::Config;
use crate::fault::Fault;
use crate::variables;
use crate::world::World;

/// Where `mi up` listens unless it is told otherwise.
pub const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:7700";

/// Where a key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFrom {
    /// A flag or a variable: somebody gave it just now.
    Given,
    /// `config.json`.
    Kept,
}

#[derive(Debug, Clone)]
pub struct Settings {
    pub endpoint: Endpoint,
    pub key: Option<String>,
    pub key_from: KeyFrom,
    /// An id or a name.
    pub colony: Option<String>,
    /// The agent as which a command acts.
    pub agent: Option<AgentFile>,
    /// Certificates to trust in place of the system's.
    pub ca_cert: Option<PathBuf>,
    /// Under which name things are kept; `None` is the profile without one.
    pub profile: Option<String>,
}

impl Settings {
    pub fn find(global: &Global, world: &World, config: &Config) -> Result<Self, Fault> {
        let profile = global.profile.as_deref().or_else(|| world.variable(variables::MI_PROFILE));
        let kept = config.profile(profile);
        let variable = |name: &str| world.variable(name).filter(|_| global.profile.is_none());
        let given =
            |flag: Option<&String>, name: &str| flag.map(String::as_str).or_else(|| variable(name)).map(str::to_owned);
        let endpoint = given(global.endpoint.as_ref(), variables::MI_ENDPOINT).or(kept.endpoint);
        let endpoint = endpoint.unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned());
        let key = given(global.key.as_ref(), variables::MI_API_KEY);
        let key_from = if key.is_some() { KeyFrom::Given } else { KeyFrom::Kept };
        // In a pod the office of the session stands in another variable.
        let colony = variable(variables::MI_COLONY).or_else(|| variable(variables::MI_OFFICE)).map(str::to_owned);
        let ca_cert = given(global.ca_cert.as_ref(), variables::MI_CA_CERT).or(kept.ca_cert);
        let settings = Self {
            endpoint: endpoint.parse().map_err(Fault::endpoint)?,
            key: key.or(kept.key).filter(|key| !key.is_empty()),
            key_from,
            colony: colony.or(kept.colony),
            agent: None,
            ca_cert: ca_cert.map(PathBuf::from),
            profile: profile.map(str::to_owned),
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
        let ca_cert = if global.ca_cert.is_some() { self.ca_cert } else { agent.ca_cert.clone().or(self.ca_cert) };
        Ok(Self { endpoint, key, ca_cert, colony: Some(agent.office.to_string()), agent: Some(agent), ..self })
    }

    /// For a file that is read in another folder.
    pub fn ca_cert_kept(&self) -> Option<PathBuf> {
        self.ca_cert.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
    }

    /// The certificates to trust in place of the system's, read where they are needed only.
    pub fn trust(&self) -> Result<Option<Trust>, Fault> {
        let Some(path) = self.ca_cert.as_ref().filter(|_| !self.endpoint.is_plain()) else { return Ok(None) };
        let text =
            std::fs::read(path).map_err(|fault| Fault::io(format!("{} can't be read", path.display()), fault))?;
        Ok(Some(Trust::from_pem(&text)?))
    }

    /// An agent that has a key pair signs what it sends; no key of its goes over the wire.
    pub fn signer(&self) -> Result<Option<Signer>, Fault> {
        let Some(agent) = &self.agent else { return Ok(None) };
        agent.signer()
    }

    /// The key would be readable on its way.
    pub fn exposes_key(&self) -> bool {
        self.key.is_some() && self.is_open_wire()
    }

    /// Whatever is sent could be read on its way.
    pub fn is_open_wire(&self) -> bool {
        self.endpoint.is_plain() && !self.endpoint.is_loopback()
    }
}
