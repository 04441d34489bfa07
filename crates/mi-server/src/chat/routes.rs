//! Routes of chat.

use mi_core::problem::Code;

use super::service::{self, Message, Outgoing};
use crate::house::{House, View};
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{Access, Member};
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, get, post};

const SENDING: &[Code] = &[Code::NoSuchAgent, Code::NotYou, Code::TooLong];

pub fn operations() -> Vec<Operation> {
    vec![
        post("chat.send", "…/messages/send", Access::Member, "Write to an agent or to the owner, as yourself")
            .takes::<Outgoing>()
            .gives::<Message>(201)
            .fails(SENDING)
            .run(send),
        post("chat.send_xmtp", "…/xmtp/send", Access::Member, "The same as messages/send")
            .takes::<Outgoing>()
            .gives::<Message>(201)
            .fails(SENDING)
            .run(send),
        get("chat.messages", "…/xmtp/messages/{agent}/{peer}", Access::Member, "What two wrote to each other")
            .query(&[("limit", "the newest so many, up to 500")])
            .lists::<Message>()
            .fails(&[Code::NotYou])
            .run(messages),
        get("chat.read_inbox", "…/inbox", Access::Member, "The caller's unread messages, which are then read")
            .lists::<Message>()
            .run(inbox),
    ]
}

async fn send(house: House, call: Call) -> Result<Reply, Fault> {
    let outgoing: Outgoing = call.body()?;
    let act = move |act: &mut Act<'_>, member: &Member| service::send(act, member, &outgoing);
    Ok(house.act(&call, act).await?.into())
}

async fn messages(house: House, call: Call) -> Result<Reply, Fault> {
    let limit = call.page()?.limit;
    let (agent, peer) = (call.param("agent")?.to_owned(), call.param("peer")?.to_owned());
    let look = move |view: &mut View<'_>, member: &Member| service::between(view, member, (&agent, &peer), limit);
    let found = house.look(&call, look).await?;
    Ok(Answer::list(&found.messages, found.total)?.into())
}

async fn inbox(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(house.act(&call, service::read_inbox).await?.into())
}
