//! The streams of this program, as the protocol's library wants them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use mi_core::hands::rpc;
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream};

use crate::desk::Desk;

/// A message that is on its way from the thread that reads.
const PIPE_BYTES: usize = 64 * 1024;

/// A longer message is answered without being read.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Stands for it.
const NO_JSON: &[u8] = b"{";

/// Stdin and stdout; whoever takes them is the only one to use them.
pub fn of(desk: &mut Desk) -> (DuplexStream, Output) {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let stdin = desk.take_stdin();
    let output = Output(Arc::new(Mutex::new(desk.out.take_stdout())));
    let answers = output.clone();
    let runtime = tokio::runtime::Handle::current();
    // A read of stdin can't be cancelled, so it has a thread that ends with the process.
    std::thread::spawn(move || runtime.block_on(pump(stdin, far, answers)));
    (near, output)
}

/// Until one of the two ends. The protocol's library says nothing to what it can't read, so that is answered here.
async fn pump(stdin: Box<dyn Read + Send>, mut to: DuplexStream, answers: Output) {
    let mut lines = BufReader::new(stdin);
    let mut line = Vec::new();
    loop {
        match next(&mut lines, &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            // What can be read of the input ends here: the conversation is over.
            Err(_) => return,
        }
        let sent = match rpc::unreadable(&line) {
            Some(reply) if !line.trim_ascii().is_empty() => answers.write_whole(format!("{reply}\n").as_bytes()),
            Some(_) => Ok(()),
            None => to.write_all(&line).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The next line whole; one that is too long is passed over.
fn next(lines: &mut BufReader<Box<dyn Read + Send>>, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    let read = lines.take(LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
    if read == LINE_BYTES_MAX && !line.ends_with(b"\n") {
        NO_JSON.clone_into(line);
        lines.skip_until(b'\n')?;
    } else if read > 0 && !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    Ok(read)
}

/// Writes at once: whoever reads our messages waits for them. Two writers never write into one message.
#[derive(Clone)]
pub struct Output(Arc<Mutex<Box<dyn Write + Send>>>);

impl Output {
    fn stream(&self) -> MutexGuard<'_, Box<dyn Write + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_whole(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.stream();
        stream.write_all(bytes)?;
        stream.flush()
    }
}

impl AsyncWrite for Output {
    /// Messages come whole, so they are written whole.
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.stream().write_all(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream().flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream().flush())
    }
}
