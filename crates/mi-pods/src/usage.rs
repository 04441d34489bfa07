//! Measuring a folder that somebody hostile fills: never following a link, never leaving its file system, never further
//! than it takes to know that it is too much.

use std::collections::HashSet;
use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use crate::removal::{list, open_below};

/// A tree deeper than this was made to exhaust whoever walks it.
pub(crate) const DEPTH_MAX: usize = 128;
/// The unit of `st_blocks`, whatever the file system's own is (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// What a folder holds, or may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// As the disk counts them: holes are free, small files take a block.
    pub bytes: u64,
    /// Files, folders, links and everything else that has a name.
    pub files: u64,
    /// Folders that nest too deep or are closed to the server. What is in them isn't counted, so whoever has some has
    /// more than is known.
    pub hidden: u64,
}

impl Usage {
    pub(crate) fn exceeds(self, limits: Self) -> bool {
        self.bytes > limits.bytes || self.files > limits.files || self.hidden > limits.hidden
    }

    pub(crate) fn times(self, factor: u64) -> Self {
        let (bytes, files) = (self.bytes.saturating_mul(factor), self.files.saturating_mul(factor));
        Self { bytes, files, ..self }
    }

    /// The larger of each.
    pub(crate) fn or(self, other: Self) -> Self {
        let (bytes, files) = (self.bytes.max(other.bytes), self.files.max(other.files));
        Self { bytes, files, hidden: self.hidden.max(other.hidden) }
    }
}

struct Walk {
    device: u64,
    limits: Usage,
    found: Usage,
    /// Files with several names, which count once.
    seen: HashSet<u64>,
}

/// Adds up what a folder holds; stops soon after it exceeds the limits.
///
/// What is more than 128 folders deep, or can't be entered, is hidden. Folders of this process's user that are closed to
/// it are opened to it for looking.
///
/// # Errors
/// When the folder isn't there, or looking at it fails for a reason that isn't of its owner's making.
pub fn measure(folder: &Path, limits: Usage) -> io::Result<Usage> {
    let root = match open_below(AT_FDCWD, folder, for_looking()) {
        Err(Errno::EACCES | Errno::EPERM) => return Ok(Usage { hidden: 1, ..Usage::default() }),
        opened => opened?,
    };
    let device = fstat(&root)?.st_dev;
    let mut walk = Walk { device, limits, found: Usage::default(), seen: HashSet::new() };
    walk.enter(root, 0)?;
    Ok(walk.found)
}

/// Read-only folders stay so: programs that make them mean it.
fn for_looking() -> Mode {
    Mode::S_IRUSR | Mode::S_IXUSR
}

impl Walk {
    fn enter(&mut self, folder: OwnedFd, depth: usize) -> nix::Result<()> {
        if depth > DEPTH_MAX {
            self.found.hidden += 1;
            return Ok(());
        }
        let mut listing = list(&folder)?;
        for entry in listing.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            match self.look(&folder, name, depth) {
                // What was removed or replaced since the listing is no longer there to be counted.
                Ok(()) | Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
                // If this counted as empty, closing a folder would be a way around the limits.
                Err(Errno::EACCES | Errno::EPERM) => self.found.hidden += 1,
                Err(error) => return Err(error),
            }
            if self.found.exceeds(self.limits) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn look(&mut self, folder: &OwnedFd, name: &CStr, depth: usize) -> nix::Result<()> {
        let facts = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if facts.st_dev != self.device {
            return Ok(());
        }
        self.count(&facts);
        let is_folder = SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        if is_folder && !self.found.exceeds(self.limits) {
            self.enter(open_below(folder, name, for_looking())?, depth + 1)?;
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
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{Usage, measure};

    const PLENTY: Usage = Usage { bytes: u64::MAX, files: u64::MAX, hidden: u64::MAX };

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
    fn it_stops_when_it_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..100 {
            fs::write(dir.path().join(number.to_string()), "x").unwrap();
        }
        let limits = Usage { files: 10, ..PLENTY };
        assert_eq!(measure(dir.path(), limits).unwrap().files, 11);
    }

    #[test]
    fn what_nests_too_deep_is_hidden_and_that_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        for branch in ["a", "b"] {
            fs::create_dir_all(dir.path().join(branch).join("deep/".repeat(200))).unwrap();
        }
        assert_eq!(measure(dir.path(), PLENTY).unwrap().hidden, 2);
        let limits = Usage { hidden: 0, ..PLENTY };
        let usage = measure(dir.path(), limits).unwrap();
        assert_eq!(usage.hidden, 1);
        assert!(usage.exceeds(limits));
        assert!(!usage.exceeds(Usage { hidden: 1, ..PLENTY }));
    }

    /// As root the modes are what is looked at: root enters anything.
    #[test]
    fn closed_folders_of_our_own_are_counted_and_read_only_ones_stay_so() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        let modes = [("no-list", 0o300), ("no-entry", 0o400), ("shut", 0), ("read-only", 0o500)];
        for (name, mode) in modes {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("file"), "x").unwrap();
            fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(dir.path(), Permissions::from_mode(0o000)).unwrap();
        let usage = measure(dir.path(), PLENTY).unwrap();
        assert_eq!((usage.files, usage.hidden), (8, 0));
        assert_eq!(modes.map(|(name, _)| mode(name)), [0o700, 0o500, 0o500, 0o500]);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    }
}
