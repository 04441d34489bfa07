//! A client that costs next to nothing: HTTP/1.1 over one kept connection, bytes written as they are.
//!
//! Client and server share the machine, so what a client wastes is missing from the figure. It understands the
//! platform's own answers (a length, no chunks) and nothing else.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const BUFFER_BYTES: usize = 16 * 1024;
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// One kept connection; one request at a time.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The body, if the server said yes.
    pub fn ok(self) -> Result<&'a [u8]> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("answered with {}: {}", self.status, String::from_utf8_lossy(self.body))
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// From this address of the machine's own: 127.0.0.0/8 has enough of them to be a crowd.
    pub async fn open_from(source: IpAddr, address: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket
            .bind(SocketAddr::new(source, 0))
            .with_context(|| format!("{source} is not an address of this machine"))?;
        let stream = socket.connect(address).await.context("the server takes no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    pub async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await.context("the request can't be sent")?;
        self.buffer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(head) = parse_head(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.end + head.body_bytes {
            self.read_more().await?;
        }
        Ok(Answer { status: head.status, body: &self.buffer[head.end..head.end + head.body_bytes] })
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await.context("the answer broke off")? == 0 {
            bail!("the server closed the connection");
        }
        if self.buffer.len() > ANSWER_BYTES_MAX {
            bail!("the answer is longer than {ANSWER_BYTES_MAX} bytes");
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    end: usize,
    body_bytes: usize,
}

/// `None` while the head is not complete.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = find(bytes, HEAD_END) else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).context("the answer's head is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
    let status: u16 = status.with_context(|| format!("the answer has no status: {text}"))?;
    let mut length = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().context("the answer's length is no number")?);
        }
    }
    let body_bytes = match (length, status) {
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        (None, _) => bail!("the answer names no length: {text}"),
    };
    Ok(Some(Head { status, end: end + HEAD_END.len(), body_bytes }))
}

/// Where `part` begins in `bytes`.
pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// The whole number that stands behind the first `"name":`.
pub fn number_after(json: &[u8], name: &str) -> Option<i64> {
    let key = format!("\"{name}\":");
    let digits = &json[find(json, key.as_bytes())? + key.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_how_long_the_body_is() {
        let head = |text: &str| parse_head(text.as_bytes());
        let parsed = head("HTTP/1.1 201 Created\r\ncontent-Length: 5\r\n\r\nhello").unwrap().unwrap();
        assert_eq!(parsed, Head { status: 201, end: 43, body_bytes: 5 });
        assert_eq!(head("HTTP/1.1 204 No Content\r\nx: y\r\n\r\n").unwrap().unwrap().body_bytes, 0);
        assert_eq!(head("HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        assert!(head("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(head("nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn numbers_are_found_by_their_name() {
        let json = br#"{"id":12,"claim":{"token":7}}"#;
        assert_eq!((number_after(json, "id"), number_after(json, "token")), (Some(12), Some(7)));
        assert_eq!(number_after(json, "none"), None);
    }
}
