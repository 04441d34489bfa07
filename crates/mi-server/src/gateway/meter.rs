//! The meter: reads how many tokens a call used while its answer passes by.
//!
//! It sees the bytes in whatever pieces they come, keeps at most one event (or one
//! whole JSON answer) in memory and never holds anything back. The providers' own
//! numbers count; the last ones seen are the ones.

use mi_core::credits::Micro;
use mi_core::wire::runner::Wire;
use mi_core::wire::sessions::Used;
use serde::Deserialize;

/// The longest event or whole answer that is read; a longer one passes unread.
const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// No single call uses more; a larger number is a provider's mistake.
const TOKENS_PER_CALL_MAX: u64 = 1_000_000_000;

/// Tokens of one call. `input` holds everything that was read, the cached and the newly cached part included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: i64,
    pub cached: i64,
    pub written: i64,
    pub output: i64,
}

impl Usage {
    /// As it is added up, with what it cost.
    pub fn at(self, cost: Micro) -> Used {
        Used { input_tokens: self.input, cached_tokens: self.cached, output_tokens: self.output, cost }
    }
}

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events, one JSON document a line.
    Events,
    /// One JSON document.
    Whole,
}

impl Form {
    pub fn of(content_type: Option<&str>) -> Self {
        if content_type.is_some_and(|kind| kind.starts_with("text/event-stream")) { Form::Events } else { Form::Whole }
    }
}

/// What passed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// As the provider reported it, if it did.
    pub usage: Option<Usage>,
    /// Events that brought a piece of the answer: about a token each, or a few.
    pub pieces: i64,
    /// Of an answer that comes whole.
    pub bytes_outside_pieces: i64,
    /// It broke off, so the last numbers may be missing.
    pub is_cut: bool,
}

/// How an answer came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    Whole,
    Cut,
}

pub struct Meter {
    wire: Wire,
    form: Form,
    pending: Vec<u8>,
    is_too_long: bool,
    seen: Option<Usage>,
    pieces: i64,
    bytes: i64,
}

impl Meter {
    pub fn new(wire: Wire, form: Form) -> Self {
        Self { wire, form, pending: Vec::new(), is_too_long: false, seen: None, pieces: 0, bytes: 0 }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        match self.form {
            Form::Whole => {
                self.bytes += i64::try_from(bytes.len()).unwrap_or(i64::MAX / 2);
                self.keep(bytes);
            }
            Form::Events => {
                let mut pieces = bytes.split(|byte| *byte == b'\n');
                if let Some(first) = pieces.next() {
                    self.keep(first);
                }
                for piece in pieces {
                    self.end_of_line();
                    self.keep(piece);
                }
            }
        }
    }

    /// What was seen until here.
    pub fn finish(mut self, how: Finish) -> Seen {
        match self.form {
            Form::Events => self.end_of_line(),
            Form::Whole => self.end_of_answer(),
        }
        Seen { usage: self.seen, pieces: self.pieces, bytes_outside_pieces: self.bytes, is_cut: how == Finish::Cut }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.pending.len() + bytes.len() > EVENT_BYTES_MAX;
        if self.is_too_long {
            self.pending = Vec::new();
        } else {
            self.pending.extend_from_slice(bytes);
        }
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.pending);
        let is_too_long = std::mem::take(&mut self.is_too_long);
        if let Some(data) = line.strip_prefix(b"data:").filter(|_| !is_too_long) {
            self.pieces += i64::from(is_piece(data));
            self.read(data.trim_ascii());
        }
        // The buffer's memory serves the next line.
        self.pending = line;
        self.pending.clear();
    }

    fn end_of_answer(&mut self) {
        let body = std::mem::take(&mut self.pending);
        // Gemini without `alt=sse` streams one array of what would have been events.
        if self.wire == Wire::Gemini && body.trim_ascii_start().starts_with(b"[") {
            self.seen = gemini_array(&body);
            return;
        }
        self.read(&body);
    }

    fn read(&mut self, json: &[u8]) {
        // Most events are pieces of text; only those that speak of usage are worth parsing.
        if !mentions_usage(json) {
            return;
        }
        self.seen = match self.wire {
            Wire::Anthropic => anthropic(json, self.seen),
            Wire::OpenaiChat => openai_chat(json),
            Wire::OpenaiResponses => openai_responses(json),
            Wire::Gemini => gemini(json),
        }
        .or(self.seen);
    }
}

fn mentions_usage(json: &[u8]) -> bool {
    const WORD: &[u8] = b"\"usage";
    json.windows(WORD.len()).any(|window| window == WORD)
}

/// `"delta":` at two providers, `…_text.delta` at the third; the fourth tells its sums with each event.
fn is_piece(json: &[u8]) -> bool {
    const WORD: &[u8] = b"delta\"";
    json.windows(WORD.len()).any(|window| window == WORD)
}

/// A count as providers write it: absent, null or a number.
type Count = Option<u64>;

fn tokens(count: Count) -> i64 {
    i64::try_from(count.unwrap_or(0).min(TOKENS_PER_CALL_MAX)).unwrap_or(0)
}

#[derive(Deserialize)]
struct AnthropicEvent {
    usage: Option<AnthropicUsage>,
    message: Option<AnthropicMessage>,
}

#[derive(Deserialize)]
struct AnthropicMessage {
    usage: Option<AnthropicUsage>,
}

#[derive(Deserialize)]
struct AnthropicUsage {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    output_tokens: Count,
}

/// `message_start` tells the input, `message_delta` the output so far; a whole message tells both.
/// Source: Anthropic, "Streaming messages".
fn anthropic(json: &[u8], before: Option<Usage>) -> Option<Usage> {
    let event: AnthropicEvent = serde_json::from_slice(json).ok()?;
    let usage = event.usage.or_else(|| event.message.and_then(|message| message.usage))?;
    let before = before.unwrap_or_default();
    let cached = usage.cache_read_input_tokens.map_or(before.cached, |count| tokens(Some(count)));
    let written = usage.cache_creation_input_tokens.map_or(before.written, |count| tokens(Some(count)));
    let plain = before.input - before.cached - before.written;
    let plain = usage.input_tokens.map_or(plain, |count| tokens(Some(count)));
    let output = usage.output_tokens.map_or(before.output, |count| tokens(Some(count)));
    Some(Usage { input: plain + cached + written, cached, written, output })
}

#[derive(Deserialize)]
struct ChatChunk {
    usage: Option<ChatUsage>,
}

#[derive(Deserialize)]
struct ChatUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: Option<CachedTokens>,
}

#[derive(Deserialize)]
struct CachedTokens {
    cached_tokens: Count,
}

impl CachedTokens {
    /// Never more than there was.
    fn of(details: Option<CachedTokens>, input: i64) -> i64 {
        tokens(details.and_then(|details| details.cached_tokens)).min(input)
    }
}

/// The last chunk tells, if `stream_options.include_usage` was asked for. Source: OpenAI, "Chat completions".
fn openai_chat(json: &[u8]) -> Option<Usage> {
    let usage = serde_json::from_slice::<ChatChunk>(json).ok()?.usage?;
    let input = tokens(usage.prompt_tokens);
    let cached = CachedTokens::of(usage.prompt_tokens_details, input);
    Some(Usage { input, cached, written: 0, output: tokens(usage.completion_tokens) })
}

#[derive(Deserialize)]
struct ResponsesEvent {
    usage: Option<ResponsesUsage>,
    response: Option<ResponsesBody>,
}

#[derive(Deserialize)]
struct ResponsesBody {
    usage: Option<ResponsesUsage>,
}

#[derive(Deserialize)]
struct ResponsesUsage {
    input_tokens: Count,
    output_tokens: Count,
    input_tokens_details: Option<CachedTokens>,
}

/// `response.completed`, `.incomplete` and `.failed` hold the response with its usage. Source: OpenAI, "Responses".
fn openai_responses(json: &[u8]) -> Option<Usage> {
    let event: ResponsesEvent = serde_json::from_slice(json).ok()?;
    let usage = event.usage.or_else(|| event.response.and_then(|response| response.usage))?;
    let input = tokens(usage.input_tokens);
    let cached = CachedTokens::of(usage.input_tokens_details, input);
    Some(Usage { input, cached, written: 0, output: tokens(usage.output_tokens) })
}

#[derive(Deserialize)]
struct GeminiChunk {
    #[serde(rename = "usageMetadata")]
    usage: Option<GeminiUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiUsage {
    prompt_token_count: Count,
    tool_use_prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
}

/// Every chunk tells the sum so far; thoughts are charged as output. Source: Google, "UsageMetadata".
fn gemini(json: &[u8]) -> Option<Usage> {
    serde_json::from_slice::<GeminiChunk>(json).ok()?.usage.map(gemini_usage)
}

fn gemini_array(json: &[u8]) -> Option<Usage> {
    let chunks: Vec<GeminiChunk> = serde_json::from_slice(json).ok()?;
    chunks.into_iter().rev().find_map(|chunk| chunk.usage).map(gemini_usage)
}

fn gemini_usage(usage: GeminiUsage) -> Usage {
    let input = tokens(usage.prompt_token_count) + tokens(usage.tool_use_prompt_token_count);
    let output = tokens(usage.candidates_token_count) + tokens(usage.thoughts_token_count);
    Usage { input, cached: tokens(usage.cached_content_token_count).min(input), written: 0, output }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANTHROPIC: &str = "event: message_start\r\n\
        data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":10,\
        \"cache_creation_input_tokens\":5,\"cache_read_input_tokens\":100,\"output_tokens\":1}}}\r\n\r\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"the \\\"usage\\\" of\"}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":42}}\n\n";
    const CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\
        \"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\ndata: [DONE]\n\n";
    const RESPONSES: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n\
        event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[],\
        \"usage\":{\"input_tokens\":20,\"output_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":0}}}}\n\n";
    const GEMINI: &str = "data: {\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":1}}\n\n\
        data: {\"candidates\":[],\"usageMetadata\":{\"promptTokenCount\":6,\"candidatesTokenCount\":8,\
        \"thoughtsTokenCount\":30,\"cachedContentTokenCount\":2}}";

    fn usage(input: i64, cached: i64, written: i64, output: i64) -> Option<Usage> {
        Some(Usage { input, cached, written, output })
    }

    fn check(wire: Wire, form: Form, answer: &str, expected: Option<Usage>) {
        let bytes = answer.as_bytes();
        for cut in 0..=bytes.len() {
            let mut meter = Meter::new(wire, form);
            meter.feed(&bytes[..cut]);
            meter.feed(&bytes[cut..]);
            assert_eq!(meter.finish(Finish::Whole).usage, expected, "cut at {cut}");
        }
        let mut meter = Meter::new(wire, form);
        bytes.iter().for_each(|byte| meter.feed(std::slice::from_ref(byte)));
        assert_eq!(meter.finish(Finish::Whole).usage, expected, "byte by byte");
    }

    #[test]
    fn streams_are_read_however_they_are_cut() {
        check(Wire::Anthropic, Form::Events, ANTHROPIC, usage(115, 100, 5, 42));
        check(Wire::OpenaiChat, Form::Events, CHAT, usage(9, 4, 0, 3));
        check(Wire::OpenaiResponses, Form::Events, RESPONSES, usage(20, 0, 0, 7));
        check(Wire::Gemini, Form::Events, GEMINI, usage(6, 2, 0, 38));
    }

    #[test]
    fn whole_answers_are_read() {
        let anthropic = r#"{"type":"message","usage":{"input_tokens":3,"output_tokens":4}}"#;
        check(Wire::Anthropic, Form::Whole, anthropic, usage(3, 0, 0, 4));
        let chat = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
        check(Wire::OpenaiChat, Form::Whole, chat, usage(3, 0, 0, 4));
        let responses = r#"{"output":[],"usage":{"input_tokens":3,"output_tokens":4}}"#;
        check(Wire::OpenaiResponses, Form::Whole, responses, usage(3, 0, 0, 4));
        let gemini = r#"[{"usageMetadata":{"promptTokenCount":1}},
            {"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}]"#;
        check(Wire::Gemini, Form::Whole, gemini, usage(3, 0, 0, 4));
    }

    #[test]
    fn an_answer_that_breaks_off_counts_as_far_as_it_was_seen() {
        let cut = ANTHROPIC.find("event: message_delta").unwrap();
        let mut meter = Meter::new(Wire::Anthropic, Form::Events);
        meter.feed(&ANTHROPIC.as_bytes()[..cut]);
        let seen = meter.finish(Finish::Cut);
        assert_eq!(seen, Seen { usage: usage(115, 100, 5, 1), pieces: 1, bytes_outside_pieces: 0, is_cut: true });
    }

    #[test]
    fn nonsense_is_no_usage() {
        for answer in ["", "data: {\"usage\":", "data: {\"usage\":7}\n", "{\"usage\":{}}", "\n\n\n", "usage\n"] {
            check(Wire::OpenaiChat, Form::Events, answer, None);
        }
        check(Wire::OpenaiChat, Form::Whole, "{\"usage\":{\"prompt_tokens\":-3}}", None);
        check(Wire::OpenaiChat, Form::Whole, "<html>\"usage\"</html>", None);
        check(Wire::Gemini, Form::Whole, "[{\"usageMetadata\":{", None);
    }

    #[test]
    fn an_endless_line_is_passed_over_and_the_next_one_is_read() {
        let mut meter = Meter::new(Wire::OpenaiChat, Form::Events);
        let piece = vec![b'x'; EVENT_BYTES_MAX / 4];
        meter.feed(b"data: \"usage");
        for _ in 0..6 {
            meter.feed(&piece);
            assert!(meter.pending.len() <= EVENT_BYTES_MAX);
        }
        meter.feed(b"\n");
        meter.feed(CHAT.as_bytes());
        assert_eq!(meter.finish(Finish::Whole).usage, usage(9, 4, 0, 3));
    }

    #[test]
    fn counts_are_kept_within_reason() {
        let answer = r#"{"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":null}}"#;
        check(Wire::OpenaiChat, Form::Whole, answer, usage(1_000_000_000, 0, 0, 0));
    }
}
