//! The description for people: one plain page, no scripts.

use crate::infra::http::Operation;
use crate::infra::http::openapi::codes;

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mitosis API</title><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c22}\
code{font-family:ui-monospace,monospace;background:#f2f2f5;padding:.1em .3em;border-radius:4px}\
article{border-top:1px solid #e3e3e8;padding:.7rem 0}small{color:#66667a}h1{font-weight:600}</style>\
<h1>Mitosis API</h1><p>Machine-readable: <a href=\"/openapi.json\">/openapi.json</a>. \
Send your key as <code>Authorization: Bearer mi_…</code>.</p>";

pub fn render(operations: &[Operation]) -> String {
    let mut page = HEAD.to_owned();
    for operation in operations {
        let path = operation.paths().into_iter().next().unwrap_or_default();
        let codes: Vec<String> = codes(operation).iter().map(|code| code.as_str().to_owned()).collect();
        page += &format!(
            "<article id=\"{id}\"><code>{method} {path}</code> {summary}<br><small>{id} · for {access} · {codes}</small></article>",
            id = operation.id,
            method = operation.method,
            summary = operation.summary,
            access = operation.access.as_str(),
            codes = codes.join(", "),
        );
    }
    page
}
