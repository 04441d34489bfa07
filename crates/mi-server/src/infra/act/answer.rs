//! What an act answers: a status and a JSON body, kept for repeated requests.

use serde::Serialize;

use crate::infra::fault::{self, Fault};

/// A finished answer; the body is JSON text, or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// For lists: how many there are in all.
    pub total: Option<i64>,
}

impl Answer {
    fn json<T: Serialize>(status: u16, value: &T) -> Result<Self, Fault> {
        let body = serde_json::to_string(value).map_err(fault::internal)?;
        Ok(Self { status, body, total: None })
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
        Self { status: 204, body: String::new(), total: None }
    }

    /// `{"ok": true}`
    pub fn done() -> Self {
        Self { status: 200, body: r#"{"ok":true}"#.to_owned(), total: None }
    }
}
