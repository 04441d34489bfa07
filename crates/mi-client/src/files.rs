//! Files on the shared drive of an office: streamed both ways, never held in memory.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mi_core::drive::DrivePath;
use mi_core::ids::OfficeId;
use mi_core::wire::files::{Changes, DriveFile};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWrite;
use tokio_util::io::ReaderStream;

use crate::Paging;
use crate::call::{Call, Draft, Payload, drive_segments};
use crate::error::ClientError;
use crate::offices::path_of;
use crate::transport::Client;

/// The piece in which a file is read for upload.
const UPLOAD_CHUNK_BYTES: usize = 64 * 1024;
const SHA256_HEX_CHARS: u64 = 64;

/// Told how many bytes went by since it was last told.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(u64) + Send + Sync>>);

impl Progress {
    pub fn new(tell: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, bytes: usize) {
        if let Some(tell) = &self.0 {
            tell(bytes as u64);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// What came with a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    pub bytes: u64,
}

#[derive(Debug, Clone)]
pub struct Files {
    client: Client,
    office: OfficeId,
}

impl Files {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn all(&self) -> String {
        format!("{}/files", path_of(self.office))
    }

    fn one(&self, name: &DrivePath) -> String {
        format!("{}/{}", self.all(), drive_segments(name))
    }

    pub fn list(&self, prefix: Option<&str>, paging: Paging) -> Call<(Vec<DriveFile>, u64)> {
        let draft =
            Draft::read(self.all()).query("prefix", prefix).query("limit", paging.limit).query("offset", paging.offset);
        Call::list(&self.client, draft)
    }

    /// Stores a file of this machine under a name; replaces what stands there, whole or not at all.
    pub fn upload(&self, path: &Path, name: &DrivePath, progress: Progress) -> Call<DriveFile> {
        let payload = Payload::File { path: path.to_owned(), name: name.clone(), progress };
        let draft = Draft { payload, answer_within: None, ..Draft::write(Method::POST, self.all()) };
        Call::json(&self.client, draft)
    }

    /// Streams a file to `sink`. A download that breaks off is an error; what arrived is in `sink`.
    pub async fn download<W: AsyncWrite + Unpin + Send>(
        &self,
        name: &DrivePath,
        sink: &mut W,
        progress: Progress,
    ) -> Result<Download, ClientError> {
        let draft = Draft { answer_within: None, ..Draft::read(self.one(name)) };
        Ok(Download { bytes: self.client.pour(&draft, sink, progress).await? })
    }

    pub fn delete(&self, name: &DrivePath) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::DELETE, self.one(name)))
    }

    /// What changed since a time in milliseconds; without one, what the server still knows.
    pub fn changes(&self, since: Option<i64>) -> Call<Changes> {
        Call::json(&self.client, Draft::read(format!("{}/_changes", self.all())).query("since", since))
    }
}

/// Whether the form says at its end what the file's SHA-256 was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    None,
    Follows,
}

/// A field that is read when the file before it was read to its end.
fn digest_of(hasher: Arc<Mutex<Sha256>>) -> Part {
    let digest = async move {
        let hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok::<_, std::io::Error>(Bytes::from(hex::encode(hasher.finalize())))
    };
    Part::stream_with_length(Body::wrap_stream(stream::once(digest)), SHA256_HEX_CHARS)
}

/// Opens the file and gives it to the request as the form field `file`.
pub(crate) async fn attach(
    request: RequestBuilder,
    path: &Path,
    name: &DrivePath,
    progress: &Progress,
    digest: Digest,
) -> Result<RequestBuilder, ClientError> {
    let unreadable = |fault| ClientError::io(format!("{} can't be read", path.display()), fault);
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let about = file.metadata().await.map_err(unreadable)?;
    if !about.is_file() {
        let kind = std::io::Error::from(std::io::ErrorKind::InvalidInput);
        return Err(ClientError::io(format!("{} is not a regular file", path.display()), kind));
    }
    let (progress, hasher) = (progress.clone(), Arc::new(Mutex::new(Sha256::new())));
    let hashing = Arc::clone(&hasher);
    // No more than the announced length is sent, even from a file that grows meanwhile.
    let announced = tokio::io::AsyncReadExt::take(file, about.len());
    let chunks = ReaderStream::with_capacity(announced, UPLOAD_CHUNK_BYTES);
    let chunks = chunks.inspect(move |chunk| {
        let bytes = chunk.as_ref().map_or(&[] as &[u8], |chunk| chunk);
        progress.tell(bytes.len());
        if digest == Digest::Follows {
            hashing.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
        }
    });
    let part = Part::stream_with_length(Body::wrap_stream(chunks), about.len()).file_name(name.as_str().to_owned());
    let form = Form::new().part("file", part);
    Ok(request.multipart(match digest {
        Digest::None => form,
        Digest::Follows => form.part("sha256", digest_of(hasher)),
    }))
}
