//! Routes of backups, and of the look into a workspace.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, Response};
use mi_core::problem::Code;
use mi_core::wire::backups::{Backup, RestoreBackup, WorkspaceEntry};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::{look, service};
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, delete, get, post};

const PIECE_BYTES: usize = 256 * 1024;
const FILTER: &[(&str, &str)] = &[
    ("agent", "only of everybody who had this name"),
    ("limit", "at most so many, up to 500"),
    ("offset", "skip so many"),
];
const MAKING: &[Code] =
    &[Code::NoSuchAgent, Code::WrongAgentKind, Code::BackupFailed, Code::BackupTooLarge, Code::NoSuchFile, Code::Busy];
const RESTORING: &[Code] = &[
    Code::NoSuchBackup,
    Code::NoSuchAgent,
    Code::WrongAgentKind,
    Code::AgentNotStopped,
    Code::BackupDamaged,
    Code::Busy,
];

pub fn operations() -> Vec<Operation> {
    vec![
        get("backups.list", "…/backups", Access::Operator, "Backups of workspaces, the newest first")
            .query(FILTER)
            .lists::<Backup>()
            .run(list),
        post("backups.create", "…/employees/{name}/backups", Access::Operator, "Back an agent's workspace up")
            .unlimited()
            .gives::<Backup>(201)
            .fails(MAKING)
            .run(create),
        post(
            "backups.restore",
            "…/backups/{backup}/restore",
            Access::Operator,
            "Put a backup into a stopped agent's workspace",
        )
        .unlimited()
        .takes::<RestoreBackup>()
        .gives::<Backup>(200)
        .fails(RESTORING)
        .run(restore),
        delete("backups.delete", "…/backups/{backup}", Access::Operator, "Delete a backup")
            .fails(&[Code::NoSuchBackup])
            .run(remove),
        get(
            "agents.files",
            "…/employees/{name}/files",
            Access::Operator,
            "What is in a folder of an agent's workspace",
        )
        .query(&[("path", "the folder; left out: the workspace itself")])
        .lists::<WorkspaceEntry>()
        .fails(&[Code::NoSuchAgent, Code::NoSuchFile, Code::NotAFile, Code::BadPath])
        .run(files),
        get(
            "agents.read_file",
            "…/employees/{name}/files/{*path}",
            Access::Operator,
            "The bytes of a file of a workspace",
        )
        .unlimited()
        .fails(&[Code::NoSuchAgent, Code::NoSuchFile, Code::NotAFile, Code::BadPath])
        .run(read_file),
    ]
}

#[derive(Deserialize)]
struct ListQuery {
    agent: Option<String>,
}

async fn list(house: House, call: Call) -> Result<Reply, Fault> {
    let (query, page): (ListQuery, _) = (call.query()?, call.page()?);
    Ok(house.look(&call, move |view, _| service::list(view, query.agent.as_deref(), page)).await?.into())
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    let name = call.param("name")?.to_owned();
    Ok(service::to_its_end(async move { service::create(&house, &call, name).await }).await?.into())
}

async fn restore(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, wish) = (call.param("backup")?.to_owned(), call.body::<RestoreBackup>()?);
    Ok(service::to_its_end(async move { service::restore(&house, &call, id, wish).await }).await?.into())
}

async fn remove(house: House, call: Call) -> Result<Reply, Fault> {
    let id = call.param("backup")?.to_owned();
    Ok(service::delete(&house, &call, id).await?.into())
}

#[derive(Deserialize)]
struct FilesQuery {
    path: Option<String>,
}

async fn files(house: House, call: Call) -> Result<Reply, Fault> {
    let query: FilesQuery = call.query()?;
    let path = look::checked(query.path.as_deref().unwrap_or_default())?;
    Ok(look::list(&house, &call, path).await?.into())
}

async fn read_file(house: House, call: Call) -> Result<Reply, Fault> {
    let path = look::checked(call.param("path")?)?;
    let look::Opened { file, seen, name } = look::open(&house, &call, path).await?;
    let length = u64::try_from(seen.size).map_err(fault::internal)?;
    let bytes = tokio::fs::File::from_std(file).take(length);
    let mut response = Response::new(Body::from_stream(ReaderStream::with_capacity(bytes, PIECE_BYTES)));
    // Never shown as a page: an agent wrote it.
    let headers: [(HeaderName, String); 5] = [
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (axum::http::header::CONTENT_DISPOSITION, crate::files::download::disposition(&name)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(fault::internal)?);
    }
    Ok(Reply::raw(response))
}
