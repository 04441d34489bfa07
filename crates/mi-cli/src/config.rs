//! `config.json`: which server, which key, which colony when none is named.
//!
//! Written whole or not at all, readable by its owner only (0600 in 0700).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::whole_file;

const FILE_NAME: &str = "config.json";

#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} can't be written")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not valid: {what}")]
    Invalid { path: PathBuf, what: String },
}

/// What is kept of one server.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colony: Option<String>,
    /// The certificate to trust in place of the system's: a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<String>,
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// The file: one profile that has no name, and others by name.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colony: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Profile>,
    /// What a newer `mi` wrote stays.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Config {
    pub fn path(home: &Path) -> PathBuf {
        home.join(FILE_NAME)
    }

    /// An empty one where there is no file.
    pub fn load(home: &Path) -> Result<Self, ConfigFault> {
        let path = Self::path(home);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ConfigFault::Read { path, source }),
        };
        serde_json::from_str(&text).map_err(|fault| ConfigFault::Invalid { path, what: fault.to_string() })
    }

    /// What is kept under a name; nothing where nobody logged in under it.
    pub fn profile(&self, name: Option<&str>) -> Profile {
        match name {
            Some(name) => self.profiles.get(name).cloned().unwrap_or_default(),
            None => Profile {
                endpoint: self.endpoint.clone(),
                key: self.key.clone(),
                colony: self.colony.clone(),
                ca_cert: self.ca_cert.clone(),
                other: serde_json::Map::new(),
            },
        }
    }

    pub fn set_profile(&mut self, name: Option<&str>, profile: Profile) {
        match name {
            Some(name) => {
                self.profiles.insert(name.to_owned(), profile);
            }
            None => {
                let Profile { endpoint, key, colony, ca_cert, other: _ } = profile;
                (self.endpoint, self.key, self.colony, self.ca_cert) = (endpoint, key, colony, ca_cert);
            }
        }
    }

    pub fn save(&self, home: &Path) -> Result<(), ConfigFault> {
        let path = Self::path(home);
        let text = serde_json::to_string_pretty(self)
            .map_err(|fault| ConfigFault::Invalid { path: path.clone(), what: fault.to_string() })?;
        whole_file::write_private(&path, &format!("{text}\n")).map_err(|source| ConfigFault::Write { path, source })
    }
}

/// The key stays out of every log.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint)
            .field("key", &self.key.as_ref().map(|_| "***"))
            .field("colony", &self.colony)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_is_private_whole_and_keeps_what_it_does_not_know() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("deep/.mi");
        assert_eq!(Config::load(&home).unwrap(), Config::default());
        let text = r#"{"endpoint":"http://127.0.0.1:1","key":"mi_k","later":{"x":1}}"#;
        let mut config: Config = serde_json::from_str(text).unwrap();
        config.colony = Some("c".to_owned());
        config.save(&home).unwrap();
        config.save(&home).unwrap();
        assert_eq!((mode(&home), mode(&Config::path(&home))), (0o700, 0o600));
        let names: Vec<_> = fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE_NAME]);
        let again = Config::load(&home).unwrap();
        assert_eq!(again, config);
        assert_eq!(again.other["later"]["x"], 1);
    }

    #[test]
    fn profiles_stand_beside_what_has_no_name() {
        let text = r#"{"endpoint":"http://a","key":"mi_a","profiles":{"work":{"key":"mi_w","later":1}},"later":2}"#;
        let mut config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.profile(None).key.as_deref(), Some("mi_a"));
        assert!(config.profile(Some("nobody")) == Profile::default());
        let mut work = config.profile(Some("work"));
        work.endpoint = Some("https://w".to_owned());
        config.set_profile(Some("work"), work);
        config.set_profile(None, Profile { key: None, ..config.profile(None) });
        let text = serde_json::to_string(&config).unwrap();
        let again: Config = serde_json::from_str(&text).unwrap();
        assert_eq!((again.key.as_deref(), again.endpoint.as_deref()), (None, Some("http://a")));
        assert_eq!(again.other["later"], 2);
        let work = again.profile(Some("work"));
        assert_eq!((work.key.as_deref(), work.endpoint.as_deref()), (Some("mi_w"), Some("https://w")));
        assert_eq!(work.other["later"], 1);
    }

    #[test]
    fn a_folder_that_was_open_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Config::default().save(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o700);
    }

    #[test]
    fn nonsense_names_the_file_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(Config::path(folder.path()), "{\"key\": mi_secret}").unwrap();
        let fault = Config::load(folder.path()).unwrap_err().to_string();
        assert!(fault.contains("config.json is not valid") && !fault.contains("mi_secret"), "{fault}");
        let config = Config { key: Some("mi_secret".to_owned()), ..Config::default() };
        assert!(!format!("{config:?}").contains("mi_secret"));
    }
}
