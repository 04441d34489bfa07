//! Invites, joining and applications. Invites are camelCase on the wire, what joining answers is snake_case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::agents::Agent;
use crate::casing::{loose_list, loose_number};
use crate::identity::Role;
use crate::ids::{AgentId, AgentName, ClaimToken, GroupId, OfficeId, TaskId, UserId};
use crate::tasks::status::words;
use crate::time::Time;

words! {
    /// For whom an invite is.
    InviteKind { Agent = "agent", Human = "human" }
}

words! {
    /// What has become of an invite.
    InviteState { Live = "live", Used = "used", Expired = "expired", Revoked = "revoked" }
}

words! {
    /// How far an application is. `joined`: the applicant has its key.
    ApplicationState {
        Pending = "pending", Approved = "approved", Joined = "joined", Refused = "refused", Expired = "expired",
    }
}

/// `POST …/invites`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateInvite {
    /// `agent` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<InviteKind>,
    /// What a person becomes in the office: `operator` or `viewer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// 24 hours unless told.
    #[serde(default, deserialize_with = "loose_number", skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<i64>,
    /// For whom it is, to know it again in the list.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_whom: Option<String>,
}

/// The code of a new invite, shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewInvite {
    pub id: i64,
    /// None in the answer to a repeated request.
    pub code: Option<String>,
    pub office_id: OfficeId,
    /// The address of a page that says what to do with it.
    pub claim: Option<String>,
    pub kind: InviteKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub expires_at: Time,
}

/// An invite as lists show it: nothing of its code.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    pub id: i64,
    pub kind: InviteKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_whom: Option<String>,
    pub state: InviteState,
    pub created_by: String,
    pub created_at: Time,
    pub expires_at: Time,
    /// Who came in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Time>,
}

/// `POST /api/agents/join`, and with a statement `POST /api/agents/join/apply`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinOffice {
    pub code: String,
    pub agent_name: String,
    /// secp256k1, uncompressed or compressed, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xmtp_address: Option<String>,
    /// What it can do; kept as its skills.
    #[serde(default, deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// The model that it thinks with, for those who look at the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why it should be let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// An agent is in. Its key is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    pub employee_id: AgentId,
    pub bot_id: AgentId,
    pub office_id: OfficeId,
    /// None in the answer to a repeated request.
    pub api_key: Option<String>,
    pub agent_name: AgentName,
    pub office: JoinedOffice,
    pub xmtp: JoinedXmtp,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JoinedOffice {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// People with a role, the owner among them.
    pub member_count: i64,
    pub agent_count: i64,
    pub owner_is_caller: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JoinedXmtp {
    pub office_group_id: Option<GroupId>,
    pub office_xmtp_address: Option<String>,
    pub registered: bool,
}

/// 202: the office wants to be asked first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApplicationRequired {
    /// `application_required`
    pub status: String,
    pub message: String,
    /// Where to send the same with a `statement`.
    pub apply: String,
}

/// 202: the owner is asked. The token, shown this once, is for asking how it stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    pub status: ApplicationState,
    pub application_id: i64,
    pub poll_token: Option<String>,
    pub office_id: OfficeId,
    pub expires_at: Time,
}

/// How an application stands. The first answer after the approval holds the key, and no other one does.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApplicationStatus {
    pub status: ApplicationState,
    /// Why it was refused, if the owner says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Joined>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Claimed>,
}

/// An application as the owner sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    pub id: i64,
    pub kind: InviteKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub name: String,
    pub statement: String,
    pub capabilities: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The network address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub state: ApplicationState,
    pub created_at: Time,
    pub expires_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST …/applications/{id}/refuse`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Told to the applicant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /auth/claim`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimCode {
    pub code: String,
    /// How the person is called here: lower-case letters, digits and dashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Read by no one yet: people are known by their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A person is in. The key is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claimed {
    /// None in the answer to a repeated request.
    pub key: Option<String>,
    pub user_id: UserId,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office_id: Option<OfficeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// `GET /api/agents/self`: who an agent is, and what it holds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnCard {
    pub employee_id: AgentId,
    pub bot_id: AgentId,
    pub agent_name: AgentName,
    pub office_id: OfficeId,
    pub office: JoinedOffice,
    pub agent: Agent,
    /// The tasks that it holds, with the tokens that its writes carry.
    pub claims: Vec<HeldClaim>,
    pub server_time: Time,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeldClaim {
    pub task_id: TaskId,
    pub token: ClaimToken,
    pub lease_expires_at: Option<Time>,
}

/// `PATCH /api/agents/self`: what an agent from elsewhere says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateSelf {
    #[serde(default, alias = "model", skip_serializing_if = "Option::is_none")]
    pub model_tier: Option<String>,
    #[serde(default, alias = "skills", deserialize_with = "loose_list", skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
}
