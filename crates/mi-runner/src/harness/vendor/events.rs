//! A program's standard output as lines: one event each, of bounded length.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// An event carries what a tool answered, a picture at times; a longer one is left out.
const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;
const READ_BYTES: usize = 32 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    Line(String),
    /// Longer than we read, with its length.
    TooLong(usize),
}

pub(super) struct Events<S> {
    stream: S,
    chunk: Vec<u8>,
    line: Vec<u8>,
    /// Of a line that is too long: how much of it went by.
    skipped: usize,
    whole: VecDeque<Event>,
    ended: bool,
}

impl<S: AsyncRead + Unpin> Events<S> {
    pub(super) fn of(stream: S) -> Self {
        let chunk = vec![0; READ_BYTES];
        Self { stream, chunk, line: Vec::new(), skipped: 0, whole: VecDeque::new(), ended: false }
    }

    /// Nothing at the end. May be dropped and asked again without losing anything.
    pub(super) async fn next(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = self.whole.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            let count = self.stream.read(&mut self.chunk).await?;
            self.take(count);
        }
    }

    fn take(&mut self, count: usize) {
        if count == 0 {
            self.ended = true;
            self.finish_line();
            return;
        }
        let chunk = std::mem::take(&mut self.chunk);
        for (n, part) in chunk[..count].split(|byte| *byte == b'\n').enumerate() {
            if n > 0 {
                self.finish_line();
            }
            self.add(part);
        }
        self.chunk = chunk;
    }

    fn add(&mut self, part: &[u8]) {
        if self.skipped == 0 && self.line.len() + part.len() <= LINE_BYTES_MAX {
            self.line.extend_from_slice(part);
            return;
        }
        self.skipped += self.line.len() + part.len();
        self.line.clear();
    }

    fn finish_line(&mut self) {
        if self.skipped > 0 {
            self.whole.push_back(Event::TooLong(self.skipped));
        } else if !self.line.trim_ascii().is_empty() {
            self.whole.push_back(Event::Line(String::from_utf8_lossy(&self.line).trim().to_owned()));
        }
        self.skipped = 0;
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> Vec<Event> {
        let mut events = Events::of(bytes);
        let mut out = Vec::new();
        while let Some(event) = events.next().await.unwrap() {
            out.push(event);
        }
        out
    }

    #[tokio::test]
    async fn lines_are_events_and_endless_ones_are_left_out() {
        let line = |text: &str| Event::Line(text.to_owned());
        assert_eq!(all(b"{}\r\n\n[1]\nlast").await, [line("{}"), line("[1]"), line("last")]);
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let bytes = [b"a\n", long.as_slice(), b"\nb\n"].concat();
        assert_eq!(all(&bytes).await, [line("a"), Event::TooLong(LINE_BYTES_MAX + 1), line("b")]);
    }
}
