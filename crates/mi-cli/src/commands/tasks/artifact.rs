//! `mi tasks artifact TASK PATH`, `tq artifact [TASK] PATH`.

use clap::Args;
use mi_client::Client;
use mi_core::drive::DrivePath;
use mi_core::ids::{OfficeId, TaskId};
use mi_core::wire::tasks::AddArtifact;

use crate::args::{ClaimArg, ColonyArg};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::tasks;

#[derive(Args)]
pub struct ArtifactArgs {
    #[arg(value_name = "TASK")]
    id: TaskId,
    /// Its name on the drive; /shared/files/x is x
    path: String,
    #[command(flatten)]
    colony: ColonyArg,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    claim: ClaimArg,
}

#[derive(Args)]
pub struct About {
    /// What it is, such as report or patch
    #[arg(long)]
    kind: Option<String>,
    /// How people call it
    #[arg(long)]
    label: Option<String>,
}

pub async fn run(desk: &mut Desk, args: ArtifactArgs) -> Result<(), Fault> {
    desk.set_claim(args.claim.claim);
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    link(desk, &client, office, args.id, &args.path, args.about).await
}

pub async fn link(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    id: TaskId,
    path: &str,
    about: About,
) -> Result<(), Fault> {
    let wrong = |fault| Fault::usage(format!("{path}: {fault}"), "an artifact is a file on the drive, /shared/files");
    let path = DrivePath::from_typed(path).map_err(wrong)?;
    let artifact = AddArtifact { kind: about.kind, path: path.to_string(), label: about.label };
    desk.show(client.tasks(office).add_artifact(id, &artifact), |artifact, screen| {
        tasks::artifacts(std::slice::from_ref(artifact), screen)
    })
    .await
}
