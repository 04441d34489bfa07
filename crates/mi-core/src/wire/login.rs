//! How a terminal gets a key: it shows a code, and somebody says yes in a browser. snake_case on the wire (RFC 8628).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::UserId;
use crate::time::Time;

/// `POST /auth/device`
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BeginLogin {
    /// Who asks, as the page shows it; the key is called so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
}

/// A login that waits for a yes.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginBegun {
    /// For the terminal alone: with it the key is fetched.
    pub device_code: String,
    /// For the person: shown in the terminal and on the page.
    pub user_code: String,
    /// Where the yes is said.
    pub verification_url: String,
    /// Seconds between two questions.
    pub interval: u64,
    /// Seconds until it is over.
    pub expires_in: i64,
}

/// `POST /auth/device/token`
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollLogin {
    pub device_code: String,
}

/// Whether somebody has said yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginState {
    Pending,
    Approved,
}

/// The key comes once, with `approved`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginAnswer {
    pub status: LoginState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `POST /auth/link`: signs one browser in, once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginLink {
    /// To be opened on the server's address.
    pub path: String,
    pub expires_at: Time,
}
