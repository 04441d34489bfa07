//! `mi agents files NAME [PATH]`: an agent's workspace as it is now.

use clap::Args;
use mi_core::ids::AgentName;
use mi_core::problem::Code;
use tokio::io::AsyncWriteExt;

use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{self, backups};

/// Bytes on their way from the server to stdout.
const PIPE_BYTES: usize = 256 * 1024;

#[derive(Args)]
pub struct FilesArgs {
    /// The agent
    name: AgentName,
    /// A folder to list, or a file to print [default: the workspace itself]
    path: Option<String>,
    #[command(flatten)]
    colony: ColonyArg,
}

pub async fn run(desk: &mut Desk, args: FilesArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let agents = client.agents(office);
    let list = || agents.files(&args.name, args.path.as_deref());
    let shown =
        |(list, total): &(Vec<_>, u64), screen| views::listed(backups::workspace(list, screen), list.len(), *total);
    let Some(path) = &args.path else { return desk.show(list(), shown).await };
    match list().await {
        Ok(_) => return desk.show(list(), shown).await,
        // It may be a file.
        Err(error) if error.code() == Some(Code::NotAFile.as_str()) => {}
        Err(error) => return Err(error.into()),
    }
    let (mut inlet, mut outlet) = tokio::io::duplex(PIPE_BYTES);
    let filling = async {
        let read = agents.read_file(&args.name, path, &mut inlet).await;
        let shut = inlet.shutdown().await;
        drop(inlet);
        read?;
        shut.map_err(Fault::of_output)
    };
    let (filled, emptied) = tokio::join!(filling, desk.out.empty(&mut outlet));
    emptied?;
    filled
}
