//! The output of a child as lines of bounded length.

use std::sync::{Arc, Mutex, PoisonError};

use mi_core::limits::LOG_LINE_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::outbox::Outbox;

const READ_BYTES: usize = 8 * 1024;

/// The last line that isn't blank, shared by the streams of one child.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLine(Arc<Mutex<String>>);

impl LastLine {
    pub(super) fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, line: &str) {
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Reads to the end; each line becomes a log item. What isn't UTF-8 is replaced, what is too long is cut in pieces.
pub(super) async fn pump(stream: impl AsyncRead + Unpin, outbox: Arc<Outbox>, last: LastLine) {
    pump_but(&[], stream, outbox, last).await;
}

/// The same without lines that begin in one of these ways. One of them that is an error is the last word all the same: where
/// nothing else says why a program ended, that does.
pub(super) async fn pump_but(noise: &[&str], mut stream: impl AsyncRead + Unpin, outbox: Arc<Outbox>, last: LastLine) {
    let mut line = Vec::new();
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let count = match stream.read(&mut chunk).await {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                outbox.log(&format!("the output can't be read on: {error}"));
                break;
            }
        };
        for byte in &chunk[..count] {
            if *byte == b'\n' || line.len() == LOG_LINE_BYTES_MAX {
                emit(&mut line, noise, &outbox, &last);
            }
            if *byte != b'\n' {
                line.push(*byte);
            }
        }
    }
    if !line.is_empty() {
        emit(&mut line, noise, &outbox, &last);
    }
}

fn emit(line: &mut Vec<u8>, noise: &[&str], outbox: &Outbox, last: &LastLine) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\r');
    if !noise.iter().any(|start| text.starts_with(start)) {
        outbox.log(text);
        last.set(text);
    } else if text.starts_with("Error") {
        last.set(text);
    }
    line.clear();
}
