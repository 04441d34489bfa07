//! One person's machine: a home, a data directory, a working folder, a program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, chown, geteuid};
use tempfile::TempDir;

use crate::said::Said;

/// The user who owns nothing.
pub const NOBODY: u32 = 65_534;
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// As whom everything in a house is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// As this test.
    Same,
    /// As an ordinary user; only root can arrange that.
    Nobody,
}

impl User {
    /// Both kinds, where this machine lets us be both; says which can't be tried.
    pub fn each() -> Vec<Self> {
        if geteuid().is_root() {
            return vec![Self::Same, Self::Nobody];
        }
        println!("skipped: this test isn't run by root, so only an ordinary user is tried");
        vec![Self::Same]
    }
}

#[derive(Debug)]
pub struct House {
    folder: TempDir,
    user: User,
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

impl House {
    pub fn new() -> Self {
        Self::of(User::Same)
    }

    pub fn of(user: User) -> Self {
        let folder = tempfile::Builder::new().prefix("mi-t").tempdir().unwrap();
        let house = Self { folder, user };
        for name in ["bin", "home", "here", "tmp"] {
            fs::create_dir(house.path(name)).unwrap();
        }
        house.place_program();
        if user == User::Nobody {
            fs::set_permissions(house.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            for name in ["", "home", "here", "tmp"] {
                chown(&house.path(name), Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
            }
        }
        house
    }

    /// An ordinary user gets a copy: the folder of the build may be closed to it.
    fn place_program(&self) {
        let (built, here) = (built_program(), self.path("bin/mi"));
        match self.user {
            User::Same => std::os::unix::fs::symlink(built, here).unwrap(),
            User::Nobody => {
                fs::copy(built, &here).unwrap();
                fs::set_permissions(&here, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }

    pub fn user(&self) -> User {
        self.user
    }

    /// `""` is the whole house.
    pub fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.folder.path().to_owned() } else { self.folder.path().join(name) }
    }

    /// The folder that stands in for `~/.mi`.
    pub fn home(&self) -> PathBuf {
        self.path("home/.mi")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// A file in the working folder.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path("here").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A program with an environment of its own, in the working folder, as the house's user.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = match self.user {
            User::Same => Command::new(program.as_ref()),
            User::Nobody => {
                let id = NOBODY.to_string();
                let mut command = Command::new("setpriv");
                command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(program.as_ref());
                command
            }
        };
        command.env_clear().current_dir(self.path("here"));
        command.env("PATH", format!("{}:{SYSTEM_PATH}", self.path("bin").display()));
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp"));
        command.env("LANG", "C.UTF-8");
        command
    }

    /// `mi` with these words, not told of any server but by its configuration.
    pub fn mi(&self, words: &[&str]) -> Said {
        let output = self.command(self.path("bin/mi")).args(words).output().unwrap();
        Said::of(format!("mi {}", words.join(" ")), output)
    }

    /// A line as somebody types it.
    pub fn shell(&self, line: &str) -> Said {
        let output = self.command("/bin/sh").arg("-c").arg(line).output().unwrap();
        Said::of(line.to_owned(), output)
    }
}

/// `MI_BIN`, or the one that was built beside this test.
fn built_program() -> PathBuf {
    if let Some(named) = std::env::var_os("MI_BIN") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("mi");
    assert!(program.is_file(), "{} is missing: `cargo build -p mi` makes it", program.display());
    program
}
