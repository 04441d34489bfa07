//! `mi tasks create --title TITLE`, `tq add TITLE`, `tq subtask TITLE`.

use clap::Args;
use mi_client::Client;
use mi_core::checks::Check;
use mi_core::credits::Ceiling;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::Kind;
use mi_core::wire::tasks::CreateTask;

use super::checks;
use super::times::Once;
use crate::args::{ClaimArg, ColonyArg, ceiling, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

const HELP: &str = "\
Examples:
  mi tasks create --title \"Find bugs in main.go\" --kind review --assigned-agent ada
  mi tasks create --title \"Check the locking\" --parent-id 1 --description @brief.md
  mi tasks create --title \"Write the summary\" --depends-on 2,3 --name summary";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct CreateArgs {
    #[command(flatten)]
    colony: ColonyArg,
    /// What is to be done, in one line
    #[arg(long, allow_hyphen_values = true)]
    title: String,
    #[command(flatten)]
    details: Details,
    #[command(flatten)]
    once: Once,
    #[command(flatten)]
    claim: ClaimArg,
}

/// What a task may say beside its title.
#[derive(Args)]
pub struct Details {
    /// All that the agent should know; `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    description: Option<String>,
    /// What sort of work it is [default: general]
    #[arg(long, value_parser = one_of!(Kind))]
    kind: Option<Kind>,
    /// 0 critical, 50 normal, 100 low
    #[arg(long, value_name = "0-100")]
    priority: Option<i64>,
    /// Who does it [default: whoever is free]
    #[arg(long = "assignedAgent", visible_alias = "assigned-agent", value_name = "NAME")]
    assigned_agent: Option<String>,
    /// The task that this is a part of
    #[arg(long = "parentId", visible_alias = "parent-id", value_name = "TASK")]
    parent_id: Option<TaskId>,
    /// Tasks that come first, comma-separated
    #[arg(long = "dependsOn", visible_alias = "depends-on", value_name = "TASK", value_delimiter = ',')]
    depends_on: Option<Vec<TaskId>>,
    /// Integrations that the agent needs, comma-separated
    #[arg(long = "requiredTools", visible_alias = "required-tools", value_name = "TOOL", value_delimiter = ',')]
    required_tools: Option<Vec<String>>,
    /// Credits that it and everything below it may spend on models; `none` takes the limit away
    #[arg(long, value_name = "CREDITS", value_parser = ceiling, allow_hyphen_values = true)]
    budget: Option<Ceiling>,
    /// What the server checks when `done` is reported; may be repeated
    #[arg(
        long = "check",
        value_name = "CHECK",
        value_parser = checks::read,
        allow_hyphen_values = true,
        long_help = checks::LONG_HELP
    )]
    checks: Option<Vec<Check>>,
}

impl Details {
    pub fn task(self, desk: &mut Desk, title: String) -> Result<CreateTask, Fault> {
        Ok(CreateTask {
            title,
            description: self.description.map(|given| desk.text_or_file(&given)).transpose()?,
            kind: self.kind,
            priority: self.priority,
            assigned_agent: self.assigned_agent,
            parent_id: self.parent_id,
            depends_on: self.depends_on.map(|ids| ids.iter().map(TaskId::to_string).collect()),
            required_tools: self.required_tools,
            budget: self.budget,
            checks: self.checks.map(|checks| checks::wishes(&checks)).transpose()?,
            ..CreateTask::default()
        })
    }
}

pub async fn run(desk: &mut Desk, args: CreateArgs) -> Result<(), Fault> {
    desk.set_claim(args.claim.claim);
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    create(desk, &client, office, args.title, args.details, args.once, None).await
}

/// `parent` wins over the one in the details.
pub async fn create(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    title: String,
    details: Details,
    once: Once,
    parent: Option<TaskId>,
) -> Result<(), Fault> {
    let mut task = details.task(desk, title)?;
    task.parent_id = parent.or(task.parent_id);
    task.name = once.name.map(|name| name.to_string());
    task.not_before = once.not_before;
    task.deadline = once.deadline;
    desk.show(client.tasks(office).create(&task), tasks::line).await
}
