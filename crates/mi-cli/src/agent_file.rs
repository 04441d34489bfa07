//! An agent that joined from this machine: where it belongs and by which keys it is known.
//!
//! `agents/OFFICE/NAME.json` in the configuration's folder, readable by its owner only. While its owner is still asked,
//! `NAME.application.json` stands there instead.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mi_client::Signer;
use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::signing::keys::{BadKey, PrivateKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::whole_file;

const FOLDER: &str = "agents";
const JOINED: &str = ".json";
const WAITING: &str = ".application.json";

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentFile {
    pub endpoint: String,
    pub office: OfficeId,
    pub office_name: String,
    pub agent: AgentName,
    pub agent_id: AgentId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// secp256k1, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The certificate of its server, in PEM, if the system doesn't know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<PathBuf>,
    /// What a newer `mi` wrote stays.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// An application that its office has not answered yet.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationFile {
    pub endpoint: String,
    pub office: OfficeId,
    pub agent: AgentName,
    pub poll_token: String,
    pub private_key: String,
}

/// Keys stay out of every log.
impl std::fmt::Debug for AgentFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { endpoint, office, agent, .. } = self;
        write!(f, "AgentFile({agent} of {office} at {endpoint})")
    }
}

fn place(home: &Path, office: OfficeId, name: &AgentName, ending: &str) -> PathBuf {
    home.join(FOLDER).join(office.to_string()).join(format!("{name}{ending}"))
}

fn write(path: &Path, what: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string_pretty(what).map_err(|fault| Fault::failed(fault.to_string(), "report this"))?;
    let unwritable = |fault| Fault::io(format!("{} can't be written", path.display()), fault);
    whole_file::write_private(path, &format!("{text}\n")).map_err(unwritable)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let unreadable = |fault| Fault::io(format!("{} can't be read", path.display()), fault);
    let text = fs::read_to_string(path).map_err(unreadable)?;
    serde_json::from_str(&text).map_err(|fault| {
        Fault::failed(format!("{} is not valid: {fault}", path.display()), "mend it, or join again under another name")
    })
}

impl AgentFile {
    pub fn place(home: &Path, office: OfficeId, name: &AgentName) -> PathBuf {
        place(home, office, name, JOINED)
    }

    pub fn save(&self, home: &Path) -> Result<PathBuf, Fault> {
        let path = Self::place(home, self.office, &self.agent);
        write(&path, self)?;
        forget(&place(home, self.office, &self.agent, WAITING))?;
        Ok(path)
    }

    /// Every agent that joined from this machine, by office and name.
    pub fn all(home: &Path) -> Result<Vec<Self>, Fault> {
        let paths = listed(home)?.into_iter().filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.ends_with(JOINED) && !name.ends_with(WAITING)
        });
        paths.map(|path| read(&path)).collect()
    }

    /// `NAME` or `OFFICE/NAME`; without a name, the only one there is.
    pub fn find(home: &Path, named: Option<&str>) -> Result<Option<Self>, Fault> {
        let Some(named) = named else {
            let mut all = Self::all(home)?;
            return Ok(if all.len() == 1 { all.pop() } else { None });
        };
        let (office, name) = match named.split_once('/') {
            Some((office, name)) => (Some(office), name),
            None => (None, named),
        };
        let fits = |file: &Self| {
            file.agent.as_str() == name
                && office.is_none_or(|office| file.office.to_string() == office || file.office_name == office)
        };
        let mut found: Vec<Self> = Self::all(home)?.into_iter().filter(fits).collect();
        match found.len() {
            0 | 1 => Ok(found.pop()),
            several => {
                let full: Vec<String> = found.iter().map(Self::title).collect();
                Err(Fault::usage(
                    format!("{several} agents here are called {name}"),
                    format!("name one: {}", full.join(", ")),
                ))
            }
        }
    }

    /// It is none here any more; its folder stays.
    pub fn remove(&self, home: &Path) -> Result<(), Fault> {
        forget(&Self::place(home, self.office, &self.agent))
    }

    /// With which it signs, if it has a key pair.
    pub fn signer(&self) -> Result<Option<Signer>, Fault> {
        let Some(text) = &self.private_key else { return Ok(None) };
        let key: PrivateKey = text.parse().map_err(|bad: BadKey| {
            Fault::failed(
                format!("the key pair of {} is not valid: {bad}", self.agent),
                "join again under another name",
            )
        })?;
        Ok(Some(Signer::new(key, self.agent_id.to_string()).in_office(self.office)))
    }

    /// What belongs to its work on this machine: its workspace, and the programs on its PATH.
    pub fn folder(home: &Path, office: OfficeId, agent: &AgentName) -> PathBuf {
        place(home, office, agent, "")
    }

    /// `OFFICE/NAME`
    pub fn title(&self) -> String {
        format!("{}/{}", self.office, self.agent)
    }
}

impl ApplicationFile {
    pub fn save(&self, home: &Path) -> Result<PathBuf, Fault> {
        let path = place(home, self.office, &self.agent, WAITING);
        write(&path, self)?;
        Ok(path)
    }

    /// The application of an agent of this name at this server that is still open here.
    pub fn find(home: &Path, endpoint: &str, name: &AgentName) -> Result<Option<Self>, Fault> {
        for path in listed(home)? {
            if path.file_name().is_some_and(|file| file.to_string_lossy() == format!("{name}{WAITING}")) {
                let file: Self = read(&path)?;
                if file.endpoint == endpoint {
                    return Ok(Some(file));
                }
            }
        }
        Ok(None)
    }

    pub fn forget(&self, home: &Path) -> Result<(), Fault> {
        forget(&place(home, self.office, &self.agent, WAITING))
    }
}

fn forget(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
            Err(Fault::io(format!("{} can't be removed", path.display()), fault))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The files of all offices, in order.
fn listed(home: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    for office in entries(&home.join(FOLDER))? {
        if office.is_dir() {
            files.extend(entries(&office)?);
        }
    }
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let unreadable = |fault| Fault::io(format!("{} can't be read", folder.display()), fault);
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect(),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(fault) => Err(unreadable(fault)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(office: u8, name: &str) -> AgentFile {
        AgentFile {
            endpoint: "http://127.0.0.1:1".to_owned(),
            office: format!("5b7e3c1a-0000-4000-8000-00000000000{office}").parse().unwrap(),
            office_name: format!("office {office}"),
            agent: name.parse().unwrap(),
            agent_id: "5b7e3c1a-0000-4000-8000-0000000000aa".parse().unwrap(),
            api_key: Some("mia_secret".to_owned()),
            private_key: None,
            public_key: None,
            ca_cert: None,
            other: serde_json::Map::new(),
        }
    }

    #[test]
    fn an_agent_is_kept_privately_and_found_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        assert_eq!(AgentFile::find(home, None).unwrap(), None);
        let path = file(1, "ada").save(home).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(AgentFile::find(home, None).unwrap(), Some(file(1, "ada")));
        file(2, "ben").save(home).unwrap();
        assert_eq!(AgentFile::find(home, None).unwrap(), None, "which one of two?");
        assert_eq!(AgentFile::find(home, Some("ben")).unwrap(), Some(file(2, "ben")));
        assert_eq!(AgentFile::find(home, Some("cyd")).unwrap(), None);
        file(2, "ada").save(home).unwrap();
        assert!(AgentFile::find(home, Some("ada")).unwrap_err().to_string().contains("2 agents"));
        assert_eq!(AgentFile::find(home, Some(&file(2, "ada").title())).unwrap(), Some(file(2, "ada")));
        assert!(!format!("{:?}", file(1, "ada")).contains("secret"));
    }

    #[test]
    fn an_application_is_there_until_its_agent_is() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let AgentFile { endpoint, office, agent, .. } = file(1, "ada");
        let waiting = ApplicationFile {
            endpoint: endpoint.clone(),
            office,
            agent: agent.clone(),
            poll_token: "mip_x".to_owned(),
            private_key: "7".to_owned(),
        };
        waiting.save(home).unwrap();
        assert!(ApplicationFile::find(home, &endpoint, &agent).unwrap() == Some(waiting));
        assert_eq!(ApplicationFile::find(home, "http://other", &agent).unwrap().map(|_| ()), None);
        assert_eq!(AgentFile::all(home).unwrap(), []);
        file(1, "ada").save(home).unwrap();
        assert!(ApplicationFile::find(home, &endpoint, &agent).unwrap().is_none());
    }
}
