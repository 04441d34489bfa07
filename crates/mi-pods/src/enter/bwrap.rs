//! The walls by bubblewrap: the view as its arguments, then this process becomes it.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::prctl;
use nix::unistd::{getegid, geteuid};

use super::failure::{Failure, wall, wall_at};
use super::view::{self, Access, INIT_AT, Step, WORKSPACE_AT};
use super::{filled_pipe, init_args};
use crate::wire::EnterSpec;

/// Every namespace by name, and our own first process inside instead of bubblewrap's.
///
/// Without `--die-with-parent`: a bubblewrap that dies at once with the server, just after its clone, leaves a child that waits
/// for its word for ever. So it stays, its child begins, and our first process finds that the server is gone.
const WALLS: [&str; 10] = [
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
    "--as-pid-1",
    "--new-session",
    "--cap-drop",
    "ALL",
];

/// Becomes bubblewrap. Its arguments can be read by others, so nothing secret is among them; the environment is the pod's.
pub(crate) fn enter(bwrap: &Path, spec: &EnterSpec) -> Result<Infallible, Failure> {
    let mut args: Vec<OsString> = WALLS.map(OsString::from).to_vec();
    args.extend(["--hostname", &spec.hostname].map(OsString::from));
    for step in view::steps(spec, geteuid().as_raw(), getegid().as_raw()) {
        args.extend(arguments(step)?);
    }
    args.extend(["--remount-ro", "/", "--chdir", WORKSPACE_AT, "--", INIT_AT].map(OsString::from));
    args.extend(init_args(spec)?.into_iter().map(OsString::from));
    prctl::set_pdeathsig(None).map_err(wall("processes"))?;
    let error = Command::new(bwrap).args(args).env_clear().envs(spec.env.iter().cloned()).exec();
    Err(wall_at("sandbox", bwrap.display())(error))
}

fn arguments(step: Step) -> Result<Vec<OsString>, Failure> {
    Ok(match step {
        Step::Dir { at } => vec!["--perms".into(), "0755".into(), "--dir".into(), at.into()],
        Step::Bind { source, at, access: Access::ReadOnly } => vec!["--ro-bind".into(), source.into(), at.into()],
        Step::Bind { source, at, access: Access::ReadWrite } => vec!["--bind".into(), source.into(), at.into()],
        Step::Link { target, at } => vec!["--symlink".into(), target.into(), at.into()],
        Step::Tmpfs { at, mode, bytes_max } => {
            words(&["--perms", &format!("{mode:04o}"), "--size", &bytes_max.to_string(), "--tmpfs", at])
        }
        Step::File { at, content } => {
            let pipe = filled_pipe(content.as_bytes()).map_err(wall("files"))?;
            let number = pipe.as_raw_fd().to_string();
            // Bubblewrap reads it to its end and closes it.
            let _stays_open = pipe.into_raw_fd();
            words(&["--file", &number, at])
        }
        Step::Proc => words(&["--proc", "/proc"]),
        Step::Cover { at } => words(&["--ro-bind-try", at, at]),
        Step::Devices => words(&["--dev", "/dev"]),
        Step::Seal { at } => words(&["--remount-ro", at]),
    })
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
