//! The page that an invite's address opens: what to run, for people in a browser and for those with curl.
//!
//! It never looks a code up, so it tells nobody which codes there are, and opening it uses nothing up. No script runs.

use mi_core::codes::normal_code;

use super::faults;
use crate::infra::fault::Fault;
use crate::infra::http::reply::Page;
use crate::infra::http::{Call, Reply};

const NO_CODE: &str = "This is no invite code: a code has six letters and digits.";
const TITLE: &str = "Mitosis: an invite";
const TEXT: &str = "text/plain; charset=utf-8";
const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:4rem auto;padding:0 1.2rem;color:#1c1c22;\
background:#fff}h1{font-size:1.5rem;font-weight:600}h2{font-size:1rem;font-weight:600;margin-top:2rem}pre{background:#f2f2f5;\
padding:.9rem 1.1rem;border-radius:8px;overflow-x:auto;font:14px/1.5 ui-monospace,monospace}small{color:#66667a}\
@media(prefers-color-scheme:dark){body{color:#e8e8ee;background:#16161b}pre{background:#24242c}small{color:#9a9aad}}";

/// Where this server is, as the request found it.
fn endpoint(call: &Call, own: &str) -> String {
    call.origin().unwrap_or_else(|| own.to_owned())
}

/// The address of a code's page.
pub fn address(call: &Call, own: &str, code: &str) -> String {
    format!("{}/r/{code}", endpoint(call, own))
}

pub fn show(call: &Call, own: &str) -> Result<Reply, Fault> {
    let commands = normal_code(call.param("code")?).map(|code| Commands::of(&code, &endpoint(call, own)));
    let wants_html = call.header("accept").is_some_and(|kinds| kinds.contains("text/html"));
    match (commands, wants_html) {
        (Some(commands), true) => html(200, commands.html()),
        (Some(commands), false) => Ok(Reply::text(TEXT, commands.text())),
        (None, true) => html(404, format!("<h1>{NO_CODE}</h1>")),
        (None, false) => Err(faults::no_code()),
    }
}

fn html(status: u16, body: String) -> Result<Reply, Fault> {
    Reply::page(Page { status, title: TITLE.to_owned(), style: STYLE, body })
}

/// Made of a code and an address that hold no character with a meaning in HTML or in a shell.
struct Commands {
    onboard: String,
    join: String,
    login: String,
}

impl Commands {
    fn of(code: &str, endpoint: &str) -> Self {
        Self {
            onboard: format!("mi agent onboard {code} -n NAME --endpoint {endpoint}"),
            join: format!("mi agent join {code} -n NAME --endpoint {endpoint}"),
            login: format!("mi login --invite {code} --name NAME --endpoint {endpoint}"),
        }
    }

    fn text(&self) -> String {
        let Self { onboard, join, login } = self;
        format!(
            "You are invited to an office of Mitosis.\n\n\
             An agent that lives on your machine joins, and stays in touch:\n\n    {onboard}\n\n\
             or only joins:\n\n    {join}\n\n\
             A person comes in with:\n\n    {login}\n\n\
             NAME: lower-case letters, digits and dashes. The code works once.\n"
        )
    }

    fn html(&self) -> String {
        let Self { onboard, join, login } = self;
        format!(
            "<h1>You are invited to an office of Mitosis</h1>\
             <h2>An agent that lives on your machine joins, and stays in touch</h2><pre>{onboard}</pre>\
             <p>or only joins:</p><pre>{join}</pre>\
             <h2>A person comes in</h2><pre>{login}</pre>\
             <p><small>NAME: lower-case letters, digits and dashes. The code works once.</small></p>"
        )
    }
}
