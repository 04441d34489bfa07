//! Giving files to an office's uid without ever following a link out of the tree.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{Gid, Uid, fchown, fchownat};

/// A tree deeper than this was made to exhaust whoever walks it.
const DEPTH_MAX: usize = 128;
/// The folder of a pod's socket: the server's, entered by the office's group only.
const SOCKET_DIR_MODE: u32 = 0o710;

/// Makes a folder and everything in it belong to this uid (and the gid of the same number).
///
/// Links are owned, not followed; other file systems mounted below are left alone, and so are files with several names,
/// since another name may lie outside the tree.
///
/// # Errors
/// When a part can't be opened or given away. What lies deeper than 128 folders is left as it is.
pub fn own_tree(path: &Path, uid: u32) -> io::Result<()> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = open(path, flags, Mode::empty())?;
    let device = fstat(&root)?.st_dev;
    own_folder(root, uid, device, 0)
}

fn own_folder(folder: OwnedFd, uid: u32, device: u64, depth: usize) -> io::Result<()> {
    // Only a pod nests so deep, and what a pod made is its own already.
    if depth > DEPTH_MAX {
        return Ok(());
    }
    let (owner, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
    fchown(folder.as_fd(), owner, group)?;
    let mut listing = Dir::from_fd(folder.try_clone()?)?;
    for entry in listing.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let facts = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if facts.st_dev != device {
            continue;
        }
        if kind(&facts) == SFlag::S_IFDIR {
            let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            own_folder(openat(&folder, name, flags, Mode::empty())?, uid, device, depth + 1)?;
        } else if facts.st_uid != uid && facts.st_nlink == 1 {
            fchownat(&folder, name, owner, group, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
    }
    Ok(())
}

fn kind(facts: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT
}

/// Lets exactly one uid enter the folder of a pod's socket; the folder stays the server's. Only root can and need do this.
///
/// # Errors
/// When the folder can't be given to the uid's group.
pub fn own_socket_dir(path: &Path, uid: u32) -> io::Result<()> {
    let facts = fs::symlink_metadata(path)?;
    if !facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "the socket's folder is no folder"));
    }
    if facts.gid() != uid {
        chown(path, None, Some(uid))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_DIR_MODE))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::own_tree;

    #[test]
    fn links_are_owned_and_never_followed() {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: only root can give files away");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (tree, outside) = (dir.path().join("tree"), dir.path().join("outside"));
        std::fs::create_dir_all(tree.join("sub")).unwrap();
        std::fs::write(&outside, "x").unwrap();
        std::fs::write(tree.join("sub/file"), "x").unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        std::fs::hard_link(&outside, tree.join("second-name")).unwrap();
        own_tree(&tree, 54_321).unwrap();
        let owner = |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().uid();
        assert_eq!(owner(&tree.join("sub/file")), 54_321);
        assert_eq!(owner(&tree.join("link")), 54_321);
        assert_eq!(owner(&outside), 0);
        assert!(own_tree(&tree.join("link"), 54_321).is_err());
    }
}
