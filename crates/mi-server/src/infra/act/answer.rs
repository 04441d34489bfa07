//! What an act answers: a status and a JSON body, kept for repeated requests.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::infra::fault::{self, Fault};

/// A finished answer; the body is JSON text, or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// For lists: how many there are in all.
    pub total: Option<i64>,
    /// Fields of the body that are shown this once.
    pub secrets: &'static [&'static str],
}

impl Answer {
    fn json<T: Serialize>(status: u16, value: &T) -> Result<Self, Fault> {
        let body = serde_json::to_string(value).map_err(fault::internal)?;
        Ok(Self { body, ..Self::empty(status) })
    }

    /// Without a body.
    pub const fn empty(status: u16) -> Self {
        Self { status, body: String::new(), total: None, secrets: &[] }
    }

    /// These fields of the body are secrets: a repeated request is answered without them.
    pub fn showing_once(self, secrets: &'static [&'static str]) -> Self {
        Self { secrets, ..self }
    }

    /// What is kept for repeated requests: secrets are null, and `shown_once` says why.
    pub fn without_secrets(&self) -> Result<String, Fault> {
        if self.secrets.is_empty() {
            return Ok(self.body.clone());
        }
        let mut object: Map<String, Value> = serde_json::from_str(&self.body).map_err(fault::internal)?;
        for name in self.secrets {
            object.insert((*name).to_owned(), Value::Null);
        }
        object.insert("shown_once".to_owned(), Value::Bool(true));
        serde_json::to_string(&object).map_err(fault::internal)
    }

    pub fn ok<T: Serialize>(value: &T) -> Result<Self, Fault> {
        Self::json(200, value)
    }

    pub fn created<T: Serialize>(value: &T) -> Result<Self, Fault> {
        Self::json(201, value)
    }

    pub fn list<T: Serialize>(items: &[T], total: i64) -> Result<Self, Fault> {
        Ok(Self { total: Some(total), ..Self::json(200, &items)? })
    }

    pub fn nothing() -> Self {
        Self::empty(204)
    }

    /// `{"ok": true}`
    pub fn done() -> Self {
        Self { body: r#"{"ok":true}"#.to_owned(), ..Self::empty(200) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_kept_out_of_what_is_kept() {
        let answer = Answer::created(&json!({"id": 7, "key": "mi_secret"})).unwrap().showing_once(&["key"]);
        assert!(answer.body.contains("mi_secret"), "shown this once");
        let kept: Value = serde_json::from_str(&answer.without_secrets().unwrap()).unwrap();
        assert_eq!(kept, json!({"id": 7, "key": null, "shown_once": true}));
        let plain = Answer::ok(&json!({"id": 7})).unwrap();
        assert_eq!(plain.without_secrets().unwrap(), plain.body);
    }
}
