//! Where a server lives: its data directory, which is its alone, and the folder for short-lived things.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};

use super::StartError;
use crate::infra::config::PodsKind;
use crate::infra::keys::sha256_hex;
use crate::pods::PodUsers;

pub(super) const LOCK_FILE: &str = "server.lock";
/// How long a dead server's lock is waited for: two seconds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 100;
const OWN_MODE: u32 = 0o700;
/// For the users of offices, who must pass on their way to their files and see nothing else.
const PASSABLE_MODE: u32 = 0o711;
const LOCK_MODE: u32 = 0o600;
const OTHERS_PASS: u32 = 0o001;
/// A socket's path is at most 107 bytes; the pod's folder and the longest socket's name take 26.
const RUNTIME_PATH_BYTES_MAX: usize = 80;
/// Enough of a digest to tell two data directories apart.
const RUNTIME_NAME_CHARS: usize = 12;

/// A data directory, held until dropped.
pub(super) struct Place {
    data_dir: PathBuf,
    runtime_dir: PathBuf,
    pod_users: PodUsers,
    _lock: Flock<File>,
}

impl Place {
    /// Makes what isn't there and takes the lock; a second server is told whose it is.
    pub fn take(data_dir: &Path, pods: PodsKind) -> Result<Self, StartError> {
        let unusable = |source| StartError::DataDir { path: data_dir.display().to_string(), source };
        let mode = if geteuid().is_root() { PASSABLE_MODE } else { OWN_MODE };
        make_folder(data_dir, mode).map_err(unusable)?;
        let data_dir = data_dir.canonicalize().map_err(unusable)?;
        let lock = lock(&data_dir.join(LOCK_FILE), unusable, || thread::sleep(LOOK_AGAIN))?;
        for own in ["keys", "store"] {
            make_folder(&data_dir.join(own), OWN_MODE).map_err(unusable)?;
        }
        make_folder(&data_dir.join("offices"), mode).map_err(unusable)?;
        let runtime_dir = runtime_dir(&data_dir, mode)?;
        let pod_users = pod_users(&data_dir, pods).map_err(unusable)?;
        Ok(Self { data_dir, runtime_dir, pod_users, _lock: lock })
    }

    /// Whole, wherever the server was started: pods are given paths below it.
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone()
    }

    pub fn key_file(&self) -> PathBuf {
        key_file(&self.data_dir)
    }

    pub fn database(&self) -> PathBuf {
        database(&self.data_dir)
    }

    pub fn runtime_dir(&self) -> PathBuf {
        self.runtime_dir.clone()
    }

    pub fn pod_users(&self) -> PodUsers {
        self.pod_users
    }
}

pub(super) fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("keys").join("master.key")
}

pub(super) fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("store").join("mi.db")
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// A server that was killed is outlived, for moments, by a child that it was just starting and that still holds what it
/// held; one that runs is no reason to wait.
fn lock(
    path: &Path,
    unusable: impl Fn(io::Error) -> StartError,
    mut pause: impl FnMut(),
) -> Result<Flock<File>, StartError> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(LOCK_MODE).open(path);
    let (mut file, mut pid) = (open.map_err(&unusable)?, None);
    for _ in 0..LOOKS_MAX {
        let mut held = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut held) => {
                write_pid(&mut held).map_err(&unusable)?;
                return Ok(held);
            }
            Err((held, Errno::EWOULDBLOCK)) => held,
            Err((_, error)) => return Err(unusable(error.into())),
        };
        pid = read_pid(&mut held);
        if pid.is_none_or(is_running) {
            break;
        }
        pause();
        file = held;
    }
    Err(StartError::Locked { pid })
}

fn is_running(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// For the message only: the lock is the kernel's, not this text's.
fn read_pid(file: &mut File) -> Option<u32> {
    const PID_BYTES_MAX: u64 = 16;
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(PID_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// In the data directory if that leaves room for a socket's path, else in the system's folder for such things.
fn runtime_dir(data_dir: &Path, mode: u32) -> Result<PathBuf, StartError> {
    let near = data_dir.join("run");
    let path = if near.as_os_str().len() <= RUNTIME_PATH_BYTES_MAX { near } else { far(data_dir) };
    let shown = path.display().to_string();
    let unusable = |source| StartError::DataDir { path: shown.clone(), source };
    make_folder(&path, mode).map_err(unusable)?;
    // In a folder that everybody may write, somebody may have come first.
    let facts = fs::symlink_metadata(&path).map_err(unusable)?;
    if !facts.is_dir() || facts.uid() != geteuid().as_raw() {
        return Err(StartError::RuntimeDir { path: shown });
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(unusable)?;
    Ok(path)
}

fn far(data_dir: &Path) -> PathBuf {
    let digest = sha256_hex(data_dir.as_os_str().as_encoded_bytes());
    PathBuf::from(format!("/tmp/mi-{}-{}", geteuid(), &digest[..RUNTIME_NAME_CHARS]))
}

/// One user an office, if the server is root. Without a sandbox that works only where others may pass on the way to
/// the data directory.
fn pod_users(data_dir: &Path, pods: PodsKind) -> io::Result<PodUsers> {
    if !geteuid().is_root() {
        return Ok(PodUsers::Servers);
    }
    match pods {
        PodsKind::Local => Ok(PodUsers::OnePerOffice),
        PodsKind::Process => {
            for folder in data_dir.ancestors() {
                if fs::metadata(folder)?.mode() & OTHERS_PASS == 0 {
                    tracing::warn!("agents run as root: only root may enter the data directory");
                    return Ok(PodUsers::Servers);
                }
            }
            Ok(PodUsers::OnePerOffice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_has_one_server() {
        let dir = tempfile::tempdir().unwrap();
        let first = Place::take(dir.path(), PodsKind::Local).unwrap();
        let second = Place::take(dir.path(), PodsKind::Local).err().unwrap();
        assert_eq!(
            second.to_string(),
            format!("another mi is running on this data directory (pid {})", std::process::id())
        );
        assert!(second.hint().unwrap().contains("--data-dir"));
        drop(first);
        Place::take(dir.path(), PodsKind::Local).unwrap();
    }

    #[test]
    fn the_lock_of_a_dead_server_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        let take = |pause: &mut dyn FnMut()| lock(&path, |error| panic!("{error}"), pause);
        let mut child = Some(take(&mut || unreachable!()).unwrap());
        // No process has this number: the largest one is below it.
        fs::write(&path, "4194305\n").unwrap();
        let mut looks = 0;
        assert!(matches!(take(&mut || looks += 1).err().unwrap(), StartError::Locked { pid: Some(4_194_305) }));
        assert_eq!(looks, LOOKS_MAX);
        take(&mut || drop(child.take())).unwrap();
    }

    #[test]
    fn a_long_path_gets_a_short_runtime_folder() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a".repeat(100));
        let place = Place::take(&deep, PodsKind::Local).unwrap();
        assert!(place.runtime_dir().as_os_str().len() <= RUNTIME_PATH_BYTES_MAX);
        fs::remove_dir_all(place.runtime_dir()).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "x").unwrap();
        let error = Place::take(&path, PodsKind::Local).err().unwrap();
        assert!(error.to_string().contains("can't be used"), "{error}");
    }
}
