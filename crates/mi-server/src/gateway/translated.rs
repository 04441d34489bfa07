//! Calls whose caller speaks Responses and whose provider only Chat Completions: turned on their way out, and their
//! answers on the way back.
//!
//! The bill is the provider's: the meter reads what the provider wrote.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{StreamExt, unfold};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use mi_core::time::Time;
use mi_core::wire::runner::Wire;
use serde_json::Value;

use super::bill::{Bill, Pieces};
use super::meter::{Finish, Form};
use super::paths::Target;
use super::providers::Provider;
use super::service::AnswerBody;
use super::translate::answering::Answering;
use super::translate::errors;
use super::translate::request::{Asked, Delivery, Refused, Translated, translate};
use crate::infra::fault::{self, Fault};

/// Tools of the caller that no provider of chats can run, named in the answer.
const LEFT_OUT: HeaderName = HeaderName::from_static("x-mi-left-out-tools");
const LEFT_OUT_SHOWN_MAX: usize = 8;
const CHAT_PATH: &str = "v1/chat/completions";
/// What a provider of chats needs of the caller's headers; the others speak of its conversation.
const HEADERS: [HeaderName; 3] = [ACCEPT, CONTENT_TYPE, USER_AGENT];

/// Whether a provider is known to speak nothing but Chat Completions.
#[derive(Debug, Default)]
pub struct ChatOnly(AtomicBool);

impl ChatOnly {
    /// As whoever runs the server says.
    pub const fn told(is_chat_only: bool) -> Self {
        Self(AtomicBool::new(is_chat_only))
    }

    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// It refused Responses and answered a chat.
    pub fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a call has to be turned.
pub fn needs_translation(provider: &Provider, target: &Target) -> bool {
    is_responses(target) && provider.chat_only.is_known()
}

/// Whether this refusal says that there is no such address: servers of an office's own mostly speak only chats, and a
/// refused call has cost nothing.
pub fn knows_no_responses(provider: &Provider, target: &Target, status: StatusCode) -> bool {
    let is_missing =
        matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED);
    is_missing && is_responses(target) && !provider.is_at_home() && !provider.chat_only.is_known()
}

/// Whether a refusal names the model that was asked for: then it is the model that is missing, not the address.
pub fn names_the_model(refusal: &AnswerBody, request: &[u8]) -> bool {
    let model =
        serde_json::from_slice::<Value>(request).ok().and_then(|whole| whole["model"].as_str().map(str::to_owned));
    match (refusal, model.filter(|model| !model.is_empty())) {
        (AnswerBody::Whole(text), Some(model)) => quotes(&String::from_utf8_lossy(text), &model),
        (AnswerBody::Whole(_) | AnswerBody::Pieces(_), _) => false,
    }
}

/// Within marks, as servers write names: a model called `m` or `404` stands in nearly every refusal.
fn quotes(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].ends_with(['"', '\'', '`']);
        before && text[at + name.len()..].starts_with(['"', '\'', '`', '\\'])
    })
}

fn is_responses(target: &Target) -> bool {
    matches!(target, Target::Generate { wire: Wire::OpenaiResponses, .. })
}

/// A call on its way out.
pub struct Turn {
    pub target: Target,
    pub path: String,
    pub body: Bytes,
    /// What is needed to turn its answer back, if it was turned.
    pub asked: Option<Asked>,
}

impl Turn {
    pub fn as_it_came(target: &Target, path: &str, body: &Bytes) -> Self {
        Self { target: target.clone(), path: path.to_owned(), body: body.clone(), asked: None }
    }

    pub fn to_chat(body: &[u8]) -> Result<Self, Fault> {
        let Translated { body, asked } = translate(body).map_err(refused)?;
        let target = Target::Generate { wire: Wire::OpenaiChat, model: None };
        Ok(Self { target, path: CHAT_PATH.to_owned(), body: body.into(), asked: Some(asked) })
    }
}

fn refused(refused: Refused) -> Fault {
    let fault = fault::bad_request(refused.to_string());
    match refused {
        Refused::Kept(_) | Refused::Beyond(_) => {
            fault.hint("choose a provider that speaks Responses, or leave this out of the call")
        }
        Refused::NotJson(_)
        | Refused::Shape(_)
        | Refused::NoOutput(_)
        | Refused::NoCall(_)
        | Refused::SameName(_)
        | Refused::TooManyTools(_) => fault,
    }
}

/// The way of an answer back to a caller that speaks otherwise.
pub struct WayBack {
    asked: Asked,
    seed: String,
    now: Time,
}

impl WayBack {
    /// `call`: the number of the call, from which its ids are made.
    pub fn new(asked: Asked, call: i64, now: Time) -> Self {
        Self { asked, seed: format!("{call:016x}"), now }
    }

    /// Of the caller's headers: the others speak of its conversation.
    pub fn request_headers(mut headers: HeaderMap) -> HeaderMap {
        let mut kept = HeaderMap::new();
        for name in HEADERS {
            if let Some(value) = headers.remove(&name) {
                kept.insert(name, value);
            }
        }
        kept
    }

    /// A provider's refusal in the words of OpenAI's clients.
    pub fn refusal(status: StatusCode, headers: &mut HeaderMap, body: &[u8]) -> Bytes {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        errors::refusal(status.as_u16(), body).into()
    }

    /// An answer with its headers; `form` is how it comes from the provider.
    pub fn answer(self, headers: &mut HeaderMap, form: Form, response: reqwest::Response, bill: Bill) -> Pieces {
        let kind = match self.asked.delivery {
            Delivery::Events => "text/event-stream",
            Delivery::Whole => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(value) = left_out(&self.asked.tools.left_out) {
            headers.insert(LEFT_OUT, value);
        }
        let comes = match form {
            Form::Events => Delivery::Events,
            Form::Whole => Delivery::Whole,
        };
        turned(response, bill, Answering::new(self.asked, comes, self.seed, self.now.0 / 1_000))
    }
}

fn left_out(kinds: &[String]) -> Option<HeaderValue> {
    let shown: Vec<String> = kinds.iter().take(LEFT_OUT_SHOWN_MAX).map(|kind| mi_core::ids::excerpt(kind)).collect();
    // What can't stand in a header was no kind of tool that anybody knows.
    if shown.is_empty() { None } else { HeaderValue::from_str(&shown.join(", ")).ok() }
}

/// The provider's answer, metered and turned; the bill is settled before the last of it is told.
fn turned(response: reqwest::Response, bill: Bill, answering: Answering) -> Pieces {
    let state = Some((Box::pin(response.bytes_stream()), bill, answering));
    Box::pin(unfold(state, |state| async move {
        let (mut pieces, mut bill, mut answering) = state?;
        loop {
            let (last, how) = match pieces.next().await {
                Some(Ok(bytes)) => {
                    bill.passed(&bytes);
                    let told = answering.feed(&bytes);
                    if answering.is_over() {
                        // Mostly the end is here already, and read to its end the connection serves the next call.
                        pieces.next().now_or_never();
                        let how = if answering.has_failed() { Finish::Cut } else { Finish::Whole };
                        ([told, answering.end()].concat(), how)
                    } else if told.is_empty() {
                        continue;
                    } else {
                        return Some((Ok(told.into()), Some((pieces, bill, answering))));
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(error = %error.without_url(), "a provider's answer broke off");
                    (answering.cut(), Finish::Cut)
                }
                None => (answering.end(), Finish::Whole),
            };
            bill.close(how).await;
            return Some((Ok(last.into()), None));
        }
    }))
}
