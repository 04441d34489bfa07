//! Looking at what a server would find, without being one: for `mi doctor`. Nothing is made and nothing is written.

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::place::LOCK_FILE;
use super::{POSTGRES_SCHEMA, place};
use crate::infra::db::examine::{Examined, examine};
use crate::infra::db::{DbError, Location};

/// A data directory as somebody sees it who only looks.
#[derive(Debug, Clone)]
pub struct Look {
    data_dir: PathBuf,
}

impl Look {
    #[must_use]
    pub fn at(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    /// The key that seals everything secret of this server.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        place::key_file(&self.data_dir)
    }

    /// The store; `None` where there is none yet. Blocks.
    ///
    /// # Errors
    /// When it can't be opened or is none.
    pub fn store(&self, database_url: Option<&str>) -> Result<Option<Examined>, DbError> {
        examine(&match database_url {
            Some(url) => Location::Postgres { url: url.to_owned(), schema: POSTGRES_SCHEMA.to_owned() },
            None => Location::File(place::database(&self.data_dir)),
        })
    }

    /// The process that says it is this directory's server, if it lives.
    ///
    /// # Errors
    /// When the lock's file is there and can't be read.
    pub fn server(&self) -> io::Result<Option<u32>> {
        let text = match std::fs::read_to_string(self.data_dir.join(LOCK_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let pid = text.trim().parse::<i32>().ok();
        let lives = |pid: &i32| kill(Pid::from_raw(*pid), None) != Err(nix::errno::Errno::ESRCH);
        Ok(pid.filter(lives).and_then(|pid| u32::try_from(pid).ok()))
    }
}
