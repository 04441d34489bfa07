//! One call: what goes out, what comes back, and how it fails in words that an office may see.

use std::error::Error;
use std::io;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use mi_core::time::Millis;

use super::address::Address;
use super::judge::LeadsNowhere;

/// A call as it goes out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub method: Method,
    pub address: Address,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// For everything, from the name's resolution to the end of the answer.
    pub time_max: Millis,
    /// What is longer is cut.
    pub answer_bytes_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// There was more than the caller wanted to read.
    pub is_cut: bool,
}

/// Why there is no answer; never a text of the other side or of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(
        "the address leads to the server's own machine or network, which mi up --allow-upstream would have to permit"
    )]
    Private,
    #[error("the host's name isn't known")]
    UnknownHost,
    #[error("nothing listens at this address")]
    Refused,
    #[error("no connection could be made")]
    Unreachable,
    #[error("there was no whole answer within {seconds} s")]
    TimedOut { seconds: i64 },
    #[error("the connection broke before the answer was whole")]
    Broken,
    #[error("the server can't make calls at the moment")]
    Unready,
}

/// `None`: the address is private and nobody permitted it.
pub(super) async fn exchange(client: Option<&reqwest::Client>, outgoing: Outgoing) -> Result<Answered, Failure> {
    let client = client.ok_or(Failure::Private)?;
    let request = client.request(outgoing.method, outgoing.address.url()).headers(outgoing.headers).body(outgoing.body);
    let mut response = request.send().await.map_err(failure)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let (mut body, mut is_cut) = (BytesMut::new(), false);
    while let Some(piece) = response.chunk().await.map_err(failure)? {
        let room = outgoing.answer_bytes_max - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            is_cut = true;
            break;
        }
    }
    Ok(Answered { status, headers, body: body.freeze(), is_cut })
}

fn failure(error: reqwest::Error) -> Failure {
    let is_connect = error.is_connect();
    let error = error.without_url();
    tracing::debug!(cause = chain(&error), "a call failed");
    if let Some(nowhere) = cause::<LeadsNowhere>(&error) {
        return match nowhere {
            LeadsNowhere::Unknown => Failure::UnknownHost,
            LeadsNowhere::Home => Failure::Private,
        };
    }
    let refused = cause::<io::Error>(&error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    match (is_connect, refused) {
        (true, true) => Failure::Refused,
        (true, false) => Failure::Unreachable,
        (false, _) => Failure::Broken,
    }
}

/// The first of this type among an error's causes.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> =
        std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect();
    texts.join(": ")
}
