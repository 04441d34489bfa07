//! Pages for people: no script, nothing loaded, nothing kept, never in a frame.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::Reply;
use crate::infra::fault::{self, Fault};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a page says. Whoever writes HTML has escaped what others wrote.
pub enum Words {
    Html(String),
    Plain(String),
}

pub struct Page {
    pub title: &'static str,
    /// The only style that counts on it.
    pub style: &'static str,
    pub status: u16,
    pub words: Words,
}

impl Page {
    pub fn reply(self) -> Result<Reply, Fault> {
        let Page { title, style, status, words } = self;
        let (kind, text) = match words {
            Words::Plain(text) => ("text/plain; charset=utf-8", text),
            Words::Html(body) => ("text/html; charset=utf-8", framed(title, style, &body)),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(status).map_err(fault::internal)?;
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, kind),
            (CACHE_CONTROL, "no-store"),
            // The address of a page may hold a code.
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
            (ROBOTS, "noindex"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy(style)).map_err(fault::internal)?);
        Ok(Reply::raw(response))
    }
}

fn framed(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{style}</style>{body}</html>\n"
    )
}

/// Only this style, known by its digest (CSP level 3, "hash-source").
fn policy(style: &str) -> String {
    let digest = base64(&Sha256::digest(style.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let index = (number >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(BASE64[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
