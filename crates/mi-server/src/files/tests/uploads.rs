//! Forms of uploads: good ones, wrong ones, and those that break off.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, pending};
use futures_util::{Stream, StreamExt};
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};

use super::super::disk::Folder;
use super::super::form::{Announced, Form, Received};
use crate::infra::clock::Clock;
use crate::infra::fault::Fault;
use crate::infra::http::body::Pieces;
use crate::infra::keys::sha256_hex;
use crate::infra::signed::read::BodyDigest;

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// How often the disk's thread gets a turn to remove what nobody wants any more.
const TURNS_OF_THE_DISK_MAX: usize = 10_000;

/// A form with boundary `b`, from lines like `file;report.md=abc` or `sha256=…`.
fn form(fields: &[&str]) -> String {
    let mut body = String::new();
    for field in fields {
        let (head, value) = field.split_once('=').unwrap();
        let disposition = match head.split_once(';') {
            Some((name, file)) => format!("name=\"{name}\"; filename=\"{file}\""),
            None => format!("name=\"{head}\""),
        };
        body += &format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n");
    }
    body + "--b--\r\n"
}

/// The body, a few bytes at a time.
fn dripping(body: &str) -> Chunks {
    let chunks: Vec<_> = body.as_bytes().chunks(7).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    Box::pin(stream::iter(chunks))
}

struct Place {
    _dir: tempfile::TempDir,
    incoming: Arc<Folder>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let incoming = Arc::new(Folder::open(dir.path()).unwrap());
        Self { _dir: dir, incoming }
    }

    async fn receive(&self, header: Option<&str>, body: Chunks, clock: &Clock) -> Result<Received, Fault> {
        self.receive_signed(None, header, body, clock).await
    }

    async fn receive_signed(
        &self,
        signed: Option<&BodyDigest>,
        header: Option<&str>,
        body: Chunks,
        clock: &Clock,
    ) -> Result<Received, Fault> {
        let announced = Announced::read(signed, header)?;
        let pieces = Pieces::new(Body::from_stream(body), signed);
        let form = Form::open(Some("multipart/form-data; boundary=b"), announced, pieces, clock.clone())?;
        form.receive(Arc::clone(&self.incoming)).await
    }

    fn left(&self) -> usize {
        self.incoming.names(10).unwrap().len()
    }
}

fn clock() -> Clock {
    Clock::fake(Time(0))
}

#[tokio::test]
async fn good_forms_arrive() {
    let (place, upper) = (Place::new(), SHA256_OF_ABC.to_uppercase());
    let digest = format!("sha256={SHA256_OF_ABC}");
    for (header, fields) in [
        (None, vec!["file;reports/a.md=abc"]),
        (None, vec!["note=hello", "file;reports/a.md=abc", "more=x"]),
        (None, vec!["file;reports/a.md=abc", &digest]),
        (Some(SHA256_OF_ABC), vec!["file;reports/a.md=abc"]),
        (Some(upper.as_str()), vec!["file;reports/a.md=abc"]),
        (Some("STREAMED"), vec!["file;reports/a.md=abc", &digest]),
    ] {
        let received = place.receive(header, dripping(&form(&fields)), &clock()).await.unwrap();
        assert_eq!(received.name.as_str(), "reports/a.md");
        assert_eq!(received.file.sha256, SHA256_OF_ABC);
        assert_eq!(place.left(), 1);
        drop(received);
        assert_eq!(place.left(), 0, "what isn't placed is removed");
    }
}

/// The digest in the header is then the whole body's, to its last byte.
#[tokio::test]
async fn a_signed_form_is_the_one_that_was_signed() {
    let place = Place::new();
    let good = form(&["file;a.md=abc"]);
    let longer = format!("{good}and a little more");
    for body in [&good, &longer] {
        let digest = sha256_hex(body.as_bytes());
        let signed = BodyDigest::Whole(digest.clone());
        let receive = async |body: &str| {
            place
                .receive_signed(Some(&signed), Some(&digest), dripping(body), &clock())
                .await
                .map(|one| one.file.sha256)
        };
        assert_eq!(receive(body).await.unwrap(), SHA256_OF_ABC);
        for other in [form(&["file;a.md=abd"]), form(&["file;b.md=abc"]), format!("{body}!"), format!("{body}\r\n")] {
            assert_eq!(receive(&other).await.err().map(|fault| fault.code), Some(Code::BadSignature), "{other}");
        }
        assert_eq!(place.left(), 0);
    }
    let endless = format!("{good}{}", "x".repeat(100_000));
    let signed = BodyDigest::Whole(sha256_hex(endless.as_bytes()));
    let received = place.receive_signed(Some(&signed), None, dripping(&endless), &clock()).await;
    assert_eq!(received.err().map(|fault| fault.code), Some(Code::BadRequest));
    for (fields, expect) in [
        (vec!["file;a.md=abc".to_owned(), format!("sha256={SHA256_OF_ABC}")], None),
        (vec!["file;a.md=abd".to_owned(), format!("sha256={SHA256_OF_ABC}")], Some(Code::DigestMismatch)),
        (vec!["file;a.md=abc".to_owned()], Some(Code::BadRequest)),
    ] {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let body = dripping(&form(&fields));
        let received = place.receive_signed(Some(&BodyDigest::Streamed), Some("STREAMED"), body, &clock()).await;
        assert_eq!(received.err().map(|fault| fault.code), expect);
    }
}

#[tokio::test]
async fn wrong_forms_are_refused_and_leave_nothing() {
    let place = Place::new();
    let other = format!("sha256={}", "0".repeat(64));
    let many: Vec<String> = (0..20).map(|n| format!("f{n}=x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (header, fields, expect) in [
        (None, vec![], Code::BadRequest),
        (None, vec!["other;a.md=abc"], Code::BadRequest),
        (None, vec!["file=abc"], Code::BadRequest),
        (None, vec!["file;a.md=abc", "file;b.md=abc"], Code::BadRequest),
        (None, many, Code::BadRequest),
        (None, vec!["file;=abc"], Code::BadPath),
        (None, vec!["file;../a.md=abc"], Code::BadPath),
        (None, vec!["file;/etc/passwd=abc"], Code::BadPath),
        (None, vec!["file;a/../../b=abc"], Code::BadPath),
        (None, vec!["file;_changes=abc"], Code::BadPath),
        (None, vec!["file;a.md=abc", other.as_str()], Code::DigestMismatch),
        (Some("STREAMED"), vec!["file;a.md=abc", other.as_str()], Code::DigestMismatch),
        (Some("STREAMED"), vec!["file;a.md=abc"], Code::BadRequest),
        (Some("STREAMED"), vec!["file;a.md=abc", "sha256=short"], Code::BadRequest),
        (Some(&"0".repeat(64)), vec!["file;a.md=abc"], Code::DigestMismatch),
        (Some("nonsense"), vec!["file;a.md=abc"], Code::BadRequest),
    ] {
        let result = place.receive(header, dripping(&form(&fields)), &clock()).await;
        assert_eq!(result.err().map(|fault| fault.code), Some(expect), "{header:?} {fields:?}");
        assert_eq!(place.left(), 0, "{fields:?}");
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    for content_type in [None, Some("application/json"), Some("multipart/form-data")] {
        let form = Form::open(content_type, Announced::Nothing, Pieces::new(Body::empty(), None), clock());
        assert_eq!(form.err().map(|fault| fault.code), Some(Code::UnsupportedMediaType), "{content_type:?}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let place = Place::new();
    let whole = form(&["file;a.md=abcdefghijklmnopqrstuvwxyz"]);
    let cut = dripping(&whole[..whole.len() - 20]);
    let result = place.receive(None, cut, &clock()).await;
    assert_eq!(result.err().map(|fault| fault.code), Some(Code::BadRequest));

    let broken = dripping(&whole[..90]).chain(stream::iter([Err("connection reset".into())]));
    let result = place.receive(None, Box::pin(broken), &clock()).await;
    assert_eq!(result.err().map(|fault| fault.code), Some(Code::BadRequest));
    assert_eq!(place.left(), 0);
}

#[tokio::test]
async fn an_upload_whose_client_goes_away_leaves_nothing() {
    let place = Place::new();
    let whole = form(&["file;a.md=abcdefghijklmnopqrstuvwxyz"]);
    let clock = clock();
    let stuck = dripping(&whole[..90]).chain(pending());
    let receiving = place.receive(None, Box::pin(stuck), &clock);
    let begun = async {
        while place.left() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = receiving => panic!("it can't arrive"),
        () = begun => {}
    }
    // Its name may be from a moment ago: then the disk's thread takes it back, which nobody waits for any more.
    for _ in 0..TURNS_OF_THE_DISK_MAX {
        if place.left() == 0 {
            return;
        }
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
    panic!("the upload left something behind");
}

#[tokio::test]
async fn an_upload_that_stands_still_is_ended() {
    let (place, clock) = (Place::new(), clock());
    let whole = form(&["file;a.md=abcdefghijklmnopqrstuvwxyz"]);
    let stuck = dripping(&whole[..90]).chain(pending());
    let receiving = place.receive(None, Box::pin(stuck), &clock);
    let time = async {
        // Until the file has begun, then long enough for anybody.
        while place.left() == 0 {
            tokio::task::yield_now().await;
        }
        loop {
            clock.advance(Millis::seconds(61));
            tokio::task::yield_now().await;
        }
    };
    let result = tokio::select! {
        result = receiving => result,
        () = time => panic!("the clock never ends"),
    };
    assert_eq!(result.err().map(|fault| fault.code), Some(Code::RequestTimeout));
    assert_eq!(place.left(), 0);
}

#[tokio::test]
async fn a_form_that_is_not_the_file_does_not_fill_the_memory() {
    let place = Place::new();
    let junk = || stream::repeat_with(|| Ok(Bytes::from_static(&[b'x'; 8_192])));
    let endless_preamble = place.receive(None, Box::pin(junk()), &clock()).await;
    assert_eq!(endless_preamble.err().map(|fault| fault.code), Some(Code::BadRequest));

    let head = "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n";
    let endless_field = place.receive(None, Box::pin(dripping(head).chain(junk())), &clock()).await;
    assert_eq!(endless_field.err().map(|fault| fault.code), Some(Code::BadRequest));

    let whole = form(&[&format!("file;big={}", "x".repeat(3_000_000))]);
    let chunks: Vec<_> = whole.as_bytes().chunks(50_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let big = place.receive(None, Box::pin(stream::iter(chunks)), &clock()).await;
    assert!(big.is_ok(), "a large file passes through");
}
