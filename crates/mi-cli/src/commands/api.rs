//! `mi api METHOD PATH [-d JSON]`: any call of the API.

use clap::Args;
use mi_client::Method;
use serde_json::Value;

use crate::desk::Desk;
use crate::fault::Fault;

#[derive(Args)]
pub struct ApiArgs {
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(value_parser = method)]
    method: Method,
    /// From the first slash on, such as /api/v1/offices
    path: String,
    /// A body of JSON; `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(short, long, value_name = "JSON")]
    data: Option<String>,
}

fn method(text: &str) -> Result<Method, String> {
    text.to_uppercase().parse().map_err(|_| "it is no HTTP method".to_owned())
}

pub async fn run(desk: &mut Desk, args: ApiArgs) -> Result<(), Fault> {
    let body = match args.data {
        None => None,
        Some(given) => Some(read_json(&desk.text_or_file(&given)?)?),
    };
    let client = desk.any_client()?;
    let answer = client.server().raw(args.method, &args.path, body.as_ref()).await?;
    desk.out.json(&answer.body)
}

fn read_json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text)
        .map_err(|fault| Fault::usage(format!("the body is no JSON: {fault}"), "quote it: -d '{\"key\": \"value\"}'"))
}
