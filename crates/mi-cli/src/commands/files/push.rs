//! `mi files push PATH…`: onto the drive, under the base name.

use std::path::PathBuf;

use clap::Args;
use mi_client::Files;
use mi_core::drive::DrivePath;

use super::drive_name;
use super::walk::{self, Pair};
use crate::args::ColonyArg;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::progress::{Bar, size};
use crate::views::short_digest;

#[derive(Args)]
pub struct PushArgs {
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    colony: ColonyArg,
    /// Folders with all their files; their names are kept
    #[arg(short, long)]
    recursive: bool,
    /// Store a single file under this name
    #[arg(long = "as", value_name = "NAME", value_parser = drive_name, conflicts_with = "recursive")]
    name: Option<DrivePath>,
}

pub async fn run(desk: &mut Desk, args: PushArgs) -> Result<(), Fault> {
    let pairs = pairs(&args)?;
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    let files = client.files(office);
    for pair in &pairs {
        push(desk, &files, pair).await?;
    }
    Ok(())
}

fn pairs(args: &PushArgs) -> Result<Vec<Pair>, Fault> {
    if let Some(name) = &args.name {
        let [path] = args.paths.as_slice() else {
            return Err(Fault::usage("--as names one file", "push the files one by one"));
        };
        return Ok(vec![Pair { name: name.clone(), ..walk::one(path)? }]);
    }
    let mut pairs = Vec::new();
    for path in &args.paths {
        if args.recursive {
            pairs.extend(walk::folder(path)?);
        } else {
            pairs.push(walk::one(path)?);
        }
    }
    Ok(pairs)
}

async fn push(desk: &mut Desk, files: &Files, pair: &Pair) -> Result<(), Fault> {
    let total = std::fs::metadata(&pair.path).map(|about| about.len()).ok();
    let bar = Bar::start(&desk.out, pair.name.as_str(), total);
    let call = files.upload(&pair.path, &pair.name, bar.progress());
    let shown = desk
        .show(call, |file, _| {
            let digest = short_digest(&file.sha256);
            format!("{}  {}  sha256 {digest}", file.name, size(file.size.unsigned_abs()))
        })
        .await;
    drop(bar);
    shown
}
