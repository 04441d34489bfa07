//! What the headers of a download say and mean (RFC 9110), without any of the bytes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that `filename*` may hold bare (RFC 8187).
const BARE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');

const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Types by extension: what people look at. Everything is an attachment and never sniffed, so a type opens nothing.
const TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("log", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("toml", "application/toml"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
];
/// Programs are text to read.
const SOURCES: &[&str] =
    &["c", "cc", "cpp", "go", "h", "java", "kt", "lua", "php", "py", "rb", "rs", "sh", "sql", "ts"];

pub fn content_type(file_name: &str) -> &'static str {
    let Some((_, extension)) = file_name.rsplit_once('.') else { return UNKNOWN_TYPE };
    let extension = extension.to_ascii_lowercase();
    if SOURCES.contains(&extension.as_str()) {
        return "text/plain; charset=utf-8";
    }
    TYPES.iter().find(|(known, _)| *known == extension).map_or(UNKNOWN_TYPE, |(_, content_type)| content_type)
}

/// `attachment` under the file's own name, for old and new readers.
pub fn disposition(file_name: &str) -> String {
    let legal = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ';
    let plain: String = file_name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(file_name, BARE))
}

pub fn etag(sha256: &str) -> String {
    format!("\"{sha256}\"")
}

/// Whether `If-None-Match` names this file: the client has it already.
pub fn is_known(if_none_match: Option<&str>, etag: &str) -> bool {
    let Some(text) = if_none_match else { return false };
    text.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// Which bytes to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Whole,
    /// From the first to the last of these, both included.
    Part {
        first: u64,
        last: u64,
    },
    Outside,
}

/// Reads `Range`. What is no single range of bytes is answered with the whole file, as the RFC allows; so is a range of
/// another version of the file (`If-Range`).
pub fn span(range: Option<&str>, if_range: Option<&str>, etag: &str, size: u64) -> Span {
    if if_range.is_some_and(|wanted| wanted.trim() != etag) {
        return Span::Whole;
    }
    let bounds = range.and_then(|range| range.trim().strip_prefix("bytes=")).and_then(|bounds| bounds.split_once('-'));
    let Some((first, last)) = bounds.map(|(first, last)| (first.trim(), last.trim())) else { return Span::Whole };
    match (number(first), number(last)) {
        (Bound::Open, Bound::At(0)) => Span::Outside,
        (Bound::Open, Bound::At(length)) if size > 0 => {
            Span::Part { first: size.saturating_sub(length), last: size - 1 }
        }
        (Bound::Open, Bound::At(_)) => Span::Outside,
        (Bound::At(first), Bound::At(last)) if first > last => Span::Whole,
        (Bound::At(first), _) if first >= size => Span::Outside,
        (Bound::At(first), Bound::At(last)) => Span::Part { first, last: last.min(size - 1) },
        (Bound::At(first), Bound::Open) => Span::Part { first, last: size - 1 },
        (Bound::Open, Bound::Open) | (Bound::Broken, _) | (_, Bound::Broken) => Span::Whole,
    }
}

enum Bound {
    Open,
    At(u64),
    Broken,
}

fn number(text: &str) -> Bound {
    match text {
        "" => Bound::Open,
        text if text.bytes().all(|b| b.is_ascii_digit()) => Bound::At(text.parse().unwrap_or(u64::MAX)),
        _ => Bound::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let part = |first, last| Span::Part { first, last };
        let tag = etag("ab");
        for (range, expect) in [
            (None, Span::Whole),
            (Some("bytes=0-0"), part(0, 0)),
            (Some("bytes=2-"), part(2, 9)),
            (Some("bytes=2-99"), part(2, 9)),
            (Some("bytes=-3"), part(7, 9)),
            (Some("bytes=-30"), part(0, 9)),
            (Some("bytes=0-99999999999999999999999"), part(0, 9)),
            (Some("bytes=10-"), Span::Outside),
            (Some("bytes=-0"), Span::Outside),
            (Some("bytes=5-2"), Span::Whole),
            (Some("bytes=0-1,3-4"), Span::Whole),
            (Some("bytes=a-b"), Span::Whole),
            (Some("bytes=-"), Span::Whole),
            (Some("lines=1-2"), Span::Whole),
        ] {
            assert_eq!(span(range, None, &tag, 10), expect, "{range:?}");
        }
        assert_eq!(span(Some("bytes=0-0"), None, &tag, 0), Span::Outside);
        assert_eq!(span(Some("bytes=-1"), None, &tag, 0), Span::Outside);
        assert_eq!(span(Some("bytes=0-0"), Some("\"ab\""), &tag, 10), part(0, 0));
        assert_eq!(span(Some("bytes=0-0"), Some("\"cd\""), &tag, 10), Span::Whole);
    }

    #[test]
    fn names_and_tags_go_into_headers_safely() {
        assert_eq!(content_type("A.MD"), "text/markdown; charset=utf-8");
        assert_eq!(content_type("limiter.go"), "text/plain; charset=utf-8");
        assert_eq!(content_type("Makefile"), UNKNOWN_TYPE);
        assert_eq!(
            disposition("a \"é\".md"),
            "attachment; filename=\"a ___.md\"; filename*=UTF-8''a%20%22%C3%A9%22.md"
        );
        assert!(is_known(Some("\"x\", W/\"ab\""), "\"ab\""));
        assert!(is_known(Some("*"), "\"ab\""));
        assert!(!is_known(Some("\"x\""), "\"ab\""));
    }
}
