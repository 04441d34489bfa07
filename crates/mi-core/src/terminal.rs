//! What passes between the ends of a terminal: frames, each with its kind and its length.
//!
//! One end is a person's command line, or the server on behalf of a caller that wants a command run; the other is the
//! runner in the pod. The server stands in between, joins their two connections, and lets through only what each end may
//! say. A frame is one byte for its kind, four for its length (the largest first), and its content.
//!
//! Elsewhere: what a terminal shall run is `wire::terminals`; no frame knows a connection.

/// The most that one frame holds; longer outputs are several frames.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
const HEAD_BYTES: usize = 5;
const SIZE_BYTES: usize = 4;
const CODE_BYTES: usize = 4;

/// The name by which a connection is turned into a terminal (`Upgrade`, RFC 9110 §7.8).
pub const UPGRADE: &str = "mi-terminal";

/// How large a terminal's window is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// What shall run, as JSON: from the server to the runner, once and first.
    Plan(Vec<u8>),
    /// What was typed.
    Input(Vec<u8>),
    /// Nothing more will be typed.
    InputEnd,
    Resize(Size),
    Output(Vec<u8>),
    Errors(Vec<u8>),
    /// The program ended with this code; 128 and more stand for a signal, as in a shell.
    Ended(i32),
    /// It could not be started; why, in a sentence.
    Refused(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what came is no frame of a terminal")]
pub struct BadFrame;

impl Frame {
    /// A person's end may only type and change its window.
    #[must_use]
    pub const fn is_of_a_person(&self) -> bool {
        match self {
            Frame::Input(_) | Frame::InputEnd | Frame::Resize(_) => true,
            Frame::Plan(_) | Frame::Output(_) | Frame::Errors(_) | Frame::Ended(_) | Frame::Refused(_) => false,
        }
    }

    /// A pod's end may only say what its program says.
    #[must_use]
    pub const fn is_of_a_pod(&self) -> bool {
        match self {
            Frame::Output(_) | Frame::Errors(_) | Frame::Ended(_) | Frame::Refused(_) => true,
            Frame::Plan(_) | Frame::Input(_) | Frame::InputEnd | Frame::Resize(_) => false,
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Frame::Plan(_) => 1,
            Frame::Input(_) => 2,
            Frame::InputEnd => 3,
            Frame::Resize(_) => 4,
            Frame::Output(_) => 5,
            Frame::Errors(_) => 6,
            Frame::Ended(_) => 7,
            Frame::Refused(_) => 8,
        }
    }

    /// The frame as bytes. Content over the limit is cut; whoever has more sends several.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (size, code);
        let content: &[u8] = match self {
            Frame::Plan(bytes) | Frame::Input(bytes) | Frame::Output(bytes) | Frame::Errors(bytes) => bytes,
            Frame::InputEnd => &[],
            Frame::Resize(wanted) => {
                let [a, b] = wanted.columns.to_be_bytes();
                let [c, d] = wanted.rows.to_be_bytes();
                size = [a, b, c, d];
                &size
            }
            Frame::Ended(ended) => {
                code = ended.to_be_bytes();
                &code
            }
            Frame::Refused(sentence) => sentence.as_bytes(),
        };
        let content = &content[..content.len().min(FRAME_BYTES_MAX)];
        let length = u32::try_from(content.len()).unwrap_or_default();
        let mut out = Vec::with_capacity(HEAD_BYTES + content.len());
        out.push(self.kind());
        out.extend(length.to_be_bytes());
        out.extend(content);
        out
    }

    fn read(kind: u8, content: Vec<u8>) -> Result<Self, BadFrame> {
        Ok(match kind {
            1 => Frame::Plan(content),
            2 => Frame::Input(content),
            3 if content.is_empty() => Frame::InputEnd,
            4 => {
                let [a, b, c, d] = <[u8; SIZE_BYTES]>::try_from(content).map_err(|_| BadFrame)?;
                Frame::Resize(Size { columns: u16::from_be_bytes([a, b]), rows: u16::from_be_bytes([c, d]) })
            }
            5 => Frame::Output(content),
            6 => Frame::Errors(content),
            7 => Frame::Ended(i32::from_be_bytes(<[u8; CODE_BYTES]>::try_from(content).map_err(|_| BadFrame)?)),
            8 => Frame::Refused(String::from_utf8_lossy(&content).into_owned()),
            _ => return Err(BadFrame),
        })
    }
}

/// Finds frames in bytes as they come. What is taken out after each push never grows beyond one frame and one push.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more bytes have come.
    ///
    /// # Errors
    /// When these bytes are no frame: from then on nothing of the connection can be understood.
    pub fn take(&mut self) -> Result<Option<Frame>, BadFrame> {
        let Some((head, rest)) = self.bytes.split_at_checked(HEAD_BYTES) else { return Ok(None) };
        let [kind, a, b, c, d] = <[u8; HEAD_BYTES]>::try_from(head).map_err(|_| BadFrame)?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(BadFrame);
        }
        let Some(content) = rest.get(..length) else { return Ok(None) };
        let frame = Frame::read(kind, content.to_vec())?;
        self.bytes.drain(..HEAD_BYTES + length);
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Vec<Frame> {
        vec![
            Frame::Plan(b"{}".to_vec()),
            Frame::Input(b"ls\n".to_vec()),
            Frame::InputEnd,
            Frame::Resize(Size { columns: 300, rows: 2 }),
            Frame::Output(vec![0, 255, 27]),
            Frame::Errors(Vec::new()),
            Frame::Ended(-1),
            Frame::Refused("no such program".into()),
        ]
    }

    #[test]
    fn frames_come_back_however_they_are_cut() {
        let bytes: Vec<u8> = all().iter().flat_map(Frame::encode).collect();
        for part in [1, 2, 3, 7, bytes.len()] {
            let (mut decoder, mut seen) = (Decoder::default(), Vec::new());
            for piece in bytes.chunks(part) {
                decoder.push(piece);
                while let Some(frame) = decoder.take().unwrap() {
                    seen.push(frame);
                }
            }
            assert_eq!(seen, all(), "in pieces of {part}");
        }
    }

    #[test]
    fn each_end_says_only_what_is_its_own() {
        let of_a_person: Vec<bool> = all().iter().map(Frame::is_of_a_person).collect();
        assert_eq!(of_a_person, [false, true, true, true, false, false, false, false]);
        let of_a_pod: Vec<bool> = all().iter().map(Frame::is_of_a_pod).collect();
        assert_eq!(of_a_pod, [false, false, false, false, true, true, true, true]);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for bytes in [
            &[9, 0, 0, 0, 0][..],
            &[0, 0, 0, 0, 0],
            &[5, 0, 1, 0, 1],
            &[4, 0, 0, 0, 1, 0],
            &[7, 0, 0, 0, 0],
            &[3, 0, 0, 0, 1, 0],
        ] {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            assert_eq!(decoder.take(), Err(BadFrame), "{bytes:?}");
        }
        let cut = Frame::Output(vec![1; FRAME_BYTES_MAX + 1]).encode();
        assert_eq!(cut.len(), HEAD_BYTES + FRAME_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.take() {}
        }
    }
}
