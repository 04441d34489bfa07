//! What stands in an archive beside the bytes: digests, modes, links.

use serde::{Deserialize, Serialize};

/// The last entry of an archive.
pub const NAME: &str = "manifest.json";
/// Files are named below this folder, so that none can be taken for the manifest.
pub const FILES: &str = "files/";
/// More than the longest list that the limits allow.
pub const BYTES_MAX: u64 = 512 * 1024 * 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub files: Vec<FileEntry>,
    pub folders: Vec<FolderEntry>,
    pub links: Vec<LinkEntry>,
    /// Sockets, pipes, devices, and names that are no text.
    pub skipped: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub path: String,
    pub size: u64,
    pub sha256: String,
    pub mode: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEntry {
    pub path: String,
    pub mode: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkEntry {
    pub path: String,
    pub target: String,
}

/// Whether a path stays below the folder that it is joined to.
pub fn stays_inside(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_told() {
        for good in ["a", "a/b", ".env", "a/..b", "…"] {
            assert!(stays_inside(good), "{good}");
        }
        for bad in ["", "/a", "a//b", "a/", "..", "a/../b", "./a", "a\0b"] {
            assert!(!stays_inside(bad), "{bad:?}");
        }
    }
}
