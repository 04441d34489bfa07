//! The tools as the model sees them: names, purposes, arguments.

use serde_json::{Value, json};

use super::model::ToolSpec;

/// An argument: its name, its JSON type, what it is for.
type Argument = (&'static str, &'static str, &'static str);

pub(super) fn everywhere() -> Vec<ToolSpec> {
    vec![
        spec(
            "shell",
            "Runs a command line with sh in your workspace; answers with its exit code and output.",
            &[("command", "string", "The command line.")],
            &[("timeout_seconds", "integer", "Seconds until it is killed; 120 when left out, at most 1800.")],
        ),
        spec(
            "read_file",
            "Reads a text file.",
            &[("path", "string", "Relative to your workspace, or below /shared/files/.")],
            &[],
        ),
        spec(
            "write_file",
            "Writes a whole file, with the folders that it needs.",
            &[
                ("path", "string", "Relative to your workspace, or below /shared/files/."),
                ("content", "string", "What the file holds afterwards."),
            ],
            &[],
        ),
        spec(
            "edit_file",
            "Replaces a text that stands exactly once in a file.",
            &[
                ("path", "string", "Relative to your workspace, or below /shared/files/."),
                ("old", "string", "The text as it stands in the file."),
                ("new", "string", "The text in its place."),
            ],
            &[],
        ),
        spec(
            "list_files",
            "Lists a folder; folders end with a slash.",
            &[("path", "string", "Relative to your workspace (\".\" is the workspace), or /shared/files.")],
            &[],
        ),
        spec(
            "message",
            "Writes to a colleague, or to the owner of the office.",
            &[("to", "string", "The agent's name, or owner."), ("body", "string", "The message.")],
            &[],
        ),
        spec(
            "hire",
            "Hires a new agent into the office.",
            &[("name", "string", "Lower-case letters, digits and dashes.")],
            &[("role", "string", "What it is for.")],
        ),
    ]
}

pub(super) fn on_a_task() -> Vec<ToolSpec> {
    vec![
        spec(
            "create_subtask",
            "Adds a subtask to your task; another agent may do it.",
            &[("title", "string", "What is to be done, in one line.")],
            &[
                ("description", "string", "Everything that the one who does it must know."),
                ("assigned_agent", "string", "Who is to do it; anybody when left out."),
            ],
        ),
        spec("comment", "Puts a comment on your task.", &[("message", "string", "The comment.")], &[]),
        spec(
            "artifact",
            "Links a file on the shared drive to your task as proof of your work.",
            &[("path", "string", "Its path below /shared/files/.")],
            &[("label", "string", "What it is.")],
        ),
        spec(
            "finish",
            "Finishes your task. The only way to have it done.",
            &[("result", "string", "What came out, for those who read and build on it.")],
            &[],
        ),
        spec("fail", "Gives your task up for good.", &[("error", "string", "Why it can't be done.")], &[]),
        block(),
    ]
}

fn block() -> ToolSpec {
    let mut block = spec(
        "block",
        "Puts your task aside until somebody else has acted.",
        &[
            ("reason", "string", "What is missing, and from whom."),
            ("kind", "string", "What sort of thing is missing."),
        ],
        &[("integration", "string", "For needs_integration: which one, such as github. The owner is asked for it.")],
    );
    if let Some(kind) = block.schema.pointer_mut("/properties/kind") {
        kind["enum"] = json!(["needs_input", "needs_integration", "dependency", "quota", "other"]);
    }
    block
}

fn spec(name: &'static str, description: &'static str, required: &[Argument], optional: &[Argument]) -> ToolSpec {
    let mut properties = serde_json::Map::new();
    for (name, kind, purpose) in required.iter().chain(optional) {
        properties.insert((*name).to_owned(), json!({ "type": kind, "description": purpose }));
    }
    let names: Vec<Value> = required.iter().map(|(name, ..)| json!(name)).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": names });
    ToolSpec { name, description, schema }
}
