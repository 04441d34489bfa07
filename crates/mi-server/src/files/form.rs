//! The form of an upload: the field `file`, and perhaps its digest after it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use mi_core::drive::DrivePath;
use mi_core::limits::UPLOAD_BYTES_MAX;
use mi_core::problem::Code;
use mi_core::signing::payload::STREAMED;
use mi_core::time::Millis;
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::arriving::{Arrived, Arriving};
use super::disk::Folder;
use super::faults;
use crate::infra::clock::Clock;
use crate::infra::fault::{self, Fault};
use crate::infra::http::body::{AnotherBody, Pieces};
use crate::infra::http::dispatch::body_too_large;
use crate::infra::signed::read::BodyDigest;

/// What a form may hold besides the file.
const FORM_OVERHEAD_BYTES_MAX: u64 = 64 * 1024;
const FIELDS_MAX: usize = 16;
const DIGEST_FIELD_BYTES_MAX: usize = 256;
const SHA256_HEX_CHARS: usize = 64;
/// How long an upload may stand still.
const UPLOAD_IDLE_SECONDS_MAX: i64 = 60;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the client says of the file's SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    Nothing,
    Digest(String),
    /// It follows in the field `sha256`.
    Later,
}

impl Announced {
    /// From the header `X-Content-SHA256`: the file's digest, unless it was signed, for then it is the whole body's.
    pub fn read(signed: Option<&BodyDigest>, header: Option<&str>) -> Result<Self, Fault> {
        match (signed, header) {
            (Some(BodyDigest::Streamed), _) => Ok(Announced::Later),
            (Some(BodyDigest::Whole(_)), _) | (None, None) => Ok(Announced::Nothing),
            (None, Some(text)) if text.trim().eq_ignore_ascii_case(STREAMED) => Ok(Announced::Later),
            (None, Some(text)) => digest(text).map(Announced::Digest),
        }
    }
}

fn digest(text: &str) -> Result<String, Fault> {
    let text = text.trim().to_ascii_lowercase();
    if text.len() == SHA256_HEX_CHARS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(fault::bad_request("a sha256 is 64 hex digits"))
}

/// A whole upload, its digest checked.
pub struct Received {
    pub name: DrivePath,
    pub file: Arrived,
}

pub struct Form {
    parts: Multipart<'static>,
    clock: Clock,
    announced: Announced,
    /// What the parser leaves of the body, which it reads no further than it must.
    rest: Pieces,
    /// Bytes that went into the parser and didn't come out of it.
    held: Arc<AtomicU64>,
}

impl Form {
    pub fn open(content_type: Option<&str>, announced: Announced, body: Pieces, clock: Clock) -> Result<Self, Fault> {
        let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(|_| {
            Fault::new(Code::UnsupportedMediaType, "an upload is multipart/form-data with the field `file`")
                .hint("curl -F file=@report.md …")
        })?;
        let sizes = SizeLimit::new().whole_stream(UPLOAD_BYTES_MAX + FORM_OVERHEAD_BYTES_MAX);
        let held = Arc::new(AtomicU64::new(0));
        let rest = body.clone();
        let body = Paced { body, paused: Paused::No, held: Arc::clone(&held) };
        let parts = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(sizes));
        Ok(Self { parts, clock, announced, rest, held })
    }

    /// Streams the file into `incoming`. Whatever goes wrong, nothing of it stays there.
    pub async fn receive(mut self, incoming: Arc<Folder>) -> Result<Received, Fault> {
        let mut received: Option<(DrivePath, Arrived)> = None;
        let mut followed = None;
        for _ in 0..FIELDS_MAX {
            let Some(field) = patient(&self.clock, self.parts.next_field()).await? else {
                self.read_out().await?;
                return self.check(received, followed);
            };
            match field.name() {
                Some("file") if received.is_some() => return Err(fault::bad_request("an upload is one file")),
                Some("file") => received = Some(self.file(field, Arc::clone(&incoming)).await?),
                Some("sha256") => followed = Some(self.digest(field).await?),
                // Other fields are ignored; the parser skips them.
                Some(_) | None => {}
            }
        }
        Err(fault::bad_request(format!("the form has more than {FIELDS_MAX} fields")))
    }

    async fn file(&self, mut field: Field<'static>, incoming: Arc<Folder>) -> Result<(DrivePath, Arrived), Fault> {
        let name = field.file_name().ok_or_else(|| fault::bad_request("the field `file` has no filename in UTF-8"))?;
        let name: DrivePath = name.parse()?;
        let mut arriving = Arriving::begin(incoming).await?;
        while let Some(chunk) = self.chunk(&mut field).await? {
            arriving.push(&chunk).await?;
        }
        Ok((name, arriving.finish().await?))
    }

    async fn chunk(&self, field: &mut Field<'static>) -> Result<Option<Bytes>, Fault> {
        let chunk = patient(&self.clock, field.chunk()).await?;
        self.held.fetch_sub(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64), Ordering::Relaxed);
        Ok(chunk)
    }

    async fn digest(&self, mut field: Field<'static>) -> Result<String, Fault> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk(&mut field).await? {
            text.extend_from_slice(&chunk);
            if text.len() > DIGEST_FIELD_BYTES_MAX {
                return Err(fault::bad_request("a sha256 is 64 hex digits"));
            }
        }
        digest(&String::from_utf8_lossy(&text))
    }

    /// To the end of a body that was signed: before it, nobody knows whether it is the one.
    async fn read_out(&mut self) -> Result<(), Fault> {
        let mut left = 0;
        while self.rest.is_promised() {
            let piece = patient(&self.clock, self.rest.next().map(Ok)).await?;
            let piece = piece.transpose().map_err(|cause| broken_form(multer::Error::StreamReadFailed(cause)))?;
            left += piece.map_or(0, |piece| piece.len() as u64);
            if left > FORM_OVERHEAD_BYTES_MAX {
                return Err(broken_form(multer::Error::StreamReadFailed(TooMuchAround.into())));
            }
        }
        Ok(())
    }

    fn check(self, received: Option<(DrivePath, Arrived)>, followed: Option<String>) -> Result<Received, Fault> {
        let (name, file) = received.ok_or_else(|| fault::bad_request("the form has no field `file`"))?;
        let announced = match self.announced {
            Announced::Nothing => followed,
            Announced::Digest(digest) => Some(digest),
            Announced::Later => {
                Some(followed.ok_or_else(|| fault::bad_request("the field `sha256` was announced and didn't come"))?)
            }
        };
        match announced {
            Some(announced) if announced != file.sha256 => Err(faults::digest_mismatch(&announced, &file.sha256)),
            Some(_) | None => Ok(Received { name, file }),
        }
    }
}

async fn patient<T>(clock: &Clock, step: impl Future<Output = multer::Result<T>>) -> Result<T, Fault> {
    let until = clock.now() + Millis::seconds(UPLOAD_IDLE_SECONDS_MAX);
    let step = clock.timeout_at(until, step).await.ok_or_else(|| faults::upload_stalled(UPLOAD_IDLE_SECONDS_MAX))?;
    step.map_err(broken_form)
}

fn broken_form(error: multer::Error) -> Fault {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            body_too_large(usize::try_from(UPLOAD_BYTES_MAX).unwrap_or(usize::MAX))
        }
        multer::Error::StreamReadFailed(cause) if cause.is::<AnotherBody>() => AnotherBody::fault(),
        multer::Error::StreamReadFailed(cause) if cause.is::<TooMuchAround>() => {
            fault::bad_request(format!("more than {FORM_OVERHEAD_BYTES_MAX} bytes of the form are not the file"))
        }
        multer::Error::StreamReadFailed(_)
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteFieldData { .. } => fault::bad_request("the upload broke off; nothing was stored"),
        other => fault::bad_request(format!("the form can't be read: {other}")),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("too much of the form is not the file")]
struct TooMuchAround;

/// Gives one chunk a poll, and none while the parser sits on too much: it would take whatever is ready, and look for a
/// boundary that never comes in all of the memory.
struct Paced {
    body: Pieces,
    paused: Paused,
    held: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paused {
    No,
    NextTime,
}

impl Stream for Paced {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.paused == Paused::NextTime {
            self.paused = Paused::No;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.held.load(Ordering::Relaxed) > FORM_OVERHEAD_BYTES_MAX {
            return Poll::Ready(Some(Err(TooMuchAround.into())));
        }
        let polled = Pin::new(&mut self.body).poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            self.held.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            self.paused = Paused::NextTime;
        }
        polled
    }
}
