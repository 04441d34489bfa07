//! `mi files pull NAME [-o PATH]`: from the drive, whole or not at all.

use std::path::{Path, PathBuf};

use clap::Args;
use mi_client::Files;
use mi_core::drive::DrivePath;
use tokio::io::AsyncWriteExt;

use super::drive_name;
use crate::args::ColonyNoOutputArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Output;
use crate::progress::{Bar, size};
use crate::whole_file::Draft;

const FILE_MODE: u32 = 0o666;
/// Bytes on their way from the server to stdout.
const PIPE_BYTES: usize = 256 * 1024;

#[derive(Args)]
pub struct PullArgs {
    #[arg(value_parser = drive_name)]
    name: DrivePath,
    #[command(flatten)]
    colony: ColonyNoOutputArg,
    /// Where to put it: a file, a folder, or `-` for stdout [default: its base name, here]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
}

pub async fn run(desk: &mut Desk, args: PullArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let files = client.files(office);
    if args.output.as_deref() == Some(Path::new("-")) {
        return to_stdout(&mut desk.out, &files, &args.name).await;
    }
    let place = match args.output {
        None => PathBuf::from(args.name.file_name()),
        Some(folder) if folder.is_dir() => folder.join(args.name.file_name()),
        Some(place) => place,
    };
    let bytes = to_file(&desk.out, &files, &args.name, &place).await?;
    desk.out.note(&format!("{}  {}", place.display(), size(bytes)))
}

async fn to_file(out: &Output, files: &Files, name: &DrivePath, place: &Path) -> Result<u64, Fault> {
    let unwritable = |fault| Fault::io(format!("{} can't be written", place.display()), fault);
    let (draft, file) = Draft::open(place, FILE_MODE).map_err(unwritable)?;
    let mut file = tokio::fs::File::from_std(file);
    let bar = Bar::start(out, name.as_str(), None);
    let download = files.download(name, &mut file, bar.progress()).await?;
    file.sync_all().await.map_err(unwritable)?;
    draft.keep().map_err(unwritable)?;
    Ok(download.bytes)
}

/// The download and stdout take turns over a pipe of bounded size.
async fn to_stdout(out: &mut Output, files: &Files, name: &DrivePath) -> Result<(), Fault> {
    let (mut inlet, mut outlet) = tokio::io::duplex(PIPE_BYTES);
    let filling = async {
        let download = files.download(name, &mut inlet, mi_client::Progress::default()).await;
        let shut = inlet.shutdown().await;
        drop(inlet);
        download?;
        shut.map_err(Fault::of_output)
    };
    let (filled, emptied) = tokio::join!(filling, out.empty(&mut outlet));
    emptied?;
    filled
}
