//! `mi mcp`: the acts of an office as tools for a model, over stdin and stdout.
//!
//! In a pod it speaks as the session, about the session's task, under its claim; elsewhere
//! with the person's key. A tool call is a call of the public API and nothing else. Only
//! messages of the protocol go to stdout.
//!
//! Elsewhere: the tools are in `mi_core::hands`; the same over HTTP is `/mcp` of the server.

mod hands;
mod streams;

use mi_core::hands::{Here, Scope};
use rmcp::ServiceExt;

use crate::desk::Desk;
use crate::fault::Fault;
use hands::Hands;

pub async fn run(desk: &mut Desk, colony: Option<String>) -> Result<(), Fault> {
    let client = desk.client()?;
    let here = here(desk)?;
    let scope = if here.agent.is_some() { Scope::OwnOffice } else { Scope::AnyOffice };
    let colony = colony.or_else(|| desk.settings.colony.clone());
    let hands = Hands { client, here, scope, colony };
    let (input, output) = streams::of(desk);
    let serving = match hands.serve((input, output)).await {
        Ok(serving) => serving,
        // Nobody asked anything before the input ended.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(fault) => {
            return Err(Fault::failed(fault.to_string(), "an MCP client starts this program and talks to it"));
        }
    };
    match serving.waiting().await {
        Ok(_) => Ok(()),
        Err(fault) => Err(Fault::failed(format!("the conversation broke off: {fault}"), "start it again")),
    }
}

/// What the environment of a session says about its agent and its task.
fn here(desk: &Desk) -> Result<Here, Fault> {
    let wrong = |what: &str| {
        let what = what.to_owned();
        move |fault: mi_core::ids::BadId| Fault::usage(format!("{what}: {fault}"), format!("unset {what}"))
    };
    let agent = desk.agent().map(str::parse).transpose().map_err(wrong("MI_AGENT"))?;
    let task = desk.task().map(str::parse).transpose().map_err(wrong("MI_TASK"))?;
    Ok(Here { agent, task })
}
