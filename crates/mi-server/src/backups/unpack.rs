//! Onto the disk: an archive into a new folder that nobody but the server can enter, which then becomes the workspace.
//!
//! The archive's digest is held against its row first, so that only what this server wrote is read; all the same no path
//! may lead out, and links come last, when nothing is written through names any more.

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mi_core::limits::BACKUP_FILES_MAX;
use mi_core::transfer::tar::Kind;
use sha2::{Digest, Sha256};

use super::manifest::{self, Manifest, stays_inside};
use crate::transfers::archive::{Archive, Unreadable};

const PIECE_BYTES: usize = 256 * 1024;
/// A block of most file systems.
const HOLE_BYTES: usize = 4 * 1024;
/// Each entry may have an extended header before it.
const HEADERS_MAX: usize = 4 * BACKUP_FILES_MAX;

#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error("{0}")]
    Damaged(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Unreadable> for Stopped {
    fn from(unreadable: Unreadable) -> Self {
        Stopped::Damaged(unreadable.to_string())
    }
}

/// Unpacks `archive` into the empty folder `into`, durably. Blocks.
pub fn unpack(mut archive: File, sha256: &str, into: &Path) -> Result<(), Stopped> {
    if digest(&archive)? != sha256 {
        return Err(Stopped::Damaged("the archive has another digest than its row".to_owned()));
    }
    archive.rewind()?;
    let decoder = zstd::stream::read::Decoder::new(archive)?;
    let mut entries = Archive::new(BufReader::with_capacity(PIECE_BYTES, decoder), HEADERS_MAX);
    let mut found = HashMap::new();
    let manifest = loop {
        let Some(entry) = entries.next()? else {
            return Err(Stopped::Damaged("the archive has no manifest".to_owned()));
        };
        if entry.name == manifest::NAME {
            break entries.whole(entry.size, manifest::BYTES_MAX)?;
        }
        let path = entry.name.strip_prefix(manifest::FILES).filter(|path| stays_inside(path));
        let Some(path) = path.filter(|_| entry.kind == Kind::File) else {
            return Err(Stopped::Damaged("the archive names a place outside the workspace".to_owned()));
        };
        let place = into.join(path);
        make_parents(&place)?;
        let digest = copy(entries.content(entry.size), &File::create_new(&place)?, entry.size)?;
        entries.skip_padding(entry.size)?;
        found.insert(path.to_owned(), digest);
    };
    let manifest: Manifest = serde_json::from_slice(&manifest).map_err(|error| Stopped::Damaged(error.to_string()))?;
    finish(&manifest, &found, into)?;
    nix::unistd::syncfs(&File::open(into)?).map_err(io::Error::from)?;
    Ok(())
}

fn digest(mut file: &File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            found => hasher.update(&piece[..found]),
        }
    }
}

fn make_parents(place: &Path) -> io::Result<()> {
    match place.parent() {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    }
}

fn copy(mut from: impl Read, to: &File, size: u64) -> Result<String, Stopped> {
    let (mut hasher, mut left) = (Sha256::new(), size);
    let mut piece = vec![0; PIECE_BYTES];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let piece = &mut piece[..most];
        from.read_exact(piece).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Stopped::Damaged("the archive ends too soon".to_owned()),
            _ => Stopped::Io(error),
        })?;
        hasher.update(&*piece);
        write_with_holes(to, piece)?;
        left -= most as u64;
    }
    // A hole at the end was never written.
    to.set_len(size)?;
    Ok(hex::encode(hasher.finalize()))
}

/// Blocks of zeros become holes, which is what large ones were: else a workspace would come back larger than it may be.
fn write_with_holes(mut to: &File, piece: &[u8]) -> io::Result<()> {
    let is_hole = |block: &[u8]| block.iter().all(|byte| *byte == 0);
    let blocks: Vec<(bool, usize)> = piece.chunks(HOLE_BYTES).map(|block| (is_hole(block), block.len())).collect();
    let mut rest = piece;
    for run in blocks.chunk_by(|(one, _), (next, _)| one == next) {
        let (now, later) = rest.split_at(run.iter().map(|(_, length)| length).sum());
        match run {
            [(true, _), ..] => to.seek(SeekFrom::Current(now.len() as i64)).map(|_| ())?,
            _ => to.write_all(now)?,
        }
        rest = later;
    }
    Ok(())
}

/// Modes and links, the innermost folders first, so that one that may not be entered is closed last.
fn finish(manifest: &Manifest, found: &HashMap<String, String>, into: &Path) -> Result<(), Stopped> {
    let paths = manifest.files.iter().map(|file| &file.path);
    let mut paths = paths.chain(manifest.folders.iter().map(|f| &f.path)).chain(manifest.links.iter().map(|l| &l.path));
    if !paths.all(|path| stays_inside(path)) {
        return Err(Stopped::Damaged("the manifest names a place outside the workspace".to_owned()));
    }
    for folder in &manifest.folders {
        std::fs::create_dir_all(into.join(&folder.path))?;
    }
    for file in &manifest.files {
        if found.get(&file.path) != Some(&file.sha256) {
            return Err(Stopped::Damaged(format!("{} has another digest than its manifest", file.path)));
        }
        std::fs::set_permissions(into.join(&file.path), Permissions::from_mode(file.mode))?;
    }
    if found.len() != manifest.files.len() {
        return Err(Stopped::Damaged("the archive holds files that its manifest doesn't name".to_owned()));
    }
    for link in &manifest.links {
        let place = into.join(&link.path);
        make_parents(&place)?;
        symlink(&link.target, place)?;
    }
    for folder in manifest.folders.iter().rev() {
        std::fs::set_permissions(into.join(&folder.path), Permissions::from_mode(folder.mode))?;
    }
    Ok(())
}
