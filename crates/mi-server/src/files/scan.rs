//! Compares the drive with its index: what has to be read, what is gone.
//!
//! Bounded in files, entries and depth, because agents decide what is there. A walk that
//! didn't see everything never declares a file gone.

use std::collections::BTreeMap;
use std::ffi::CStr;

use mi_core::drive::DrivePath;
use mi_core::wire::files::DriveFile;

use super::disk::{DiskError, DiskNow, Entry, Folder, Mark, Seen, hash, look_again};
use super::store::Row;

/// Files of one office's drive that the index holds at most.
pub const DRIVE_FILES_MAX: usize = 20_000;
/// Names of any kind that one walk looks at.
const ENTRIES_MAX: usize = 100_000;
const FOLDER_DEPTH_MAX: usize = 64;
/// How often a file that changes under our eyes is read before its last reading has to do.
const READINGS_MAX: usize = 2;
/// How much is read between two commits, so that a long refresh keeps what it found out.
const BATCH_FILES_MAX: usize = 200;
const BATCH_BYTES_MAX: i64 = 256 * 1024 * 1024;

/// What a walk saw.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub files: BTreeMap<DrivePath, Seen>,
    pub whole: Whole,
}

/// Whether a walk saw all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    Yes,
    /// A limit was reached, or a folder is closed to us.
    No,
}

/// Every regular file beneath `root` whose name can be a name on the drive.
pub fn walk(root: &Folder) -> Result<Found, DiskError> {
    let mut walk = Walk { found: Found { files: BTreeMap::new(), whole: Whole::Yes }, entries: 0, folders: Vec::new() };
    walk.folder(root, String::new(), 0)?;
    while let Some((name, depth)) = walk.folders.pop() {
        match root.open_folder(&name) {
            Ok(folder) => walk.folder(&folder, name, depth)?,
            // Gone, or replaced by something else, since its parent was read.
            Err(DiskError::Missing | DiskError::NotAFile | DiskError::LeadsOut) => {}
            Err(DiskError::Closed | DiskError::TooLong | DiskError::TooLarge) => walk.found.whole = Whole::No,
            Err(DiskError::Io(error)) => return Err(error.into()),
        }
    }
    Ok(walk.found)
}

/// These files alone, for a reader that needs no others: what a whole walk costs grows with the drive.
pub fn look_at(root: &Folder, names: &[DrivePath]) -> Result<Found, DiskError> {
    let mut found = Found { files: BTreeMap::new(), whole: Whole::Yes };
    for name in names {
        match root.open_file(name) {
            Ok((_, seen)) => drop(found.files.insert(name.clone(), seen)),
            Err(DiskError::Missing | DiskError::NotAFile | DiskError::LeadsOut | DiskError::TooLarge) => {}
            Err(DiskError::Closed | DiskError::TooLong) => found.whole = Whole::No,
            Err(DiskError::Io(error)) => return Err(error.into()),
        }
    }
    Ok(found)
}

struct Walk {
    found: Found,
    entries: usize,
    folders: Vec<(String, usize)>,
}

impl Walk {
    fn folder(&mut self, folder: &Folder, name: String, depth: usize) -> Result<(), DiskError> {
        let left = ENTRIES_MAX - self.entries;
        let names = folder.names(left)?;
        self.entries += names.len();
        if names.len() == left {
            self.found.whole = Whole::No;
        }
        for entry in &names {
            let Some(path) = path_of(&name, entry) else { continue };
            match folder.entry(entry) {
                Ok(Entry::Folder) if depth >= FOLDER_DEPTH_MAX => self.found.whole = Whole::No,
                Ok(Entry::Folder) => self.folders.push((path.as_str().to_owned(), depth + 1)),
                Ok(Entry::File(seen)) if seen.is_too_large() => {
                    tracing::warn!(
                        name = path.as_str(),
                        bytes = seen.size,
                        "a file of the drive is too large to be shown"
                    );
                }
                Ok(Entry::File(_)) if self.found.files.len() >= DRIVE_FILES_MAX => self.found.whole = Whole::No,
                Ok(Entry::File(seen)) => drop(self.found.files.insert(path, seen)),
                Ok(Entry::Other) | Err(DiskError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The name on the drive of an entry. Names that no client could ask for (not UTF-8, not composed, with control
/// characters) stay invisible.
fn path_of(folder: &str, entry: &CStr) -> Option<DrivePath> {
    let entry = entry.to_str().ok()?;
    let text = if folder.is_empty() { entry.to_owned() } else { format!("{folder}/{entry}") };
    text.parse().ok().filter(|path: &DrivePath| path.as_str() == text)
}

/// What the index has to catch up with.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// Batches of files to read, each with the mark that the index has of it.
    pub to_read: Vec<Vec<(DrivePath, Option<Mark>)>>,
    pub gone: Vec<(DrivePath, Mark)>,
}

impl Difference {
    pub fn between(index: Vec<Row>, found: &Found) -> Self {
        let mut known: BTreeMap<DrivePath, Mark> = index.into_iter().map(|row| (row.file.name, row.mark)).collect();
        let mut to_read = Batches::default();
        for (name, seen) in &found.files {
            let mark = known.remove(name);
            if mark.as_ref() != Some(&seen.mark) {
                to_read.add(name.clone(), mark, seen.size);
            }
        }
        let gone = match found.whole {
            Whole::Yes => known.into_iter().collect(),
            Whole::No => Vec::new(),
        };
        Self { to_read: to_read.done, gone }
    }
}

#[derive(Default)]
struct Batches {
    done: Vec<Vec<(DrivePath, Option<Mark>)>>,
    bytes: i64,
}

impl Batches {
    fn add(&mut self, name: DrivePath, mark: Option<Mark>, bytes: i64) {
        let full =
            |batch: &Vec<_>| batch.len() >= BATCH_FILES_MAX || self.bytes.saturating_add(bytes) > BATCH_BYTES_MAX;
        match self.done.last_mut().filter(|batch| !full(batch)) {
            Some(batch) => {
                batch.push((name, mark));
                self.bytes = self.bytes.saturating_add(bytes);
            }
            None => {
                self.done.push(vec![(name, mark)]);
                self.bytes = bytes;
            }
        }
    }
}

/// Reads a file for the index. `None` if there is nothing to be read any more, or nothing that can be.
pub fn read(root: &Folder, name: &DrivePath, now: DiskNow) -> Option<Row> {
    match try_read(root, name, now) {
        Ok(row) => Some(row),
        Err(DiskError::Io(error)) => {
            tracing::warn!(name = name.as_str(), %error, "a file of the drive can't be read");
            None
        }
        Err(error) => {
            tracing::debug!(name = name.as_str(), %error, "a file of the drive is left out");
            None
        }
    }
}

fn try_read(root: &Folder, name: &DrivePath, now: DiskNow) -> Result<Row, DiskError> {
    let mut reading = 1;
    loop {
        let (file, before) = root.open_file(name)?;
        let sha256 = hash(&file)?;
        let after = look_again(&file)?;
        if before == after {
            return Ok(row(name, &after, sha256, after.settled_mark(now)));
        }
        if reading == READINGS_MAX {
            return Ok(row(name, &after, sha256, after.mark.unsettled()));
        }
        reading += 1;
    }
}

pub fn row(name: &DrivePath, seen: &Seen, sha256: String, mark: Mark) -> Row {
    let file = DriveFile { name: name.clone(), size: seen.size, modified_at: seen.modified_at, sha256 };
    Row { file, mark }
}
