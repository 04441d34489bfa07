//! What server and pod say to each other over the socket that is the pod's standard input.
//!
//! Server to pod: one frame with the spec, one with the ticket, then single control bytes; end of stream means that the
//! server is gone. Pod to server: one JSON line per `Report`.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::spec::Room;

pub(crate) const CONTROL_TERMINATE: u8 = b'T';
pub(crate) const CONTROL_KILL: u8 = b'K';
/// The variable that marks every process of a pod; its value is the pod's id.
pub(crate) const MARKER: &str = "MI_POD_ID";
/// Where the program finds the ticket: the first free descriptor after the standard three.
pub(crate) const TICKET_FD: i32 = 3;
/// A spec carries paths, arguments and at most 64 KiB of environment.
const FRAME_BYTES_MAX: u32 = 512 * 1024;

/// What `pod-enter` must know. Deliberately without the ticket, so that it can be shown in a fault.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EnterSpec {
    pub server_pid: u32,
    pub hostname: String,
    pub room: Room,
    pub wall: Wall,
    /// The uid and gid to become; only set when the server is root.
    pub uid: Option<u32>,
    pub sources: Sources,
    pub enter_args: Vec<String>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub rlimits: Rlimits,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wall {
    Bwrap { path: PathBuf },
    Namespaces,
    None,
}

/// Where the things that a pod sees lie on the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sources {
    pub workspace: PathBuf,
    pub drive: PathBuf,
    pub socket_dir: Option<PathBuf>,
    pub program: PathBuf,
    pub enter_program: PathBuf,
    /// Name and install root.
    pub harnesses: Vec<(String, PathBuf)>,
}

/// Limits that the kernel holds per process or per user, where no cgroup can.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Rlimits {
    pub processes: Option<u64>,
    pub data_bytes: Option<u64>,
}

/// What the first process inside a pod must do; travels as an argument, so nothing secret.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InitPlan {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub rlimits: Rlimits,
    pub room: Room,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The walls stand and the program runs.
    Up,
    /// The pod doesn't come up.
    Failed { wall: String, detail: String },
    /// The program ended; sent just before the pod falls.
    Exited { code: Option<i32>, signal: Option<i32> },
}

pub(crate) fn send_frame(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other("the pod's spec is too large"))?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(bytes)
}

/// Reads one frame and not a byte more: what follows is control.
pub(crate) fn receive_frame(input: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other("the pod's spec is too large"));
    }
    let mut bytes = Zeroizing::new(vec![0; length as usize]);
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn receive_json<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<T> {
    let frame = receive_frame(input)?;
    serde_json::from_slice(&frame).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::{FRAME_BYTES_MAX, receive_frame, send_frame};

    #[test]
    fn a_frame_comes_back_whole_and_leaves_the_rest() {
        let mut wire = Vec::new();
        send_frame(&mut wire, b"spec").unwrap();
        wire.push(b'T');
        let mut input = wire.as_slice();
        assert_eq!(receive_frame(&mut input).unwrap().as_slice(), b"spec");
        assert_eq!(input, b"T");
    }

    #[test]
    fn an_oversized_or_short_frame_is_refused() {
        assert!(receive_frame(&mut (FRAME_BYTES_MAX + 1).to_be_bytes().as_slice()).is_err());
        assert!(receive_frame(&mut [0, 0, 0, 9, b'x'].as_slice()).is_err());
    }
}
