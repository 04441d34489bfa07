//! The caller's own tools: a scenario names the native harness's, and who has others is driven by those.
//!
//! Which program asks is read from the tools that its request offers, so that one scenario plays for every harness. Acts
//! of the queue go through our MCP server where the program offers its tools, else through `tq` in a shell.

use super::conversation::PastCall;
use anyhow::Context;
use serde_json::{Value, json};

/// What a tool wants to be called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// A JSON object.
    Arguments,
    /// A text of its own grammar; only the Responses wire has such tools.
    Text,
}

/// A tool that a request offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offered {
    pub name: String,
    pub takes: Takes,
    /// The group that it is called in; only the Responses wire has such.
    pub namespace: Option<String>,
}

impl Offered {
    pub fn function(name: &str) -> Self {
        Self { name: name.to_owned(), takes: Takes::Arguments, namespace: None }
    }
}

/// A call as its program wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub tool: Offered,
    /// A string for a tool that takes a text.
    pub arguments: Value,
}

/// Whose tools they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    /// The native harness, or a test without tools: calls go out as they are written.
    Ours,
    ClaudeCode,
    Codex,
    GeminiCli,
}

impl Program {
    fn of(offered: &[Offered]) -> Self {
        let has = |name: &str| offered.iter().any(|tool| tool.name == name);
        match () {
            () if has("Bash") => Self::ClaudeCode,
            () if has("exec_command") => Self::Codex,
            () if has("run_shell_command") => Self::GeminiCli,
            () => Self::Ours,
        }
    }

    /// Its shell, and the argument that is the command line.
    fn shell(self) -> (&'static str, &'static str) {
        match self {
            Self::Ours => ("shell", "command"),
            Self::ClaudeCode => ("Bash", "command"),
            Self::Codex => ("exec_command", "cmd"),
            Self::GeminiCli => ("run_shell_command", "command"),
        }
    }
}

/// Acts of the queue: the native tool, the tool of our MCP server, the words of `tq`.
const ACTS: [(&str, &str, &str); 3] = [
    ("artifact", "task_artifact", "tq artifact"),
    ("finish", "task_done", "tq done"),
    ("block", "task_block", "tq update --status blocked"),
];
const LISTING: &str = "ls -1p";
const READING: &str = "cat";
const WRITING: &str = "printf %s";
const PATCHING: &str = "apply_patch";

/// What the caller must be told to call for a scenario's `tool`.
pub(super) fn wanted(offered: &[Offered], tool: &str, arguments: Value) -> anyhow::Result<Wanted> {
    let program = Program::of(offered);
    if program == Program::Ours {
        return Ok(Wanted { tool: Offered::function(tool), arguments });
    }
    if let Some((_, ours, words)) = ACTS.iter().find(|(name, ..)| *name == tool) {
        return match of_ours(offered, ours) {
            Some(found) => Ok(Wanted { tool: found.clone(), arguments }),
            None => Ok(in_shell(program, &command(words, &arguments)?)),
        };
    }
    match (tool, program) {
        ("shell", _) => Ok(in_shell(program, text(&arguments, "command")?)),
        ("list_files", _) => Ok(in_shell(program, &format!("{LISTING} {}", quoted(text(&arguments, "path")?)))),
        ("read_file", Program::Codex) => {
            Ok(in_shell(program, &format!("{READING} {}", quoted(text(&arguments, "path")?))))
        }
        ("write_file", Program::Codex) => patch(offered, &arguments),
        ("read_file", _) => {
            let name = if program == Program::ClaudeCode { "Read" } else { tool };
            Ok(function(name, json!({"file_path": text(&arguments, "path")?})))
        }
        ("write_file", _) => {
            let name = if program == Program::ClaudeCode { "Write" } else { tool };
            let (path, content) = (text(&arguments, "path")?, text(&arguments, "content")?);
            Ok(function(name, json!({"file_path": path, "content": content})))
        }
        _ => {
            let found = of_ours(offered, tool).with_context(|| format!("the caller offers no tool for `{tool}`"))?;
            Ok(Wanted { tool: found.clone(), arguments })
        }
    }
}

/// Whether a past call is what a scenario means by `tool`, whatever its program calls it.
pub(super) fn is_meant(call: &PastCall, tool: &str) -> bool {
    let words = |start: &str| command_line(call).is_some_and(|line| line.starts_with(start));
    let through_act =
        |(name, ours, start): &(&str, &str, &str)| *name == tool && (is_ours(&call.name, ours) || words(start));
    let in_own_words = match tool {
        "shell" => command_line(call).is_some(),
        "list_files" => words(LISTING),
        "read_file" => call.name == "Read" || words(READING),
        "write_file" => call.name == "Write" || call.name == PATCHING || words(WRITING),
        _ => false,
    };
    call.name == tool || in_own_words || ACTS.iter().any(through_act)
}

/// The line that a call gave to a program's shell.
fn command_line(call: &PastCall) -> Option<&str> {
    let shells = [Program::ClaudeCode, Program::Codex, Program::GeminiCli].map(Program::shell);
    let (_, argument) = shells.into_iter().find(|(name, _)| *name == call.name)?;
    call.arguments.get(argument)?.as_str()
}

/// Programs put the name of the server before the name of its tool: `mcp__mitosis__task_done`.
fn of_ours<'a>(offered: &'a [Offered], tool: &str) -> Option<&'a Offered> {
    offered.iter().find(|offered| is_ours(&offered.name, tool))
}

fn is_ours(name: &str, tool: &str) -> bool {
    name.strip_suffix(tool).is_some_and(|before| before.is_empty() || before.ends_with('_'))
}

fn function(name: &str, arguments: Value) -> Wanted {
    Wanted { tool: Offered::function(name), arguments }
}

fn in_shell(program: Program, line: &str) -> Wanted {
    let (name, argument) = program.shell();
    function(name, json!({argument: line}))
}

/// `tq` with the arguments of the native tool: the first as its words, the others as flags.
fn command(words: &str, arguments: &Value) -> anyhow::Result<String> {
    let line = match words {
        "tq done" => format!("{words} {}", quoted(text(arguments, "result")?)),
        "tq artifact" => {
            let label = arguments["label"].as_str().map(|label| format!(" --label {}", quoted(label)));
            format!("{words} {}{}", quoted(text(arguments, "path")?), label.unwrap_or_default())
        }
        _ => format!("{words} --reason {}", quoted(text(arguments, "reason")?)),
    };
    Ok(line)
}

/// Codex writes files with patches where its model knows them, else in its shell.
fn patch(offered: &[Offered], arguments: &Value) -> anyhow::Result<Wanted> {
    let (path, content) = (text(arguments, "path")?, text(arguments, "content")?);
    let Some(tool) = offered.iter().find(|tool| tool.name == PATCHING) else {
        let line = format!("{WRITING} {} > {}", quoted(content), quoted(path));
        return Ok(in_shell(Program::Codex, &line));
    };
    let lines: String = content.lines().map(|line| format!("+{line}\n")).collect();
    let patch = format!("*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch\n");
    let arguments = match tool.takes {
        Takes::Text => Value::String(patch),
        Takes::Arguments => json!({"input": patch}),
    };
    Ok(Wanted { tool: tool.clone(), arguments })
}

fn text<'a>(arguments: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    arguments[name].as_str().with_context(|| format!("the call names no `{name}`"))
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
