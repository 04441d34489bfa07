//! From the chunks of a chat to the events of a response: a state machine.
//!
//! At most one item of words is open; calls stay open until the provider says that the answer
//! has ended, because their pieces may come in any order. Whatever is open then is closed in
//! the order of the items. After the last event nothing more is said.

use serde::Serialize;
use serde_json::{Value, json};

use super::calls::Calls;
use super::chunk::{Chunk, Delta};
use super::errors::Failure;
use super::events::Events;
use super::items::{Called, Voice, input, object};
use super::response::{Head, Status};
use super::tools::{Kind, Tool, Tools};

/// The longest answer that is turned; all of it is repeated at the end.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What an item counts for besides its words: a model that thinks and speaks by turns makes many.
const ITEM_BYTES: usize = 16 * 1024;

/// An item of words that is open.
#[derive(Debug)]
struct Speech {
    voice: Voice,
    at: usize,
    id: String,
    words: String,
}

#[derive(Debug)]
pub struct Turning {
    head: Head,
    tools: Tools,
    events: Events,
    /// Finished items; `None` while one is open.
    output: Vec<Option<Value>>,
    speech: Option<Speech>,
    calls: Calls,
    bytes: usize,
    usage: Option<Value>,
    /// How the provider said that the answer ended.
    ending: Option<Status>,
    has_begun: bool,
    /// The response, once it has ended.
    response: Option<Value>,
}

#[derive(Serialize)]
struct WordsDelta<'a> {
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<u8>,
    delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[u8; 0]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    item_id: &'a str,
    output_index: usize,
    delta: &'a str,
}

impl Turning {
    pub fn new(head: Head, tools: Tools) -> Self {
        Self {
            head,
            tools,
            events: Events::default(),
            output: Vec::new(),
            speech: None,
            calls: Calls::default(),
            bytes: 0,
            usage: None,
            ending: None,
            has_begun: false,
            response: None,
        }
    }

    /// The events since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        self.events.take()
    }

    pub fn is_over(&self) -> bool {
        self.response.is_some()
    }

    pub fn response(&self) -> Option<&Value> {
        self.response.as_ref()
    }

    pub fn comment(&mut self) {
        if !self.is_over() {
            self.events.comment();
        }
    }

    /// One chunk, or a whole answer.
    pub fn chunk(&mut self, json: &[u8]) {
        if self.is_over() {
            return;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk>(json) else {
            return self.fail(Failure::server("the model's provider sent what is no chat"));
        };
        if chunk.usage.as_ref().is_some_and(Value::is_object) {
            self.usage.clone_from(&chunk.usage);
        }
        if let Some(trouble) = chunk.trouble() {
            return self.fail(Failure::of(trouble));
        }
        self.begin();
        for choice in chunk.choices.into_iter().filter(|choice| choice.index.unwrap_or(0) == 0) {
            if let Err(failure) = self.delta(choice.delta) {
                return self.fail(failure);
            }
            match choice.finish_reason.as_deref() {
                None => {}
                Some("error") => return self.fail(Failure::server("the model's provider gave up within its answer")),
                Some(reason) => self.finish(ending(reason)),
            }
        }
    }

    /// The provider said that nothing more comes.
    pub fn done(&mut self) {
        if self.is_over() {
            return;
        }
        match self.ending.clone() {
            Some(status) => self.end(&status),
            None if self.output.is_empty() && self.calls.list.is_empty() => {
                self.fail(Failure::server("the model's provider ended its answer without one"));
            }
            None => self.end(&Status::Completed),
        }
    }

    /// The connection ended.
    pub fn cut(&mut self) {
        match self.ending.clone() {
            _ if self.is_over() => {}
            Some(status) => self.end(&status),
            None => self.fail(Failure::server("the model's provider broke its answer off")),
        }
    }

    /// What is open stays open: half a call must not be acted on.
    pub fn fail(&mut self, failure: Failure) {
        if !self.is_over() {
            self.begin();
            self.last(&Status::Failed(failure));
        }
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let response = self.head.response(&Status::InProgress, Vec::new(), None);
        self.events.push("response.created", json!({"response": response}));
        self.events.push(Status::InProgress.event(), json!({"response": response}));
    }

    fn delta(&mut self, mut delta: Delta) -> Result<(), Failure> {
        for (voice, words) in
            [(Voice::Thoughts, delta.thoughts()), (Voice::Text, delta.text()), (Voice::Refusal, delta.refusal.take())]
        {
            if let Some(words) = words.filter(|words| !words.is_empty()) {
                self.grow(words.len())?;
                self.say(voice, &words);
            }
        }
        for piece in delta.tool_calls {
            let too_many = |_| Failure::server("the model called too many tools at once");
            let (call, grown) = self.calls.add(piece, &self.tools).map_err(too_many)?;
            self.grow(grown)?;
            self.close_speech(&Status::Completed);
            self.tell_call(call);
        }
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes += bytes;
        if self.bytes > ANSWER_BYTES_MAX { Err(Failure::server("the model's answer is too long")) } else { Ok(()) }
    }

    fn say(&mut self, voice: Voice, words: &str) {
        if self.speech.as_ref().is_some_and(|speech| speech.voice != voice) {
            self.close_speech(&Status::Completed);
        }
        if self.speech.is_none() {
            self.open_speech(voice);
        }
        let Some(speech) = &mut self.speech else { return };
        speech.words.push_str(words);
        let (content_index, summary_index) = match voice {
            Voice::Text | Voice::Refusal => (Some(0), None),
            Voice::Thoughts => (None, Some(0)),
        };
        let logprobs = if voice == Voice::Text { Some([]) } else { None };
        let (item_id, output_index) = (speech.id.as_str(), speech.at);
        let delta = WordsDelta { item_id, output_index, content_index, summary_index, delta: words, logprobs };
        self.events.push(voice.telling().delta, delta);
    }

    fn open_speech(&mut self, voice: Voice) {
        let at = self.place();
        let id = voice.id(&self.head.seed, at);
        let item = voice.item(&id, "in_progress", None);
        self.events.push("response.output_item.added", json!({"output_index": at, "item": item}));
        let part = json!({"item_id": id, "output_index": at, voice.part_index(): 0, "part": voice.part("")});
        self.events.push(voice.telling().part_added, part);
        self.speech = Some(Speech { voice, at, id, words: String::new() });
    }

    fn close_speech(&mut self, status: &Status) {
        let Some(Speech { voice, at, id, words }) = self.speech.take() else { return };
        let telling = voice.telling();
        let mut done = json!({"item_id": id, "output_index": at, voice.part_index(): 0, voice.words(): words});
        if voice == Voice::Text {
            done["logprobs"] = json!([]);
        }
        self.events.push(telling.done, done);
        let part = json!({"item_id": id, "output_index": at, voice.part_index(): 0, "part": voice.part(&words)});
        self.events.push(telling.part_done, part);
        self.close_item(at, voice.item(&id, status.as_str(), Some(&words)));
    }

    fn close_item(&mut self, at: usize, item: Value) {
        self.events.push("response.output_item.done", json!({"output_index": at, "item": item}));
        self.output[at] = Some(item);
    }

    fn place(&mut self) -> usize {
        self.bytes += ITEM_BYTES;
        self.output.push(None);
        self.output.len() - 1
    }

    /// A call is opened with its first argument: until then its name may still grow.
    fn tell_call(&mut self, index: usize) {
        if self.calls.list[index].arguments.is_empty() {
            return;
        }
        let called = self.open_call(index);
        let call = &mut self.calls.list[index];
        if called.tool.kind == Kind::Function && call.told < call.arguments.len() {
            let delta = &call.arguments[call.told..];
            let delta = CallDelta { item_id: &called.id, output_index: call.at.unwrap_or_default(), delta };
            self.events.push("response.function_call_arguments.delta", delta);
            call.told = call.arguments.len();
        }
    }

    /// The call as its caller knows it; opens it, if it isn't yet.
    fn open_call(&mut self, index: usize) -> Called {
        let opened = self.calls.list[index].at;
        let at = opened.unwrap_or_else(|| self.place());
        let call = &mut self.calls.list[index];
        call.at = Some(at);
        let unknown = || Tool { kind: Kind::Function, namespace: None, name: call.name.clone() };
        let tool = self.tools.get(&call.name).cloned().unwrap_or_else(unknown);
        let called = Called::new(tool, call.call_id(&self.head.seed, at), &self.head.seed, at);
        if opened.is_none() {
            let item = called.item("in_progress", "");
            self.events.push("response.output_item.added", json!({"output_index": at, "item": item}));
        }
        called
    }

    fn finish(&mut self, status: Status) {
        self.close_all(&status);
        self.ending = Some(status);
    }

    fn close_all(&mut self, status: &Status) {
        for index in 0..self.calls.list.len() {
            self.open_call(index);
        }
        let mut open: Vec<(usize, Option<usize>)> = self.speech.iter().map(|speech| (speech.at, None)).collect();
        let calls = self.calls.list.iter().enumerate().filter(|(_, call)| !call.is_closed);
        open.extend(calls.map(|(index, call)| (call.at.unwrap_or_default(), Some(index))));
        open.sort_unstable();
        for (_, call) in open {
            match call {
                None => self.close_speech(status),
                Some(index) => self.close_call(index, status),
            }
        }
    }

    fn close_call(&mut self, index: usize, status: &Status) {
        let called = self.open_call(index);
        let call = &mut self.calls.list[index];
        call.is_closed = true;
        let at = call.at.unwrap_or_default();
        let arguments = std::mem::take(&mut call.arguments);
        let is_cut_off = *status != Status::Completed && object(&arguments).is_none();
        if is_cut_off {
            return;
        }
        let mut done = json!({"item_id": called.id, "output_index": at});
        let told = match called.tool.kind {
            Kind::Function => {
                done["name"] = json!(called.tool.name);
                done["arguments"] = json!(arguments);
                self.events.push("response.function_call_arguments.done", done);
                arguments
            }
            Kind::Custom => {
                let input = input(&arguments);
                let delta = CallDelta { item_id: &called.id, output_index: at, delta: &input };
                self.events.push("response.custom_tool_call_input.delta", delta);
                done["input"] = json!(input);
                self.events.push("response.custom_tool_call_input.done", done);
                input
            }
            Kind::LocalShell | Kind::ToolSearch => arguments,
        };
        self.close_item(at, called.item("completed", &told));
    }

    fn end(&mut self, status: &Status) {
        self.begin();
        self.close_all(status);
        self.last(status);
    }

    fn last(&mut self, status: &Status) {
        let output = std::mem::take(&mut self.output).into_iter().flatten().collect();
        let response = self.head.response(status, output, self.usage.as_ref());
        self.events.push(status.event(), json!({"response": response}));
        self.response = Some(response);
        self.speech = None;
        self.calls = Calls::default();
    }
}

/// Providers have many words for a proper end.
fn ending(reason: &str) -> Status {
    match reason {
        "length" | "max_tokens" | "model_length" => Status::Incomplete("max_output_tokens"),
        "content_filter" => Status::Incomplete("content_filter"),
        _ => Status::Completed,
    }
}
