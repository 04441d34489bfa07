//! The loop: the model speaks, its tools are run, their results go back, until the queue has the end of the task.

use std::time::Duration;

use mi_core::ids::excerpt;
use mi_core::wire::runner::{Cause, EndCause, ItemKind, ToolCalled};

use super::model::{Message, Model, ModelError, ToolCall, ToolResult, ToolSpec, Turn};
use super::tools::{Bench, Effect};
use super::{Job, Outcome};
use crate::clock::pause;
use crate::harness::loops::{Done, Loops};
use crate::harness::prompt::{self, Hands};
use crate::harness::trouble::Trouble;
use crate::harness::{MODEL_TRIES_MAX, shortened};

/// Turns of one session.
const TURNS_MAX: usize = 100;
/// How often in a row a model is told that text alone finishes nothing.
const REMINDERS_MAX: usize = 2;
/// What a provider may ask us to wait.
const RETRY_AFTER_SECONDS_MAX: u64 = 30;
/// What a tool's answer may add to the conversation.
const TOOL_ANSWER_BYTES_MAX: usize = 32 * 1024;
/// What of a tool call is kept in the session's record.
const TOOL_RECORD_BYTES_MAX: usize = 2 * 1024;

const REMINDER: &str = "The task is only finished by calling the tool `finish` with its result. If it can't be done, call \
                        `fail` with the reason; if somebody else must act first, call `block`. Go on working with the tools.";

/// Talks until there is an end; `first_pause` is the pause before a model call is repeated.
pub(super) async fn converse(model: &dyn Model, job: &Job, first_pause: Duration) -> Outcome {
    let mut talk = Talk::new(model, job, first_pause);
    for _ in 0..TURNS_MAX {
        match talk.turn().await {
            Progress::GoesOn => {}
            Progress::Ends(outcome) => return outcome,
        }
    }
    Outcome::of(EndCause::Failed, format!("the model did not finish the task in {TURNS_MAX} turns"))
}

enum Progress {
    GoesOn,
    Ends(Outcome),
}

struct Talk<'a> {
    model: &'a dyn Model,
    job: &'a Job,
    bench: Bench<'a>,
    tools: Vec<ToolSpec>,
    conversation: Vec<Message>,
    loops: Loops,
    reminders: usize,
    /// Tools that were called so far.
    called: usize,
    first_pause: Duration,
}

impl<'a> Talk<'a> {
    fn new(model: &'a dyn Model, job: &'a Job, first_pause: Duration) -> Self {
        let (system, user) = (prompt::system(job, Hands::Native), prompt::user(job, Hands::Native));
        job.outbox.push(ItemKind::Prompt, &format!("{system}\n\n{user}"));
        let conversation = vec![Message::System(system), Message::User(user)];
        let bench = Bench::new(job);
        Self {
            model,
            job,
            tools: bench.specs(),
            bench,
            conversation,
            loops: Loops::default(),
            reminders: 0,
            called: 0,
            first_pause,
        }
    }

    async fn turn(&mut self) -> Progress {
        let turn = match self.ask().await {
            Ok(turn) => turn,
            Err(ModelError::Stale) => return ends(EndCause::Stale, ModelError::Stale.to_string()),
            Err(error) => return ends(cause_of(&error), error.to_string()),
        };
        self.record(&turn);
        let (text, calls) = (turn.text.clone(), turn.calls.clone());
        self.conversation.push(Message::Assistant(turn));
        if calls.is_empty() {
            return self.answer_text(text).await;
        }
        self.reminders = 0;
        self.called += calls.len();
        let mut results = Vec::new();
        for call in calls {
            match self.bench.use_tool(&call.name, call.arguments.clone()).await {
                Effect::Answer(text) => {
                    let reason = self.loop_in(&call, &text);
                    results.push(self.result(call, &text));
                    if let Some(reason) = reason {
                        return ends(EndCause::Loop, reason);
                    }
                }
                Effect::Ends { cause, summary } => {
                    self.record_call(&call, &summary);
                    return ends(cause, summary);
                }
            }
        }
        self.conversation.push(Message::Results(results));
        Progress::GoesOn
    }

    /// What is secret goes before the reason is cut.
    fn loop_in(&mut self, call: &ToolCall, answer: &str) -> Option<String> {
        let clean = |text: &str| self.job.outbox.clean(text).into_owned();
        let (arguments, said) = (clean(&call.arguments.to_string()), clean(answer));
        self.loops.see(&call.name, arguments, said, done(&call.name, answer))
    }

    /// Text without a tool: the reply of a chat session, but not the end of a task.
    async fn answer_text(&mut self, text: String) -> Progress {
        if self.job.grant.cause == Cause::Message {
            return match self.bench.reply(&text).await {
                Ok(summary) => ends(EndCause::Finished, summary),
                Err(outcome) => Progress::Ends(outcome),
            };
        }
        if self.reminders == REMINDERS_MAX {
            let said =
                if text.trim().is_empty() { "nothing".into() } else { excerpt(&self.job.outbox.clean(text.trim())) };
            let summary = format!("model stopped without finishing the task; it said last: {said}");
            let cause = if self.called == 0 { EndCause::DidNothing } else { EndCause::Failed };
            return ends(cause, summary);
        }
        self.reminders += 1;
        self.job.outbox.log("the model answered without a tool and was reminded that only `finish` ends the task");
        self.conversation.push(Message::User(REMINDER.into()));
        Progress::GoesOn
    }

    /// One turn of the model; passing troubles are waited out, a few times.
    async fn ask(&self) -> Result<Turn, ModelError> {
        let mut rest = self.first_pause;
        for attempt in 1..=MODEL_TRIES_MAX {
            let (detail, retry_after, status) = match self.model.turn(&self.conversation, &self.tools).await {
                Err(ModelError::Passing { detail, retry_after_s, status }) => (detail, retry_after_s, status),
                answer => return answer,
            };
            self.job.outbox.log(&format!("model call {attempt} of {MODEL_TRIES_MAX} failed: {detail}"));
            if attempt == MODEL_TRIES_MAX {
                let detail = format!("no answer of the model after {MODEL_TRIES_MAX} calls: {detail}");
                return Err(ModelError::Passing { detail, retry_after_s: None, status });
            }
            let asked = retry_after.map(|seconds| Duration::from_secs(seconds.min(RETRY_AFTER_SECONDS_MAX)));
            pause(asked.unwrap_or(rest)).await;
            rest *= 2;
        }
        Err(ModelError::Passing { detail: "the model was never called".into(), retry_after_s: None, status: None })
    }

    fn record(&self, turn: &Turn) {
        let outbox = &self.job.outbox;
        match serde_json::to_string(&turn.usage) {
            Ok(usage) => outbox.push(ItemKind::Usage, &usage),
            Err(error) => outbox.log(&format!("the usage can't be written as JSON: {error}")),
        }
        if !turn.text.trim().is_empty() {
            outbox.push(ItemKind::Transcript, turn.text.trim());
        }
    }

    fn result(&self, call: ToolCall, text: &str) -> ToolResult {
        self.record_call(&call, text);
        ToolResult { id: call.id, name: call.name, text: shortened(text, TOOL_ANSWER_BYTES_MAX) }
    }

    fn record_call(&self, call: &ToolCall, answer: &str) {
        let tool = ToolCalled { name: call.name.clone(), failed: answer.starts_with("error: "), took_ms: None };
        // What is secret goes before anything is cut: half of it would not be known any more.
        let short = |text: &str| shortened(&self.job.outbox.clean(text), TOOL_RECORD_BYTES_MAX);
        let (arguments, answer) = (short(&call.arguments.to_string()), short(answer));
        self.job.outbox.push_tool(tool, &format!("{} {arguments}\n→ {answer}", call.name));
    }
}

/// A refusal of a tool, or a command that ended with another code than 0.
fn done(tool: &str, answer: &str) -> Done {
    let failed = answer.starts_with("error: ") || (tool == "shell" && !answer.starts_with("exit code: 0"));
    if failed { Done::Badly } else { Done::Well }
}

fn cause_of(error: &ModelError) -> EndCause {
    match error {
        ModelError::Stale => EndCause::Stale,
        ModelError::Refused { status, .. } => Trouble::new(Some(*status), error.to_string()).cause(),
        ModelError::Passing { status, .. } => Trouble::new(*status, error.to_string()).cause(),
    }
}

fn ends(cause: EndCause, summary: impl Into<String>) -> Progress {
    Progress::Ends(Outcome::of(cause, summary))
}
