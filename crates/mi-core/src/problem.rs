//! Every error that a client can meet: its code, its status, what it means.
//!
//! The server makes problems only through this table; `docs/problems/` has a
//! page for each code, OpenAPI lists them, and the CLI picks its exit code here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A sentence for a person.
    pub error: String,
    /// `snake_case`, for a program.
    pub code: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default)]
    pub request_id: String,
    /// The caller's claim is gone: it must stop working on the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must_stop: Option<bool>,
    /// The server's time in unix seconds, for a caller whose own is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
}

macro_rules! codes {
    ($($name:ident => $status:literal $code:literal $meaning:literal;)*) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($name),* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status),* }
            }

            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }

            /// One sentence for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning),* }
            }
        }
    };
}

codes! {
    BadRequest => 400 "bad_request" "The request can't be read: broken JSON, a wrong type, a missing field.";
    BadPath => 400 "bad_path" "A file name that is not relative, leaves the drive, or holds forbidden characters.";
    BadName => 400 "bad_name" "A name that breaks the rule for names.";
    ReservedName => 400 "reserved_name" "An agent name that already stands for somebody else.";
    ReservedKey => 400 "reserved_key" "An environment variable that belongs to the platform.";
    TooLong => 400 "too_long" "A text or list over its limit.";
    ResultRequired => 400 "result_required" "A task was reported done without a result.";
    ReasonRequired => 400 "reason_required" "A move that needs a reason came without one.";
    UnknownDependency => 400 "unknown_dependency" "A task depends on one that doesn't exist.";
    UnknownAgent => 400 "unknown_agent" "A body names an agent that doesn't exist in this office.";
    UnknownParent => 400 "unknown_parent" "A task names a parent that doesn't exist.";
    DependencyCycle => 400 "dependency_cycle" "Tasks would wait for each other in a circle.";
    SubtaskTooDeep => 400 "subtask_too_deep" "Subtasks nest deeper than the limit.";
    BadSchedule => 400 "bad_schedule" "A schedule's time or time zone can't be read, or never comes.";
    DigestMismatch => 400 "digest_mismatch" "The bytes received don't have the digest announced; nothing was stored.";
    BadBundle => 400 "bad_bundle" "A bundle of an agent's state is not one; nothing of it was kept.";
    UnknownProvider => 400 "unknown_provider" "A model provider that this server doesn't know.";
    UnknownHarness => 400 "unknown_harness" "A harness that this server doesn't know.";
    CommandRequired => 400 "command_required" "The harness `command` was chosen without a command.";
    KeyRefused => 400 "key_refused" "The provider of models doesn't take the key; nothing was stored.";
    Unauthenticated => 401 "unauthenticated" "No valid credential came with the request.";
    KeyExpired => 401 "key_expired" "The key's time is over.";
    KeyRevoked => 401 "key_revoked" "The key was revoked.";
    BadSignature => 401 "bad_signature" "The signature is not one of this agent's over this request.";
    TimestampOutOfRange => 401 "timestamp_out_of_range" "The signature's time is not the server's; the answer says what time it is there.";
    Replayed => 401 "replayed" "The signed request was here before, and counts once.";
    WrongPod => 401 "wrong_pod" "A credential was used through the socket of another agent's pod.";
    OutOfCredits => 402 "out_of_credits" "The office has no credits left.";
    BudgetExhausted => 402 "budget_exhausted" "A model call may cost more than is left of the budget of its agent or its task.";
    NoAccess => 403 "no_access" "The office belongs to somebody else.";
    EgressDenied => 403 "egress_denied" "A pod may not go there: its office's egress doesn't allow it, or the place is the server's own.";
    OperatorOnly => 403 "operator_only" "Only an operator of the office may do this.";
    OwnerOnly => 403 "owner_only" "Only the owner of the office may do this.";
    NotYou => 403 "not_you" "An agent tried to act in another agent's name.";
    ForeignOrigin => 403 "foreign_origin" "A web page of another site tried to use this address.";
    ScopedKey => 403 "scoped_key" "A key for some offices only was used for what needs a whole key.";
    LoginRefused => 403 "login_refused" "Somebody looked at the login and said no.";
    NotFromAPod => 403 "not_from_a_pod" "This is for those outside; an agent in a pod is already in its office.";
    NotTheClaimer => 403 "not_the_claimer" "Only the agent that holds the task, or an operator, may move it.";
    NotYours => 403 "not_yours" "An agent may change only tasks that it created, holds or is assigned to, and agents that it hired.";
    SelfReview => 403 "self_review" "Nobody verifies work in which they had a hand.";
    AgentHiringDisabled => 403 "agent_hiring_disabled" "The office doesn't let agents hire.";
    HireLimitReached => 403 "hire_limit_reached" "The office has as many agents as it may have.";
    NoSuchOffice => 404 "no_such_office" "There is no office with this id.";
    NoSuchAgent => 404 "no_such_agent" "There is no agent with this name in the office.";
    NoSuchTask => 404 "no_such_task" "There is no task with this number in the office.";
    NoSuchFile => 404 "no_such_file" "There is no file with this name on the drive.";
    NoSuchSession => 404 "no_such_session" "There is no session with this number in the office.";
    NoSuchSchedule => 404 "no_such_schedule" "There is no schedule with this name or id in the office.";
    NoSuchGroup => 404 "no_such_group" "There is no group with this id in the office, or the caller is not in it.";
    NoSuchTransfer => 404 "no_such_transfer" "There is no transfer with this id that the caller may see.";
    NoSuchBackup => 404 "no_such_backup" "There is no backup with this id in the office, or it is not of this agent.";
    NoSuchWebhook => 404 "no_such_webhook" "There is no webhook with this number in the office.";
    NoSuchDelivery => 404 "no_such_delivery" "The webhook has no delivery with this number, or it was pruned.";
    NoSuchKey => 404 "no_such_key" "There is no environment variable with this name.";
    NoSuchIntegration => 404 "no_such_integration" "The catalogue has no integration of this name.";
    NoSuchApiKey => 404 "no_such_api_key" "You have no API key with this id.";
    NoSuchMember => 404 "no_such_member" "Nobody of this name or id works in the office.";
    NoSuchLogin => 404 "no_such_login" "The login is unknown, expired or used.";
    InvalidCode => 404 "invalid_code" "The code is wrong, expired, revoked or used; which of these is not told.";
    NoSuchInvite => 404 "no_such_invite" "The office has no invite with this number or code.";
    NoSuchApplication => 404 "no_such_application" "There is no application with this number or token.";
    NoSuchTerminal => 404 "no_such_terminal" "Nobody waits for this terminal any more.";
    NoSuchRoute => 404 "no_such_route" "There is nothing at this address.";
    MethodNotAllowed => 405 "method_not_allowed" "The address exists, but not for this method.";
    RequestTimeout => 408 "request_timeout" "The request took longer than the server waits.";
    AgentExists => 409 "agent_exists" "An agent with that name already exists in the office.";
    AgentArchived => 409 "agent_archived" "The agent is archived: it has to be restored first.";
    AgentNotStopped => 409 "agent_not_stopped" "An agent's workspace can't be replaced while a pod may have it open.";
    BackupFailed => 409 "backup_failed" "The workspace can't be backed up, so nothing was done.";
    BackupTooLarge => 409 "backup_too_large" "The workspace is larger than a backup may be, so nothing was done.";
    BackupDamaged => 409 "backup_damaged" "The archive is not as it was written; nothing was restored.";
    TransferOver => 409 "transfer_over" "The transfer takes no state any more.";
    WrongAgentKind => 409 "wrong_agent_kind" "The act is for agents of the other kind: hosted here, or living elsewhere.";
    WrongInviteType => 409 "wrong_invite_type" "An invite for a person was used for an agent, or the other way round.";
    NoOffice => 409 "no_office" "The office that the invite was for is gone.";
    TooManyInvites => 409 "too_many_invites" "The office has as many live invites as it may have.";
    AlreadyDecided => 409 "already_decided" "Somebody has decided on this before, or its time is over.";
    IllegalTransition => 409 "illegal_transition" "The task's status doesn't allow this move.";
    StaleClaim => 409 "stale_claim" "The claim is no longer the live one; whoever holds it must stop.";
    NotClaimable => 409 "not_claimable" "The task that was asked for can't be claimed now.";
    TaskHeld => 409 "task_held" "A task can't be edited while an agent holds it.";
    ChecksPending => 409 "checks_pending" "The task's checks have not passed, and an agent's word doesn't replace them.";
    SubtasksOpen => 409 "subtasks_open" "A task can't be done while its subtasks are open.";
    ParentCancelled => 409 "parent_cancelled" "A cancelled task takes no subtasks.";
    VerdictRequired => 409 "verdict_required" "A review can't be done before it has judged the task that it is about.";
    NoSuchLateResult => 404 "no_such_late_result" "The task has no late result with this number.";
    DependentsStarted => 409 "dependents_started" "Work that builds on this task has already started.";
    PublicKeyTaken => 409 "public_key_taken" "The public key is another agent's, or was given up before.";
    TaskNameTaken => 409 "task_name_taken" "Another task of the office already has this name.";
    ScheduleExists => 409 "schedule_exists" "A schedule with that name already exists in the office.";
    TooManySchedules => 409 "too_many_schedules" "The office has as many schedules as it may have.";
    TooManyWebhooks => 409 "too_many_webhooks" "The office has as many webhooks as it may have.";
    UserExists => 409 "user_exists" "Somebody on this server already has this name.";
    MemberExists => 409 "member_exists" "This person already works in the office.";
    LastOwner => 409 "last_owner" "An office always has its owner.";
    TooManyMembers => 409 "too_many_members" "As many colleagues work in the office as may.";
    TooManyApiKeys => 409 "too_many_api_keys" "You have as many API keys as one person may have.";
    TooManyOpenTasks => 409 "too_many_open_tasks" "The office has as many open tasks as it may have.";
    PodNotRunning => 409 "pod_not_running" "The agent's pod doesn't run, so nothing can be run in it.";
    TerminalBusy => 409 "terminal_busy" "Somebody else has a terminal in the agent's pod; there is one at a time.";
    Superseded => 409 "superseded" "A newer runner of this agent has taken over; this one must stop.";
    NotAFile => 409 "not_a_file" "Something that is no regular file stands at this name on the drive.";
    BodyTooLarge => 413 "body_too_large" "The body is over the limit for this route.";
    UnsupportedMediaType => 415 "unsupported_media_type" "The body is of another type than this route reads.";
    RangeNotSatisfiable => 416 "range_not_satisfiable" "The range lies outside the file.";
    IdempotencyKeyReused => 422 "idempotency_key_reused" "The same Idempotency-Key came with another request.";
    UpgradeRequired => 426 "upgrade_required" "The address is for connections that become a terminal.";
    ClaimRequired => 428 "claim_required" "A write of an attempt came without its claim token.";
    HireRateLimited => 429 "hire_rate_limited" "The office hired as many agents as it may in this time.";
    RateLimited => 429 "rate_limited" "Too many requests in this time.";
    ProviderQuota => 429 "provider_quota" "The model provider takes no calls of this office for a while; none is sent until then.";
    Internal => 500 "internal" "The server failed; the cause stands in its log under the request id.";
    UpstreamFailed => 502 "upstream_failed" "The model provider can't be reached or broke off.";
    NoModelKey => 503 "no_model_key" "There is no key for this model provider, or the provider refused the one there is.";
    DriveFull => 507 "drive_full" "The disk of the server is full; nothing was stored.";
    Busy => 503 "busy" "The server is at a limit for a moment.";
    PodSilent => 503 "pod_silent" "The runner in the agent's pod didn't come in time.";
    Draining => 503 "draining" "The server is shutting down and takes no new work.";
    NotReady => 503 "not_ready" "A part of the server can't do its work.";
}

impl Code {
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_parse_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
    }
}
