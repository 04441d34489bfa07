//! `--check CHECK`: what a task is measured by, as it is typed.

use mi_core::checks::{Check, read as door, short};
use serde_json::Value;

use crate::fault::Fault;

/// The whole grammar; `docs/checks.md` says more.
pub const LONG_HELP: &str = "\
What the server checks when `done` is reported; may be repeated, up to 20 times.
All must hold before the task counts as done; one that doesn't sends it back with
its output. No agent's word replaces them.

  cmd: COMMAND                 a line of the shell, run in a clean sandbox whose working
                               folder is the drive, read-only; exit code 0 within 60 s
  cmd[exit=N,timeout=S]: ...   another exit code, another limit (at most 600 s)
  file: PATH [OPTION ...]      a file on the drive; options: words>=N words<=N
                               size>=N size<=N (bytes, or KiB, MiB) sha256=HEX
  json: PATH [SCHEMA]          a JSON file; SCHEMA is a JSON Schema in braces, or a path
                               on the drive
  http: [METHOD] URL [STATUS]  an address that answers so; GET and 200 unless said
                               otherwise, only where the office's egress allows
  http[timeout=S]: ...         another limit than 15 s

Examples:
  --check 'cmd: cargo test'
  --check 'cmd[exit=1,timeout=5]: grep -q TBD report.md'
  --check 'file: report.md words>=100'
  --check 'json: out.json {\"type\": \"object\", \"required\": [\"title\"]}'
  --check 'http: https://example.com/health 204'";

/// Read and judged here already, so that a slip is told before anything is sent.
pub fn read(text: &str) -> Result<Check, String> {
    let check = short::parse(text)?;
    door::checked(&check)?;
    Ok(check)
}

/// As the API takes them.
pub fn wishes(checks: &[Check]) -> Result<Vec<Value>, Fault> {
    let wishes = checks.iter().map(serde_json::to_value).collect::<Result<_, _>>();
    wishes.map_err(|error| Fault::usage(error.to_string(), "mi tasks create --help shows how checks are written"))
}
