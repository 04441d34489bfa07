//! Which server, key and colony a command uses: flags, then variables, then `config.json`.

use mi_client::Endpoint;

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
        Ok(Self {
            endpoint: endpoint.parse().map_err(Fault::endpoint)?,
            key: key.filter(|key| !key.is_empty()),
            colony: colony.or(in_pod).or_else(|| config.colony.clone()),
        })
    }

    /// The key would be readable on its way.
    pub fn exposes_key(&self) -> bool {
        self.key.is_some() && self.endpoint.is_plain() && !self.endpoint.is_loopback()
    }
}
