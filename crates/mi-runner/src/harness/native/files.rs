//! The model's hands on files: its workspace and the drive, nothing else.
//!
//! This keeps a model from losing its way; the wall that holds against intent is the pod's sandbox. Every refusal is a
//! sentence for the model, which goes on with it.

use std::io;
use std::path::{Component, Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncReadExt;

/// Where the drive is in the eyes of every agent.
pub(super) const DRIVE: &str = "/shared/files";
/// As much of a file as is read at once.
const READ_BYTES_MAX: u64 = 64 * 1024;
/// A file that is edited is held in memory.
const EDIT_BYTES_MAX: u64 = 4 * 1024 * 1024;
const ENTRIES_MAX: usize = 500;
const NOT_MOUNTED: &str = "the drive is not mounted on this machine; with `shell`, `mi files pull NAME` brings a file to \
                           your workspace and `mi files push FILE` puts one onto the drive";

pub(super) struct Shelf<'a> {
    pub workspace: &'a Path,
    /// `None` where no drive is mounted.
    pub drive: Option<&'a Path>,
}

impl Shelf<'_> {
    pub(super) async fn read(&self, path: &str) -> Result<String, String> {
        let place = self.regular_file(path).await?;
        let mut bytes = Vec::new();
        let file = fs::File::open(&place).await.map_err(|error| told(path, &error))?;
        let size = file.metadata().await.map_err(|error| told(path, &error))?.len();
        file.take(READ_BYTES_MAX).read_to_end(&mut bytes).await.map_err(|error| told(path, &error))?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if size > READ_BYTES_MAX {
            text.push_str(&format!("\n[only the first {READ_BYTES_MAX} of {size} bytes; use `shell` for the rest]"));
        }
        Ok(text)
    }

    pub(super) async fn write(&self, path: &str, content: &str) -> Result<String, String> {
        let place = self.resolve(path)?;
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).await.map_err(|error| told(path, &error))?;
        }
        if fs::metadata(&place).await.is_ok_and(|found| !found.is_file()) {
            return Err(format!("{path} is not a regular file"));
        }
        fs::write(&place, content).await.map_err(|error| told(path, &error))?;
        Ok(format!("wrote {} bytes to {path}", content.len()))
    }

    /// Replaces a text that stands in the file exactly once.
    pub(super) async fn edit(&self, path: &str, old: &str, new: &str) -> Result<String, String> {
        let place = self.regular_file(path).await?;
        let size = fs::metadata(&place).await.map_err(|error| told(path, &error))?.len();
        if size > EDIT_BYTES_MAX {
            return Err(format!("{path} has {size} bytes; at most {EDIT_BYTES_MAX} can be edited, use `shell`"));
        }
        let text = fs::read_to_string(&place).await.map_err(|error| told(path, &error))?;
        if old.is_empty() {
            return Err("`old` is empty; name the text to replace, or use `write_file`".into());
        }
        match text.matches(old).count() {
            0 => Err(format!("`old` does not stand in {path}; read the file and copy the text exactly")),
            1 => {
                fs::write(&place, text.replacen(old, new, 1)).await.map_err(|error| told(path, &error))?;
                Ok(format!("replaced one place in {path}"))
            }
            count => Err(format!("`old` stands {count} times in {path}; take more lines around it")),
        }
    }

    pub(super) async fn list(&self, path: &str) -> Result<String, String> {
        let place = self.resolve(path)?;
        let mut entries = fs::read_dir(&place).await.map_err(|error| told(path, &error))?;
        let mut names = Vec::new();
        let mut left_out = 0;
        while let Some(entry) = entries.next_entry().await.map_err(|error| told(path, &error))? {
            if names.len() == ENTRIES_MAX {
                left_out += 1;
                continue;
            }
            let is_folder = entry.file_type().await.is_ok_and(|kind| kind.is_dir());
            let slash = if is_folder { "/" } else { "" };
            names.push(format!("{}{slash}", entry.file_name().to_string_lossy()));
        }
        names.sort();
        if left_out > 0 {
            names.push(format!("[and {left_out} more]"));
        }
        Ok(if names.is_empty() { "(empty)".into() } else { names.join("\n") })
    }

    async fn regular_file(&self, path: &str) -> Result<PathBuf, String> {
        let place = self.resolve(path)?;
        let found = fs::metadata(&place).await.map_err(|error| told(path, &error))?;
        if found.is_file() { Ok(place) } else { Err(format!("{path} is not a regular file")) }
    }

    /// Where a path of the model is on this machine.
    fn resolve(&self, path: &str) -> Result<PathBuf, String> {
        if path.contains('\0') {
            return Err("a path can't hold a NUL".into());
        }
        let given = Path::new(path);
        let on_drive =
            given.strip_prefix(DRIVE).or_else(|_| given.strip_prefix(self.drive.unwrap_or(Path::new(DRIVE))));
        match (on_drive, self.drive) {
            (Ok(rest), Some(drive)) => return below(drive, rest, path),
            (Ok(_), None) => return Err(format!("{path}: {NOT_MOUNTED}")),
            (Err(_), _) => {}
        }
        if let Ok(rest) = given.strip_prefix(self.workspace) {
            return below(self.workspace, rest, path);
        }
        if given.is_absolute() {
            return Err(format!("{path} is neither in your workspace nor below {DRIVE}"));
        }
        below(self.workspace, given, path)
    }
}

fn below(base: &Path, rest: &Path, said: &str) -> Result<PathBuf, String> {
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    for part in rest.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop().ok_or_else(|| format!("{said} leads out of your workspace and the drive"))?;
            }
            Component::RootDir | Component::Prefix(_) => return Err(format!("{said} is not a path here")),
        }
    }
    Ok(parts.iter().fold(base.to_owned(), |place, part| place.join(part)))
}

fn told(path: &str, error: &io::Error) -> String {
    format!("{path}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_workspace_and_the_drive() {
        let shelf = Shelf { workspace: Path::new("/w"), drive: Some(Path::new("/d")) };
        for (given, expected) in [
            ("a/b.txt", "/w/a/b.txt"),
            ("./a/../b", "/w/b"),
            ("/w/x", "/w/x"),
            ("", "/w"),
            ("/shared/files/r.md", "/d/r.md"),
            ("/shared/files", "/d"),
            ("/d/r.md", "/d/r.md"),
        ] {
            assert_eq!(shelf.resolve(given), Ok(PathBuf::from(expected)), "{given}");
        }
        for bad in ["../x", "/etc/passwd", "/shared/files/../x", "/shared/filesx", "a\0b", "a/../../b"] {
            assert!(shelf.resolve(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_drive_that_is_not_mounted_is_reached_by_commands() {
        let shelf = Shelf { workspace: Path::new("/w"), drive: None };
        assert!(shelf.resolve("/shared/files/r.md").unwrap_err().contains("mi files push"));
        assert_eq!(shelf.resolve("r.md"), Ok(PathBuf::from("/w/r.md")));
    }

    #[tokio::test]
    async fn edits_need_one_exact_place() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf { workspace: folder.path(), drive: Some(folder.path()) };
        shelf.write("sub/a.txt", "one two two").await.unwrap();
        assert!(shelf.edit("sub/a.txt", "three", "x").await.unwrap_err().contains("does not stand"));
        assert!(shelf.edit("sub/a.txt", "two", "x").await.unwrap_err().contains("2 times"));
        shelf.edit("sub/a.txt", "one", "1").await.unwrap();
        assert_eq!(shelf.read("sub/a.txt").await.unwrap(), "1 two two");
        assert_eq!(shelf.list("").await.unwrap(), "sub/");
        assert!(shelf.read("sub").await.unwrap_err().contains("not a regular file"));
        assert!(shelf.write("sub", "x").await.is_err());
    }
}
