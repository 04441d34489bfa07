//! A connection that became a terminal: frames both ways.

use mi_core::terminal::{Decoder, Frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::error::ClientError;

const READ_BYTES: usize = 16 * 1024;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One end of a terminal.
pub struct Terminal {
    pub hears: Hearing,
    pub says: Saying,
}

/// What comes from the other end.
pub struct Hearing {
    from: ReadHalf<Box<dyn Duplex>>,
    decoder: Decoder,
    chunk: Vec<u8>,
}

/// What goes to the other end. Dropping it together with `Hearing` hangs up.
pub struct Saying {
    to: WriteHalf<Box<dyn Duplex>>,
}

impl Terminal {
    pub fn over(connection: impl Duplex + 'static) -> Self {
        let connection: Box<dyn Duplex> = Box::new(connection);
        let (from, to) = tokio::io::split(connection);
        let hears = Hearing { from, decoder: Decoder::default(), chunk: vec![0; READ_BYTES] };
        Self { hears, says: Saying { to } }
    }
}

impl Hearing {
    /// The next frame; `None` when the other end has gone. May be dropped and asked again without a loss.
    pub async fn next(&mut self) -> Result<Option<Frame>, ClientError> {
        let broken = |fault| ClientError::io("the terminal's connection broke off", fault);
        loop {
            let frame = self.decoder.take().map_err(|fault| ClientError::Decode { what: fault.to_string() })?;
            if frame.is_some() {
                return Ok(frame);
            }
            match self.from.read(&mut self.chunk).await.map_err(broken)? {
                0 => return Ok(None),
                count => self.decoder.push(&self.chunk[..count]),
            }
        }
    }
}

impl Saying {
    pub async fn say(&mut self, frame: &Frame) -> Result<(), ClientError> {
        let said = async {
            self.to.write_all(&frame.encode()).await?;
            self.to.flush().await
        };
        said.await.map_err(|fault| ClientError::io("the terminal's connection broke off", fault))
    }

    /// Nothing more will be said, and what was has gone out.
    pub async fn close(mut self) {
        // Where the other end has gone already, there is nobody to tell.
        self.to.shutdown().await.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_go_both_ways_until_an_end_goes() {
        let (near, far) = tokio::io::duplex(16);
        let (mut near, mut far) = (Terminal::over(near), Terminal::over(far));
        let long = Frame::Output(vec![7; 1_000]);
        let heard = async {
            let heard = near.hears.next().await.unwrap();
            near.says.say(&Frame::InputEnd).await.unwrap();
            heard
        };
        let ((), heard) = tokio::join!(async { far.says.say(&long).await.unwrap() }, heard);
        assert_eq!(heard, Some(long));
        assert_eq!(far.hears.next().await.unwrap(), Some(Frame::InputEnd));
        drop(far);
        assert_eq!(near.hears.next().await.unwrap(), None);
    }
}
