//! Routes of chat.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use mi_core::problem::Code;
use mi_core::wire::chat::Conversation;
use serde::Deserialize;

use super::service::{self, Message, Outgoing};
use super::{conversations, stream};
use crate::house::{House, View};
use crate::infra::act::{Act, Answer};
use crate::infra::caller::{Access, Member};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, get, post};

const SENDING: &[Code] = &[Code::NoSuchAgent, Code::NoSuchGroup, Code::NotYou, Code::TooLong];

const STREAMING: &[Code] = &[Code::NoSuchAgent, Code::NotYou];
const STREAM: &[(&str, &str)] = &[
    ("agentId", "for operators: whose messages, by id or name; else the caller's own"),
    ("since", "from after this message, as `Last-Event-ID` does; else from now on"),
];
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NEVER_STORED: HeaderValue = HeaderValue::from_static("no-store");

pub fn operations() -> Vec<Operation> {
    let mut all = direct();
    all.extend(conversations_of_all());
    all.extend(super::groups::routes::operations());
    all
}

fn direct() -> Vec<Operation> {
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

fn conversations_of_all() -> Vec<Operation> {
    vec![
        get("chat.conversations", "…/xmtp/conversations", Access::Member, "Who talks with whom")
            .lists::<Conversation>()
            .run(list_conversations),
        get(
            "chat.conversation_messages",
            "…/xmtp/conversations/{conversation}/messages",
            Access::Member,
            "What was said in a conversation",
        )
        .query(&[("limit", "the newest so many, up to 500")])
        .lists::<Message>()
        .fails(&[Code::NoSuchGroup, Code::NotYou])
        .run(conversation_messages),
        post(
            "chat.send_in_conversation",
            "…/xmtp/conversations/{conversation}/messages",
            Access::Member,
            "Write in a conversation, as yourself",
        )
        .takes::<Outgoing>()
        .status(201)
        .fails(&[Code::NoSuchGroup, Code::NoSuchAgent, Code::NotYou, Code::TooLong])
        .run(send_in_conversation),
        get("chat.stream", "…/xmtp/stream", Access::Member, "Messages as they come, as server-sent events")
            .query(STREAM)
            .fails(STREAMING)
            .unlimited()
            .run(follow),
        get("chat.messages.stream", "…/messages/stream", Access::Member, "The same as xmtp/stream")
            .query(STREAM)
            .fails(STREAMING)
            .unlimited()
            .run(follow),
    ]
}

async fn list_conversations(house: House, call: Call) -> Result<Reply, Fault> {
    let found = house.look(&call, conversations::list).await?;
    Ok(Answer::list(&found, i64::try_from(found.len()).unwrap_or(i64::MAX))?.into())
}

async fn conversation_messages(house: House, call: Call) -> Result<Reply, Fault> {
    let (limit, id) = (call.page()?.limit, call.param("conversation")?.to_owned());
    let found = house.look(&call, move |view, member| conversations::messages(view, member, &id, limit)).await?;
    Ok(Answer::list(&found.messages, found.total)?.into())
}

async fn send_in_conversation(house: House, call: Call) -> Result<Reply, Fault> {
    let (outgoing, id) = (call.body::<Outgoing>()?, call.param("conversation")?.to_owned());
    Ok(house.act(&call, move |act, member| conversations::send(act, member, &id, &outgoing)).await?.into())
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamQuery {
    agent_id: Option<String>,
    since: Option<String>,
}

async fn follow(house: House, call: Call) -> Result<Reply, Fault> {
    let query: StreamQuery = call.query()?;
    let sent = call.header("last-event-id").map(str::to_owned).filter(|text| !text.is_empty());
    let after = number(sent.or(query.since).as_deref())?;
    let pieces = stream::open(house, call, query.agent_id, after).await?;
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().insert(CACHE_CONTROL, NEVER_STORED);
    Ok(Reply::raw(response))
}

fn number(text: Option<&str>) -> Result<Option<i64>, Fault> {
    let parse = |text: &str| text.trim().parse::<i64>().ok().filter(|number| *number >= 0);
    text.map(|text| parse(text).ok_or_else(|| fault::bad_request("a message's number is a whole number"))).transpose()
}
