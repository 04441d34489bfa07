//! One plain request: read by one parser, written anew, its answer passed on as it comes.

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::ask;
use super::line::Line;
use super::service::Why;

pub const HEAD_BYTES_MAX: usize = 64 * 1024;
pub const HEADERS_MAX: usize = 100;

/// The answer's head; its body flows while the connection is minded.
pub async fn forward(line: Line, request: Request<Incoming>, host: TcpStream) -> Result<Response<Incoming>, Why> {
    let broke = |error: hyper::Error| {
        tracing::debug!(%error, "a request could not be forwarded");
        Why::Broken
    };
    let mut dialogue = http1::Builder::new();
    dialogue.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (mut sender, connection) = dialogue.handshake(TokioIo::new(line.counted(host))).await.map_err(broke)?;
    let (mut parts, body) = request.into_parts();
    ask::outgoing(&mut parts, &line.wanted.target);
    tokio::spawn(line.mind(connection));
    let mut answer = sender.send_request(Request::from_parts(parts, body)).await.map_err(broke)?;
    // Nobody asked for another protocol: the request that went out named none.
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Why::Broken);
    }
    ask::incoming(answer.headers_mut());
    answer.extensions_mut().clear();
    Ok(answer)
}
