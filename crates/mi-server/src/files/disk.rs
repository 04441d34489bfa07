//! The drive's folder as the server touches it: beneath its root, never through a link.
//!
//! Agents own what is in there and may plant links, pipes and sockets, also while we look.
//! So every path is resolved by the kernel beneath an open folder, and what was opened is
//! judged by its descriptor, not by its name.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use mi_core::drive::DrivePath;
use mi_core::limits::UPLOAD_BYTES_MAX;
use mi_core::time::Time;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, linkat, unlinkat};
use sha2::{Digest, Sha256};

const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o770);
const FILE_MODE: Mode = Mode::from_bits_truncate(0o660);
const READ_PIECE_BYTES: usize = 256 * 1024;
/// The last moment that the wire can show: the end of the year 9999. An agent may set any time on its files.
const LATEST_MS: i64 = 253_402_300_799_999;
const NANOS_PER_MS: i128 = 1_000_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// A file that changed so lately can change again within one tick of the kernel's clock, unseen.
const SETTLE_NANOS: i128 = 100 * NANOS_PER_MS;

/// What stands in the way of a file.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("nothing stands at this name")]
    Missing,
    #[error("no regular file stands at this name")]
    NotAFile,
    #[error("a link on the way leads out of the drive")]
    LeadsOut,
    #[error("a part of the name is too long for the file system")]
    TooLong,
    #[error("the owner of the file lets nobody read it")]
    Closed,
    /// A pod can make a file of any apparent size in no time; reading it to the end would take for ever.
    #[error("the file is larger than files on the drive may be")]
    TooLarge,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for DiskError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => DiskError::Missing,
            Errno::ENOTDIR | Errno::EISDIR | Errno::ENXIO | Errno::ELOOP | Errno::ENOTEMPTY | Errno::EEXIST => {
                DiskError::NotAFile
            }
            Errno::EXDEV => DiskError::LeadsOut,
            Errno::ENAMETOOLONG => DiskError::TooLong,
            Errno::EACCES | Errno::EPERM => DiskError::Closed,
            other => DiskError::Io(other.into()),
        }
    }
}

/// A regular file as it was seen: enough to know later whether it is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub size: i64,
    pub modified_at: Time,
    pub mark: Mark,
}

const UNSETTLED: char = '~';

/// Size, times and inode of a file. Equal marks mean equal bytes; an unsettled one equals none on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(pub String);

impl Mark {
    /// The same, to be looked at again whatever the disk says.
    pub fn unsettled(&self) -> Self {
        Self(format!("{UNSETTLED}{}", self.0.trim_start_matches(UNSETTLED)))
    }

    /// Whether both were seen on one and the same file, whatever became of its content.
    pub fn is_of_same_file(&self, other: &Mark) -> bool {
        let inode = |mark: &Mark| mark.0.rsplit_once('.').map(|(_, inode)| inode.to_owned());
        inode(self).is_some() && inode(self) == inode(other)
    }
}

impl Seen {
    /// Larger than anything that the drive's API takes.
    pub fn is_too_large(&self) -> bool {
        u64::try_from(self.size).is_ok_and(|size| size > UPLOAD_BYTES_MAX)
    }

    /// `None` if it is no regular file.
    fn of(stat: &FileStat) -> Option<Self> {
        if kind(stat) != SFlag::S_IFREG {
            return None;
        }
        let (modified, changed) = (nanos(stat.st_mtime, stat.st_mtime_nsec), nanos(stat.st_ctime, stat.st_ctime_nsec));
        let modified_ms = i64::try_from(modified / NANOS_PER_MS).unwrap_or(LATEST_MS);
        Some(Self {
            size: stat.st_size,
            modified_at: Time(modified_ms.clamp(0, LATEST_MS)),
            mark: Mark(format!("{}.{modified}.{changed}.{}", stat.st_size, stat.st_ino)),
        })
    }

    /// Whether this is `other`, moved at most: the same file, and nobody wrote to it.
    fn is_still(&self, other: &Seen) -> bool {
        self.mark.is_of_same_file(&other.mark) && self.size == other.size && self.modified_at == other.modified_at
    }

    /// The mark to keep: only of a file that last changed long enough before `now`.
    pub fn settled_mark(&self, now: DiskNow) -> Mark {
        let changed = self.mark.0.split('.').nth(2).and_then(|text| text.parse::<i128>().ok());
        match changed {
            Some(changed) if changed + SETTLE_NANOS < now.0 => self.mark.clone(),
            Some(_) | None => self.mark.unsettled(),
        }
    }
}

fn nanos(seconds: i64, nanos: i64) -> i128 {
    i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos)
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// The file system's own time, which is what its files are stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskNow(i128);

impl DiskNow {
    /// So early that every file seems to have changed just now: each is looked at again.
    const UNKNOWN: DiskNow = DiskNow(i128::MIN);
}

/// A folder, held open.
pub struct Folder {
    fd: OwnedFd,
}

impl Folder {
    /// Opens a folder of the server itself.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fd: File::open(path)?.into() })
    }

    /// Opens a folder beneath this one; an empty name is this one.
    pub fn open_folder(&self, name: &str) -> Result<Folder, DiskError> {
        let name = if name.is_empty() { "." } else { name };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let fd = open_beneath(self.fd.as_fd(), name, flags).map_err(|errno| self.explain(name, errno))?;
        Ok(Folder { fd })
    }

    /// Opens a regular file for reading.
    pub fn open_file(&self, name: &DrivePath) -> Result<(File, Seen), DiskError> {
        self.open_named(name.as_str())
    }

    /// The same for a name that no drive would take; it holds no `..`.
    pub fn open_named(&self, name: &str) -> Result<(File, Seen), DiskError> {
        // Without O_NONBLOCK, a pipe without a writer would hold the thread for ever.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let opened = open_beneath(self.fd.as_fd(), name, flags);
        let fd = opened.map_err(|errno| match errno {
            Errno::ENOTDIR => DiskError::Missing,
            errno => self.explain(name, errno),
        })?;
        let seen = Seen::of(&fstat(&fd)?).ok_or(DiskError::NotAFile)?;
        if seen.is_too_large() {
            return Err(DiskError::TooLarge);
        }
        Ok((File::from(fd), seen))
    }

    /// Makes a new file of the server here, to be filled and then moved.
    pub fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, name, flags, FILE_MODE)?;
        fchmod(&fd, FILE_MODE)?;
        Ok(File::from(fd))
    }

    /// The names in this folder, at most `most` of them.
    pub fn names(&self, most: usize) -> io::Result<Vec<std::ffi::CString>> {
        let again = openat(&self.fd, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut names = Vec::new();
        for entry in nix::dir::Dir::from_fd(again)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
            if names.len() >= most {
                break;
            }
        }
        Ok(names)
    }

    /// What stands at a name of this folder itself, links not followed.
    pub fn entry(&self, name: &std::ffi::CStr) -> Result<Entry, DiskError> {
        let stat = fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(match kind(&stat) {
            SFlag::S_IFDIR => Entry::Folder,
            _ => Seen::of(&stat).map_or(Entry::Other, Entry::File),
        })
    }

    /// Removes a name of the server from this folder; missing is fine.
    pub fn discard(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Moves the complete file `temp` of `incoming` to `name` beneath this folder, in one step. A file that it replaces
    /// is kept in `incoming` as `aside`.
    pub fn place(
        &self,
        incoming: &Folder,
        temp: &str,
        aside: &str,
        name: &DrivePath,
        owner: Option<u32>,
    ) -> Result<Spot, DiskError> {
        let (folder, last) = split(name);
        let folder = self.make_folders(folder, owner)?;
        let before = match fstatat(&folder.fd, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if Seen::of(&stat).is_none() => return Err(self.explain(name.as_str(), Errno::ELOOP)),
            Ok(_) => incoming.keep(aside, &folder, last)?,
            Err(Errno::ENOENT) => Before::Nothing,
            Err(errno) => return Err(errno.into()),
        };
        renameat(&incoming.fd, temp, &folder.fd, last)?;
        Ok(Spot { folder, name: last.to_owned(), before })
    }

    /// A second name here for a file elsewhere: it outlives its replacement.
    fn keep(&self, aside: &str, folder: &Folder, name: &str) -> Result<Before, DiskError> {
        match linkat(&folder.fd, name, &self.fd, aside, AtFlags::empty()) {
            Ok(()) => Ok(Before::File),
            // Its agent removed it just now.
            Err(Errno::ENOENT) => Ok(Before::Nothing),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes a regular file and makes that durable.
    pub fn remove(&self, name: &DrivePath) -> Result<(), DiskError> {
        let (folder, last) = split(name);
        let folder = self.open_folder(folder).map_err(|error| match error {
            DiskError::NotAFile => DiskError::Missing,
            other => other,
        })?;
        let stat = fstatat(&folder.fd, last, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if Seen::of(&stat).is_none() {
            return Err(self.explain(name.as_str(), Errno::ELOOP));
        }
        unlinkat(&folder.fd, last, UnlinkatFlags::NoRemoveDir)?;
        fsync(&folder.fd)?;
        Ok(())
    }

    /// The folder at `path`, made where it is missing.
    pub fn make_folders(&self, path: &str, owner: Option<u32>) -> Result<Folder, DiskError> {
        let mut folder = self.open_folder("")?;
        let mut so_far = String::with_capacity(path.len());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !so_far.is_empty() {
                so_far.push('/');
            }
            so_far.push_str(part);
            folder = match self.open_folder(&so_far) {
                Err(DiskError::Missing) => folder.make_folder(part, owner)?,
                found => found?,
            };
        }
        Ok(folder)
    }

    fn make_folder(&self, name: &str, owner: Option<u32>) -> Result<Folder, DiskError> {
        match mkdirat(&self.fd, name, FOLDER_MODE) {
            // Somebody was faster: then it is theirs.
            Err(Errno::EEXIST) => return self.open_folder(name),
            made => made?,
        }
        let made = self.open_folder(name)?;
        fchmod(&made.fd, FOLDER_MODE)?;
        give_to_pod(made.fd.as_fd(), owner)?;
        fsync(&self.fd)?;
        Ok(made)
    }

    /// Tells a link that leads out from one that merely isn't followed.
    fn explain(&self, name: &str, errno: Errno) -> DiskError {
        if errno != Errno::ELOOP {
            return errno.into();
        }
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        match openat2(&self.fd, name, how) {
            Err(Errno::EXDEV) => DiskError::LeadsOut,
            Ok(_) | Err(_) => DiskError::NotAFile,
        }
    }

    /// What time the file system thinks it is: the stamp of a file made now. A full one has no room to say.
    pub fn now(&self) -> io::Result<DiskNow> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        let file = match self.create(&name) {
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                return Ok(DiskNow::UNKNOWN);
            }
            created => created?,
        };
        let stat = fstat(&file);
        self.discard(&name)?;
        let stat = stat?;
        Ok(DiskNow(nanos(stat.st_ctime, stat.st_ctime_nsec)))
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Where a file was placed, and what it replaced.
pub struct Spot {
    folder: Folder,
    name: String,
    before: Before,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    File,
}

/// How a placement was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    Whole,
    /// An agent has changed or replaced the file since: it is the agent's now, and stays.
    Overtaken,
}

impl Spot {
    /// Makes the placement durable.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.folder.fd)?)
    }

    /// Puts back what stood here before `placed`, in one step.
    pub fn undo(&self, incoming: &Folder, aside: &str, placed: &Seen) -> Result<Undone, DiskError> {
        match fstatat(&self.folder.fd, self.name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if Seen::of(&stat).is_some_and(|seen| seen.is_still(placed)) => {}
            Ok(_) | Err(Errno::ENOENT) => return Ok(Undone::Overtaken),
            Err(errno) => return Err(errno.into()),
        }
        match self.before {
            Before::Nothing => unlinkat(&self.folder.fd, self.name.as_str(), UnlinkatFlags::NoRemoveDir)?,
            Before::File => renameat(&incoming.fd, aside, &self.folder.fd, self.name.as_str())?,
        }
        self.sync()?;
        Ok(Undone::Whole)
    }
}

/// What stands at a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    Folder,
    File(Seen),
    /// A link, a pipe, a socket, a device: nothing for the drive.
    Other,
}

/// Makes a file or folder of the server the pods' own. Only root has to, and only root can.
pub fn give_to_pod(fd: BorrowedFd<'_>, owner: Option<u32>) -> io::Result<()> {
    match owner {
        Some(uid) => Ok(fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?),
        None => Ok(()),
    }
}

/// Makes a folder that agents of the office may write to.
pub fn make_shared_folder(path: &Path, owner: Option<u32>) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    let folder = Folder::open(path)?;
    fchmod(&folder.fd, FOLDER_MODE)?;
    give_to_pod(folder.as_fd(), owner)
}

/// The SHA-256 of everything that is left in `file`, in hex. One that grows beyond the limit meanwhile is given up.
pub fn hash(file: &File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = file.take(UPLOAD_BYTES_MAX + 1);
    let mut piece = vec![0; READ_PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) if file.limit() == 0 => return Err(io::ErrorKind::FileTooLarge.into()),
            Ok(0) => return Ok(hex::encode(hasher.finalize())),
            Ok(bytes) => hasher.update(piece.get(..bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// An open file as it is now.
pub fn look_again(file: &File) -> Result<Seen, DiskError> {
    Seen::of(&fstat(file)?).ok_or(DiskError::NotAFile)
}

fn split(name: &DrivePath) -> (&str, &str) {
    name.as_str().rsplit_once('/').unwrap_or(("", name.as_str()))
}

fn open_beneath(root: BorrowedFd<'_>, name: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlag::O_CLOEXEC;
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    match openat2(root, name, OpenHow::new().flags(flags).resolve(resolve)) {
        // Some sandboxes around the server know no `openat2`.
        Err(Errno::ENOSYS | Errno::EPERM) => walk_beneath(root, name, flags),
        opened => opened,
    }
}

/// As `openat2` would: part by part, each opened without following a link. Names hold no `..`.
pub fn walk_beneath(root: BorrowedFd<'_>, name: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
    let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
    let mut at: Option<OwnedFd> = None;
    let step = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        let from = at.as_ref().map_or(root, AsFd::as_fd);
        at = Some(openat(from, part, step, Mode::empty())?);
    }
    openat(at.as_ref().map_or(root, AsFd::as_fd), last, flags | OFlag::O_NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_of_files_that_rest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "x").unwrap();
        let root = Folder::open(folder.path()).unwrap();
        let (_, seen) = root.open_file(&"a".parse().unwrap()).unwrap();
        let now = root.now().unwrap();
        assert_eq!(seen.settled_mark(now), seen.mark.unsettled());
        assert_eq!(seen.settled_mark(DiskNow(now.0 + 2 * SETTLE_NANOS)), seen.mark);
        assert_ne!(seen.mark, seen.mark.unsettled());
        assert!(seen.mark.unsettled().is_of_same_file(&seen.mark));
        assert_eq!(root.names(10).unwrap().len(), 1, "asking for the time leaves nothing");
    }

    #[test]
    fn times_that_the_wire_cannot_show_are_bent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = File::create(&path).unwrap();
        let root = Folder::open(folder.path()).unwrap();
        let far = std::time::Duration::from_secs(1_000_000_000_000);
        for time in [std::time::UNIX_EPOCH + far, std::time::UNIX_EPOCH - std::time::Duration::from_secs(1)] {
            file.set_modified(time).unwrap();
            let (_, seen) = root.open_file(&"a".parse().unwrap()).unwrap();
            assert!((0..=LATEST_MS).contains(&seen.modified_at.0));
            assert!(serde_json::to_string(&seen.modified_at).is_ok());
        }
    }

    #[test]
    fn without_openat2_links_are_not_followed_either() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/c"), "x").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("to-a")).unwrap();
        std::os::unix::fs::symlink("c", folder.path().join("a/b/to-c")).unwrap();
        let root = Folder::open(folder.path()).unwrap();
        let open = |name| walk_beneath(root.as_fd(), name, OFlag::O_RDONLY);
        assert!(open("a/b/c").is_ok() && open("a").is_ok());
        assert!(open("to-a/b/c").is_err() && open("a/b/to-c").is_err() && open("a/x").is_err());
    }
}
