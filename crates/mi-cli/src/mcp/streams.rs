//! The streams of this program, as the protocol's library wants them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream};

use crate::desk::Desk;

/// A message that is on its way from the thread that reads.
const PIPE_BYTES: usize = 64 * 1024;

/// Stdin and stdout; whoever takes them is the only one to use them.
pub fn of(desk: &mut Desk) -> (DuplexStream, Output) {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let stdin = desk.take_stdin();
    let runtime = tokio::runtime::Handle::current();
    // A read of stdin can't be cancelled, so it has a thread that ends with the process.
    std::thread::spawn(move || runtime.block_on(pump(stdin, far)));
    (near, Output(desk.out.take_stdout()))
}

/// Until one of the two ends.
async fn pump(stdin: Box<dyn Read + Send>, mut to: DuplexStream) {
    let mut lines = BufReader::new(stdin);
    loop {
        let read = match lines.fill_buf() {
            Ok(bytes) if !bytes.is_empty() => bytes,
            // The end of the input, or of what can be read of it: the conversation is over.
            Ok(_) | Err(_) => return,
        };
        let length = read.len();
        if to.write_all(read).await.is_err() {
            return;
        }
        lines.consume(length);
    }
}

/// Writes at once: whoever reads our messages waits for them.
pub struct Output(Box<dyn Write + Send>);

impl AsyncWrite for Output {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.flush())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.flush())
    }
}
