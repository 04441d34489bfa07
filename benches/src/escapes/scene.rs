//! What stands on the host to be found, and the attempts made from there.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::inside::Stage;
use super::{Attempt, Went, script};

const DECOY: &str = include_str!("decoy.pl");
const KEPT: &str = "kept";
const SECRET: &str = "the-hosts-own-secret";
const SHARED_MEMORY_KEY: u32 = 0x006D_6900;
/// An attempt that takes longer has not succeeded.
const CONTROL_SECONDS_MAX: &str = "20";

/// The decoy process ends when this is dropped, since its input ends.
pub(super) struct Scene {
    folder: TempDir,
    decoy: Child,
    variables: Vec<(&'static str, String)>,
    /// What stands for the session's own access outside.
    access: Vec<(&'static str, String)>,
}

impl Scene {
    pub(super) fn build(stage: &Stage) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("mi-escape-").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let place = |name: &str| folder.path().join(name);
        fs::write(place("secret"), SECRET)?;
        fs::create_dir(place("scratch"))?;
        fs::create_dir(place("landing"))?;
        fs::write(place("landing").join(KEPT), "x")?;
        let id = std::process::id();
        let (socket, hidden, memory) = (place("door"), format!("mi-decoy-{id}"), SHARED_MEMORY_KEY + id);
        let mut decoy = Command::new("perl")
            .args(["-e", DECOY])
            .args([socket.as_os_str(), hidden.as_ref(), memory.to_string().as_ref()])
            .env("SECRET", SECRET)
            .env("DECOY", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("perl is needed for what stands on the host")?;
        let mut said = String::new();
        BufReader::new(decoy.stdout.take().context("the decoy says nothing")?).read_line(&mut said)?;
        let (tcp, udp) = said.trim().split_once(' ').context("the decoy didn't open its doors")?;
        let mut variables = vec![
            ("SECRET", SECRET.to_owned()),
            ("SECRET_FILE", place("secret").display().to_string()),
            ("LANDING", place("landing").display().to_string()),
            ("VICTIM", decoy.id().to_string()),
            ("TCP", tcp.to_owned()),
            ("UDP", udp.to_owned()),
            ("ABSTRACT", hidden),
            ("SOCKET", socket.display().to_string()),
            ("SHARED_MEMORY", memory.to_string()),
            ("HOST_ADDRESS", own_address()),
        ];
        variables.extend(stage.variables());
        Ok(Self { folder, decoy, variables, access: stage.owners_access().to_vec() })
    }

    /// As lines that a shell reads.
    pub(super) fn for_the_inside(&self) -> String {
        let own = [("WHERE", "inside".to_owned()), ("SCRATCH", "/workspace".to_owned())];
        let all = self.variables.iter().chain(&own);
        all.map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''"))).collect()
    }

    /// What the server was made to do to a folder of the host; nothing, unless it follows links of the drive when it writes.
    pub(super) fn planted(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(self.folder.path().join("landing"))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let (kept, planted): (Vec<String>, Vec<String>) =
            names.collect::<Result<Vec<String>>>()?.into_iter().partition(|name| name == KEPT);
        let mut found: Vec<String> = planted.into_iter().map(|name| format!("written to the host: {name}")).collect();
        if kept.is_empty() {
            found.push("removed from the host: a file".to_owned());
        }
        Ok(found)
    }

    /// The same attempt by the server's user, outside.
    pub(super) fn control(&self, attempt: &Attempt, programs: &Path) -> Result<Went> {
        let scratch: PathBuf = self.folder.path().join("scratch");
        let path = std::env::var("PATH").unwrap_or_default();
        // What a careless starter leaves open.
        let line = "exec 9<\"$SECRET_FILE\"; exec timeout -k 1 \"$0\" bash -c \"$1\"";
        let status = Command::new("bash")
            .args(["-c", line, CONTROL_SECONDS_MAX, &script(attempt)])
            .envs(self.variables.iter().chain(&self.access).cloned())
            .env("WHERE", "outside")
            .env("SCRATCH", &scratch)
            .env("PATH", format!("{}:{path}", programs.display()))
            .current_dir(&scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("bash is needed for the attempts")?;
        Ok(Went::when(status.success()))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.decoy.stdin.take());
        if let Err(error) = self.decoy.wait() {
            let said = writeln!(std::io::stderr(), "warning: the decoy can't be waited for: {error}");
            debug_assert!(said.is_ok());
        }
    }
}

/// An address of this machine that isn't its loopback, where it has one. Nothing is sent.
fn own_address() -> String {
    let towards = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    };
    towards().map_or_else(|_| "127.0.0.2".to_owned(), |address| address.ip().to_string())
}
