//! Measuring a folder that somebody hostile fills: never following a link, never leaving its file system, never further
//! than it takes to know that it is too much.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

/// A tree deeper than this was made to exhaust whoever walks it.
const DEPTH_MAX: usize = 128;
/// The unit of `st_blocks`, whatever the file system's own is (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// What a folder holds, or may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// As the disk counts them: holes are free, small files take a block.
    pub bytes: u64,
    /// Files, folders, links and everything else that has a name.
    pub files: u64,
}

impl Usage {
    pub(crate) fn exceeds(self, limits: Self) -> bool {
        self.bytes > limits.bytes || self.files > limits.files
    }

    pub(crate) fn times(self, factor: u64) -> Self {
        Self { bytes: self.bytes.saturating_mul(factor), files: self.files.saturating_mul(factor) }
    }

    /// The larger of each.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), files: self.files.max(other.files) }
    }
}

struct Walk {
    device: u64,
    limits: Usage,
    found: Usage,
    /// Files with several names, which count once.
    seen: HashSet<u64>,
}

/// Adds up what a folder holds; stops soon after it exceeds the limits. What can't be entered counts as empty.
///
/// # Errors
/// When the folder itself can't be read, or its tree is deeper than 128 folders.
pub fn measure(folder: &Path, limits: Usage) -> io::Result<Usage> {
    let root = open(folder, flags(), Mode::empty())?;
    let device = fstat(&root)?.st_dev;
    let mut walk = Walk { device, limits, found: Usage::default(), seen: HashSet::new() };
    walk.enter(root, 0)?;
    Ok(walk.found)
}

fn flags() -> OFlag {
    OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

impl Walk {
    fn enter(&mut self, folder: OwnedFd, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(io::Error::other("the tree is too deep to be measured"));
        }
        let mut listing = Dir::from_fd(folder.try_clone()?)?;
        for entry in listing.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            // What was removed since the listing is no longer there to be counted.
            let Ok(facts) = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            if facts.st_dev != self.device {
                continue;
            }
            self.count(&facts);
            if self.found.exceeds(self.limits) {
                return Ok(());
            }
            if SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
                match openat(&folder, name, flags(), Mode::empty()) {
                    Ok(below) => self.enter(below, depth + 1)?,
                    Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EACCES) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, facts: &FileStat) {
        self.found.files += 1;
        let is_folder = SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        if facts.st_nlink == 1 || is_folder || self.seen.insert(facts.st_ino) {
            self.found.bytes += u64::try_from(facts.st_blocks).unwrap_or_default() * BLOCK_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Usage, measure};

    const PLENTY: Usage = Usage { bytes: u64::MAX, files: u64::MAX };

    #[test]
    fn everything_counts_once_and_links_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(&outside, vec![1; 1 << 20]).unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        symlink(dir.path(), tree.join("way")).unwrap();
        fs::write(tree.join("sub/file"), vec![1; 64 << 10]).unwrap();
        fs::hard_link(tree.join("sub/file"), tree.join("again")).unwrap();
        let usage = measure(&tree, PLENTY).unwrap();
        assert_eq!(usage.files, 5);
        assert!((64 << 10..128 << 10).contains(&usage.bytes), "{usage:?}");
    }

    #[test]
    fn it_stops_when_it_is_too_much_or_too_deep() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..100 {
            fs::write(dir.path().join(number.to_string()), "x").unwrap();
        }
        let limits = Usage { files: 10, ..PLENTY };
        assert_eq!(measure(dir.path(), limits).unwrap().files, 11);
        fs::create_dir_all(dir.path().join("deep/".repeat(200))).unwrap();
        assert!(measure(dir.path(), PLENTY).is_err());
    }
}
