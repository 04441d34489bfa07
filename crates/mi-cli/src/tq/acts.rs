//! What each word of `tq` does: the same calls as `mi`, for the agent itself.

use mi_client::Paging;
use mi_core::wire::agents::AgentReport;
use mi_core::wire::tasks::{AddComment, AddLog};

use super::here::{Here, agent, named_agent, task};
use super::{Act, Words, integrations};
use crate::commands::tasks::update::Changes;
use crate::commands::tasks::{artifact, claim, create, list, retry, update, verify};
use crate::commands::{chat, files, hire};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::{agents, messages, tasks};

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    let Here { client, office } = Here::find(desk).await?;
    match act {
        Act::List(filter) => list::list(desk, &client, office, filter, None).await,
        Act::Mine(filter) => {
            let me = agent(desk)?;
            list::list(desk, &client, office, filter, Some(me)).await
        }
        Act::Show { id } => {
            let id = task(desk, id)?;
            desk.show(client.tasks(office).get(id), tasks::detail).await
        }
        Act::Add { title, details, once } => create::create(desk, &client, office, title, details, once, None).await,
        Act::Claim(wish) => {
            let me = desk.agent().map(str::to_owned);
            claim::claim(desk, &client, office, wish, me).await
        }
        Act::Update { id, changes } => {
            let id = task(desk, id)?;
            update::update(desk, &client, office, id, changes).await
        }
        Act::Release { id, reason } => {
            let id = task(desk, id)?;
            update::update(desk, &client, office, id, Changes::release(reason)).await
        }
        Act::Artifact { words, about } => {
            let (id, path) = words.read()?;
            let id = task(desk, id)?;
            artifact::link(desk, &client, office, id, &path, about).await
        }
        Act::Subtask { words, details, once } => {
            let (id, title) = words.read()?;
            let id = task(desk, id)?;
            create::create(desk, &client, office, title, details, once, Some(id)).await
        }
        Act::Hire { name, profile } => hire::hire(desk, &client, office, name, profile).await,
        Act::Agents => {
            let call = client.agents(office).list(Paging::default());
            desk.show(call, |(list, _), screen| agents::list(list, screen)).await
        }
        Act::Done { words } => done(desk, &Here { client, office }, words).await,
        Act::Log { words } => log(desk, &Here { client, office }, words).await,
        Act::Comment { words } => comment(desk, &Here { client, office }, words).await,
        Act::Send { name, message } => send(desk, &Here { client, office }, &name, &message).await,
        Act::Retry { id, again } => retry::retry(desk, &client, office, id, again).await,
        Act::Verify { id, judgement } => verify::verify(desk, &client, office, id, judgement).await,
        Act::Why { id } => {
            let id = task(desk, id)?;
            desk.show(client.tasks(office).get(id), |detail, _| tasks::why(&detail.task)).await
        }
        Act::Files { prefix } => files::list::list(desk, &client, office, prefix.as_deref(), Paging::default()).await,
        Act::Group { message } => chat::to_group(desk, &client, office, &message).await,
        Act::Inbox { peer } => inbox(desk, &Here { client, office }, peer.as_deref()).await,
        Act::Integrations => integrations::mine(desk, &Here { client, office }).await,
        Act::Request { id, reason } => integrations::request(desk, &Here { client, office }, id, reason).await,
        Act::Standup { message } => standup(desk, &Here { client, office }, message).await,
    }
}

async fn done(desk: &mut Desk, here: &Here, words: Words) -> Result<(), Fault> {
    let (id, text) = words.read()?;
    let id = task(desk, id)?;
    let result = if text == "-" { desk.file_text(&text)? } else { text };
    update::update(desk, &here.client, here.office, id, Changes::done(result)).await
}

async fn log(desk: &mut Desk, here: &Here, words: Words) -> Result<(), Fault> {
    let (id, message) = words.read()?;
    let id = task(desk, id)?;
    let line = AddLog { message, event: None };
    desk.show(here.client.tasks(here.office).log(id, &line), |_, _| String::new()).await
}

async fn comment(desk: &mut Desk, here: &Here, words: Words) -> Result<(), Fault> {
    let (id, message) = words.read()?;
    let id = task(desk, id)?;
    let comment = AddComment { agent: desk.agent().map(str::to_owned), message };
    desk.show(here.client.tasks(here.office).comment(id, &comment), |_, _| String::new()).await
}

async fn send(desk: &mut Desk, here: &Here, name: &str, message: &str) -> Result<(), Fault> {
    let answer = here.client.messages(here.office).send(name, message).await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body),
        Format::People => desk.out.note(&format!("sent to {name}")),
    }
}

/// Unread ones of everybody, or a whole conversation.
async fn inbox(desk: &mut Desk, here: &Here, peer: Option<&str>) -> Result<(), Fault> {
    let all = here.client.messages(here.office);
    let call = match peer {
        None => all.inbox(),
        Some(peer) => all.between(&agent(desk)?, peer, None),
    };
    desk.show(call, |(list, _), screen| messages::list(list, screen)).await
}

async fn standup(desk: &mut Desk, here: &Here, message: String) -> Result<(), Fault> {
    let me = named_agent(desk)?;
    let report = AgentReport { kind: "standup".to_owned(), message: Some(message) };
    desk.show(here.client.agents(here.office).report(&me, &report), |_, _| String::new()).await
}
