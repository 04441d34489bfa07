//! Webhooks: camelCase on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::casing::loose_list;
use crate::time::Time;

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateWebhook {
    /// http or https; called with POST.
    pub url: String,
    /// Categories (`task`), types (`tasks.update`) or their beginnings (`tasks.*`); everything unless told.
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// With which deliveries are signed; made unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

crate::tasks::status::words! {
    WebhookStatus { Active = "active", Disabled = "disabled" }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub id: i64,
    pub url: String,
    /// Empty: everything.
    pub events: Vec<String>,
    pub status: WebhookStatus,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last event that it was told of, or that doesn't concern it.
    pub cursor: i64,
    pub created_at: Time,
    /// Shown once, where it was made and not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

crate::tasks::status::words! {
    DeliveryState { Pending = "pending", Delivered = "delivered", GivenUp = "given_up" }
}

crate::tasks::status::words! {
    DeliveryCause { Event = "event", Redelivery = "redelivery", Test = "test" }
}

/// What became of telling a webhook of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Rises by one in the webhook.
    pub n: i64,
    /// `X-Mi-Delivery`: the same in each attempt.
    pub delivery: String,
    /// The event's `seq`; none for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<i64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub cause: DeliveryCause,
    pub state: DeliveryState,
    pub attempts: i64,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Time>,
    /// What the receiver answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    pub created_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
}
