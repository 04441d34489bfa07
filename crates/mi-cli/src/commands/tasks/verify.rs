//! `mi tasks verify TASK --accept|--reject`, `tq verify TASK …`.

use clap::Args;
use mi_client::Client;
use mi_core::ids::{OfficeId, TaskId};
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
    judgement: Judgement,
    /// Who looked at it [default: you]
    #[arg(long, value_name = "NAME")]
    reviewer: Option<String>,
}

/// What a reviewer says.
#[derive(Args)]
pub struct Judgement {
    #[command(flatten)]
    verdict: Verdict,
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
    let verdict = VerifyTask { reviewer: args.reviewer, ..args.judgement.into() };
    desk.show(client.tasks(office).verify(args.id, &verdict), tasks::line).await
}

/// As the caller.
pub async fn verify(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    id: TaskId,
    judgement: Judgement,
) -> Result<(), Fault> {
    desk.show(client.tasks(office).verify(id, &judgement.into()), tasks::line).await
}

impl From<Judgement> for VerifyTask {
    fn from(judgement: Judgement) -> Self {
        let accepted = judgement.verdict.accept && !judgement.verdict.reject;
        Self { accepted, reviewer: None, comments: judgement.comments }
    }
}
