//! Routes of identity and of the server itself.

use mi_core::wire::offices::WhoAmI;
use serde_json::json;

use super::service;
use crate::house::{House, operations as all_operations};
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, get, openapi};

pub fn operations() -> Vec<Operation> {
    vec![
        get("identity.whoami", "/api/v1/whoami", Access::Known, "Who the key belongs to")
            .gives::<WhoAmI>(200)
            .run(whoami),
        get("server.healthz", "/healthz", Access::Open, "The process is up; never touches the store").run(healthz),
        get("server.readyz", "/readyz", Access::Open, "Ready to serve, or which part is not").run(readyz),
        get("server.openapi", "/openapi.json", Access::Open, "This description").run(describe),
        get("server.docs", "/docs", Access::Open, "The description for people").run(docs),
    ]
}

async fn whoami(house: House, call: Call) -> Result<Reply, Fault> {
    let caller = call.caller.clone();
    let me = house.db.read(move |tx| service::whoami(tx, &caller)).await?;
    Ok(Answer::ok(&me)?.into())
}

async fn healthz(_house: House, _call: Call) -> Result<Reply, Fault> {
    Ok(Answer::ok(&json!({"ok": true, "version": env!("CARGO_PKG_VERSION")}))?.into())
}

async fn readyz(house: House, _call: Call) -> Result<Reply, Fault> {
    let report = service::readiness(&house).await;
    let mut answer = Answer::ok(&report)?;
    answer.status = if report.ready { 200 } else { 503 };
    Ok(answer.into())
}

async fn describe(_house: House, _call: Call) -> Result<Reply, Fault> {
    Ok(Answer::ok(&openapi::document(&all_operations()))?.into())
}

async fn docs(_house: House, _call: Call) -> Result<Reply, Fault> {
    Ok(Reply::text("text/html; charset=utf-8", super::docs_page::render(&all_operations())))
}
