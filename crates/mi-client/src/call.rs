//! A call that has not been sent yet, and how its answer is read.

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use mi_core::drive::DrivePath;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ClientError;
use crate::files::Progress;
use crate::transport::Client;

/// How long an ordinary answer may take; parked calls add what they park.
pub(crate) const ANSWER_SECONDS_MAX: u64 = 30;

/// What stands for itself in a path (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One part of a path, encoded.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A name on the drive as the end of a path: its slashes stay.
pub(crate) fn drive_segments(name: &DrivePath) -> String {
    path_segments(name.as_str())
}

/// The same for a path that no drive would take.
pub(crate) fn path_segments(path: &str) -> String {
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Whether a call may be sent again after its reply was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// By its nature: a read, or a step of the runner protocol.
    Safe,
    /// The server knows a repetition by this key.
    Keyed(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Nothing,
    Json(Bytes),
    /// A file of this machine, opened anew for each try.
    File {
        path: PathBuf,
        name: DrivePath,
        progress: Progress,
    },
    /// The state of a clone: JSON up to the bundle's text, then the file, opened anew for each try.
    State {
        before: Bytes,
        bundle: PathBuf,
        progress: Progress,
    },
}

/// A request that can be sent as often as needed.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub method: Method,
    /// From the first slash on, encoded.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub payload: Payload,
    pub repeat: Repeat,
    /// `None` where bytes stream and only silence counts.
    pub answer_within: Option<Duration>,
    /// After which message a stream goes on.
    pub last_event_id: Option<String>,
    /// What the connection shall become.
    pub upgrade: Option<&'static str>,
}

impl Draft {
    pub fn read(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            payload: Payload::Nothing,
            repeat: Repeat::Safe,
            answer_within: Some(Duration::from_secs(ANSWER_SECONDS_MAX)),
            last_event_id: None,
            upgrade: None,
        }
    }

    /// A change, with a fresh key by which the server knows its repetitions.
    pub fn write(method: Method, path: String) -> Self {
        Self { method, repeat: Repeat::Keyed(uuid::Uuid::new_v4().to_string()), ..Self::read(path) }
    }

    pub fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let text = serde_json::to_vec(body).map_err(|fault| ClientError::Request { what: fault.to_string() })?;
        self.payload = Payload::Json(Bytes::from(text));
        Ok(self)
    }

    /// The server may hold the answer back for so long.
    pub fn parked(mut self, seconds: i64) -> Self {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        self.answer_within = Some(Duration::from_secs(ANSWER_SECONDS_MAX + seconds));
        self
    }
}

/// What the server answered, as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
    /// `X-Total-Count` of a list.
    pub total: Option<u64>,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|fault| ClientError::Decode { what: fault.to_string() })
    }

    /// The text as it came.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

type Reader<T> = fn(&Answer) -> Result<T, ClientError>;

/// A call that is sent by awaiting it.
#[must_use = "a call is sent only when it is awaited"]
pub struct Call<T> {
    client: Client,
    draft: Result<Draft, ClientError>,
    read: Reader<T>,
}

impl<T> Call<T> {
    /// Replaces the random key: a caller that may itself be started twice gives the same one again.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        if let Ok(draft) = &mut self.draft {
            draft.repeat = Repeat::Keyed(key.into());
        }
        self
    }

    /// Sends it; gives the answer as it came.
    pub async fn answer(self) -> Result<Answer, ClientError> {
        let draft = self.draft?;
        self.client.send(&draft).await
    }

    /// Sends it; gives what the answer says beside the answer as it came.
    pub async fn both(self) -> Result<(T, Answer), ClientError> {
        let read = self.read;
        let answer = self.answer().await?;
        Ok((read(&answer)?, answer))
    }
}

impl<T: DeserializeOwned> Call<T> {
    pub(crate) fn json(client: &Client, draft: impl Into<DraftOrFault>) -> Self {
        Self { client: client.clone(), draft: draft.into().0, read: Answer::json }
    }
}

impl<T: DeserializeOwned> Call<(Vec<T>, u64)> {
    pub(crate) fn list(client: &Client, draft: Draft) -> Self {
        Self { client: client.clone(), draft: Ok(draft), read: read_list }
    }
}

impl<T: DeserializeOwned> Call<Option<T>> {
    /// 204 means that there is none.
    pub(crate) fn optional(client: &Client, draft: impl Into<DraftOrFault>) -> Self {
        Self { client: client.clone(), draft: draft.into().0, read: read_optional }
    }
}

impl Call<()> {
    /// Whatever the answer holds, it was a success.
    pub(crate) fn done(client: &Client, draft: impl Into<DraftOrFault>) -> Self {
        Self { client: client.clone(), draft: draft.into().0, read: |_| Ok(()) }
    }
}

impl<T> Call<T> {
    /// For answers whose shape depends on their status.
    pub(crate) fn reading(client: &Client, draft: impl Into<DraftOrFault>, read: Reader<T>) -> Self {
        Self { client: client.clone(), draft: draft.into().0, read }
    }
}

impl Call<Answer> {
    pub(crate) fn whole(client: &Client, draft: impl Into<DraftOrFault>) -> Self {
        Self { client: client.clone(), draft: draft.into().0, read: |answer| Ok(answer.clone()) }
    }
}

/// A draft, or why none could be made; told when the call is sent.
pub(crate) struct DraftOrFault(Result<Draft, ClientError>);

impl From<Draft> for DraftOrFault {
    fn from(draft: Draft) -> Self {
        Self(Ok(draft))
    }
}

impl From<Result<Draft, ClientError>> for DraftOrFault {
    fn from(draft: Result<Draft, ClientError>) -> Self {
        Self(draft)
    }
}

fn read_list<T: DeserializeOwned>(answer: &Answer) -> Result<(Vec<T>, u64), ClientError> {
    let items: Vec<T> = answer.json()?;
    let total = answer.total.unwrap_or(items.len() as u64);
    Ok((items, total))
}

fn read_optional<T: DeserializeOwned>(answer: &Answer) -> Result<Option<T>, ClientError> {
    if answer.body.is_empty() { Ok(None) } else { answer.json().map(Some) }
}

impl<T: 'static> IntoFuture for Call<T> {
    type Output = Result<T, ClientError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let read = self.read;
            let answer = self.answer().await?;
            read(&answer)
        })
    }
}
