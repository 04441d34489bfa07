//! Routes of groups.

use mi_core::problem::Code;
use mi_core::wire::chat::{AddMember, CreateGroup, Group, GroupSent, RenameGroup};

use super::service;
use crate::chat::service::{Message, Outgoing};
use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, delete, get, patch, post};

const CHANGING: &[Code] = &[Code::NoSuchGroup, Code::NoSuchAgent, Code::NotYours, Code::BadName];
const LIMIT: &[(&str, &str)] = &[("limit", "the newest so many, up to 500")];

pub fn operations() -> Vec<Operation> {
    vec![
        get("chat.groups", "…/xmtp/groups", Access::Member, "The groups in which the caller is")
            .lists::<Group>()
            .run(groups),
        post("chat.create_group", "…/xmtp/groups", Access::Member, "Open another group")
            .takes::<CreateGroup>()
            .gives::<Group>(201)
            .fails(&[Code::NoSuchAgent, Code::BadName, Code::Busy])
            .run(create),
        patch("chat.rename_group", "…/xmtp/groups/{gid}", Access::Member, "Call a group otherwise")
            .takes::<RenameGroup>()
            .gives::<Group>(200)
            .fails(CHANGING)
            .run(rename),
        post("chat.add_member", "…/xmtp/groups/{gid}/members", Access::Member, "Bring an agent into a group")
            .takes::<AddMember>()
            .gives::<Group>(200)
            .fails(CHANGING)
            .run(add_member),
        delete("chat.remove_member", "…/xmtp/groups/{gid}/members/{agent}", Access::Member, "Leave, or make leave")
            .gives::<Group>(200)
            .fails(CHANGING)
            .run(remove_member),
        post(
            "chat.send_group",
            "…/xmtp/groups/{gid}/send",
            Access::Member,
            "Write to a group; `office` is everybody's",
        )
        .takes::<Outgoing>()
        .gives::<GroupSent>(201)
        .fails(&[Code::NoSuchGroup, Code::NotYou, Code::TooLong])
        .run(send),
        get("chat.group_messages", "…/xmtp/groups/{gid}/messages", Access::Member, "What was written in a group")
            .query(LIMIT)
            .lists::<Message>()
            .fails(&[Code::NoSuchGroup])
            .run(messages),
    ]
}

async fn groups(house: House, call: Call) -> Result<Reply, Fault> {
    let found = house.look(&call, service::list).await?;
    Ok(Answer::list(&found, i64::try_from(found.len()).unwrap_or(i64::MAX))?.into())
}

async fn create(house: House, call: Call) -> Result<Reply, Fault> {
    let wish: CreateGroup = call.body()?;
    Ok(house.act(&call, move |act, member| service::create(act, member, &wish)).await?.into())
}

async fn rename(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, group) = (call.body::<RenameGroup>()?, call.param("gid")?.to_owned());
    Ok(house.act(&call, move |act, member| service::rename(act, member, &group, &wish)).await?.into())
}

async fn add_member(house: House, call: Call) -> Result<Reply, Fault> {
    let (wish, group) = (call.body::<AddMember>()?, call.param("gid")?.to_owned());
    Ok(house.act(&call, move |act, member| service::add_member(act, member, &group, &wish)).await?.into())
}

async fn remove_member(house: House, call: Call) -> Result<Reply, Fault> {
    let (group, agent) = (call.param("gid")?.to_owned(), call.param("agent")?.to_owned());
    Ok(house.act(&call, move |act, member| service::remove_member(act, member, &group, &agent)).await?.into())
}

async fn send(house: House, call: Call) -> Result<Reply, Fault> {
    let (outgoing, group) = (call.body::<Outgoing>()?, call.param("gid")?.to_owned());
    Ok(house.act(&call, move |act, member| service::send(act, member, &group, &outgoing)).await?.into())
}

async fn messages(house: House, call: Call) -> Result<Reply, Fault> {
    let (limit, group) = (call.page()?.limit, call.param("gid")?.to_owned());
    let found = house.look(&call, move |view, member| service::messages(view, member, &group, limit)).await?;
    Ok(Answer::list(&found.messages, found.total)?.into())
}
