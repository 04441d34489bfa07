//! A program's home: a folder that is empty at the start of each session and gone after it.
//!
//! Whatever an agent wrote there, or put in its place, is not there any more when the next session begins; so nothing of
//! an agent's making steers a later run.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mi_core::wire::agents::HarnessKind;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Removed when dropped.
#[derive(Debug)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// Blocks. Nothing of an earlier session runs any more.
    pub(super) fn make(homes: &Path, kind: HarnessKind) -> Result<Self, String> {
        let path = homes.join(format!(".mi-home-{kind}"));
        let made = remove(&path).and_then(|()| fs::DirBuilder::new().mode(FOLDER_MODE).create(&path));
        made.map_err(|error| format!("the folder of {kind} can't be made: {error}"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn text(&self) -> String {
        self.0.display().to_string()
    }

    /// Writes a file into it, with the folders on the way.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, "the folder of a harness can't be removed; the next session does it");
        }
    }
}

/// Whatever is there: a folder with all that is in it, or a link that stands in its place, never what that leads to.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_dir() => match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                open_up(path)?;
                fs::remove_dir_all(path)
            }
            done => done,
        },
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Folders that an agent closed to itself, and to us, who are the same user.
fn open_up(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(FOLDER_MODE))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // Of the entry itself: a link is no folder.
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of a user to whom modes mean something, which they don't to root.
    fn place_of_a_mortal() -> tempfile::TempDir {
        const NOBODY: u32 = 65_534;
        nix::unistd::setfsuid(nix::unistd::Uid::from_raw(NOBODY));
        tempfile::tempdir_in("/tmp").unwrap()
    }

    #[test]
    fn closed_folders_are_no_hindrance() {
        let place = place_of_a_mortal();
        let path = place.path().join(".mi-home-claude-code");
        let closed = path.join("a/b");
        fs::create_dir_all(&closed).unwrap();
        fs::write(closed.join("c"), "x").unwrap();
        for folder in [&closed, &path.join("a"), &path] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o000)).unwrap();
        }
        let home = Home::make(place.path(), HarnessKind::ClaudeCode).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_an_agent_left_there_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let kind = HarnessKind::ClaudeCode;
        let path = place.path().join(".mi-home-claude-code");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("settings.json"), "{}").unwrap();
        let home = Home::make(place.path(), kind).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        home.write("a/b.json", "{}").unwrap();
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let other = place.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("kept"), "x").unwrap();
        let path = place.path().join(".mi-home-gemini-cli");
        std::os::unix::fs::symlink(&other, &path).unwrap();
        let home = Home::make(place.path(), HarnessKind::GeminiCli).unwrap();
        home.write("settings.json", "{}").unwrap();
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
        drop(home);
        assert!(other.join("kept").exists());
    }
}
