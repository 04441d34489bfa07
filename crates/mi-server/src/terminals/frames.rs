//! Frames on a connection.

use std::io;

use mi_core::terminal::{Decoder, Frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const READ_BYTES: usize = 16 * 1024;

/// One end of a connection, as frames.
pub struct Frames<R> {
    from: R,
    decoder: Decoder,
    chunk: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub fn new(from: R) -> Self {
        Self { from, decoder: Decoder::default(), chunk: vec![0; READ_BYTES] }
    }

    /// The next one; `None` when the other end has gone. May be dropped and asked again without a loss.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.take().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            match self.from.read(&mut self.chunk).await? {
                0 => return Ok(None),
                count => self.decoder.push(&self.chunk[..count]),
            }
        }
    }
}

pub async fn send(to: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> io::Result<()> {
    to.write_all(&frame.encode()).await?;
    to.flush().await
}
