//! Server-sent events of a chat, however they are cut. Source: HTML Living Standard, 9.2.
//!
//! More forgiving than the standard where providers are careless: an event may end without
//! its empty line, and a field `error` carries an error.

use serde::de::IgnoredAny;

/// The longest event that is read.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

pub const DONE: &[u8] = b"[DONE]";

#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Data(Vec<u8>),
    Error(Vec<u8>),
    /// A sign of life.
    Comment,
    TooLong,
}

#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    is_joined: bool,
    has_seen_return: bool,
    has_begun: bool,
}

impl Events {
    /// Stops at the first event that is too long.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = (&rest[..at], rest[at]);
            rest = &rest[at + 1..];
            let is_second_half = end == b'\n' && at == 0 && self.has_seen_return;
            self.has_seen_return = end == b'\r';
            if is_second_half {
                continue;
            }
            self.line.extend_from_slice(text);
            if self.is_too_long() {
                out.push(Piece::TooLong);
                return out;
            }
            self.end_of_line(&mut out);
        }
        if !rest.is_empty() {
            self.has_seen_return = false;
            self.line.extend_from_slice(rest);
        }
        if self.is_too_long() {
            out.push(Piece::TooLong);
        }
        out
    }

    /// The last event, if it came whole.
    pub fn finish(mut self) -> Vec<Piece> {
        let mut out = Vec::new();
        if !self.line.is_empty() {
            self.end_of_line(&mut out);
        }
        if is_whole(&self.data) {
            self.dispatch(&mut out);
        }
        out
    }

    fn is_too_long(&self) -> bool {
        self.line.len() + self.data.len() > EVENT_BYTES_MAX
    }

    fn end_of_line(&mut self, out: &mut Vec<Piece>) {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let mut line = std::mem::take(&mut self.line);
        if !self.has_begun && line.starts_with(MARK) {
            line.drain(..MARK.len());
        }
        self.has_begun = true;
        match field(&line) {
            None => self.dispatch(out),
            Some((b"", _)) => out.push(Piece::Comment),
            Some((b"data", value)) => self.more_data(value, out),
            Some((b"error", value)) => out.push(Piece::Error(value.to_vec())),
            Some(_) => {}
        }
        // The buffer's memory serves the next line.
        line.clear();
        self.line = line;
    }

    /// Looked at once an event, so that an event of many lines is not read over and over.
    fn more_data(&mut self, value: &[u8], out: &mut Vec<Piece>) {
        if !self.is_joined && is_whole(&self.data) {
            self.dispatch(out);
        }
        if !self.data.is_empty() {
            self.data.push(b'\n');
            self.is_joined = true;
        }
        self.data.extend_from_slice(value);
    }

    fn dispatch(&mut self, out: &mut Vec<Piece>) {
        self.is_joined = false;
        if !self.data.is_empty() {
            out.push(Piece::Data(std::mem::take(&mut self.data)));
        }
    }
}

fn is_whole(data: &[u8]) -> bool {
    !data.is_empty() && (data.trim_ascii() == DONE || serde_json::from_slice::<IgnoredAny>(data).is_ok())
}

/// Name and value of a line; a comment has no name, and an empty line is no field.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.is_empty() {
        return None;
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Some((line, b"")) };
    let value = &line[colon + 1..];
    Some((&line[..colon], value.strip_prefix(b" ").unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> Vec<Piece> {
        let mut events = Events::default();
        let mut out: Vec<Piece> = pieces.iter().flat_map(|piece| events.feed(piece)).collect();
        out.extend(events.finish());
        out
    }

    fn data(text: &str) -> Piece {
        Piece::Data(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_end_in_three_ways_wherever_they_are_cut() {
        let text =
            "\u{feff}: hi\r\ndata: {\"a\":1}\r\n\r\nid: 7\rdata:{\rdata: }\r\revent: x\ndata: [DONE]\n\n".as_bytes();
        let expected = [Piece::Comment, data("{\"a\":1}"), data("{\n}"), data("[DONE]")];
        for cut in 0..=text.len() {
            assert_eq!(all(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(all(&bytes), expected);
    }

    #[test]
    fn careless_providers_are_understood() {
        assert_eq!(all(&[b"data: {}\ndata: [1]\ndata: [DONE]"]), [data("{}"), data("[1]"), data("[DONE]")]);
        assert_eq!(all(&[b"error: {\"code\":500}\n\n"]), [Piece::Error(b"{\"code\":500}".to_vec())]);
    }

    #[test]
    fn half_an_event_at_the_end_is_none() {
        assert_eq!(all(&[b"data: {}\n\ndata: {\"a\":"]), [data("{}")]);
        assert_eq!(all(&[b"data: {}\n\ndata: {\"a\":\n"]), [data("{}")]);
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let piece = vec![b'x'; EVENT_BYTES_MAX / 2];
        let mut events = Events::default();
        assert_eq!(events.feed(b"data: "), []);
        assert_eq!(events.feed(&piece), []);
        assert_eq!(events.feed(&piece), [Piece::TooLong]);
    }
}
