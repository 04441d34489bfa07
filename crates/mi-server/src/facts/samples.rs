//! One request for each operation: good enough to get past reading, so that who asks decides.

use serde_json::{Value, json};

use crate::infra::http::Operation;

pub const BOUNDARY: &str = "facts";
/// A schedule that is there.
pub const SCHEDULE: &str = "nightly";

/// A colleague who is there, and doesn't ask.
pub const COLLEAGUE: &str = "vito";
/// Somebody of the server who has no part in the office.
pub const NEIGHBOUR: &str = "nora";

/// What fills the parameters of a path.
#[derive(Debug, Clone)]
pub struct Place {
    pub office: String,
    pub name: String,
    pub id: String,
    pub session: String,
    pub path: String,
    pub boot_id: String,
    pub group: String,
    /// An API key that nobody works with.
    pub key_id: String,
    /// Of an invite.
    pub code: String,
    pub backup: String,
}

/// A whole request.
pub struct Sample {
    pub path: String,
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

/// Fails the test for an operation that takes a body and has no sample yet.
pub fn sample(operation: &Operation, place: &Place) -> Sample {
    let path = fill(operation, place);
    if operation.id == "files.upload" {
        let content_type = Some(format!("multipart/form-data; boundary={BOUNDARY}"));
        return Sample { path, content_type, body: upload("stored.md", "words") };
    }
    let body = match body(operation.id, place) {
        Value::Null => {
            assert!(operation.request.is_none(), "{} takes a body: give it a sample in facts/samples.rs", operation.id);
            Vec::new()
        }
        body => body.to_string().into_bytes(),
    };
    Sample { path, content_type: None, body }
}

/// A form with one file.
pub fn upload(name: &str, content: &str) -> Vec<u8> {
    format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--{BOUNDARY}--\r\n"
    )
    .into_bytes()
}

fn fill(operation: &Operation, place: &Place) -> String {
    let template = &operation.paths()[0];
    let filled: Vec<&str> = template
        .split('/')
        .map(|part| match part {
            "{office}" => place.office.as_str(),
            "{name}" | "{agent}" | "{target}" => place.name.as_str(),
            "{terminal}" => "1",
            "{id}" => place.id.as_str(),
            "{session}" => place.session.as_str(),
            "{key}" => "SECRET",
            "{key_id}" => place.key_id.as_str(),
            "{user}" => COLLEAGUE,
            "{n}" => "1",
            "{schedule}" => SCHEDULE,
            "{code}" => place.code.as_str(),
            "{application}" => place.id.as_str(),
            "{transfer_id}" => "none",
            "{backup}" => place.backup.as_str(),
            "{integration}" => "github",
            "{peer}" => "owner",
            "{gid}" => place.group.as_str(),
            "{conversation}" => "ada:owner",
            "{provider}" => "openai",
            "{*path}" if operation.id == "gateway.call" => "v1/chat/completions",
            "{*path}" if operation.id == "gateway.read" => "v1/models",
            "{*path}" => place.path.as_str(),
            other => {
                assert!(!other.starts_with('{'), "{template}: say in facts/samples.rs what fills {other}");
                other
            }
        })
        .collect();
    filled.join("/")
}

fn body(operation: &str, place: &Place) -> Value {
    let name = place.name.as_str();
    match operation {
        "identity.create_key" => json!({"name": "another"}),
        "login.begin" => json!({"clientName": "facts"}),
        "login.poll" => json!({"deviceCode": "none"}),
        "members.add" => json!({"user": NEIGHBOUR, "role": "viewer"}),
        "members.set_role" => json!({"role": "viewer"}),
        "offices.create" => json!({"name": "another"}),
        "offices.update_settings" => json!({"timezone": "Europe/Berlin"}),
        "agents.hire" => json!({"name": "newcomer", "harness": "command", "command": "true"}),
        "agents.update" => json!({"role": "tester"}),
        "agents.promote" => json!({"modelTier": "large"}),
        "agents.change_skills" => json!({"add": ["rust"]}),
        "agents.rotate_credentials" => json!({}),
        "agents.restore" => json!({}),
        "backups.restore" => json!({"agent": name}),
        "agents.lifecycle" => json!({"action": "restart"}),
        "agents.update_self" => json!({"model": "large"}),
        "invites.create" => json!({"kind": "agent"}),
        "invites.join" => json!({"code": place.code, "agent_name": "walker"}),
        "invites.apply" => json!({"code": place.code, "agent_name": "applicant", "statement": "a word"}),
        "invites.claim" => json!({"code": place.code, "name": "wilma"}),
        "invites.refuse" => json!({"reason": "no"}),
        "agents.clone" | "agents.clone_self" => json!({"provider": null}),
        "transfers.send" => {
            json!({"transferId": "none", "manifest": {"files": []}, "bundleBase64": ""})
        }
        "tasks.create" => json!({"title": "more"}),
        "tasks.claim" => json!({"agent": name, "wait": 0}),
        "tasks.update" => json!({"status": "running"}),
        "tasks.log" | "tasks.comment" => json!({"message": "a word"}),
        "tasks.artifact" => json!({"path": place.path}),
        "tasks.verify" => json!({"accepted": true}),
        "tasks.retry" | "tasks.cancel" => json!({"reason": "because"}),
        "runners.hello" => json!({"bootId": place.boot_id, "version": "test", "harnesses": ["command"], "slots": 1}),
        "runners.next" => json!({"poll": 1, "wait": 0, "freeSlots": 0}),
        "sessions.beat" => json!({"seen": 0, "wait": 0}),
        "sessions.events" => json!({"from": 0, "items": []}),
        "sessions.end" => json!({"exit": 0, "cause": "finished", "summary": "", "last": 0}),
        "schedules.create" => {
            json!({"name": "hourly", "cron": "@hourly", "timezone": "UTC", "task": {"title": "more"}})
        }
        "schedules.update" => json!({"paused": true}),
        "env.set" => json!({"key": "COLOUR", "value": "green"}),
        "env.set_for_agent" => json!({"value": "green"}),
        "integrations.update" => json!({"rawKeys": true}),
        "integrations.set_secret" => json!({"key": "a-token"}),
        "integrations.toggle" => json!({"enabled": true}),
        "integrations.request" => json!({"integrationId": "github", "agentName": name}),
        "chat.send" | "chat.send_xmtp" => json!({"to": "bob", "content": "a word"}),
        "chat.send_group" | "chat.send_in_conversation" => json!({"body": "a word to @bob"}),
        "chat.create_group" => json!({"name": "reviewers", "members": ["bob"]}),
        "chat.rename_group" => json!({"name": "another name"}),
        "chat.add_member" => json!({"agentName": "bob"}),
        "terminals.debug" => json!({"command": "true"}),
        "agents.report" => json!({"type": "standup", "message": "a word"}),
        "mcp.answer" => {
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
                "name": "task_show", "arguments": {"task": place.id}}})
        }
        "audit.check" => json!({"events": []}),
        "webhooks.create" => json!({"url": "https://name.invalid/hook", "secret": "0123456789abcdef"}),
        "credits.add" => json!({"amount": 1}),
        // One that is asked for nothing, so that no test waits for a provider.
        "gateway.ping" => json!({"provider": "nobody"}),
        "gateway.call" => json!({"model": "none", "messages": []}),
        _ => Value::Null,
    }
}
