//! Programs of this machine that agents may use: where they are, and which version they say they are.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::installs::{Install, RunsOn, is_program};

/// A program that starts a runtime of its own may take a second or two to say its version.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A version is one line.
const ANSWER_BYTES_MAX: u64 = 4 * 1024;

/// A program that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub path: PathBuf,
    /// The first line that it said when asked; `None` if it said nothing in time.
    pub version: Option<String>,
}

/// Looks for a program on a search path and asks it for its version. Blocks, at most for ten seconds.
#[must_use]
pub fn find_program(name: &str, search_path: &str, home: Option<&str>) -> Option<Program> {
    let places = search_path.split(':').filter(|folder| folder.starts_with('/'));
    let path = places.map(|folder| Path::new(folder).join(name)).find(|path| is_program(path))?;
    let version = ask(&path, search_path, home);
    Some(Program { path, version })
}

/// The same for a program that is installed as one package: what really runs is asked, as in a pod.
#[must_use]
pub fn find_install(install: &Install, node: Option<&Path>, search_path: &str, home: Option<&str>) -> Program {
    let path = install.program();
    let mut command = match install.runs_on {
        RunsOn::Itself => Command::new(&path),
        RunsOn::Node => Command::new(node.unwrap_or(Path::new("node"))),
    };
    if install.runs_on == RunsOn::Node {
        command.arg(&path);
    }
    let version = answer(command, &path, search_path, home);
    Program { path, version }
}

fn ask(path: &Path, search_path: &str, home: Option<&str>) -> Option<String> {
    answer(Command::new(path), path, search_path, home)
}

/// Nothing of the caller's environment goes along but what a program needs to start: there may be keys in it.
fn answer(mut command: Command, path: &Path, search_path: &str, home: Option<&str>) -> Option<String> {
    command.arg("--version").env_clear().env("PATH", search_path).process_group(0);
    command.envs(home.map(|home| ("HOME", home)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            tracing::debug!(%error, path = %path.display(), "a program can't be asked for its version");
            return None;
        }
    };
    let ended = ends_in_time(&mut child);
    let mut text = Vec::new();
    let out = child.stdout.take()?;
    // Whatever it left running would hold the pipe open.
    kill_group(&child);
    if ended && out.take(ANSWER_BYTES_MAX).read_to_end(&mut text).is_err() {
        return None;
    }
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

fn ends_in_time(child: &mut Child) -> bool {
    let until = Instant::now() + ANSWER_LIMIT;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) => thread::sleep(LOOK_EVERY),
            Err(_) => break,
        }
    }
    kill_group(child);
    if let Err(error) = child.wait() {
        tracing::debug!(%error, "a program that was asked for its version can't be waited for");
    }
    false
}

fn kill_group(child: &Child) {
    let Ok(group) = i32::try_from(child.id()) else { return };
    // A group that is gone by now needs no signal.
    killpg(Pid::from_raw(group), Signal::SIGKILL).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn program(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_program_is_found_and_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = format!("relative:{}:/usr/bin:/bin", folder.path().display());
        program(folder.path(), "good", "echo; echo \" good 1.2.3 \"; echo more; echo \"$HOME $KEY\" >&2");
        program(folder.path(), "bad", "exit 3");
        fs::write(folder.path().join("text"), "no program").unwrap();
        let good = find_program("good", &path, Some("/home/me")).unwrap();
        assert_eq!(good, Program { path: folder.path().join("good"), version: Some("good 1.2.3".into()) });
        assert_eq!(find_program("bad", &path, None).unwrap().version, None);
        assert_eq!(find_program("text", &path, None), None);
        assert_eq!(find_program("nobody-has-this", &path, None), None);
    }
}
