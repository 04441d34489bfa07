//! What went wrong with a model, as a cause that has a name.
//!
//! Programs tell it in their own ways: a status, the body of an answer, a sentence. The gateway's own codes count first,
//! then the status, then what the sentence says of the connection.

use std::borrow::Cow;

use mi_core::ids::excerpt;
use mi_core::problem::Code;
use mi_core::wire::runner::EndCause;
use serde_json::Value;

/// A model call that came to nothing, in the words of whoever made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub status: Option<u16>,
    pub sentence: String,
}

/// Words of programs for an answer that broke off.
const CUT: [&str; 11] = [
    "api was lost",
    "api error: terminated",
    "in json at position",
    "stream ended",
    "ended without",
    "stream disconnected",
    "stream closed",
    "broke off",
    "premature close",
    "unexpected end",
    "unterminated string",
];
/// Words of programs for a connection that never was, or went.
const UNREACHABLE: [&str; 12] = [
    "can't be reached",
    "unable to connect",
    "connectionrefused",
    "connection refused",
    "econnrefused",
    "econnreset",
    "connection error",
    "fetch failed",
    "error sending request",
    "socket hang up",
    "etimedout",
    "timed out",
];
/// Providers say it in place of a status when their quota is used up.
const QUOTA: [&str; 4] = ["resource_exhausted", "rate limit", "rate_limit", "quota exceeded"];

impl Trouble {
    pub(crate) fn new(status: Option<u16>, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    pub(crate) fn cause(&self) -> EndCause {
        if let Some(cause) = self.by_code() {
            return cause;
        }
        match self.status {
            // Google's word for a key that it doesn't know.
            Some(400) if self.sentence.contains("API_KEY_INVALID") => EndCause::Unauthorized,
            Some(401 | 403) => EndCause::Unauthorized,
            Some(402) => EndCause::OutOfCredits,
            Some(429) => EndCause::RateLimited,
            Some(408 | 500..) => EndCause::ProviderFailed,
            Some(_) => EndCause::Failed,
            None => self.by_words(),
        }
    }

    pub(crate) fn summary(&self, who: &str) -> String {
        let status = self.status.map(|status| format!("status {status}: ")).unwrap_or_default();
        format!("{who}: {status}{}", excerpt(self.words().trim()))
    }

    /// Of an answer that is repeated whole, what it says to people.
    fn words(&self) -> Cow<'_, str> {
        let inside = self.sentence.find('{').zip(self.sentence.rfind('}')).filter(|(from, to)| from < to);
        let body: Option<Value> = inside.and_then(|(from, to)| serde_json::from_str(&self.sentence[from..=to]).ok());
        let said = |body: Value| {
            let texts = ["/error/message", "/error", "/message"].iter().map(|path| body.pointer(path));
            texts.flatten().find_map(|text| text.as_str().map(str::to_owned))
        };
        body.and_then(said).map_or(Cow::Borrowed(self.sentence.as_str()), Cow::Owned)
    }

    /// Our gateway's refusals, which programs repeat whole or in part.
    fn by_code(&self) -> Option<EndCause> {
        let says = |code: Code| self.sentence.contains(code.as_str());
        if says(Code::StaleClaim) {
            return Some(EndCause::Stale);
        }
        // A 403 that says nothing of the key.
        if says(Code::EgressDenied) {
            return Some(EndCause::Failed);
        }
        if says(Code::NoModelKey) {
            return Some(EndCause::NoModelKey);
        }
        if says(Code::OutOfCredits) {
            return Some(EndCause::OutOfCredits);
        }
        says(Code::UpstreamFailed).then_some(EndCause::ProviderFailed)
    }

    fn by_words(&self) -> EndCause {
        let sentence = self.sentence.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| sentence.contains(word));
        if says(&CUT) {
            return EndCause::StreamCut;
        }
        if says(&QUOTA) {
            return EndCause::RateLimited;
        }
        if says(&UNREACHABLE) { EndCause::ProviderFailed } else { EndCause::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_repeated_is_shown_in_its_words() {
        for (sentence, summary) in [
            (r#"API Error: 402 {"error":"nothing left","code":"out_of_credits"}"#, "x: status 402: nothing left"),
            (r#"[API Error: {"error":{"message":"bad key","code":401}}]"#, "x: status 402: bad key"),
            ("plain {words}", "x: status 402: plain {words}"),
        ] {
            assert_eq!(Trouble::new(Some(402), sentence).summary("x"), summary);
        }
    }

    #[test]
    fn each_trouble_has_its_name() {
        for (status, sentence, cause) in [
            (Some(401), "Failed to authenticate. API Error: 401 msg", EndCause::Unauthorized),
            (Some(402), "API Error: 402 nothing left", EndCause::OutOfCredits),
            (Some(429), "Request rejected (429)", EndCause::RateLimited),
            (Some(500), "API Error: 500", EndCause::ProviderFailed),
            (Some(529), "overloaded", EndCause::ProviderFailed),
            (Some(400), "no such model", EndCause::Failed),
            (Some(400), r#"{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}"#, EndCause::Unauthorized),
            (Some(403), r#"{"error":"x","code":"egress_denied"}"#, EndCause::Failed),
            (Some(503), r#"{"error":"x","code":"no_model_key"}"#, EndCause::NoModelKey),
            (None, r#"[API Error: {"error":"x","code":"out_of_credits"}]"#, EndCause::OutOfCredits),
            (Some(409), r#"{"error":"x","code":"stale_claim"}"#, EndCause::Stale),
            (None, "API Error: Stream ended without receiving any events", EndCause::StreamCut),
            (None, "API Error: Connection to the API was lost (ECONNRESET).", EndCause::StreamCut),
            (None, "[API Error: terminated]", EndCause::StreamCut),
            (None, "[API Error: Unterminated string in JSON at position 13]", EndCause::StreamCut),
            (None, "Model stream ended without a finish reason.", EndCause::StreamCut),
            (None, "API Error: Unable to connect to API (ConnectionRefused)", EndCause::ProviderFailed),
            (None, "stream disconnected before completion: error sending request", EndCause::StreamCut),
            (None, "something new", EndCause::Failed),
        ] {
            assert_eq!(Trouble::new(status, sentence).cause(), cause, "{sentence}");
        }
    }
}
