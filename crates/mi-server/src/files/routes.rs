//! Routes of files.

use std::io::Seek;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, Response, StatusCode};
use mi_core::drive::DrivePath;
use mi_core::problem::Code;
use mi_core::signing::payload::X_CONTENT_SHA256;
use mi_core::time::Time;
use mi_core::wire::files::{Changes, DriveFile};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::download::{self, Span};
use super::faults;
use super::form::{Announced, Form};
use super::service::{self, Opened};
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::{self, Fault};
use crate::infra::http::operation::Intake;
use crate::infra::http::reply::problem_response;
use crate::infra::http::{Call, Operation, Reply, delete, get, post};

const DOWNLOAD_PIECE_BYTES: usize = 256 * 1024;

pub fn operations() -> Vec<Operation> {
    vec![
        get("files.list", "…/files", Access::Member, "Files on the shared drive, by name")
            .query(&[
                ("prefix", "names that begin so"),
                ("limit", "how many, at most 500"),
                ("offset", "how many to skip"),
            ])
            .lists::<DriveFile>()
            .fails(&[Code::BadPath])
            .run(list),
        post("files.upload", "…/files", Access::Member, "Store a file: multipart, the field `file` with its name")
            .intake(Intake::Stream)
            .unlimited()
            .gives::<DriveFile>(201)
            .fails(&[
                Code::BadPath,
                Code::DigestMismatch,
                Code::RequestTimeout,
                Code::NotAFile,
                Code::StaleClaim,
                Code::BodyTooLarge,
                Code::UnsupportedMediaType,
                Code::ClaimRequired,
                Code::DriveFull,
            ])
            .run(upload),
        get("files.changes", "…/files/_changes", Access::Member, "What was created, modified and deleted since a time")
            .query(&[("since", "milliseconds since 1970; the `serverTime` of the last answer")])
            .gives::<Changes>(200)
            .run(changes),
        get(
            "files.download",
            "…/files/{*path}",
            Access::Member,
            "The bytes of a file; `Range` and `If-None-Match` work",
        )
        .unlimited()
        .fails(&[Code::BadPath, Code::NoSuchFile, Code::NotAFile, Code::RangeNotSatisfiable])
        .run(download),
        delete("files.delete", "…/files/{*path}", Access::Member, "Remove a file")
            .fails(&[Code::BadPath, Code::NoSuchFile, Code::NotAFile, Code::StaleClaim, Code::ClaimRequired])
            .run(remove),
    ]
}

fn path(call: &Call) -> Result<DrivePath, Fault> {
    Ok(call.param("path")?.parse()?)
}

#[derive(Deserialize)]
struct ListQuery {
    prefix: Option<String>,
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let query: ListQuery = call.query()?;
    Ok(service::list(&house, &call, query.prefix.unwrap_or_default(), call.page()?).await?.into())
}

#[derive(Deserialize)]
struct ChangesQuery {
    since: Option<String>,
}

async fn changes(house: House, call: Call) -> Result<Reply, Fault> {
    let since = match call.query::<ChangesQuery>()?.since {
        None => Time(0),
        Some(text) => Time::parse(&text).ok_or_else(|| fault::bad_request("since is a time in milliseconds"))?,
    };
    Ok(service::changes(&house, &call, since).await?.into())
}

async fn upload(house: House, call: Call) -> Result<Reply, Fault> {
    let announced = Announced::read(call.signed_body(), call.header(X_CONTENT_SHA256))?;
    let form = Form::open(call.header(CONTENT_TYPE.as_str()), announced, call.take_stream(), house.clock.clone())?;
    Ok(service::upload(&house, &call, form).await?.into())
}

async fn remove(house: House, call: Call) -> Result<Reply, Fault> {
    let name = path(&call)?;
    Ok(service::delete(&house, &call, name).await?.into())
}

async fn download(house: House, call: Call) -> Result<Reply, Fault> {
    let name = path(&call)?;
    let opened = service::download(&house, &call, &name).await?;
    let etag = download::etag(&opened.about.sha256);
    if download::is_known(call.header("if-none-match"), &etag) {
        return head(StatusCode::NOT_MODIFIED, Body::empty(), &[(ETAG, etag)]);
    }
    let size = u64::try_from(opened.about.size).map_err(fault::internal)?;
    match download::span(call.header("range"), call.header("if-range"), &etag, size) {
        Span::Whole => send(opened, StatusCode::OK, 0, size, &[(ETAG, etag)]),
        Span::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{size}");
            send(opened, StatusCode::PARTIAL_CONTENT, first, last + 1 - first, &[(ETAG, etag), (CONTENT_RANGE, range)])
        }
        Span::Outside => {
            let mut response =
                problem_response(faults::range_outside(opened.about.size), &call.request_id, call.operation);
            response.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes */{size}"))?);
            Ok(Reply::raw(response))
        }
    }
}

/// `length` bytes from `first` on, read while they are sent.
fn send(
    opened: Opened,
    status: StatusCode,
    first: u64,
    length: u64,
    more: &[(HeaderName, String)],
) -> Result<Reply, Fault> {
    let Opened { mut file, about } = opened;
    file.seek(std::io::SeekFrom::Start(first)).map_err(|error| fault::io("a file of the drive", &error))?;
    let bytes = tokio::fs::File::from_std(file).take(length);
    let body = Body::from_stream(ReaderStream::with_capacity(bytes, DOWNLOAD_PIECE_BYTES));
    let name = about.name.file_name();
    let mut headers = vec![
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_TYPE, download::content_type(name).to_owned()),
        (CONTENT_DISPOSITION, download::disposition(name)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    headers.extend_from_slice(more);
    head(status, body, &headers)
}

fn head(status: StatusCode, body: Body, headers: &[(HeaderName, String)]) -> Result<Reply, Fault> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(name, header(value)?);
    }
    Ok(Reply::raw(response))
}

fn header(value: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(value).map_err(fault::internal)
}
