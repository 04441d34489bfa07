//! The ways from a pod to the server: one folder and two listeners a pod, so that a listener says whose pod it is. One
//! leads to the API, the other to the proxy that leads out.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};

use mi_core::ids::AgentId;
use mi_core::wire::runner::PROXY_SOCKET_NAME;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::egress;
use crate::house::House;
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
    serving: [JoinHandle<()>; 2],
}

/// Bound, and nobody answers yet.
pub(super) struct Bound {
    api: StdListener,
    proxy: StdListener,
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

/// Binds the sockets. Blocks.
pub(super) fn bind(folder: &Path) -> io::Result<Bound> {
    Ok(Bound { api: listen(&folder.join(SOCKET_NAME))?, proxy: listen(&folder.join(PROXY_SOCKET_NAME))? })
}

fn listen(path: &Path) -> io::Result<StdListener> {
    let listener = StdListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Takes away the doors that an earlier server left, before this one opens its own; how many there were. Blocks.
pub(super) fn sweep(runtime_dir: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in std::fs::read_dir(runtime_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_door = name.len() == FOLDER_NAME_CHARS && name.to_string_lossy().bytes().all(|b| b.is_ascii_hexdigit());
        if is_door && entry.file_type()?.is_dir() {
            remove(&entry.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Door {
    /// Answers whoever comes, as this agent's pod and nobody else's.
    pub(super) fn open(
        house: &House,
        front: &Front,
        bound: Bound,
        folder: PathBuf,
        pod: egress::Pod,
    ) -> io::Result<Self> {
        let (api, proxy) = (UnixListener::from_std(bound.api)?, UnixListener::from_std(bound.proxy)?);
        let api = tokio::spawn(front.clone().serve_pod(api, pod.agent));
        let proxy = tokio::spawn(egress::serve(house.clone(), proxy, pod));
        Ok(Self { folder, serving: [api, proxy] })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, "a pod's socket stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AgentId, bind, folder, make_folder, sweep};

    #[test]
    fn doors_of_an_earlier_server_are_taken_away_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let door = folder(dir.path(), AgentId(uuid::Uuid::from_u128(7)));
        make_folder(&door).unwrap();
        drop(bind(&door).unwrap());
        std::fs::create_dir(dir.path().join("bin-1-2-3")).unwrap();
        std::fs::write(dir.path().join("0123456789abcdef"), "a file").unwrap();
        assert_eq!(sweep(dir.path()).unwrap(), 1);
        assert!(!door.exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
