//! Translation: a caller speaks OpenAI Responses, its provider only Chat Completions.
//!
//! Values in, values out: nothing here knows a connection, a clock or a key. Whatever the
//! pieces in which an answer comes, the same events leave, in the order of OpenAI's own: each
//! item is opened, told in deltas and closed, and the last event says how the answer ended.
//! A call of a tool that was cut off is never handed over. At most one event of the provider
//! and one answer are kept in memory, both bounded.
//!
//! Acts: `request::translate`, `answering::Answering`, `errors::refusal`.
//! Elsewhere: what a call used is read in `meter`, from what the provider wrote.

pub mod answering;
mod calls;
mod chunk;
mod conversation;
pub mod errors;
mod events;
mod items;
pub mod request;
mod response;
mod sse;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
