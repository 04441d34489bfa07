//! The body that arrives is the body that was signed.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::Stream;
use sha2::{Digest, Sha256};

use crate::infra::fault::Fault;
use crate::infra::keys::sha256_hex;
use crate::infra::signed::faults;
use crate::infra::signed::read::BodyDigest;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that was read whole. `STREAMED` says nothing of it, so only uploads may say that.
pub fn check_whole(signed: Option<&BodyDigest>, body: &[u8]) -> Result<(), Fault> {
    match signed {
        None => Ok(()),
        Some(BodyDigest::Whole(digest)) if *digest == sha256_hex(body) => Ok(()),
        Some(BodyDigest::Whole(_)) => Err(faults::another_body()),
        Some(BodyDigest::Streamed) => Err(only_uploads()),
    }
}

/// A body that its operation reads itself: only of a form can the digest follow.
pub fn check_form(signed: Option<&BodyDigest>, headers: &HeaderMap) -> Result<(), Fault> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match signed {
        Some(BodyDigest::Streamed) if !kind.starts_with("multipart/form-data") => Err(only_uploads()),
        Some(BodyDigest::Streamed | BodyDigest::Whole(_)) | None => Ok(()),
    }
}

fn only_uploads() -> Fault {
    faults::unreadable("X-Content-SHA256: STREAMED is for uploads of files")
}

/// The stream ended, and wasn't what was signed.
#[derive(Debug, thiserror::Error)]
#[error("the body is not the one that was signed")]
pub struct AnotherBody;

impl AnotherBody {
    pub fn fault() -> Fault {
        faults::another_body()
    }
}

/// The pieces of a body as they come, digested on their way. Clones take from the same stream, so that whoever reads a
/// form to its end can then read what is left.
#[derive(Clone)]
pub struct Pieces {
    flow: Arc<Mutex<Flow>>,
}

struct Flow {
    body: BodyDataStream,
    /// What it has to come to, if that was signed.
    promised: Option<(String, Sha256)>,
}

impl Pieces {
    pub fn new(body: Body, signed: Option<&BodyDigest>) -> Self {
        let promised = match signed {
            Some(BodyDigest::Whole(digest)) => Some((digest.clone(), Sha256::new())),
            Some(BodyDigest::Streamed) | None => None,
        };
        Self { flow: Arc::new(Mutex::new(Flow { body: body.into_data_stream(), promised })) }
    }

    /// Whether its end must be seen before anything comes of it.
    pub fn is_promised(&self) -> bool {
        self.flow().promised.is_some()
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut flow = self.flow();
        let polled = Pin::new(&mut flow.body).poll_next(context);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(Some(Ok(piece))) => {
                if let Some((_, hasher)) = &mut flow.promised {
                    hasher.update(&piece);
                }
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(None) => match flow.promised.take() {
                None => Poll::Ready(None),
                Some((digest, hasher)) => {
                    let is_it = hex::encode(hasher.finalize()) == digest;
                    Poll::Ready((!is_it).then(|| Err(AnotherBody.into())))
                }
            },
        }
    }
}
