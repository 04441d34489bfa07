//! What is signed, word for word, and the headers in which it travels.

use sha2::{Digest, Sha256};

/// A signature counts if the server's time is no further from its own than this, either way.
pub const WINDOW_SECONDS: i64 = 60;
pub const NONCE_CHARS_MIN: usize = 16;
pub const NONCE_CHARS_MAX: usize = 64;
/// In place of a digest, where a file is digested while it is sent: its digest follows as the form's last field.
pub const STREAMED: &str = "STREAMED";

pub const X_AGENT_ID: &str = "x-agent-id";
pub const X_OFFICE_ID: &str = "x-office-id";
pub const X_TIMESTAMP: &str = "x-timestamp";
pub const X_SIGNATURE: &str = "x-signature";
pub const X_NONCE: &str = "x-nonce";
pub const X_CONTENT_SHA256: &str = "x-content-sha256";

/// The part of a request that both versions sign. Everything is taken as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Unix seconds, in digits.
    pub timestamp: &'a str,
    pub method: &'a str,
    /// Path with query.
    pub target: &'a str,
}

impl Request<'_> {
    /// Version 1: time, method and address.
    pub fn v1(&self) -> String {
        format!("{}\n{}\n{}", self.timestamp, self.method, self.target)
    }

    /// Version 2: also the body, and a nonce that counts once.
    pub fn v2(&self, body_sha256: &str, nonce: &str) -> String {
        format!("v2\n{}\n{}\n{}\n{body_sha256}\n{nonce}", self.timestamp, self.method, self.target)
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// 16 to 64 visible characters of ASCII.
pub fn is_nonce(text: &str) -> bool {
    (NONCE_CHARS_MIN..=NONCE_CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
