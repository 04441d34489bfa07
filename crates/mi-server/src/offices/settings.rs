//! How a change is merged into an office's settings.

use mi_core::casing::camel_keys;
use mi_core::egress;
use mi_core::wire::offices::Settings;
use serde_json::{Map, Value};

use super::faults;
use crate::gateway::choice;
use crate::infra::fault::{self, Fault};

/// Unknown keys are kept, so their sum needs a limit.
const SETTINGS_BYTES_MAX: usize = 64 * 1024;
const HIRE_LIMIT: &str = "hireLimit";

/// `change` laid over `now`, key by key; null sets a known key back to its default and removes an unknown one.
pub fn merged(now: &Settings, change: Map<String, Value>) -> Result<Settings, Fault> {
    let known = object(&Settings::default())?;
    let mut all = object(now)?;
    for (key, value) in change {
        let key = known_name(&known, key);
        match value {
            Value::Null => {
                all.remove(&key);
            }
            Value::Object(limit) if key == HIRE_LIMIT => merge_into(&mut all, limit),
            other => {
                all.insert(key, other);
            }
        }
    }
    let settings = check(all)?;
    // What an earlier version took as it came stands in nobody's way.
    if settings.egress != now.egress {
        egress::check(&settings.egress).map_err(faults::bad_egress)?;
    }
    if settings.fallback_models != now.fallback_models {
        settings.fallback_models.iter().try_for_each(|text| choice::check_fallback(text))?;
    }
    Ok(settings)
}

fn check(all: Map<String, Value>) -> Result<Settings, Fault> {
    let settings: Settings = serde_json::from_value(Value::Object(all))
        .map_err(|error| fault::bad_request(format!("the settings can't be read: {error}")))?;
    if let Some(sentence) = settings.fault() {
        return Err(fault::bad_request(sentence));
    }
    if text(&settings)?.len() > SETTINGS_BYTES_MAX {
        return Err(fault::too_long("the settings", SETTINGS_BYTES_MAX, "bytes"));
    }
    Ok(settings)
}

/// As the store keeps them.
pub fn text(settings: &Settings) -> Result<String, Fault> {
    serde_json::to_string(settings).map_err(fault::internal)
}

fn object(settings: &Settings) -> Result<Map<String, Value>, Fault> {
    match serde_json::to_value(settings).map_err(fault::internal)? {
        Value::Object(object) => Ok(object),
        other => Err(fault::internal(format!("settings became {other}"))),
    }
}

/// `max_agents` is `maxAgents`; a key that isn't ours stays as it came.
fn known_name(known: &Map<String, Value>, key: String) -> String {
    let camel = camel_keys(Map::from_iter([(key.clone(), Value::Null)]));
    camel.into_iter().map(|(name, _)| name).find(|name| known.contains_key(name)).unwrap_or(key)
}

fn merge_into(all: &mut Map<String, Value>, limit: Map<String, Value>) {
    let slot = all.entry(HIRE_LIMIT).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(current) = slot else { return };
    for (key, value) in camel_keys(limit) {
        if value.is_null() {
            current.remove(&key);
        } else {
            current.insert(key, value);
        }
    }
}
