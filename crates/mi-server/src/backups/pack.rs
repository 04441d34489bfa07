//! Off the disk: a workspace into one archive.
//!
//! An agent owns what is in there and may change it while we read. So each folder is opened from the one above it, no link
//! is followed, only regular files are read, and what shrinks or grows meanwhile is kept as it was read.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mi_core::limits::{BACKUP_BYTES_MAX, BACKUP_FILES_MAX};
use mi_core::transfer::tar;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statvfs::fstatvfs;
use sha2::{Digest, Sha256};

use super::manifest::{self, FileEntry, FolderEntry, LinkEntry, Manifest};

/// Folders in folders; an agent that nests deeper is told where.
const DEPTH_MAX: usize = 128;
/// The kernel takes 4,096, and a restore has to put its own folder before it.
const PATH_BYTES_MAX: usize = 3_072;
/// All names together: they stand in the manifest, which is held in memory and read again by a restore.
pub const PATHS_BYTES_MAX: usize = 48 * 1024 * 1024;
/// How archives that grow are named.
pub const UNFINISHED: &str = ".making-";
const PIECE_BYTES: usize = 256 * 1024;
/// Left free for everybody else: twice what pods' quotas leave.
const RESERVE_BYTES: u64 = 2 * 128 * 1024 * 1024;
/// How much an archive grows between two looks at the disk.
const LOOK_EACH_BYTES: u64 = 4 * 1024 * 1024;
const ZSTD_LEVEL: i32 = 3;
const ARCHIVE_MODE: u32 = 0o600;
const ENTRY_MODE: u32 = 0o600;
const MODE_BITS: u32 = 0o777;

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error("it is too large")]
    TooLarge,
    /// Most likely of holes.
    #[error("{path} alone is {bytes} bytes long")]
    FileTooLarge { path: String, bytes: u64 },
    #[error("it has too many files, or their names are too long")]
    TooMany,
    #[error("it nests too deep at {0}")]
    TooDeep(String),
    #[error("{0} may not be read")]
    Closed(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for Stopped {
    fn from(errno: Errno) -> Self {
        Stopped::Io(errno.into())
    }
}

/// What an archive is, for its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub id: String,
    pub files: u64,
    pub bytes: u64,
    pub size: u64,
    pub skipped: u64,
    pub sha256: String,
}

/// An archive that no row can speak of yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Packed {
    pub facts: Facts,
    place: PathBuf,
    state: State,
}

/// An archive that a row may speak of. Dropped, it stays: a file without a row costs some disk, a row without its file
/// costs a workspace.
#[derive(Debug)]
pub struct Offered {
    place: PathBuf,
}

impl Offered {
    /// There is no row of it, and none can come any more.
    pub fn remove(self) {
        remove(&self.place);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Loose,
    Offered,
}

impl Packed {
    /// From here on there may be a row of it.
    pub fn offer(mut self) -> Offered {
        self.state = State::Offered;
        Offered { place: self.place.clone() }
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        if self.state == State::Loose {
            remove(&self.place);
        }
    }
}

fn remove(place: &Path) {
    if let Err(error) = std::fs::remove_file(place) {
        tracing::warn!(%error, "a backup that nobody wants can't be removed");
    }
}

/// Whether there is anything to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emptiness {
    Kept,
    Skipped,
}

/// Archives `workspace` into `folder`, durably; nothing for a workspace that isn't there, or is empty and may be skipped.
/// Blocks.
pub fn pack(workspace: &Path, folder: &Path, id: &str, empty: Emptiness) -> Result<Option<Packed>, Stopped> {
    let root = match File::open(workspace) {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Stopped::Closed("/".to_owned())),
        Err(error) => return Err(error.into()),
    };
    let growing = folder.join(format!("{UNFINISHED}{id}"));
    let loose = Loose(growing.clone());
    let file = File::options().write(true).create_new(true).mode(ARCHIVE_MODE).open(&growing)?;
    let (facts, manifest) = write(root.into(), file, id)?;
    if empty == Emptiness::Skipped && manifest == Manifest::default() {
        return Ok(None);
    }
    let place = folder.join(file_name(id));
    std::fs::rename(&growing, &place)?;
    loose.became_something();
    let packed = Packed { facts, place, state: State::Loose };
    File::open(folder)?.sync_all()?;
    Ok(Some(packed))
}

const SUFFIX: &str = ".tar.zst";

pub fn file_name(id: &str) -> String {
    format!("{id}{SUFFIX}")
}

/// Of the archive with this name.
pub fn id_of(file_name: &str) -> Option<&str> {
    file_name.strip_suffix(SUFFIX).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A file that grows. Dropped, it is removed.
struct Loose(PathBuf);

impl Loose {
    fn became_something(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Loose {
    fn drop(&mut self) {
        if self.0.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, "an unfinished backup can't be removed");
        }
    }
}

fn write(root: OwnedFd, file: File, id: &str) -> Result<(Facts, Manifest), Stopped> {
    let sink = zstd::stream::write::Encoder::new(Counted::new(file), ZSTD_LEVEL)?;
    let mut packer = Packer { sink, manifest: Manifest::default(), bytes: 0, entries: 0, paths: 0 };
    packer.folder(root, "", 0)?;
    let Packer { mut sink, manifest, bytes, .. } = packer;
    let text = serde_json::to_vec(&manifest).map_err(io::Error::other)?;
    sink.write_all(&tar::write(manifest::NAME, text.len() as u64, ENTRY_MODE))?;
    sink.write_all(&text)?;
    sink.write_all(&vec![0; tar::padding(text.len() as u64)])?;
    sink.write_all(&tar::end())?;
    let counted = sink.finish()?;
    counted.inner.sync_all()?;
    let facts = Facts {
        id: id.to_owned(),
        files: manifest.files.len() as u64,
        bytes,
        size: counted.bytes,
        skipped: manifest.skipped.len() as u64,
        sha256: hex::encode(counted.hasher.finalize()),
    };
    Ok((facts, manifest))
}

/// A file that knows its size and digest.
struct Counted {
    inner: File,
    hasher: Sha256,
    bytes: u64,
    /// The size at which the disk is looked at again.
    look_at: u64,
}

impl Counted {
    fn new(inner: File) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0, look_at: 0 }
    }

    fn must_have_room(&mut self) -> io::Result<()> {
        if self.bytes >= self.look_at {
            self.look_at = self.bytes + LOOK_EACH_BYTES;
            let facts = fstatvfs(&self.inner)?;
            if facts.blocks_available() * facts.fragment_size() < RESERVE_BYTES {
                return Err(io::Error::new(io::ErrorKind::StorageFull, "the machine's disk is nearly full"));
            }
        }
        Ok(())
    }
}

impl Write for Counted {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.must_have_room()?;
        let written = self.inner.write(piece)?;
        self.hasher.update(piece.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Packer<W: Write> {
    sink: W,
    manifest: Manifest,
    bytes: u64,
    entries: usize,
    /// Bytes of all names so far.
    paths: usize,
}

impl<W: Write> Packer<W> {
    fn folder(&mut self, folder: OwnedFd, path: &str, depth: usize) -> Result<(), Stopped> {
        if depth > DEPTH_MAX {
            return Err(Stopped::TooDeep(shown(path)));
        }
        let mut listing = Dir::from_fd(folder.try_clone()?)?;
        for entry in listing.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            self.entries += 1;
            self.paths += path.len() + name.to_bytes().len();
            if self.entries > BACKUP_FILES_MAX || self.paths > PATHS_BYTES_MAX {
                return Err(Stopped::TooMany);
            }
            match name.to_str() {
                Ok(text) => self.entry(&folder, name, &join(path, text), depth)?,
                Err(_) => self.skip(join(path, &name.to_string_lossy())),
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &CStr, path: &str, depth: usize) -> Result<(), Stopped> {
        if path.len() > PATH_BYTES_MAX {
            return Err(Stopped::TooDeep(shown(path)));
        }
        let stat = match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Its agent removed it just now.
            Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFDIR => {
                let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let Some(inner) = open(folder, name, flags, path)? else { return Ok(()) };
                self.manifest.folders.push(FolderEntry { path: path.to_owned(), mode: stat.st_mode & MODE_BITS });
                self.folder(inner, path, depth + 1)
            }
            SFlag::S_IFREG => self.file(folder, name, path),
            SFlag::S_IFLNK => self.link(folder, name, path),
            _ => {
                self.skip(path.to_owned());
                Ok(())
            }
        }
    }

    fn skip(&mut self, path: String) {
        self.manifest.skipped.push(path);
    }

    fn link(&mut self, folder: &OwnedFd, name: &CStr, path: &str) -> Result<(), Stopped> {
        match readlinkat(folder, name).map(|target| target.into_string()) {
            Ok(Ok(target)) => self.manifest.links.push(LinkEntry { path: path.to_owned(), target }),
            Ok(Err(_)) => self.skip(path.to_owned()),
            Err(Errno::ENOENT | Errno::EINVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    fn file(&mut self, folder: &OwnedFd, name: &CStr, path: &str) -> Result<(), Stopped> {
        // Without O_NONBLOCK, a pipe that took the file's place would hold the thread for ever.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let Some(fd) = open(folder, name, flags, path)? else { return Ok(()) };
        let stat = fstat(&fd)?;
        if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
            self.skip(path.to_owned());
            return Ok(());
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size > BACKUP_BYTES_MAX {
            return Err(Stopped::FileTooLarge { path: shown(path), bytes: size });
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > BACKUP_BYTES_MAX {
            return Err(Stopped::TooLarge);
        }
        self.sink.write_all(&tar::write(&format!("{}{path}", manifest::FILES), size, ENTRY_MODE))?;
        let sha256 = self.copy(File::from(fd), size)?;
        self.manifest.files.push(FileEntry { path: path.to_owned(), size, sha256, mode: mode_of(&stat) });
        Ok(())
    }

    /// Exactly `size` bytes: of a file that shrank meanwhile, zeros stand for the rest.
    fn copy(&mut self, file: File, size: u64) -> Result<String, Stopped> {
        let (mut hasher, mut left) = (Sha256::new(), size);
        let mut from = file.chain(io::repeat(0));
        let mut piece = vec![0; PIECE_BYTES];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let found = from.read(&mut piece[..most])?;
            hasher.update(&piece[..found]);
            self.sink.write_all(&piece[..found])?;
            left -= found as u64;
        }
        self.sink.write_all(&vec![0; tar::padding(size)])?;
        Ok(hex::encode(hasher.finalize()))
    }
}

fn mode_of(stat: &FileStat) -> u32 {
    stat.st_mode & MODE_BITS
}

/// Nothing where its agent has removed or replaced it just now.
fn open(folder: &OwnedFd, name: &CStr, flags: OFlag, path: &str) -> Result<Option<OwnedFd>, Stopped> {
    match openat(folder, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO) => Ok(None),
        Err(Errno::EACCES | Errno::EPERM) => Err(Stopped::Closed(shown(path))),
        Err(errno) => Err(errno.into()),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn shown(path: &str) -> String {
    mi_core::ids::excerpt(path)
}
