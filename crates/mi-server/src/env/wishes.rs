//! What a request wants of the environment, read and judged.

use std::collections::BTreeMap;

use mi_core::casing::camel_keys;
use mi_core::ids::excerpt;
use mi_core::wire::env::{is_env_key, is_reserved_env_key};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::faults;
use crate::infra::fault::{self, Fault};

pub const ENV_VALUE_BYTES_MAX: usize = 32 * 1024;

/// Variables to set, all good, and whose they are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub whose: Whose,
    pub variables: BTreeMap<String, String>,
}

/// An agent comes by name; the store knows it by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Office,
    Agent(String),
}

/// `scope` and `agentName`, in a body or a query.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    scope: Option<String>,
    agent_name: Option<String>,
}

impl Address {
    pub fn whose(self) -> Result<Whose, Fault> {
        match (self.scope.as_deref(), self.agent_name) {
            (None | Some("agent"), Some(name)) => Ok(Whose::Agent(name)),
            (None | Some("office" | "colony"), None) => Ok(Whose::Office),
            (Some("office" | "colony"), Some(_)) => {
                Err(fault::bad_request("a variable of the office's scope names no agent"))
            }
            (Some("agent"), None) => Err(fault::bad_request("a variable of an agent's scope needs agentName")),
            (Some(other), _) => {
                Err(fault::bad_request(format!("scope is `office` or `agent`, not {:?}", excerpt(other))))
            }
        }
    }
}

/// `{key, value, scope?, agentName?}`, or a map of variables of the office.
pub fn read(body: Map<String, Value>) -> Result<Wish, Fault> {
    if !(body.contains_key("key") && body.contains_key("value")) {
        let variables = body.into_iter().map(|(key, value)| Ok((key.clone(), text(&key, value)?)));
        return checked(Whose::Office, variables.collect::<Result<_, Fault>>()?);
    }
    let mut body = camel_keys(body);
    let key = match body.remove("key") {
        Some(Value::String(key)) => key,
        Some(_) | None => return Err(fault::bad_request("key is a text")),
    };
    let value = text(&key, body.remove("value").unwrap_or_default())?;
    let address: Address = serde_json::from_value(Value::Object(body))
        .map_err(|error| fault::bad_request(format!("the body can't be read: {error}")))?;
    checked(address.whose()?, BTreeMap::from([(key, value)]))
}

/// `{value}` for one variable of an agent.
pub fn read_one(agent: &str, key: &str, mut body: Map<String, Value>) -> Result<Wish, Fault> {
    let value = text(key, body.remove("value").unwrap_or_default())?;
    checked(Whose::Agent(agent.to_owned()), BTreeMap::from([(key.to_owned(), value)]))
}

/// Numbers and truth values are what people forget to quote.
fn text(key: &str, value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(faults::no_value(key)),
    }
}

fn checked(whose: Whose, variables: BTreeMap<String, String>) -> Result<Wish, Fault> {
    if variables.is_empty() {
        return Err(fault::bad_request("the body names no variable").hint("send {\"key\": …, \"value\": …}"));
    }
    check(&variables)?;
    Ok(Wish { whose, variables })
}

/// Names and values that an environment can carry and that aren't the platform's own.
pub fn check(variables: &BTreeMap<String, String>) -> Result<(), Fault> {
    for (key, value) in variables {
        if !is_env_key(key) {
            return Err(faults::bad_key(key));
        }
        if is_reserved_env_key(key) {
            return Err(faults::reserved_key(key));
        }
        if value.len() > ENV_VALUE_BYTES_MAX {
            return Err(fault::too_long(&format!("the value of {key}"), ENV_VALUE_BYTES_MAX, "bytes"));
        }
        if value.contains('\0') {
            return Err(faults::value_with_nul(key));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mi_core::problem::Code;
    use serde_json::json;

    fn wish(body: Value) -> Result<Wish, Code> {
        let Value::Object(body) = body else { panic!("an object") };
        read(body).map_err(|fault| fault.code)
    }

    fn of(whose: Whose, pairs: &[(&str, &str)]) -> Result<Wish, Code> {
        let variables = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Ok(Wish { whose, variables })
    }

    #[test]
    fn both_shapes_are_read() {
        let agent = || Whose::Agent("ada".to_owned());
        for (body, expect) in [
            (json!({"key": "A", "value": "1"}), of(Whose::Office, &[("A", "1")])),
            (json!({"key": "A", "value": 1, "agent_name": "ada"}), of(agent(), &[("A", "1")])),
            (json!({"key": "A", "value": "", "scope": "agent", "agentName": "ada"}), of(agent(), &[("A", "")])),
            (json!({"MY_KEY": "x", "B": true}), of(Whose::Office, &[("B", "true"), ("MY_KEY", "x")])),
            (json!({"key": "x"}), of(Whose::Office, &[("key", "x")])),
            (json!({}), Err(Code::BadRequest)),
            (json!({"key": "A", "value": null}), Err(Code::BadRequest)),
            (json!({"key": 1, "value": "x"}), Err(Code::BadRequest)),
            (json!({"A": ["x"]}), Err(Code::BadRequest)),
            (json!({"1A": "x"}), Err(Code::BadRequest)),
            (json!({"A B": "x"}), Err(Code::BadRequest)),
            (json!({"A": "x\u{0}"}), Err(Code::BadRequest)),
            (json!({"PATH": "x"}), Err(Code::ReservedKey)),
            (json!({"LD_PRELOAD": "x"}), Err(Code::ReservedKey)),
            (json!({"ok": "x", "MI_CLAIM": "x"}), Err(Code::ReservedKey)),
            (json!({"A": "x".repeat(ENV_VALUE_BYTES_MAX + 1)}), Err(Code::TooLong)),
            (json!({"key": "A", "value": "x", "scope": "agent"}), Err(Code::BadRequest)),
            (json!({"key": "A", "value": "x", "scope": "office", "agentName": "ada"}), Err(Code::BadRequest)),
            (json!({"key": "A", "value": "x", "scope": "world"}), Err(Code::BadRequest)),
        ] {
            assert_eq!(wish(body.clone()), expect, "{}", body.to_string().chars().take(80).collect::<String>());
        }
    }
}
