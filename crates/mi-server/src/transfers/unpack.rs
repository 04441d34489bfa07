//! The only way of a bundle onto the disk: into a new folder that nobody but the server can enter, file by file as the
//! manifest says, each held against its size and digest. What is wrong refuses the whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mi_core::limits::STATE_FILES_MAX;
use mi_core::transfer::tar::{Header, Kind};
use mi_core::transfer::{BadBundle, Planned, StateKind};
use mi_core::wire::transfers::TransferReport;
use sha2::{Digest, Sha256};

use super::archive::{Archive, Unreadable};
use crate::files::disk::{DiskError, Folder};

const PIECE_BYTES: usize = 256 * 1024;
const STAGING_MODE: u32 = 0o700;
/// Frames with a larger window (2 to the power of this) aren't decoded: it costs as much memory.
const WINDOW_LOG_MAX: u32 = 23;
/// Headers of any kind: a name may come with one more, a folder is one.
const HEADERS_MAX: usize = 4 * STATE_FILES_MAX;

/// What stops an unpacking.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error(transparent)]
    Refused(#[from] BadBundle),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Unreadable> for Stopped {
    fn from(unreadable: Unreadable) -> Self {
        Stopped::Refused(unreadable.into())
    }
}

impl From<DiskError> for Stopped {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Io(error) => Stopped::Io(error),
            other => Stopped::Io(io::Error::other(other)),
        }
    }
}

/// A folder under construction. Dropped before `keep`, it is removed with everything in it.
pub struct Staging {
    path: PathBuf,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Building,
    Kept,
}

impl Staging {
    pub fn create(path: PathBuf) -> io::Result<Self> {
        std::fs::DirBuilder::new().mode(STAGING_MODE).create(&path)?;
        Ok(Self { path, state: State::Building })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Becomes `place` in one step; what stood there is removed first.
    pub fn keep(mut self, place: &Path) -> io::Result<()> {
        mi_pods::remove_tree(place)?;
        std::fs::rename(&self.path, place)?;
        self.state = State::Kept;
        match place.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.state == State::Building
            && let Err(error) = mi_pods::remove_tree(&self.path)
        {
            tracing::warn!(%error, "what a bundle left can't be removed");
        }
    }
}

/// Unpacks a bundle into `staging`, durably. Blocks.
pub fn unpack(bundle: File, plan: HashMap<String, Planned>, staging: &Staging) -> Result<TransferReport, Stopped> {
    let mut decoder = zstd::stream::read::Decoder::new(bundle).map_err(unreadable)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(unreadable)?;
    let root = Folder::open(staging.path())?;
    let mut archive = Archive::new(BufReader::with_capacity(PIECE_BYTES, decoder), HEADERS_MAX);
    let (mut left, mut taken, mut report) = (plan, HashMap::new(), TransferReport::default());
    while let Some(entry) = archive.next()? {
        if entry.kind == Kind::Folder && entry.size == 0 {
            continue;
        }
        if entry.kind != Kind::File {
            return Err(BadBundle::NoFile { name: shown(&entry.name) }.into());
        }
        let planned = match left.remove(&entry.name) {
            Some(planned) => planned,
            None if taken.contains_key(&entry.name) => return Err(BadBundle::Twice(shown(&entry.name)).into()),
            None => return Err(BadBundle::Unknown(shown(&entry.name)).into()),
        };
        if planned.size != entry.size {
            return Err(BadBundle::Size(shown(&entry.name)).into());
        }
        copy(&mut archive, &root, &planned)?;
        count(&mut report, &entry);
        taken.insert(entry.name, ());
    }
    match left.into_keys().min() {
        Some(missing) => Err(BadBundle::Missing(shown(&missing)).into()),
        None => {
            nix::unistd::syncfs(&root).map_err(io::Error::from)?;
            Ok(report)
        }
    }
}

fn count(report: &mut TransferReport, entry: &Header) {
    report.files += 1;
    report.bytes += entry.size;
    let kind = entry.name.split('/').next().and_then(|kind| kind.parse().ok());
    match kind {
        Some(StateKind::Memory) => report.memory_files += 1,
        Some(StateKind::Skills) => report.skill_files += 1,
        Some(StateKind::Workspace) | None => report.workspace_files += 1,
    }
}

/// The content of a file, to its place.
fn copy<R: Read>(archive: &mut Archive<R>, root: &Folder, planned: &Planned) -> Result<(), Stopped> {
    let place = planned.place.as_str();
    let (folder, name) = place.rsplit_once('/').unwrap_or(("", place));
    let mut file = root.make_folders(folder, None)?.create(name)?;
    let (mut hasher, mut left) = (Sha256::new(), planned.size);
    let mut piece = vec![0; PIECE_BYTES];
    let mut from = archive.content(planned.size);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let found = from.read(&mut piece[..most]).map_err(unreadable)?;
        if found == 0 {
            return Err(BadBundle::Missing(place.to_owned()).into());
        }
        hasher.update(&piece[..found]);
        file.write_all(&piece[..found])?;
        left -= found as u64;
    }
    drop(from);
    if hex::encode(hasher.finalize()) != planned.sha256 {
        return Err(BadBundle::Mismatch(place.to_owned()).into());
    }
    file.set_permissions(std::fs::Permissions::from_mode(planned.mode))?;
    archive.skip_padding(planned.size)?;
    Ok(())
}

fn unreadable(error: impl std::fmt::Display) -> BadBundle {
    Unreadable::because(error).into()
}

fn shown(name: &str) -> String {
    mi_core::ids::excerpt(name).to_owned()
}
