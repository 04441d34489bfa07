//! `mi audit export [-o FILE]`.

use std::path::{Path, PathBuf};

use clap::Args;
use mi_client::Audit;
use tokio::io::AsyncWriteExt;

use crate::args::ColonyNoOutputArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Output;
use crate::progress::{Bar, size};
use crate::whole_file::Draft;

const FILE_MODE: u32 = 0o600;
/// Bytes on their way from the server to stdout.
const PIPE_BYTES: usize = 256 * 1024;

#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    colony: ColonyNoOutputArg,
    /// Where to put it, whole or not at all; `-` is stdout [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub async fn run(desk: &mut Desk, args: ExportArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let audit = client.audit(office);
    match args.output.filter(|path| path != Path::new("-")) {
        None => to_stdout(&mut desk.out, &audit).await,
        Some(place) => {
            let bytes = to_file(&desk.out, &audit, &place).await?;
            desk.out.note(&format!("{}  {}", place.display(), size(bytes)))?;
            desk.out.hint(&format!("mi audit verify --file {} checks it, now or later", place.display()))
        }
    }
}

async fn to_file(out: &Output, audit: &Audit, place: &Path) -> Result<u64, Fault> {
    let unwritable = |fault| Fault::io(format!("{} can't be written", place.display()), fault);
    let (draft, file) = Draft::open(place, FILE_MODE).map_err(unwritable)?;
    let mut file = tokio::fs::File::from_std(file);
    let bar = Bar::start(out, "events", None);
    let bytes = audit.export(&mut file, bar.progress()).await?;
    file.sync_all().await.map_err(unwritable)?;
    draft.keep().map_err(unwritable)?;
    Ok(bytes)
}

/// The export and stdout take turns over a pipe of bounded size.
async fn to_stdout(out: &mut Output, audit: &Audit) -> Result<(), Fault> {
    let (mut inlet, mut outlet) = tokio::io::duplex(PIPE_BYTES);
    let filling = async {
        let exported = audit.export(&mut inlet, mi_client::Progress::default()).await;
        let shut = inlet.shutdown().await;
        drop(inlet);
        exported?;
        shut.map_err(Fault::of_output)
    };
    let (filled, emptied) = tokio::join!(filling, out.empty(&mut outlet));
    emptied?;
    filled
}
