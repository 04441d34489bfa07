//! `mi tasks verify TASK --accept|--reject`.

use clap::Args;
use mi_core::ids::TaskId;
use mi_core::wire::tasks::VerifyTask;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

#[derive(Args)]
pub struct VerifyArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    #[command(flatten)]
    colony: ColonyArg,
    #[command(flatten)]
    verdict: Verdict,
    /// Who looked at it [default: you]
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
    /// What is good or wrong; a rejection needs it
    #[arg(long, alias = "comment", required_if_eq("reject", "true"), allow_hyphen_values = true)]
    comments: Option<String>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Verdict {
    /// What was done is good
    #[arg(long)]
    accept: bool,
    /// It goes back to the queue
    #[arg(long)]
    reject: bool,
}

pub async fn run(desk: &mut Desk, args: VerifyArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let accepted = args.verdict.accept && !args.verdict.reject;
    let verdict = VerifyTask { accepted, reviewer: args.reviewer, comments: args.comments };
    desk.show(client.tasks(office).verify(args.id, &verdict), tasks::line).await
}
