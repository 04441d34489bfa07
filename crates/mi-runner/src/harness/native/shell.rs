//! The tool `shell`: a command line in the session's own environment, with a limit on time and output.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::Job;
use crate::clock::within;
use crate::harness::command::{dress, shell};

pub(super) const TIMEOUT_SECONDS_DEFAULT: u64 = 120;
pub(super) const TIMEOUT_SECONDS_MAX: u64 = 1_800;
/// Kept of each end of the output; what is between is counted and left out.
const OUTPUT_END_BYTES: usize = 16 * 1024;
const READ_BYTES: usize = 8 * 1024;
/// A program left in the background may hold the output open; it isn't waited for.
const OUTPUT_WAIT: Duration = Duration::from_millis(500);

/// Runs `sh -c` and tells how it ended and what it wrote.
pub(super) async fn run(job: &Job, line: &str, timeout: Duration) -> Result<String, String> {
    let mut command = shell(line);
    dress(&mut command, &job.environment, &job.workspace);
    let mut child = job.tree.spawn(command).map_err(|error| format!("the shell can't be started: {error}"))?;
    let output = Arc::new(Mutex::new(Output::default()));
    let reading = read_both(&mut child, &output);
    let root = child.id();
    let ended = within(timeout, child.wait()).await;
    let head = match ended {
        Some(Ok(status)) => sentence(status),
        Some(Err(error)) => return Err(format!("the shell can't be waited for: {error}")),
        None => {
            if let Some(root) = root {
                job.tree.kill_branch(root).await;
            }
            child.wait().await.map_err(|error| format!("the shell can't be waited for: {error}"))?;
            format!("killed after {} seconds", timeout.as_secs())
        }
    };
    for task in reading {
        let abort = task.abort_handle();
        if within(OUTPUT_WAIT, task).await.is_none() {
            abort.abort();
        }
    }
    let output = output.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(format!("{head}\n{}", output.text()))
}

fn sentence(status: ExitStatus) -> String {
    status.code().map_or_else(|| format!("{status}"), |code| format!("exit code: {code}"))
}

fn read_both(child: &mut Child, output: &Arc<Mutex<Output>>) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    tasks.extend(child.stdout.take().map(|stream| tokio::spawn(gather(stream, output.clone()))));
    tasks.extend(child.stderr.take().map(|stream| tokio::spawn(gather(stream, output.clone()))));
    tasks
}

async fn gather(mut stream: impl AsyncRead + Unpin, output: Arc<Mutex<Output>>) {
    let mut chunk = vec![0; READ_BYTES];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => output.lock().unwrap_or_else(PoisonError::into_inner).add(&chunk[..count]),
        }
    }
}

/// The beginning and the end of what was written; programs that write for ever cost no more memory than this.
#[derive(Debug, Default)]
struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: usize,
}

impl Output {
    fn add(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(OUTPUT_END_BYTES - self.head.len());
        self.head.extend_from_slice(&bytes[..fits]);
        self.tail.extend_from_slice(&bytes[fits..]);
        let over = self.tail.len().saturating_sub(OUTPUT_END_BYTES);
        self.tail.drain(..over);
        self.left_out += over;
    }

    fn text(&self) -> String {
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        if self.left_out > 0 {
            return format!("{head}\n[… {} bytes left out …]\n{tail}", self.left_out);
        }
        format!("{head}{tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::{OUTPUT_END_BYTES, Output};

    #[test]
    fn endless_output_keeps_both_ends() {
        let mut output = Output::default();
        output.add(b"begin");
        for _ in 0..10 {
            output.add(&[b'x'; OUTPUT_END_BYTES]);
        }
        output.add(b"end");
        let text = output.text();
        assert!(text.starts_with("begin") && text.ends_with("end") && text.contains("bytes left out"));
        assert!(text.len() < 3 * OUTPUT_END_BYTES);
    }
}
