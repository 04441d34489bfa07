//! A request that carries a bundle, taken apart while it arrives.
//!
//! The bundle is one string of a JSON object and may be hundreds of megabytes. Its characters are decoded as they
//! come and go to the disk; only the rest of the object is held in memory, where the string is left empty.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mi_core::limits::{STATE_BUNDLE_BYTES_MAX, STATE_MANIFEST_BYTES_MAX};

const KEYS: [&[u8]; 2] = [b"bundle_base64", b"bundleBase64"];
/// No key of ours is longer; the rest of a longer one isn't looked at.
const KEY_BYTES_MAX: usize = 64;
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Four characters are three bytes; the last group may be padded and waits for what follows.
const GROUP_CHARS: usize = 4;
const PADDING: u8 = b'=';

/// Why a request can't be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadEnvelope {
    ManifestTooLarge,
    BundleTooLarge,
    NoBase64,
    TwoBundles,
    NoBundle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Between texts.
    Outside,
    Text,
    /// After a backslash in a text.
    TextEscape,
    Bundle,
    BundleEscape,
}

pub struct Envelope {
    at: Where,
    depth: usize,
    /// The last thing between texts: tells a key from a value.
    before: u8,
    /// The text that stands here, if it may be a key of the object itself.
    key: Option<Vec<u8>>,
    is_next: bool,
    seen: bool,
    small: Vec<u8>,
    pending: Vec<u8>,
    /// Padding ends a bundle, wherever its pieces are cut.
    is_padded: bool,
    decoded_bytes: u64,
}

impl Envelope {
    pub fn new() -> Self {
        Self {
            at: Where::Outside,
            depth: 0,
            before: 0,
            key: None,
            is_next: false,
            seen: false,
            small: Vec::new(),
            pending: Vec::new(),
            is_padded: false,
            decoded_bytes: 0,
        }
    }

    /// Takes the next bytes of the request; what they hold of the bundle is added to `out`.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BadEnvelope> {
        while let Some((first, rest)) = bytes.split_first() {
            bytes = match self.at {
                Where::Bundle => self.bundle(bytes, out)?,
                Where::BundleEscape => {
                    self.escaped(*first)?;
                    rest
                }
                Where::Outside | Where::Text | Where::TextEscape => {
                    self.one(*first)?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// The object without its bundle.
    pub fn finish(self) -> Result<Vec<u8>, BadEnvelope> {
        if self.seen { Ok(self.small) } else { Err(BadEnvelope::NoBundle) }
    }

    fn one(&mut self, byte: u8) -> Result<(), BadEnvelope> {
        if self.small.len() >= STATE_MANIFEST_BYTES_MAX {
            return Err(BadEnvelope::ManifestTooLarge);
        }
        self.small.push(byte);
        match (self.at, byte) {
            (Where::Text, b'\\') => self.at = Where::TextEscape,
            (Where::Text, b'"') => self.close(),
            (Where::TextEscape, _) => self.at = Where::Text,
            (Where::Outside, b'"') => return self.open(),
            (Where::Outside, _) => self.between(byte),
            (Where::Text | Where::Bundle | Where::BundleEscape, _) => self.note(byte),
        }
        Ok(())
    }

    fn note(&mut self, byte: u8) {
        if let Some(key) = &mut self.key
            && key.len() < KEY_BYTES_MAX
        {
            key.push(byte);
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => return,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        // A value that is no text is not the bundle.
        self.is_next &= byte == b':';
        self.before = byte;
    }

    fn open(&mut self) -> Result<(), BadEnvelope> {
        if self.is_next && self.before == b':' {
            if self.seen {
                return Err(BadEnvelope::TwoBundles);
            }
            (self.is_next, self.seen, self.at) = (false, true, Where::Bundle);
            return Ok(());
        }
        self.is_next = false;
        let may_be_key = self.depth == 1 && matches!(self.before, b'{' | b',');
        self.key = may_be_key.then(Vec::new);
        self.at = Where::Text;
        Ok(())
    }

    fn close(&mut self) {
        self.at = Where::Outside;
        let key = self.key.take();
        self.is_next = key.is_some_and(|key| KEYS.contains(&key.as_slice()));
        self.before = b'"';
    }

    /// Decodes up to the end of the text; gives what follows.
    fn bundle<'b>(&mut self, bytes: &'b [u8], out: &mut Vec<u8>) -> Result<&'b [u8], BadEnvelope> {
        let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(bytes.len());
        let (here, rest) = bytes.split_at(end);
        self.pending.extend_from_slice(here);
        // The last group stays: padding may only stand at the very end.
        let whole = (self.pending.len().saturating_sub(1) / GROUP_CHARS) * GROUP_CHARS;
        let groups: Vec<u8> = self.pending.drain(..whole).collect();
        self.decode(&groups, out)?;
        match rest.split_first() {
            Some((b'"', rest)) => {
                let last = std::mem::take(&mut self.pending);
                self.decode(&last, out)?;
                self.small.push(b'"');
                (self.at, self.before) = (Where::Outside, b'"');
                Ok(rest)
            }
            Some((_, rest)) => {
                self.at = Where::BundleEscape;
                Ok(rest)
            }
            None => Ok(rest),
        }
    }

    /// Some encoders escape slashes, and some break lines.
    fn escaped(&mut self, byte: u8) -> Result<(), BadEnvelope> {
        match byte {
            b'/' => self.pending.push(b'/'),
            b'n' | b'r' => {}
            _ => return Err(BadEnvelope::NoBase64),
        }
        self.at = Where::Bundle;
        Ok(())
    }

    fn decode(&mut self, characters: &[u8], out: &mut Vec<u8>) -> Result<(), BadEnvelope> {
        if self.is_padded && !characters.is_empty() {
            return Err(BadEnvelope::NoBase64);
        }
        self.is_padded |= characters.contains(&PADDING);
        let before = out.len();
        BASE64.decode_vec(characters, out).map_err(|_| BadEnvelope::NoBase64)?;
        self.decoded_bytes += (out.len() - before) as u64;
        if self.decoded_bytes > STATE_BUNDLE_BYTES_MAX { Err(BadEnvelope::BundleTooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In pieces of every size, which must not matter.
    fn taken(text: &str) -> Result<(String, String), BadEnvelope> {
        let whole = in_pieces(text, text.len().max(1));
        for size in 1..text.len() {
            assert_eq!(in_pieces(text, size), whole, "pieces of {size}");
        }
        whole
    }

    fn in_pieces(text: &str, size: usize) -> Result<(String, String), BadEnvelope> {
        let (mut envelope, mut bundle) = (Envelope::new(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            envelope.push(piece, &mut bundle)?;
        }
        let small = String::from_utf8(envelope.finish()?).unwrap();
        Ok((small, String::from_utf8(bundle).unwrap()))
    }

    #[test]
    fn the_bundle_is_taken_out_wherever_it_stands() {
        for (text, small) in [
            (r#"{"transfer_id":"t","bundle_base64":"aGVsbG8="}"#, r#"{"transfer_id":"t","bundle_base64":""}"#),
            (r#"{ "bundleBase64" : "aGVsbG8" , "x": 1}"#, r#"{ "bundleBase64" : "" , "x": 1}"#),
            (
                r#"{"a\"":["bundle_base64","{"],"bundle_base64":"aGVs\nbG8="}"#,
                r#"{"a\"":["bundle_base64","{"],"bundle_base64":""}"#,
            ),
            (
                r#"{"m":{"bundle_base64":"no"},"bundle_base64":"aGVsbG8="}"#,
                r#"{"m":{"bundle_base64":"no"},"bundle_base64":""}"#,
            ),
        ] {
            assert_eq!(taken(text), Ok((small.to_owned(), "hello".to_owned())), "{text}");
        }
        let mut bundle = Vec::new();
        Envelope::new().push(br#"{"bundle_base64":"\/\/4="}"#, &mut bundle).unwrap();
        assert_eq!(bundle, [0xff, 0xfe], "some encoders escape slashes");
    }

    #[test]
    fn what_is_no_bundle_is_told() {
        assert_eq!(taken(r#"{"transfer_id":"bundle_base64"}"#), Err(BadEnvelope::NoBundle));
        assert_eq!(taken(r#"{"bundle_base64":null}"#), Err(BadEnvelope::NoBundle));
        assert_eq!(taken(r#"{"bundle_base64":"a b!"}"#), Err(BadEnvelope::NoBase64));
        assert_eq!(taken(r#"{"bundle_base64":"aGVsbG8=aGVsbG8="}"#), Err(BadEnvelope::NoBase64));
        assert_eq!(taken(r#"{"bundle_base64":"\u0041"}"#), Err(BadEnvelope::NoBase64));
        assert_eq!(taken(r#"{"bundle_base64":"","bundle_base64":""}"#), Err(BadEnvelope::TwoBundles));
    }

    #[test]
    fn what_is_held_in_memory_is_limited() {
        let (mut envelope, mut bundle) = (Envelope::new(), Vec::new());
        let piece = vec![b' '; 1024 * 1024];
        let pushed = (0..17).try_for_each(|_| envelope.push(&piece, &mut bundle));
        assert_eq!(pushed, Err(BadEnvelope::ManifestTooLarge));
    }
}
