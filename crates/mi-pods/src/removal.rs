//! Removing a folder that somebody hostile filled: however deep it is, whatever is closed in it, no link followed.
//!
//! The standard library's way takes stack for every level: some thousand folders in folders end the process.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::NixPath;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

/// Folders that are open at a time, each in the one before. What is deeper is moved up to the top first.
const LEVELS_MAX: usize = 32;
/// Names that are read of a folder at a time; the rest follows when these are gone.
const NAMES_MAX: usize = 4_096;

/// A folder that is being emptied.
struct Level {
    folder: OwnedFd,
    /// In the folder above it.
    name: CString,
    /// What is known to be in it.
    names: Vec<CString>,
}

/// Removes a folder and everything in it, or what else has this name. Links aren't followed; missing is fine.
///
/// Folders that their owner closed are opened, if the owner is this process's user. Broken off, it leaves a part of the
/// tree, in which folders may stand elsewhere than before; it can be repeated. Blocks.
///
/// # Errors
/// When a part can't be opened or removed, or somebody writes to the tree meanwhile.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    if unlinked(AT_FDCWD, &name)? {
        return Ok(());
    }
    let root = Level::open(AT_FDCWD, name)?;
    let top = root.folder.try_clone()?;
    let (mut levels, mut moved) = (vec![root], 0);
    while let Some(mut here) = levels.pop() {
        let Some(name) = here.next_name()? else {
            let above = levels.last().map_or(AT_FDCWD, |level| level.folder.as_fd());
            unlinkat(above, here.name.as_c_str(), UnlinkatFlags::RemoveDir)?;
            continue;
        };
        let mut below = None;
        if !unlinked(&here.folder, &name)? {
            // This one counts, which was taken off to be looked at.
            if levels.len() + 1 < LEVELS_MAX {
                below = Some(Level::open(&here.folder, name)?);
            } else {
                move_up(&here.folder, &name, &top, &mut moved)?;
            }
        }
        levels.push(here);
        levels.extend(below);
    }
    Ok(())
}

impl Level {
    fn open(above: impl AsFd, name: CString) -> io::Result<Self> {
        let folder = open_below(above, name.as_c_str(), Mode::S_IRWXU)?;
        Ok(Self { folder, name, names: Vec::new() })
    }

    /// The name of something in it; none when it is empty.
    fn next_name(&mut self) -> io::Result<Option<CString>> {
        if self.names.is_empty() {
            self.names = some_names(&self.folder)?;
        }
        Ok(self.names.pop())
    }
}

/// From the folder's beginning: whoever asks has removed all that an earlier answer named.
fn some_names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut listing = list(folder)?;
    let mut names = Vec::new();
    for entry in listing.iter() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
        if names.len() == NAMES_MAX {
            break;
        }
    }
    Ok(names)
}

/// Whether nothing of this name is there any more; a folder still is.
fn unlinked(above: impl AsFd, name: &CStr) -> io::Result<bool> {
    match unlinkat(above, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(Errno::EISDIR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives a folder a name at the top of the tree. A name that is taken is refused, or an empty folder's, which is no loss.
fn move_up(above: &OwnedFd, name: &CStr, top: &OwnedFd, moved: &mut u64) -> io::Result<()> {
    // Its `..` is written, so it must be open to us.
    open_below(above, name, Mode::S_IRWXU)?;
    loop {
        *moved += 1;
        match renameat(above, name, top, format!("up-{moved}").as_str()) {
            Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// Opens a folder, no link followed. One of this process's user that is closed to it is opened to it, as far as needed.
pub(crate) fn open_below<P: ?Sized + NixPath>(above: impl AsFd, name: &P, needed: Mode) -> nix::Result<OwnedFd> {
    let facts = fstatat(&above, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let is_folder = SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    let mode = Mode::from_bits_truncate(facts.st_mode);
    if is_folder && !mode.contains(needed) && facts.st_uid == geteuid().as_raw() {
        fchmodat(&above, name, mode | needed, FchmodatFlags::NoFollowSymlink)?;
    }
    openat(&above, name, flags(), Mode::empty())
}

/// A listing with a place of its own, so that it begins at the folder's beginning.
pub(crate) fn list(folder: &OwnedFd) -> nix::Result<Dir> {
    Dir::openat(folder, c".", flags(), Mode::empty())
}

fn flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;
    use std::thread;

    use nix::fcntl::{OFlag, open, openat};
    use nix::sys::stat::{Mode, mkdirat};

    use super::{NAMES_MAX, remove_tree};

    const LEVELS: usize = 20_000;
    const STACK_BYTES: usize = 256 * 1024;

    fn nest(folder: &Path, levels: usize) {
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut here = open(folder, flags, Mode::empty()).unwrap();
        for _ in 0..levels {
            mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
            here = openat(&here, "d", flags, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn twenty_thousand_levels_are_removed_on_a_small_stack() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        // Names that the removal would like to use itself.
        fs::write(tree.join("up-1"), "x").unwrap();
        fs::create_dir_all(tree.join("up-2/full")).unwrap();
        nest(&tree, LEVELS);
        let path = tree.clone();
        let removing = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || remove_tree(&path)).unwrap();
        removing.join().unwrap().unwrap();
        assert!(!tree.exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn links_lead_nowhere_and_closed_folders_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        fs::create_dir_all(tree.join("closed/below")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        symlink(&outside, dir.path().join("way")).unwrap();
        for closed in ["closed/below", "closed", ""] {
            fs::set_permissions(tree.join(closed), Permissions::from_mode(0o000)).unwrap();
        }
        remove_tree(&tree).unwrap();
        remove_tree(&dir.path().join("way")).unwrap();
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["outside"]);
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn a_folder_of_more_names_than_are_read_at_a_time_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for number in 0..=NAMES_MAX {
            fs::write(tree.join(number.to_string()), "").unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
