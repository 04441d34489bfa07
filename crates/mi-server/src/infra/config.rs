//! What the server is told at its start, from four places: a flag wins over the environment, the environment over
//! the file `server.toml`, the file over the default.
//!
//! One table names every setting; each value remembers where it came from, so that `mi config show` can say it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use mi_core::credits::Micro;
use mi_core::limits::{
    DRIVE_BYTES_DEFAULT, EVENT_HISTORY_DAYS_DEFAULT, INITIAL_CREDITS_DEFAULT, OPEN_TASKS_PER_OFFICE_MAX,
    POD_MINUTE_CREDITS_DEFAULT,
};
use mi_pods::Strictness;

use super::http::certificate::TlsFiles;

const FILE_NAME: &str = "server.toml";
const DATA_FOLDER: &str = "data";
/// A hundred years: as good as for ever.
const EVENT_HISTORY_DAYS_MAX: i64 = 36_500;
const BYTES_PER_MIB: u64 = 1024 * 1024;
/// A pebibyte: as good as no limit.
const DRIVE_MIB_MAX: u64 = 1024 * 1024 * 1024;
const POD_MINUTE_MAX: Micro = Micro::credits(1_000);
/// What stands in place of a secret.
const STARS: &str = "***";

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    Open,
    Secret,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// As in the file; the flag is the same with dashes.
    pub name: &'static str,
    pub variable: &'static str,
    /// Shown and used when nothing else is said; empty means unset.
    pub default: &'static str,
    pub openness: Openness,
}

const fn open(name: &'static str, variable: &'static str, default: &'static str) -> Setting {
    Setting { name, variable, default, openness: Openness::Open }
}

const fn secret(name: &'static str, variable: &'static str) -> Setting {
    Setting { name, variable, default: "", openness: Openness::Secret }
}

pub const DATA_DIR: Setting = open("data_dir", "MI_DATA_DIR", "");
pub const LISTEN: Setting = open("listen", "MI_LISTEN", "127.0.0.1:7700");
/// Both or none.
pub const TLS_CERT: Setting = open("tls_cert", "MI_TLS_CERT", "");
pub const TLS_KEY: Setting = open("tls_key", "MI_TLS_KEY", "");
pub const DATABASE_URL: Setting = secret("database_url", "MI_DATABASE_URL");
pub const PODS: Setting = open("pods", "MI_PODS", "local");
pub const STRICT_LIMITS: Setting = open("strict_limits", "MI_STRICT_LIMITS", "off");
/// Several are separated by commas.
pub const ALLOW_UPSTREAM: Setting = open("allow_upstream", "MI_ALLOW_UPSTREAM", "");
/// Several are separated by commas.
pub const EGRESS_PRIVATE: Setting = open("egress_private", "MI_EGRESS_PRIVATE", "");
pub const LOG: Setting = open("log", "MI_LOG", "info");
pub const LOG_FORMAT: Setting = open("log_format", "MI_LOG_FORMAT", "auto");
pub const INITIAL_CREDITS: Setting = open("initial_credits", "MI_INITIAL_CREDITS", "");
pub const POD_MINUTE_CREDITS: Setting = open("pod_minute_credits", "MI_POD_MINUTE_CREDITS", POD_MINUTE_CREDITS_DEFAULT);
/// A file with prices that lie over ours.
pub const PRICES: Setting = open("prices", "MI_PRICES", "");
pub const EVENT_HISTORY_DAYS: Setting = open("event_history_days", "MI_EVENT_HISTORY_DAYS", "");
pub const OPEN_TASKS_MAX: Setting = open("open_tasks_max", "MI_OPEN_TASKS_MAX", "");
/// Of each office's drive.
pub const DRIVE_MIB: Setting = open("drive_mib", "MI_DRIVE_MIB", "");

pub const SETTINGS: &[Setting] = &[
    DATA_DIR,
    LISTEN,
    TLS_CERT,
    TLS_KEY,
    DATABASE_URL,
    PODS,
    STRICT_LIMITS,
    ALLOW_UPSTREAM,
    EGRESS_PRIVATE,
    LOG,
    LOG_FORMAT,
    INITIAL_CREDITS,
    POD_MINUTE_CREDITS,
    PRICES,
    EVENT_HISTORY_DAYS,
    OPEN_TASKS_MAX,
    DRIVE_MIB,
];

/// Of model providers: read from the environment only, so that no key stands in a file of ours.
pub const PROVIDER_VARIABLES: [Setting; 13] = [
    secret("", "ANTHROPIC_API_KEY"),
    open("", "ANTHROPIC_BASE_URL", ""),
    secret("", "OPENAI_API_KEY"),
    open("", "OPENAI_BASE_URL", ""),
    open("", "MI_OPENAI_WIRE", ""),
    secret("", "GEMINI_API_KEY"),
    secret("", "GOOGLE_API_KEY"),
    open("", "GEMINI_BASE_URL", ""),
    open("", "GOOGLE_GEMINI_BASE_URL", ""),
    secret("", "VENICE_API_KEY"),
    open("", "VENICE_BASE_URL", ""),
    secret("", "OPENROUTER_API_KEY"),
    open("", "OPENROUTER_BASE_URL", ""),
];

/// The names of those variables that give the server a key for models.
pub fn model_keys(environment: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let keys = PROVIDER_VARIABLES.iter().map(|setting| setting.variable).filter(|name| name.ends_with("_API_KEY"));
    keys.filter(|name| environment(name).is_some_and(|value| !value.trim().is_empty())).collect()
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Environment,
    File,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        })
    }
}

/// Where pods run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodsKind {
    Local,
    Process,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, for programs otherwise.
    Auto,
    Human,
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path} can't be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid: {what}")]
    File { path: PathBuf, what: String },
    #[error("{name} is {given:?} ({origin}): {rule}")]
    Value { name: &'static str, given: String, origin: Origin, rule: &'static str },
    #[error("there is no home folder: set MI_HOME, HOME or --data-dir")]
    NoHome,
}

/// One value as `mi config show` tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    pub name: String,
    /// Starred if secret; `None` if unset.
    pub value: Option<String>,
    pub origin: String,
    pub variable: &'static str,
}

/// Every setting with its value and origin.
pub struct Config {
    values: BTreeMap<&'static str, (String, Origin)>,
    providers: BTreeMap<&'static str, String>,
}

/// What was said in each place; texts, as they came.
pub struct Sources<'a> {
    /// By the setting's name.
    pub flags: BTreeMap<&'static str, String>,
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// `~/.mi` or `MI_HOME`.
    pub home: Option<&'a Path>,
}

impl Config {
    pub fn load(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        let file = read_file(sources.home)?;
        let environment = |name: &str| (sources.environment)(name).filter(|value| !value.is_empty());
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let found = sources
                .flags
                .get(setting.name)
                .map(|value| (value.clone(), Origin::Flag))
                .or_else(|| Some((environment(setting.variable)?, Origin::Environment)))
                .or_else(|| Some((file.get(setting.name)?.clone(), Origin::File)));
            let value = match found {
                Some(value) => value,
                None => (default_of(setting, sources.home)?, Origin::Default),
            };
            values.insert(setting.name, value);
        }
        let set = PROVIDER_VARIABLES.iter().filter_map(|s| Some((s.variable, environment(s.variable)?)));
        let config = Self { values, providers: set.collect() };
        config.check()?;
        Ok(config)
    }

    /// Every value is read once, so that a bad one is told at the start.
    fn check(&self) -> Result<(), ConfigError> {
        self.tls()?;
        self.pods()?;
        self.strict_limits()?;
        self.log_format()?;
        self.initial_credits()?;
        self.pod_minute()?;
        self.event_history_days()?;
        self.open_tasks_max()?;
        self.drive_bytes()?;
        Ok(())
    }

    fn get(&self, setting: Setting) -> &str {
        self.values.get(setting.name).map_or("", |(value, _)| value.as_str())
    }

    fn bad(&self, setting: Setting, rule: &'static str) -> ConfigError {
        let (given, origin) = self.values.get(setting.name).cloned().unwrap_or((String::new(), Origin::Default));
        ConfigError::Value { name: setting.name, given, origin, rule }
    }

    pub fn data_dir(&self) -> PathBuf {
        PathBuf::from(self.get(DATA_DIR))
    }

    pub fn listen(&self) -> &str {
        self.get(LISTEN)
    }

    pub fn database_url(&self) -> Option<String> {
        Some(self.get(DATABASE_URL).to_owned()).filter(|url| !url.is_empty())
    }

    /// Both files or none: with one of them alone somebody forgot the other.
    pub fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        match (self.get(TLS_CERT), self.get(TLS_KEY)) {
            ("", "") => Ok(None),
            (_, "") => Err(self.bad(TLS_KEY, "tls_cert is given, so the file of its private key is needed too")),
            ("", _) => Err(self.bad(TLS_CERT, "tls_key is given, so the file of its certificate is needed too")),
            (certificate, key) => Ok(Some(TlsFiles { certificate: certificate.into(), key: key.into() })),
        }
    }

    pub fn pods(&self) -> Result<PodsKind, ConfigError> {
        match self.get(PODS) {
            "local" => Ok(PodsKind::Local),
            "process" => Ok(PodsKind::Process),
            _ => Err(self.bad(PODS, "it is local or process")),
        }
    }

    pub fn strict_limits(&self) -> Result<Strictness, ConfigError> {
        match self.get(STRICT_LIMITS) {
            "on" | "true" | "1" => Ok(Strictness::Required),
            "off" | "false" | "0" | "" => Ok(Strictness::BestEffort),
            _ => Err(self.bad(STRICT_LIMITS, "it is on or off")),
        }
    }

    pub fn allow_upstream(&self) -> Vec<String> {
        self.list(ALLOW_UPSTREAM)
    }

    pub fn egress_private(&self) -> Vec<String> {
        self.list(EGRESS_PRIVATE)
    }

    fn list(&self, setting: Setting) -> Vec<String> {
        let parts = self.get(setting).split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// Which lines are logged, as `tracing-subscriber` filters them.
    pub fn log(&self) -> &str {
        self.get(LOG)
    }

    pub fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.get(LOG_FORMAT) {
            "auto" => Ok(LogFormat::Auto),
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            _ => Err(self.bad(LOG_FORMAT, "it is human, json or auto")),
        }
    }

    pub fn initial_credits(&self) -> Result<i64, ConfigError> {
        let credits = self.get(INITIAL_CREDITS).parse().ok().filter(|credits: &i64| *credits >= 0);
        credits.ok_or_else(|| self.bad(INITIAL_CREDITS, "it is a whole number of credits, 0 or more"))
    }

    /// What a started minute of a pod costs.
    pub fn pod_minute(&self) -> Result<Micro, ConfigError> {
        let price = serde_json::from_str(self.get(POD_MINUTE_CREDITS)).ok();
        let price = price.filter(|price| (Micro(0)..=POD_MINUTE_MAX).contains(price));
        price.ok_or_else(|| self.bad(POD_MINUTE_CREDITS, "it is a number of credits, 0 to 1000"))
    }

    pub fn prices(&self) -> Option<PathBuf> {
        Some(self.get(PRICES)).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    pub fn event_history_days(&self) -> Result<i64, ConfigError> {
        let days = self.get(EVENT_HISTORY_DAYS).parse().ok().filter(|days| (1..=EVENT_HISTORY_DAYS_MAX).contains(days));
        days.ok_or_else(|| self.bad(EVENT_HISTORY_DAYS, "it is a whole number of days, 1 to 36500"))
    }

    /// How many tasks of an office may be open at once.
    pub fn open_tasks_max(&self) -> Result<i64, ConfigError> {
        let most = self.get(OPEN_TASKS_MAX).parse().ok().filter(|most: &i64| *most >= 1);
        most.ok_or_else(|| self.bad(OPEN_TASKS_MAX, "it is a whole number of tasks, 1 or more"))
    }

    /// How much an office's drive may hold.
    pub fn drive_bytes(&self) -> Result<u64, ConfigError> {
        let mib = self.get(DRIVE_MIB).parse().ok().filter(|mib| (1..=DRIVE_MIB_MAX).contains(mib));
        let mib = mib.ok_or_else(|| self.bad(DRIVE_MIB, "it is a whole number of MiB, 1 to 1073741824"))?;
        Ok(mib * BYTES_PER_MIB)
    }

    /// A provider's variable.
    pub fn provider_variable(&self, name: &str) -> Option<String> {
        self.providers.get(name).cloned()
    }

    pub fn show(&self) -> Vec<Shown> {
        let settings = SETTINGS.iter().map(|setting| {
            let (value, origin) = self.values.get(setting.name).cloned().unwrap_or((String::new(), Origin::Default));
            shown(setting, setting.name, Some(value), &origin.to_string())
        });
        let providers = PROVIDER_VARIABLES.iter().map(|setting| {
            let value = self.provider_variable(setting.variable);
            let origin = if value.is_some() { Origin::Environment } else { Origin::Default };
            shown(setting, setting.variable, value, &origin.to_string())
        });
        settings.chain(providers).collect()
    }
}

fn shown(setting: &Setting, name: &str, value: Option<String>, origin: &str) -> Shown {
    let value = value.filter(|value| !value.is_empty()).map(|value| match setting.openness {
        Openness::Open => without_password(&value),
        Openness::Secret => STARS.to_owned(),
    });
    Shown { name: name.to_owned(), value, origin: origin.to_owned(), variable: setting.variable }
}

/// An address may hold a name and a password.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let authority_ends = rest.find('/').unwrap_or(rest.len());
    match rest[..authority_ends].rfind('@') {
        Some(at) => format!("{scheme}://{STARS}{}", &rest[at..]),
        None => value.to_owned(),
    }
}

fn default_of(setting: &Setting, home: Option<&Path>) -> Result<String, ConfigError> {
    match setting.name {
        "data_dir" => {
            let home = home.ok_or(ConfigError::NoHome)?;
            Ok(home.join(DATA_FOLDER).display().to_string())
        }
        "initial_credits" => Ok(INITIAL_CREDITS_DEFAULT.to_string()),
        "event_history_days" => Ok(EVENT_HISTORY_DAYS_DEFAULT.to_string()),
        "open_tasks_max" => Ok(OPEN_TASKS_PER_OFFICE_MAX.to_string()),
        "drive_mib" => Ok((DRIVE_BYTES_DEFAULT / BYTES_PER_MIB).to_string()),
        _ => Ok(setting.default.to_owned()),
    }
}

fn read_file(home: Option<&Path>) -> Result<BTreeMap<String, String>, ConfigError> {
    let Some(path) = home.map(|home| home.join(FILE_NAME)) else { return Ok(BTreeMap::new()) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    // The parser's message quotes the line, which may hold a secret; its place is enough.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        ConfigError::File { path: path.clone(), what: format!("line {line}: {}", error.message()) }
    })?;
    let invalid = |what| ConfigError::File { path: path.clone(), what };
    table
        .into_iter()
        .map(|(name, value)| Ok((known(&name).map_err(invalid)?, text_of(&name, value).map_err(invalid)?)))
        .collect()
}

fn known(name: &str) -> Result<String, String> {
    if SETTINGS.iter().any(|setting| setting.name == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    Err(format!("there is no setting {name}; there are {}", names.join(", ")))
}

fn text_of(name: &str, value: toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(true) => Ok("on".to_owned()),
        toml::Value::Boolean(false) => Ok("off".to_owned()),
        toml::Value::Array(items) => {
            let texts: Result<Vec<String>, String> = items.into_iter().map(|item| text_of(name, item)).collect();
            Ok(texts?.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => {
            Err(format!("{name} is a text, a number, true or false, or a list of texts"))
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
