//! Files for an office's drive, put there by the real command line; and its owner's way in, as programs are told of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use mi_core::ids::OfficeId;

use crate::server::{Server, Site};

/// The owner at the server's address.
#[derive(Debug, Clone)]
pub struct Owner {
    program: PathBuf,
    pub variables: Vec<(&'static str, String)>,
}

impl Owner {
    pub fn of(program: &Path, server: &Server, site: &Site) -> Result<Self> {
        let variables = vec![
            ("MI_ENDPOINT", server.endpoint()),
            ("MI_API_KEY", site.key()?),
            ("MI_HOME", site.home().display().to_string()),
        ];
        Ok(Self { program: program.to_owned(), variables })
    }

    /// Puts text on the drive under this name.
    pub fn push(&self, office: OfficeId, name: &str, text: &str) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        std::fs::write(&file, text)?;
        let mut mi = Command::new(&self.program);
        mi.args(["files", "push", "--colony", &office.to_string(), "--as", name]).arg(&file);
        let said = mi.envs(self.variables.iter().cloned()).output().context("mi can't be started")?;
        if !said.status.success() {
            bail!("{name} can't be pushed: {}", String::from_utf8_lossy(&said.stderr));
        }
        Ok(())
    }
}
