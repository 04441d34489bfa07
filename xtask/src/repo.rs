//! The files of this repository, read once, with paths relative to its root.
//!
//! Elsewhere: what is wrong with them is for `tidy` to say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that hold built or fetched things, never ours.
const NOT_OURS: &[&str] = &["target", "node_modules", "dist"];

/// Hidden folders that are part of the project; editors' and git's own are not.
const HIDDEN_BUT_OURS: &[&str] = &[".cargo", ".ci", ".config", ".github"];

/// A text larger than this is data, and data has no style.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// One text file.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the root, with `/` between its parts.
    pub path: String,
    pub text: String,
}

/// The root of the workspace: the folder above this crate.
pub fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).context("xtask has no folder above it")
}

/// Every UTF-8 text file of the project, sorted by path.
pub fn files(root: &Path) -> Result<Vec<File>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("can't list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && is_ours(&name) {
                folders.push(entry.path());
            } else if kind.is_file() && entry.metadata()?.len() <= TEXT_BYTES_MAX {
                found.extend(read_text(root, &entry.path())?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_ours(folder: &str) -> bool {
    if folder.starts_with('.') { HIDDEN_BUT_OURS.contains(&folder) } else { !NOT_OURS.contains(&folder) }
}

/// None for what isn't UTF-8 and for what went away since it was listed.
fn read_text(root: &Path, path: &Path) -> Result<Option<File>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
    };
    let relative = path.strip_prefix(root).context("a file outside the root")?;
    let path = relative.to_string_lossy().replace('\\', "/");
    Ok(String::from_utf8(bytes).ok().map(|text| File { path, text }))
}
