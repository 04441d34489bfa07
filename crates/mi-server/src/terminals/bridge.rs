//! Joining the two ends: a command's output is gathered, a shell's bytes go through.

use std::io;

use mi_core::limits::DEBUG_OUTPUT_BYTES_MAX;
use mi_core::terminal::Frame;
use tokio::io::{AsyncRead, AsyncWrite};

use super::frames::{Frames, send};

/// How a terminal came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    /// It could not be started.
    Refused(String),
    /// Whoever asked for it went away.
    Left,
    /// The pod's end went away: the pod ended, or its runner.
    Lost,
    TimeOver,
    /// Whoever asked for it may no longer.
    Revoked,
}

impl Ending {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Ending::Exited(_) => "exited",
            Ending::Refused(_) => "refused",
            Ending::Left => "left",
            Ending::Lost => "lost",
            Ending::TimeOver => "time_over",
            Ending::Revoked => "revoked",
        }
    }

    pub const fn exit(&self) -> Option<i32> {
        match self {
            Ending::Exited(code) => Some(*code),
            Ending::Refused(_) | Ending::Left | Ending::Lost | Ending::TimeOver | Ending::Revoked => None,
        }
    }
}

/// What a command wrote, up to the limit of each stream.
#[derive(Debug, Default)]
pub struct Gathered {
    pub stdout: Kept,
    pub stderr: Kept,
}

#[derive(Debug, Default)]
pub struct Kept {
    pub bytes: Vec<u8>,
    pub is_cut: bool,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = DEBUG_OUTPUT_BYTES_MAX - self.bytes.len();
        self.is_cut |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// Gathers until the command has ended.
pub async fn gather(pod: impl AsyncRead + Unpin, into: &mut Gathered) -> Ending {
    let mut frames = Frames::new(pod);
    loop {
        match frames.next().await {
            Ok(Some(Frame::Output(bytes))) => into.stdout.add(&bytes),
            Ok(Some(Frame::Errors(bytes))) => into.stderr.add(&bytes),
            Ok(Some(Frame::Ended(code))) => return Ending::Exited(code),
            Ok(Some(Frame::Refused(sentence))) => return Ending::Refused(sentence),
            Ok(Some(Frame::Plan(_) | Frame::Input(_) | Frame::InputEnd | Frame::Resize(_)) | None) | Err(_) => {
                return Ending::Lost;
            }
        }
    }
}

/// What the person says goes to the pod, and the other way round, each in its own time: neither waits for the other.
pub async fn join<P, Q>(person: P, pod: Q) -> Ending
where
    P: AsyncRead + AsyncWrite + Unpin,
    Q: AsyncRead + AsyncWrite + Unpin,
{
    let (from_person, mut to_person) = tokio::io::split(person);
    let (from_pod, mut to_pod) = tokio::io::split(pod);
    tokio::select! {
        ending = typed(from_person, &mut to_pod) => ending,
        ending = shown(from_pod, &mut to_person) => ending,
    }
}

async fn typed(person: impl AsyncRead + Unpin, pod: &mut (impl AsyncWrite + Unpin)) -> Ending {
    let mut frames = Frames::new(person);
    loop {
        match frames.next().await {
            Ok(Some(frame)) if frame.is_of_a_person() => {
                if send(pod, &frame).await.is_err() {
                    return Ending::Lost;
                }
            }
            Ok(Some(_) | None) | Err(_) => return Ending::Left,
        }
    }
}

async fn shown(pod: impl AsyncRead + Unpin, person: &mut (impl AsyncWrite + Unpin)) -> Ending {
    let mut frames = Frames::new(pod);
    loop {
        let frame = match frames.next().await {
            Ok(Some(frame)) if frame.is_of_a_pod() => frame,
            Ok(Some(_) | None) | Err(_) => return Ending::Lost,
        };
        let told: io::Result<()> = send(person, &frame).await;
        match (frame, told) {
            (Frame::Ended(code), _) => return Ending::Exited(code),
            (Frame::Refused(sentence), _) => return Ending::Refused(sentence),
            (_, Err(_)) => return Ending::Left,
            (_, Ok(())) => {}
        }
    }
}
