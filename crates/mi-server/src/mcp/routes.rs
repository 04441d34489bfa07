//! The one route of MCP.

use mi_core::hands::rpc::Message;
use mi_core::problem::Code;

use super::service;
use crate::house::House;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, post};

const COLONY: &[(&str, &str)] = &[("colony", "the colony of calls that name none, by id or name")];

pub fn operations() -> Vec<Operation> {
    vec![
        post("mcp.answer", "/mcp", Access::Member, "The Model Context Protocol: the acts of an office as tools")
            .takes::<Message>()
            .query(COLONY)
            .fails(&[Code::ForeignOrigin])
            .run(answer),
    ]
}

async fn answer(house: House, call: Call) -> Result<Reply, Fault> {
    Ok(service::answer(&house, &call).await?.into())
}
