//! `mi tasks update TASK`, `tq update [TASK]`.

use clap::Args;
use mi_client::Client;
use mi_core::checks::Check;
use mi_core::credits::Ceiling;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::moment::Moment;
use mi_core::tasks::status::{BlockedKind, Status};
use mi_core::time::Time;
use mi_core::wire::tasks::UpdateTask;

use super::checks;
use crate::args::{ClaimArg, ColonyArg, ceiling, moment, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

use super::times::time_or_length;

#[derive(Args)]
pub struct UpdateArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[command(flatten)]
    colony: ColonyArg,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    claim: ClaimArg,
}

#[derive(Args, Default)]
#[group(required = true, multiple = true, id = "changes")]
pub struct Changes {
    /// Where it goes; `done` needs a result, `failed` an error, `blocked` a reason
    #[arg(long, value_parser = one_of!(Status))]
    status: Option<Status>,
    /// What was accomplished
    #[arg(long, conflicts_with = "result_file", allow_hyphen_values = true)]
    result: Option<String>,
    /// The same, from a file; `-` is stdin
    #[arg(long, alias = "resultFile", value_name = "FILE", allow_hyphen_values = true)]
    result_file: Option<String>,
    /// Why it failed
    #[arg(long, allow_hyphen_values = true)]
    error: Option<String>,
    /// Why it is moved
    #[arg(long, allow_hyphen_values = true)]
    reason: Option<String>,
    /// What it waits for: of these, an operator's comment ends only `needs_input` [default: other]
    #[arg(long = "blockedKind", visible_alias = "blocked-kind", value_parser = one_of!(BlockedKind))]
    blocked_kind: Option<BlockedKind>,
    /// The integration that it waits for
    #[arg(long = "integrationId", visible_alias = "integration-id", value_name = "ID")]
    integration_id: Option<String>,
    /// When the provider takes calls again, with --blocked-kind quota (RFC 3339) [default: in an hour]
    #[arg(long = "blockedUntil", visible_alias = "blocked-until", value_name = "TIME", value_parser = moment)]
    blocked_until: Option<Time>,
    /// Who does it
    #[arg(long = "assignedAgent", visible_alias = "assigned-agent", value_name = "NAME")]
    assigned_agent: Option<String>,
    /// 0 critical, 50 normal, 100 low
    #[arg(long, value_name = "0-100")]
    priority: Option<i64>,
    #[arg(long)]
    title: Option<String>,
    /// `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    description: Option<String>,
    /// All tasks that come first, comma-separated
    #[arg(long = "dependsOn", visible_alias = "depends-on", value_name = "TASK", value_delimiter = ',')]
    depends_on: Option<Vec<TaskId>>,
    /// All integrations that it needs, comma-separated
    #[arg(long = "requiredTools", visible_alias = "required-tools", value_name = "TOOL", value_delimiter = ',')]
    required_tools: Option<Vec<String>>,
    /// Offer it no earlier: 2026-04-27T09:30:00Z, or so long from now: +2h; `never` takes it away
    #[arg(long = "notBefore", visible_alias = "not-before", value_name = "TIME|+LENGTH", value_parser = time_or_length)]
    not_before: Option<Moment>,
    /// When it should be finished; `never` takes it away
    #[arg(long, value_name = "TIME|+LENGTH", value_parser = time_or_length)]
    deadline: Option<Moment>,
    /// Credits that it and everything below it may spend on models; `none` takes the limit away
    #[arg(long, value_name = "CREDITS", value_parser = ceiling, allow_hyphen_values = true)]
    budget: Option<Ceiling>,
    /// What the server checks when `done` is reported, in place of what it checks now; may be repeated
    #[arg(
        long = "check",
        value_name = "CHECK",
        value_parser = checks::read,
        allow_hyphen_values = true,
        long_help = checks::LONG_HELP
    )]
    checks: Option<Vec<Check>>,
    /// Drop all its checks
    #[arg(long, conflicts_with = "checks")]
    no_checks: bool,
}

impl Changes {
    pub fn done(result: String) -> Self {
        Self { status: Some(Status::Done), result: Some(result), ..Self::default() }
    }

    pub fn release(reason: Option<String>) -> Self {
        Self { status: Some(Status::Queued), reason, ..Self::default() }
    }
}

pub async fn run(desk: &mut Desk, args: UpdateArgs) -> Result<(), Fault> {
    desk.set_claim(args.claim.claim);
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    update(desk, &client, office, args.id, args.changes).await
}

pub async fn update(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    id: TaskId,
    changes: Changes,
) -> Result<(), Fault> {
    let result = match changes.result_file {
        Some(file) => Some(desk.file_text(&file)?),
        None => changes.result,
    };
    let checks = if changes.no_checks { Some(Vec::new()) } else { changes.checks };
    let update = UpdateTask {
        status: changes.status,
        result,
        error: changes.error,
        reason: changes.reason,
        blocked_kind: changes.blocked_kind,
        integration_id: changes.integration_id,
        blocked_until: changes.blocked_until,
        assigned_agent: changes.assigned_agent,
        priority: changes.priority,
        title: changes.title,
        description: changes.description.map(|given| desk.text_or_file(&given)).transpose()?,
        depends_on: changes.depends_on.map(|ids| ids.iter().map(TaskId::to_string).collect()),
        required_tools: changes.required_tools,
        budget: changes.budget,
        not_before: changes.not_before,
        deadline: changes.deadline,
        checks: checks.map(|checks| checks::wishes(&checks)).transpose()?,
    };
    desk.show(client.tasks(office).update(id, &update), tasks::line).await
}
