//! What a model is told at the start of a session, whichever harness it works in: one place for all of them.

use std::fmt::Write;

use mi_core::roles::{role_of, skills_of};
use mi_core::wire::checks::{TaskCheck, Verdict};
use mi_core::wire::runner::{Cause, InboxMessage, SessionContext};
use mi_core::wire::tasks::{Artifact, ArtifactState, Task};

use super::reply::askers;
use super::{Job, shortened};
use crate::config::Drive;
use crate::kit::is_laid_out;

/// Of one description, result, comment or message; the whole is on the task or in the conversation.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Of what earlier attempts wrote: the newest lines, and of each line so much.
const LOG_LINES_MAX: usize = 60;
const LOG_LINE_BYTES_MAX: usize = 1024;

/// What the model acts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hands {
    /// The tools of our own loop.
    Native,
    /// A program's own tools, beside them `tq` and our MCP server.
    Program,
}

const RULES_TASK: &str = "\
You work alone on one task from your office's queue, with the tools you are given. Rules:
- Finish only via the tool `finish`: its result is what others will read and build on. Saying that you are done finishes \
nothing.
- If the task can't be done, call `fail` with the reason. If somebody else must act first, call `block`.
- Put what others need on the shared drive and link it with `artifact` before you finish.
- Your working folder is your private workspace; relative paths are below it.
- Look before you claim: read the files you speak about, run what you say works.
- Large work may be split with `create_subtask`; then finish your turn, and the task comes back to you when the subtasks \
are done.";

const RULES_MESSAGE: &str = "\
Somebody wrote to you. Work with the tools as far as the answer needs it, then answer with plain text: your last text, \
without a tool call, is sent to whoever asked last (to the group, where you were asked there) as your reply. With `message` \
you reach everybody else.";

const RULES_TASK_PROGRAM: &str = "\
You work alone on one task from your office's queue, with nobody to ask. Rules:
- Finish only by `tq done \"RESULT\"` in the shell, or by the tool `task_done` of the MCP server `mitosis`: its result is \
what others will read and build on. Saying that you are done finishes nothing.
- If the task can't be done: `tq update --status failed --error \"WHY\"` (or `task_fail`). If somebody else must act first: \
`tq update --status blocked --reason \"WHY\"` (or `task_block`).
- Put what others need on the shared drive and link it with `tq artifact PATH` before you finish.
- Your working folder is your private workspace. `tq --help` shows what else the queue can do.
- Look before you claim: read the files you speak about, run what you say works.
- Large work may be split with `tq subtask \"TITLE\"`; then end your turn, and the task comes back to you when the subtasks \
are done.";

const RULES_MESSAGE_PROGRAM: &str = "\
Somebody wrote to you. Work as far as the answer needs it, then answer with plain text: your last text is sent to whoever \
asked last (to the group, where you were asked there) as your reply, so don't send it yourself. With `tq send NAME TEXT` you \
reach everybody else.";

pub(crate) fn system(job: &Job, hands: Hands) -> String {
    let agent = &job.context.agent;
    let mut out = format!("You are {}, an agent of the office {}.", agent.name, job.context.office.name);
    if let Some(role) = &agent.role {
        line(&mut out, format_args!("Your role: {role}"));
    }
    if !agent.skills.is_empty() {
        line(&mut out, format_args!("Your skills: {}", agent.skills.join(", ")));
    }
    if let Some(role) = role_of(agent) {
        line(&mut out, format_args!("\n{}", role.prompt));
    }
    if let Some(own) = &agent.system_prompt {
        line(&mut out, format_args!("\n{own}"));
    }
    if is_laid_out(&job.drive) {
        let skills = skills_of(agent);
        let pages = skills.iter().map(|skill| format!("skills/{}/SKILL.md: {}", skill.name, skill.description));
        section(&mut out, "Pages in your workspace that say how things are done; read one before you do that", pages);
    }
    let rules = match (job.grant.cause, hands) {
        (Cause::Task, Hands::Native) => RULES_TASK,
        (Cause::Task, Hands::Program) => RULES_TASK_PROGRAM,
        (Cause::Message, Hands::Native) => RULES_MESSAGE,
        (Cause::Message, Hands::Program) => RULES_MESSAGE_PROGRAM,
    };
    line(&mut out, format_args!("\n{rules}"));
    out
}

/// One fact per line first, so that it can be read by eye and by program; long texts follow.
pub(crate) fn user(job: &Job, hands: Hands) -> String {
    let context = &job.context;
    let mut out = format!("agent: {}", context.agent.name);
    if let Some(task) = &context.task {
        describe_task(&mut out, task);
    }
    if let Some(attempt) = job.grant.attempt.filter(|attempt| *attempt > 1) {
        line(&mut out, format_args!("attempt: {attempt} (an earlier one did not finish; look at the log below)"));
    }
    measured(&mut out, context);
    related(&mut out, context);
    talked(&mut out, context);
    to_answer(&mut out, context, hands);
    surroundings(&mut out, context);
    line(&mut out, format_args!("\n{}", whereabouts(&job.drive)));
    out
}

fn whereabouts(drive: &Drive) -> &'static str {
    match drive {
        Drive::Standard | Drive::At(_) => "The shared drive is /shared/files; the workspace is your working folder.",
        Drive::ApiOnly => {
            "The shared drive is NOT mounted on this machine: in the shell, `mi files pull NAME` brings a file of it to \
             your workspace and `mi files push FILE` puts one onto it; its name is its path without /shared/files/. The \
             workspace is your working folder."
        }
    }
}

/// The last text answers one; where several asked, the others would wait for ever.
fn to_answer(out: &mut String, context: &SessionContext, hands: Hands) {
    let mut others = askers(context);
    let Some(last) = others.pop().filter(|_| !others.is_empty() && context.task.is_none()) else { return };
    let by = match hands {
        Hands::Native => "with `message`",
        Hands::Program => "by `tq send NAME TEXT`",
    };
    let others = others.join(", ");
    line(out, format_args!("\nYour last text goes to {last} alone. Answer these yourself, {by}: {others}."));
}

fn describe_task(out: &mut String, task: &Task) {
    line(out, format_args!("task id: {}", task.id));
    line(out, format_args!("task title: {}", task.title));
    line(out, format_args!("task kind: {}", task.kind));
    if let Some(description) = &task.description {
        line(out, format_args!("\n{}", shortened(description, TEXT_BYTES_MAX)));
    }
}

/// What decides whether it is done, so that the agent can look before it finishes.
fn measured(out: &mut String, context: &SessionContext) {
    section(out, "The server checks when you finish, and only that closes the task", context.checks.iter().map(check));
}

fn check(check: &TaskCheck) -> String {
    match &check.outcome {
        None => check.text.clone(),
        Some(outcome) if outcome.verdict == Verdict::Passed => format!("{} (passed the last time)", check.text),
        Some(outcome) => {
            let output = outcome.output.as_deref().filter(|output| !output.is_empty());
            let output = output.map(|output| format!("\n  {}", output.replace('\n', "\n  "))).unwrap_or_default();
            format!("{} (FAILED the last time: {}){output}", check.text, outcome.detail)
        }
    }
}

fn related(out: &mut String, context: &SessionContext) {
    section(out, "It is part of", context.ancestors.iter().map(with_description));
    let dependencies = context.dependencies.iter();
    section(out, "It builds on", dependencies.map(|card| with_result(&card.task) + &artifacts(&card.artifacts)));
    section(out, "Its subtasks", context.subtasks.iter().map(with_result));
    section(out, "Beside it", context.siblings.iter().map(with_status));
    section(out, "Artifacts so far", context.artifacts.iter().map(artifact));
}

fn talked(out: &mut String, context: &SessionContext) {
    let comments = context.comments.iter();
    let short = |text: &str| shortened(text, TEXT_BYTES_MAX);
    section(
        out,
        "Comments and reviews",
        comments.map(|comment| format!("{}: {}", comment.agent, short(&comment.message))),
    );
    let is_retry = context.sessions.len() > 1;
    let newest = context.logs.len().saturating_sub(LOG_LINES_MAX);
    let logs = context.logs.iter().skip(newest).filter(|_| is_retry);
    let log_line = |text: &str| shortened(text, LOG_LINE_BYTES_MAX);
    section(out, "Log so far, its end", logs.map(|log| format!("{}: {}", log.agent, log_line(&log.message))));
    section(out, "Messages to you", context.messages.iter().map(message));
}

fn surroundings(out: &mut String, context: &SessionContext) {
    let files = context.files.iter();
    section(out, "Files on the drive", files.map(|file| format!("/shared/files/{} ({} bytes)", file.name, file.size)));
    let colleagues = context.colleagues.iter();
    section(
        out,
        "Colleagues",
        colleagues.map(|colleague| match &colleague.role {
            Some(role) => format!("{} ({role})", colleague.name),
            None => colleague.name.to_string(),
        }),
    );
}

fn section(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    for (n, item) in items.enumerate() {
        if n == 0 {
            line(out, format_args!("\n{title}:"));
        }
        line(out, format_args!("- {item}"));
    }
}

fn with_status(task: &Task) -> String {
    format!("task {} [{}] {}", task.id, task.status, task.title)
}

fn with_description(task: &Task) -> String {
    let head = format!("task {}: {}", task.id, task.title);
    match &task.description {
        Some(text) => format!("{head}\n  {}", shortened(text, TEXT_BYTES_MAX)),
        None => head,
    }
}

fn with_result(task: &Task) -> String {
    let mut out = with_status(task);
    if let Some(result) = &task.result_summary {
        line(&mut out, format_args!("  result: {}", shortened(result, TEXT_BYTES_MAX)));
    }
    if let Some(error) = &task.error {
        line(&mut out, format_args!("  error: {}", shortened(error, TEXT_BYTES_MAX)));
    }
    out
}

fn artifacts(list: &[Artifact]) -> String {
    list.iter().map(|item| format!("\n  artifact: {}", artifact(item))).collect()
}

fn artifact(item: &Artifact) -> String {
    let label = item.label.as_ref().map(|label| format!(", {label}")).unwrap_or_default();
    let now = match item.state {
        ArtifactState::Unchanged => "",
        ArtifactState::Changed => ", changed since it was linked",
        ArtifactState::Missing => ", gone since it was linked",
    };
    format!("/shared/files/{} ({} bytes{label}{now})", item.path, item.size)
}

fn message(message: &InboxMessage) -> String {
    let place = message.group_id.map(|group| format!(" in the group {group}")).unwrap_or_default();
    format!("from {}{place}: {}", message.from_agent, shortened(&message.body, TEXT_BYTES_MAX))
}

/// Writing to a text can't fail; the result is formatting's own.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.push('\n');
    out.write_fmt(text).unwrap_or_default();
}
