//! What a request wants to be kept secret, read and judged.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::catalogue::{Manifest, Secret};
use super::faults;
use crate::infra::fault::{self, Fault};

const SECRET_BYTES_MAX: usize = 32 * 1024;

/// Values by the manifest's own names. Has no `Debug` on purpose.
pub struct Wish {
    pub values: BTreeMap<String, Zeroizing<String>>,
    pub raw_keys: Option<bool>,
    pub check: Check,
}

/// Whether a provider of models is asked if it takes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Asked,
    Skipped,
}

/// `{key}`, `{NAME: …}` or `{data: {NAME: …}}`, and `rawKeys` beside any of them.
pub fn read(manifest: &Manifest, mut body: Map<String, Value>) -> Result<Wish, Fault> {
    let raw_keys = read_raw_keys(manifest, &mut body)?;
    let check = read_check(&mut body)?;
    let data = match body.remove("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data,
        Some(_) => return Err(fault::bad_request("data is an object of names and values")),
    };
    let mut values = BTreeMap::new();
    for (name, value) in body.into_iter().chain(data) {
        let secret = named(manifest, &name)?;
        let value = text(&name, value)?;
        if values.get(&secret.key).is_some_and(|known| *known != value) {
            return Err(faults::two_values(&secret.key));
        }
        values.insert(secret.key.clone(), value);
    }
    if values.is_empty() && raw_keys.is_none() {
        return Err(faults::nothing_to_set(manifest));
    }
    Ok(Wish { values, raw_keys, check })
}

fn read_check(body: &mut Map<String, Value>) -> Result<Check, Fault> {
    match body.remove("check") {
        None | Some(Value::Null | Value::Bool(true)) => Ok(Check::Asked),
        Some(Value::Bool(false)) => Ok(Check::Skipped),
        Some(_) => Err(fault::bad_request("check is true or false")),
    }
}

pub fn read_raw_keys(manifest: &Manifest, body: &mut Map<String, Value>) -> Result<Option<bool>, Fault> {
    let given = [body.remove("rawKeys"), body.remove("raw_keys")].into_iter().flatten().next();
    let wanted = match given {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Bool(wanted)) => wanted,
        Some(_) => return Err(fault::bad_request("rawKeys is true or false")),
    };
    if wanted && manifest.is_llm() {
        return Err(faults::model_keys_stay(manifest));
    }
    Ok(Some(wanted))
}

/// By its own name in either case, by a variable that carries it, or `key` where there is no doubt.
fn named<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a Secret, Fault> {
    if manifest.secrets.is_empty() {
        return Err(faults::needs_no_secret(manifest));
    }
    let carries = |secret: &&Secret| {
        secret.key.eq_ignore_ascii_case(name) || secret.env.iter().any(|env| env.eq_ignore_ascii_case(name))
    };
    if let Some(secret) = manifest.secrets.iter().find(carries) {
        return Ok(secret);
    }
    if name != "key" {
        return Err(faults::unknown_secret(manifest, name));
    }
    let mut required = manifest.required();
    match (required.next(), required.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(faults::which_secret(manifest)),
    }
}

/// Trimmed, since pasted keys end with line breaks.
fn text(name: &str, value: Value) -> Result<Zeroizing<String>, Fault> {
    let text = match value {
        Value::String(text) => Zeroizing::new(text),
        Value::Number(number) => Zeroizing::new(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(faults::no_text(name)),
    };
    let text = Zeroizing::new(text.trim().to_owned());
    if text.is_empty() {
        return Err(faults::no_text(name));
    }
    if text.len() > SECRET_BYTES_MAX {
        return Err(fault::too_long(&format!("the value of {name}"), SECRET_BYTES_MAX, "bytes"));
    }
    if text.contains('\0') {
        return Err(faults::value_with_nul(name));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrations::catalogue::catalogue;
    use mi_core::problem::Code;
    use serde_json::json;

    type Read = Result<(Vec<(String, String)>, Option<bool>), Code>;

    fn check(id: &str, body: Value) -> Read {
        let Value::Object(body) = body else { panic!("an object") };
        let wish = read(catalogue().find(id).unwrap(), body).map_err(|fault| fault.code)?;
        Ok((wish.values.into_iter().map(|(name, value)| (name, value.to_string())).collect(), wish.raw_keys))
    }

    fn set(pairs: &[(&str, &str)], raw_keys: Option<bool>) -> Read {
        Ok((pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), raw_keys))
    }

    #[test]
    fn all_forms_are_read() {
        let bad = || Err(Code::BadRequest);
        for (id, body, expected) in [
            ("github", json!({"key": "t"}), set(&[("GITHUB_TOKEN", "t")], None)),
            ("gh", json!({"GITHUB_TOKEN": " t\n"}), set(&[("GITHUB_TOKEN", "t")], None)),
            ("github", json!({"gh_token": "t"}), set(&[("GITHUB_TOKEN", "t")], None)),
            ("github", json!({"data": {"GITHUB_TOKEN": "t"}}), set(&[("GITHUB_TOKEN", "t")], None)),
            ("github", json!({"data": {"key": "t"}, "rawKeys": true}), set(&[("GITHUB_TOKEN", "t")], Some(true))),
            ("github", json!({"raw_keys": false}), set(&[], Some(false))),
            ("slack", json!({"key": "t"}), set(&[("SLACK_BOT_TOKEN", "t")], None)),
            ("whatsapp", json!({"WHATSAPP_PHONE_NUMBER_ID": 7}), set(&[("WHATSAPP_PHONE_NUMBER_ID", "7")], None)),
            ("whatsapp", json!({"key": "t"}), bad()),
            ("github", json!({"key": "t", "GITHUB_TOKEN": "t"}), set(&[("GITHUB_TOKEN", "t")], None)),
            ("github", json!({"key": "t", "GITHUB_TOKEN": "u"}), bad()),
            ("github", json!({"GITHUB_TOKEN": "t", "gh_token": "u"}), bad()),
            ("github", json!({"GITHUB_TOKEN": "t", "data": {"GITHUB_TOKEN": "u"}}), bad()),
            ("github", json!({}), bad()),
            ("github", json!({"GITHUB_TOKNE": "t"}), bad()),
            ("github", json!({"key": ""}), bad()),
            ("github", json!({"key": ["t"]}), bad()),
            ("github", json!({"key": "a\u{0}b"}), bad()),
            ("github", json!({"data": "t"}), bad()),
            ("github", json!({"key": "t", "rawKeys": "yes"}), bad()),
            ("chromium", json!({"key": "t"}), bad()),
            ("openai", json!({"key": "t", "rawKeys": true}), bad()),
            ("github", json!({"key": "t".repeat(SECRET_BYTES_MAX + 1)}), Err(Code::TooLong)),
        ] {
            assert_eq!(check(id, body.clone()), expected, "{id} {:.60}", body.to_string());
        }
    }
}
