//! One real `mi up`: started on a home and data directory of its own, stopped or killed, never left behind.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const READY_LIMIT: Duration = Duration::from_secs(60);
/// The server allows its pods 30 s; it may not take noticeably longer.
const STOP_LIMIT: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
const HEALTH_LIMIT: Duration = Duration::from_secs(10);
const LOG_LINES_SHOWN: usize = 20;
/// Pods run under users of their own, who must pass on their way to their files.
const PASSABLE_MODE: u32 = 0o711;
const READY: &str = "ready http://";

/// The program that `MI_BIN` names.
pub fn program() -> Result<PathBuf> {
    let named = std::env::var_os("MI_BIN").context("MI_BIN names no program; cargo xtask prove NAME sets it")?;
    let path = PathBuf::from(named);
    path.canonicalize().with_context(|| format!("MI_BIN: {} can't be found", path.display()))
}

/// Home and data of a server; removed when dropped.
pub struct Site {
    folder: TempDir,
}

impl Site {
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("mi-prove-").tempdir().context("no temporary folder")?;
        fs::set_permissions(folder.path(), Permissions::from_mode(PASSABLE_MODE))?;
        Ok(Self { folder })
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The owner's key, as the first start wrote it down.
    pub fn key(&self) -> Result<String> {
        let path = self.home().join("config.json");
        let text = fs::read_to_string(&path).context("the server wrote no config.json")?;
        let config: serde_json::Value = serde_json::from_str(&text).context("config.json is no JSON")?;
        Ok(config["key"].as_str().context("config.json holds no key")?.to_owned())
    }

    /// What the servers here said last, for a message about what went wrong.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.log_file()).unwrap_or_else(|error| format!("(no log: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

/// How to start a server, besides where.
#[derive(Debug, Clone)]
pub struct Manner {
    pub program: PathBuf,
    /// `local` or `process`.
    pub pods: String,
    /// Port 0 takes a free one.
    pub port: u16,
    /// Words of `mi up` beyond these.
    pub arguments: Vec<String>,
    /// What its environment says beyond this one's.
    pub environment: Vec<(String, String)>,
}

impl Manner {
    /// The program that `MI_BIN` names, on a free port.
    pub fn of_environment(pods: &str) -> Result<Self> {
        Ok(Self { program: program()?, pods: pods.to_owned(), port: 0, arguments: Vec::new(), environment: Vec::new() })
    }
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    /// From the start of the process until it said that it is ready and answered its health check.
    pub ready_after: Duration,
}

/// A server of its own for as long as `work` takes; what goes wrong is told with the end of the server's log.
pub async fn during<T>(manner: &Manner, work: impl AsyncFnOnce(&Server, &Site) -> Result<T>) -> Result<T> {
    let site = Site::new()?;
    let server = Server::start(&site, manner)?;
    let done = work(&server, &site).await;
    let done = done.with_context(|| format!("the server's log ends with:\n{}", site.log_tail()))?;
    server.stop()?;
    Ok(done)
}

impl Server {
    pub fn start(site: &Site, manner: &Manner) -> Result<Self> {
        let mut command = command(site, manner)?;
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("{} can't be started", manner.program.display()))?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        server.address = wait_ready(stdout).with_context(|| format!("its log:\n{}", site.log_tail()))?;
        check_health(server.address)?;
        server.ready_after = began.elapsed();
        Ok(server)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no line of the server's runs after this.
    pub fn kill(mut self) -> Result<()> {
        self.end_now()
    }

    /// SIGTERM, and the promised quiet end.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("the server has no number")?;
        kill_process(pid, Signal::TERM).context("the server can't be told to stop")?;
        let status = self.wait_end()?;
        if !status.success() {
            bail!("the server was told to stop and ended with {status}");
        }
        Ok(())
    }

    fn wait_end(&mut self) -> Result<ExitStatus> {
        let until = Instant::now() + STOP_LIMIT;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK_AGAIN);
        }
        bail!("the server didn't stop within {STOP_LIMIT:?}")
    }

    fn end_now(&mut self) -> Result<()> {
        self.child.kill().context("the server can't be killed")?;
        self.child.wait().context("the server can't be waited for")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killing a child that was waited for does nothing, so this also follows `stop` and `kill`.
        if let Err(error) = self.end_now() {
            let said = writeln!(io::stderr(), "warning: {error:#}");
            debug_assert!(said.is_ok());
        }
    }
}

/// A server that is killed after so long, ready or not.
pub fn start_and_kill(site: &Site, manner: &Manner, after: Duration) -> Result<()> {
    let mut child = command(site, manner)?.stdout(Stdio::null()).spawn().context("the server can't be started")?;
    thread::sleep(after);
    if let Some(status) = child.try_wait()? {
        bail!("the server ended by itself with {status}; its log:\n{}", site.log_tail());
    }
    child.kill().context("the server can't be killed")?;
    child.wait().context("the server can't be waited for")?;
    Ok(())
}

fn command(site: &Site, manner: &Manner) -> Result<Command> {
    let log = OpenOptions::new().create(true).append(true).open(site.log_file())?;
    let mut command = Command::new(&manner.program);
    command.arg("up").arg("--data-dir").arg(site.data_dir()).arg("--pods").arg(&manner.pods);
    command.arg("--listen").arg(format!("127.0.0.1:{}", manner.port)).args(&manner.arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let steers = text.starts_with("MI_") && text != "MI_POD_BACKEND";
        if steers || text.ends_with("_API_KEY") || text.ends_with("_BASE_URL") {
            command.env_remove(&name);
        }
    }
    command.envs(manner.environment.iter().map(|(name, value)| (name, value)));
    command.env("MI_HOME", site.home()).env("MI_RATE_LIMIT", "off");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    Ok(command)
}

/// Waits for the line that says where it serves; whatever it prints later is read and dropped.
fn wait_ready(stdout: ChildStdout) -> Result<SocketAddr> {
    let (said, ready) = mpsc::sync_channel(1);
    thread::spawn(move || drain(stdout, &said));
    let line = receive(&ready)?;
    let address = line.strip_prefix(READY).unwrap_or_default().trim().trim_end_matches('/');
    address.parse().with_context(|| format!("the server said {line:?}, which names no address"))
}

fn receive(ready: &Receiver<String>) -> Result<String> {
    match ready.recv_timeout(READY_LIMIT) {
        Ok(line) => Ok(line),
        Err(mpsc::RecvTimeoutError::Timeout) => bail!("the server wasn't ready within {READY_LIMIT:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the server ended before it was ready"),
    }
}

/// Ends with the server, whose stdout it reads; a server that is never ready is known by the closed channel.
fn drain(stdout: ChildStdout, said: &SyncSender<String>) {
    let mut reader = BufReader::new(stdout);
    let mut line = String::new();
    while let Ok(1..) = reader.read_line(&mut line) {
        if line.starts_with(READY) && said.send(line.trim_end().to_owned()).is_err() {
            break;
        }
        line.clear();
    }
    let rest = io::copy(&mut reader, &mut io::sink());
    debug_assert!(rest.is_ok());
}

fn check_health(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_LIMIT).context("the server doesn't answer")?;
    stream.set_read_timeout(Some(HEALTH_LIMIT))?;
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("the health check broke off")?;
    if !answer.starts_with("HTTP/1.1 200") {
        return Err(anyhow!("the health check was answered with {:?}", answer.lines().next()));
    }
    Ok(())
}

/// The size of a file in MiB.
pub fn size_mib(path: &Path) -> Result<f64> {
    const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;
    Ok(File::open(path)?.metadata()?.len() as f64 / BYTES_PER_MIB)
}
