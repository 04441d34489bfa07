//! Bringing the pod's things within reach of its uid, while still root.
//!
//! The server's data may lie where an office's uid can't pass (below /root, say). In a mount namespace of this process
//! alone, they are bound side by side onto a small memory file system that anybody may pass.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;

use super::failure::{Failure, wall, wall_at};
use crate::wire::Sources;

/// Exists on every system and, in this namespace, is seen by nobody else.
const STAGE: &str = "/tmp";
const NOTHING: Option<&str> = None;

/// Returns the same sources at their new places.
pub(crate) fn stage(sources: Sources) -> Result<Sources, Failure> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(wall("files"))?;
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_SLAVE, NOTHING).map_err(wall("files"))?;
    // Held by descriptors first: some may lie below the very folder that is about to be covered.
    let held = |path: &Path| hold(path);
    let workspace = held(&sources.workspace)?;
    let drive = held(&sources.drive)?;
    let socket_dir = sources.socket_dir.as_deref().map(held).transpose()?;
    let program = held(&sources.program)?;
    let enter_program = held(&sources.enter_program)?;
    let roots = sources.harnesses.iter().map(|(name, root)| Ok((name.clone(), held(root)?)));
    let roots: Vec<(String, Held)> = roots.collect::<Result<_, Failure>>()?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), STAGE, Some("tmpfs"), flags, Some("mode=0755,size=1m")).map_err(wall("files"))?;
    let harness = |(name, root): (String, Held)| Ok((name.clone(), root.bind(&format!("harness-{name}"))?));
    Ok(Sources {
        workspace: workspace.bind("workspace")?,
        drive: drive.bind("drive")?,
        socket_dir: socket_dir.map(|dir| dir.bind("socket")).transpose()?,
        program: program.bind("program")?,
        enter_program: enter_program.bind("enter-program")?,
        harnesses: roots.into_iter().map(harness).collect::<Result<_, Failure>>()?,
    })
}

struct Held {
    fd: OwnedFd,
    is_dir: bool,
}

fn hold(path: &Path) -> Result<Held, Failure> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = open(path, flags, Mode::empty()).map_err(wall_at("files", path.display()))?;
    let facts = nix::sys::stat::fstat(&fd).map_err(wall("files"))?;
    let is_dir = facts.st_mode & nix::libc::S_IFMT == nix::libc::S_IFDIR;
    Ok(Held { fd, is_dir })
}

impl Held {
    fn bind(self, name: &str) -> Result<PathBuf, Failure> {
        let place = Path::new(STAGE).join(name);
        let made = if self.is_dir { fs::create_dir(&place) } else { File::create(&place).map(drop) };
        made.map_err(wall_at("files", name))?;
        let source = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        mount(Some(source.as_str()), &place, NOTHING, MsFlags::MS_BIND, NOTHING).map_err(wall_at("files", name))?;
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(NOTHING, &place, NOTHING, flags, NOTHING).map_err(wall_at("files", name))?;
        Ok(place)
    }
}
