//! Files that are whole or not there: written beside their place, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const PRIVATE_FILE_MODE: u32 = 0o600;
const PRIVATE_FOLDER_MODE: u32 = 0o700;

/// A file under way. Dropped before `keep`, it leaves nothing behind.
pub struct Draft {
    place: PathBuf,
    beside: PathBuf,
    kept: bool,
}

impl Draft {
    /// Opens a new file beside `place`, readable as `mode` says.
    pub fn open(place: &Path, mode: u32) -> io::Result<(Self, File)> {
        let Some(name) = place.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it has no file name"));
        };
        let beside = place.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        // Left by a program that died with the same number; nobody else uses this name.
        match fs::remove_file(&beside) {
            Ok(()) => {}
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            Err(fault) => return Err(fault),
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        Ok((Self { place: place.to_owned(), beside, kept: false }, file))
    }

    /// Puts the file, already written and synced, in its place.
    pub fn keep(mut self) -> io::Result<()> {
        fs::rename(&self.beside, &self.place)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // It failed already, and that is what the caller hears about.
            drop(fs::remove_file(&self.beside));
        }
    }
}

/// Writes a file that only its owner can read, in a folder that only its owner can enter.
pub fn write_private(place: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER_MODE).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(PRIVATE_FOLDER_MODE))?;
    }
    let (draft, mut file) = Draft::open(place, PRIVATE_FILE_MODE)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    draft.keep()
}
