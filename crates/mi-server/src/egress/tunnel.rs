//! `CONNECT`: bytes both ways, unread, until both sides have said that they are done.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpStream;

use super::line::Line;

/// All that a tunnel holds of what passes, each way.
const COPY_BYTES: usize = 16 * 1024;

/// Goes on by itself once the answer to `CONNECT` is out.
pub fn open(line: Line, client: OnUpgrade, host: TcpStream) {
    let mut host = line.counted(host);
    let carry = async move {
        let mut client = TokioIo::new(client.await.map_err(|error| error.to_string())?);
        let copied = copy_bidirectional_with_sizes(&mut client, &mut host, COPY_BYTES, COPY_BYTES).await;
        copied.map_err(|error| error.to_string())
    };
    let carry = async move {
        if let Err(error) = carry.await {
            tracing::debug!(error, "a tunnel broke off");
        }
    };
    tokio::spawn(line.mind(carry));
}
