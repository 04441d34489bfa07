//! Routes of identity and of the server itself.

use mi_core::problem::Code;
use mi_core::wire::identity::{AddMember, ApiKey, CreateKey, OfficeMember, SetRole};
use mi_core::wire::offices::WhoAmI;
use serde_json::json;

use super::{keys, members, service};
use crate::house::{House, operations as all_operations};
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, delete, get, openapi, patch, post};

/// After how long it is worth asking again whether the server is ready.
const READY_SECONDS: i64 = 5;
const PAGE: &[(&str, &str)] = &[("limit", "at most so many, up to 500"), ("offset", "skip so many")];

pub fn operations() -> Vec<Operation> {
    vec![
        get("identity.whoami", "/api/v1/whoami", Access::Known, "Who the key belongs to")
            .gives::<WhoAmI>(200)
            .run(whoami),
        post("identity.create_key", "/api/v1/keys", Access::User, "Make a key; it is shown this once")
            .takes::<CreateKey>()
            .gives::<ApiKey>(201)
            .fails(&[Code::BadName, Code::ScopedKey, Code::NoSuchOffice, Code::TooLong, Code::TooManyApiKeys])
            .run(create_key),
        get("identity.list_keys", "/api/v1/keys", Access::User, "The caller's keys")
            .query(PAGE)
            .lists::<ApiKey>()
            .run(list_keys),
        delete("identity.revoke_key", "/api/v1/keys/{key_id}", Access::User, "End a key, and all that is open with it")
            .gives::<ApiKey>(200)
            .fails(&[Code::NoSuchApiKey, Code::ScopedKey])
            .run(revoke_key),
        get("members.list", "…/members", Access::Viewer, "The owner and the colleagues")
            .query(PAGE)
            .lists::<OfficeMember>()
            .run(members_list),
        post("members.add", "…/members", Access::Owner, "Give somebody who is known on this server a role here")
            .takes::<AddMember>()
            .gives::<OfficeMember>(201)
            .fails(&[Code::NoSuchMember, Code::MemberExists, Code::TooManyMembers])
            .run(add_member),
        patch("members.set_role", "…/members/{user}", Access::Owner, "Give a colleague another role")
            .takes::<SetRole>()
            .gives::<OfficeMember>(200)
            .fails(&[Code::NoSuchMember, Code::LastOwner])
            .run(set_role),
        delete("members.remove", "…/members/{user}", Access::Owner, "Let a colleague go")
            .fails(&[Code::NoSuchMember, Code::LastOwner])
            .run(remove_member),
        get("server.healthz", "/healthz", Access::Open, "The process is up; never touches the store").run(healthz),
        get("server.readyz", "/readyz", Access::Open, "Ready to serve, or which part is not")
            .fails(&[Code::NotReady])
            .run(readyz),
        get("server.openapi", "/openapi.json", Access::Open, "This description").run(describe),
        get("server.docs", "/docs", Access::Open, "The description for people").run(docs),
    ]
}

async fn whoami(house: House, call: Call) -> Result<Reply, Fault> {
    let caller = call.caller.clone();
    let me = house.db.read(move |tx| service::whoami(tx, &caller)).await?;
    Ok(Answer::ok(&me)?.into())
}

async fn create_key(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: CreateKey = call.body()?;
    let (keys, caller) = (house.keys.clone(), call.caller.clone());
    Ok(house.act_outside(&call, move |outside| keys::create(outside, &keys, &caller, &wish)).await?.into())
}

async fn list_keys(house: House, call: Call) -> Result<Reply, Fault> {
    let (caller, page) = (call.caller.clone(), call.page()?);
    let (found, total) = house.db.read(move |tx| keys::list(tx, &caller, page)).await?;
    Ok(Answer::list(&found, total)?.into())
}

async fn revoke_key(house: House, call: Call) -> Result<Reply, Fault> {
    let (id, caller) = (call.param("key_id")?.to_owned(), call.caller.clone());
    Ok(house.act_outside(&call, move |outside| keys::revoke(outside, &caller, &id)).await?.into())
}

async fn members_list(house: House, call: Call) -> Result<Reply, Fault> {
    let page = call.page()?;
    Ok(house.look(&call, move |view, _| members::list(view, page)).await?.into())
}

async fn add_member(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: AddMember = call.body()?;
    Ok(house.act(&call, move |act, by| members::add(act, by, &wish.user, wish.role)).await?.into())
}

async fn set_role(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: SetRole = call.body()?;
    let named = call.param("user")?.to_owned();
    Ok(house.act(&call, move |act, by| members::set_role(act, by, &named, wish.role)).await?.into())
}

async fn remove_member(house: House, call: Call) -> Result<Reply, Fault> {
    let named = call.param("user")?.to_owned();
    Ok(house.act(&call, move |act, by| members::remove(act, by, &named)).await?.into())
}

async fn healthz(house: House, _call: Call) -> Result<Reply, Fault> {
    let server_time = house.clock.now();
    Ok(Answer::ok(&json!({"ok": true, "version": env!("CARGO_PKG_VERSION"), "server_time": server_time}))?.into())
}

async fn readyz(house: House, call: Call) -> Result<Reply, Fault> {
    let report = service::readiness(&house, &call.request_id).await;
    let answer = Answer::ok(&report)?;
    Ok(if report.ready { answer.into() } else { Reply::later(Answer { status: 503, ..answer }, READY_SECONDS) })
}

async fn describe(_house: House, _call: Call) -> Result<Reply, Fault> {
    Ok(Answer::ok(&openapi::document(&all_operations()))?.into())
}

async fn docs(_house: House, _call: Call) -> Result<Reply, Fault> {
    Ok(Reply::text("text/html; charset=utf-8", super::docs_page::render(&all_operations())))
}
