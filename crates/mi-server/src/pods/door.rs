//! The way from a pod to the server: one folder and one listener a pod, so that the listener says whose pod it is.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};

use mi_core::ids::AgentId;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::infra::http::Front;

/// The server's alone; the driver lets the pod's user in.
const FOLDER_MODE: u32 = 0o700;
/// Whoever may enter the folder may speak.
const SOCKET_MODE: u32 = 0o666;
const SOCKET_NAME: &str = "s.sock";
/// Enough of an agent's id to tell the pods of one server apart; a socket's path is at most 107 bytes.
const FOLDER_NAME_CHARS: usize = 16;

/// An open door. Dropped, nobody listens any more and the folder is gone.
pub(super) struct Door {
    folder: PathBuf,
    serving: JoinHandle<()>,
}

pub(super) fn folder(runtime_dir: &Path, agent: AgentId) -> PathBuf {
    let id = agent.0.simple().to_string();
    runtime_dir.join(&id[..FOLDER_NAME_CHARS])
}

/// An empty folder for the socket. Blocks.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    remove(folder)?;
    std::fs::DirBuilder::new().mode(FOLDER_MODE).create(folder)
}

/// Binds the socket. Blocks.
pub(super) fn bind(folder: &Path) -> io::Result<StdListener> {
    let path = folder.join(SOCKET_NAME);
    let listener = StdListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Door {
    /// Answers whoever comes, as this agent's pod and nobody else's.
    pub(super) fn open(front: &Front, listener: StdListener, folder: PathBuf, agent: AgentId) -> io::Result<Self> {
        let listener = UnixListener::from_std(listener)?;
        let serving = tokio::spawn(front.clone().serve_pod(listener, agent));
        Ok(Self { folder, serving })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.abort();
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, "a pod's socket stays behind");
        }
    }
}
