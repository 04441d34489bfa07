//! What a run has said so far: kept for the session's record, watched for loops, judged at its end.

use std::collections::BTreeMap;

use mi_core::ids::excerpt;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{Cause, EndCause, ItemKind, ToolCalled};
use serde::Serialize;
use serde_json::Value;

use super::{Reader, Said};
use crate::harness::loops::{Done, Loops};
use crate::harness::trouble::Trouble;
use crate::harness::{Job, Outcome, reply, shortened};

/// What of a tool call is kept in the session's record.
const TOOL_RECORD_BYTES_MAX: usize = 2 * 1024;
/// What of an event that we don't know is kept in the log.
const NOTE_BYTES_MAX: usize = 1024;
/// Calls without an answer yet; a program that opens more has lost count.
const OPEN_CALLS_MAX: usize = 256;
/// Of one run; a program that names more makes them up.
const MODELS_MAX: usize = 16;
const MODEL_NAME_BYTES_MAX: usize = 200;

/// Why a run is ended before it ends itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Enough {
    Loop(String),
    /// No model will answer it any more.
    ClaimOver,
}

pub(super) struct Record<'a> {
    kind: HarnessKind,
    job: &'a Job,
    reader: Box<dyn Reader>,
    loops: Loops,
    open: BTreeMap<String, (String, Value)>,
    called: usize,
    last_text: String,
    written_to: Vec<String>,
    used: BTreeMap<String, Used>,
    verdict: Option<Result<(), Trouble>>,
}

/// An item of kind `usage`. Where somebody's own login paid, no gateway has counted it: the server keeps it at a shadow
/// price.
#[derive(Debug, Clone, Serialize)]
struct Used {
    input_tokens: i64,
    output_tokens: i64,
    cached_tokens: i64,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<bool>,
}

impl<'a> Record<'a> {
    pub(super) fn of(kind: HarnessKind, job: &'a Job, reader: Box<dyn Reader>) -> Self {
        Self {
            kind,
            job,
            reader,
            loops: Loops::default(),
            open: BTreeMap::new(),
            called: 0,
            last_text: String::new(),
            written_to: Vec::new(),
            used: BTreeMap::new(),
            verdict: None,
        }
    }

    /// A line of the program. Says why the session must end, where it must.
    pub(super) fn line(&mut self, line: &str) -> Option<Enough> {
        match serde_json::from_str::<Value>(line) {
            Ok(event) if event.is_object() => {
                let said = self.reader.read(&event);
                said.into_iter().find_map(|said| self.take(said))
            }
            Ok(_) | Err(_) => {
                self.job.outbox.log(line);
                None
            }
        }
    }

    pub(super) fn left_out(&self, bytes: usize) {
        self.job.outbox.log(&format!("an event of {} was left out: it has {bytes} bytes", self.kind));
    }

    /// While a tool is at work the program has no reason to say anything.
    pub(super) fn waits_for_a_tool(&self) -> bool {
        !self.open.is_empty()
    }

    fn take(&mut self, said: Said) -> Option<Enough> {
        match said {
            Said::Text(text) => self.text(text),
            Said::Called { id, name, arguments } => self.call(id, name, arguments),
            Said::Answered { id, text, done } => return self.answer(&id, &text, done).map(Enough::Loop),
            Said::ClaimOver => return Some(Enough::ClaimOver),
            Said::Circles(reason) => return Some(Enough::Loop(reason)),
            Said::Used { model, input, cached, output } => self.use_of(model, input, cached, output),
            Said::Note(text) => self.job.outbox.log(&self.short(&text, NOTE_BYTES_MAX)),
            Said::Ended(verdict) => self.verdict = Some(verdict),
        }
        None
    }

    fn text(&mut self, text: String) {
        if !text.trim().is_empty() {
            self.job.outbox.push(ItemKind::Transcript, text.trim());
            self.last_text = text;
        }
    }

    fn call(&mut self, id: String, name: String, arguments: Value) {
        self.called += 1;
        self.written_to.extend(receiver_of(&name, &arguments));
        if self.open.len() < OPEN_CALLS_MAX {
            self.open.insert(id, (name, arguments));
        }
    }

    fn answer(&mut self, id: &str, text: &str, done: Done) -> Option<String> {
        let (name, arguments) = self.open.remove(id)?;
        self.keep_call(&name, &arguments, text, done);
        // What is secret goes before the reason is cut, too.
        let clean = |text: &str| self.job.outbox.clean(text).into_owned();
        let (arguments, answer) = (clean(&arguments.to_string()), clean(text));
        self.loops.see(&name, arguments, answer, done)
    }

    fn keep_call(&self, name: &str, arguments: &Value, answer: &str, done: Done) {
        let tool = ToolCalled { name: name.to_owned(), failed: done == Done::Badly, took_ms: None };
        let arguments = self.short(&arguments.to_string(), TOOL_RECORD_BYTES_MAX);
        let answer = self.short(answer, TOOL_RECORD_BYTES_MAX);
        self.job.outbox.push_tool(tool, &format!("{name} {arguments}\n→ {answer}"));
    }

    /// What is secret goes before anything is cut: half of it would not be known any more.
    fn short(&self, text: &str, bytes_max: usize) -> String {
        shortened(&self.job.outbox.clean(text), bytes_max)
    }

    fn use_of(&mut self, model: String, input: i64, cached: i64, output: i64) {
        let is_own = self.job.own_login.is_some();
        let choice = self.job.grant.model.as_ref();
        let provider = choice.map(|choice| choice.provider.clone());
        // A program that doesn't say which model it used has used the one that it was told.
        let model = choice.filter(|_| model.is_empty()).map_or(model, |choice| choice.model.clone());
        let model = model[..model.floor_char_boundary(MODEL_NAME_BYTES_MAX)].to_owned();
        if self.used.len() >= MODELS_MAX && !self.used.contains_key(&model) {
            return;
        }
        let used = Used {
            input_tokens: input,
            output_tokens: output,
            cached_tokens: cached,
            model: model.clone(),
            provider,
            subscription: is_own.then_some(true),
        };
        self.used.insert(model, used);
    }

    /// The end of the program: what it held back, what it used, what it left open.
    pub(super) fn close(&mut self, code: Option<i32>) {
        for said in self.reader.close(code) {
            // It is at its end already; a loop is none any more.
            self.take(said);
        }
        for (name, arguments) in std::mem::take(&mut self.open).into_values() {
            self.keep_call(&name, &arguments, "no answer", Done::Badly);
        }
        for used in std::mem::take(&mut self.used).into_values() {
            match serde_json::to_string(&used) {
                Ok(usage) => self.job.outbox.push(ItemKind::Usage, &usage),
                Err(error) => self.job.outbox.log(&format!("the usage can't be written as JSON: {error}")),
            }
        }
    }

    /// What became of the run, by the program's own word and its exit code; never whether the work is good.
    pub(super) async fn outcome(&self, code: Option<i32>, last_line: &str) -> Outcome {
        let kind = self.kind;
        match &self.verdict {
            Some(Err(trouble)) if trouble.cause() == EndCause::Stale => return self.claim_over(),
            Some(Err(trouble)) => {
                let sentence = self.job.outbox.clean(&trouble.sentence).into_owned();
                let told = Trouble { sentence, ..trouble.clone() };
                return Outcome::of(trouble.cause(), told.summary(kind.as_str()));
            }
            Some(Ok(())) => {}
            None if code == Some(0) => {}
            None => {
                let trouble = Trouble::new(None, last_line);
                let how = code.map_or("ended by a signal".to_owned(), |code| format!("exited with {code}"));
                let summary = if last_line.is_empty() {
                    format!("{kind} {how}")
                } else {
                    format!("{kind} {how}; its last line: {}", excerpt(&self.job.outbox.clean(last_line)))
                };
                return Outcome::of(trouble.cause(), summary);
            }
        }
        match self.job.grant.cause {
            Cause::Message => match reply::send(self.job, &self.last_text, &self.written_to).await {
                Ok(summary) => Outcome::of(EndCause::Finished, summary),
                Err(outcome) => outcome,
            },
            Cause::Task => self.task_outcome(),
        }
    }

    /// After `done` the claim is over, and with it the models. Were it over for another reason, the heartbeat would have said
    /// so, and the server knows anyway. What messages woke has no other end than its own: there it was cut short.
    pub(super) fn claim_over(&self) -> Outcome {
        let summary = format!("{} ended after {} tool calls, when its claim was over", self.kind, self.called);
        let cause = match self.job.grant.cause {
            Cause::Task => EndCause::Finished,
            Cause::Message => EndCause::Stale,
        };
        Outcome::of(cause, summary)
    }

    fn task_outcome(&self) -> Outcome {
        let said = self.job.outbox.clean(self.last_text.trim());
        let said =
            if said.is_empty() { "and said nothing".to_owned() } else { format!("it said last: {}", excerpt(&said)) };
        if self.called == 0 {
            return Outcome::of(
                EndCause::DidNothing,
                format!("{} ended without having used a tool; {said}", self.kind),
            );
        }
        Outcome::of(EndCause::Finished, format!("{} ended after {} tool calls; {said}", self.kind, self.called))
    }
}

/// To whom a call writes: by our MCP server's tool, or by `tq send` in a shell.
fn receiver_of(name: &str, arguments: &Value) -> Option<String> {
    const SENDS: &str = "tq send ";
    if name.ends_with("message_send") {
        return arguments["to"].as_str().map(str::to_owned);
    }
    let command = ["command", "cmd"].iter().find_map(|key| arguments[*key].as_str())?;
    let rest = &command[command.find(SENDS)? + SENDS.len()..];
    rest.split_whitespace().next().map(|word| word.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whom_a_call_writes_to_is_known() {
        for (name, arguments, to) in [
            ("mcp__mitosis__message_send", json!({"to": "owner", "body": "x"}), Some("owner")),
            ("Bash", json!({"command": "cd x && tq send ben 'hello'"}), Some("ben")),
            ("Bash", json!({"command": "tq done x"}), None),
            ("Read", json!({"file_path": "tq send x"}), None),
        ] {
            assert_eq!(receiver_of(name, &arguments).as_deref(), to, "{arguments}");
        }
    }
}
