//! The server of the protocol: lists the tools and carries out calls.

use mi_client::{Client, ClientError, Method};
use mi_core::hands::{self, Here, Outcome, Refusal, Scope, TOOLS, Verb, schema};
use mi_core::ids::{OfficeId, excerpt};
use mi_core::limits::CLAIM_WAIT_SECONDS_MAX;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Map, Value};

use crate::desk;
use crate::fault::Fault;

pub struct Hands {
    pub client: Client,
    pub here: Here,
    pub scope: Scope,
    /// Of calls that name none.
    pub colony: Option<String>,
}

impl ServerHandler for Hands {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("mitosis", env!("CARGO_PKG_VERSION")))
            .with_instructions(hands::instructions(self.scope))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.iter().map(|tool| card(tool, self.scope)).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let outcome = match self.carry_out(&call.name, call.arguments.unwrap_or_default()).await {
            Ok(outcome) => outcome,
            Err(fault) => failure(&fault),
        };
        let content = vec![ContentBlock::text(outcome.text)];
        let result = if outcome.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
        Ok(result.into())
    }
}

fn card(tool: &hands::Tool, scope: Scope) -> Tool {
    let annotations = ToolAnnotations::new()
        .read_only(tool.effect == hands::Effect::Looks)
        .destructive(tool.effect == hands::Effect::Decides)
        .open_world(false);
    Tool::new(tool.name, tool.about, schema::inputs(tool, scope)).with_annotations(annotations)
}

impl Hands {
    async fn carry_out(&self, name: &str, mut inputs: Map<String, Value>) -> Result<Outcome, Fault> {
        let Some(tool) = hands::find(name) else {
            return Ok(Outcome::refused(&Refusal::UnknownTool { name: excerpt(name) }));
        };
        let named = match self.scope {
            Scope::AnyOffice => hands::take_colony(&mut inputs),
            Scope::OwnOffice => Ok(None),
        };
        let named = match named {
            Ok(named) => named,
            Err(refusal) => return Ok(Outcome::refused(&refusal)),
        };
        let request = match hands::request(tool, &inputs, &self.here) {
            Ok(request) => request,
            Err(refusal) => return Ok(Outcome::refused(&refusal)),
        };
        let office = self.office(named.as_deref()).await?;
        let path = format!("/api/v1/offices/{office}{}", request.target);
        let (verb, body) = (method(request.verb), request.body.as_ref());
        // A claim begins an attempt; it is not part of the one before, and it may be parked.
        let call = if tool.begins_an_attempt() {
            let nobodys = self.client.clone().with_claim(None);
            nobodys.server().raw_parked(verb, &path, body, CLAIM_WAIT_SECONDS_MAX)
        } else {
            self.client.server().raw(verb, &path, body)
        };
        match call.await {
            Ok(answer) => Ok(Outcome::success(tool, &answer.text())),
            Err(ClientError::Problem { problem, .. }) => Ok(Outcome::problem(&problem)),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn office(&self, named: Option<&str>) -> Result<OfficeId, Fault> {
        match named.or(self.colony.as_deref()) {
            Some(named) => desk::office_named(&self.client, named).await,
            None => desk::only_office(&self.client).await,
        }
    }
}

/// What went wrong on this side of the server is an answer, too: the model may try again or tell.
fn failure(fault: &Fault) -> Outcome {
    let hint = fault.hint().unwrap_or_else(|| "try again in a moment".to_owned());
    let code = match fault {
        Fault::Client(fault) => fault.code().unwrap_or("unreachable"),
        Fault::Config(_) | Fault::Said { .. } | Fault::Io { .. } | Fault::Passed(_) | Fault::HungUp => "bad_request",
    };
    Outcome::failure(&fault.to_string(), &hint, code)
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Patch => Method::PATCH,
    }
}
