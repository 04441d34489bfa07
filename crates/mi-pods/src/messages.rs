//! The server's ear: reports of a pod, each with the host's id of the process that wrote it.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, setsockopt, sockopt};

use crate::wire::Report;

/// A report is one short line; whoever sends more is not our pod.
const LINE_BYTES_MAX: usize = 8 * 1024;
const READ_BYTES: usize = 4 * 1024;

/// One end of the socket between server and pod, on the server's side.
pub(crate) struct Ear {
    pending: Vec<u8>,
}

pub(crate) struct Heard {
    pub report: Report,
    pub sender_pid: Option<i32>,
}

pub(crate) enum Listening {
    Reports(Vec<Heard>),
    /// Nothing now, more may follow.
    Silent,
    /// Every holder of the other end is gone.
    Ended,
}

impl Ear {
    /// Asks the kernel to name the sender of every report, in the numbers of this process's pid namespace.
    pub(crate) fn new(socket: &UnixStream) -> io::Result<Self> {
        setsockopt(&socket.as_fd(), sockopt::PassCred, &true)?;
        Ok(Self { pending: Vec::new() })
    }

    pub(crate) fn listen(&mut self, socket: &UnixStream) -> io::Result<Listening> {
        let mut bytes = [0; READ_BYTES];
        let mut space = cmsg_space!(UnixCredentials);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_DONTWAIT);
        let (count, sender_pid) = match received {
            Ok(message) => (message.bytes, sender_of(message.cmsgs()?)),
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Listening::Silent),
            Err(Errno::ECONNRESET) => return Ok(Listening::Ended),
            Err(error) => return Err(error.into()),
        };
        if count == 0 {
            return Ok(Listening::Ended);
        }
        self.pending.extend_from_slice(&bytes[..count]);
        self.complete_lines(sender_pid).map(Listening::Reports)
    }

    fn complete_lines(&mut self, sender_pid: Option<i32>) -> io::Result<Vec<Heard>> {
        let mut heard = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            let report = serde_json::from_slice(&line).map_err(io::Error::other)?;
            heard.push(Heard { report, sender_pid });
        }
        if self.pending.len() > LINE_BYTES_MAX {
            return Err(io::Error::other("a pod's report has no end"));
        }
        Ok(heard)
    }
}

fn sender_of(messages: impl Iterator<Item = ControlMessageOwned>) -> Option<i32> {
    messages
        .filter_map(|message| match message {
            ControlMessageOwned::ScmCredentials(sender) => Some(sender.pid()),
            _ => None,
        })
        .next()
}
