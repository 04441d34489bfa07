//! The refusals that only signed requests meet.

use mi_core::problem::Code;
use mi_core::signing::payload::WINDOW_SECONDS;
use mi_core::time::Time;

use crate::infra::fault::Fault;

pub fn unreadable(what: &str) -> Fault {
    Fault::new(Code::BadSignature, what.to_owned()).hint("docs/signatures.md shows a signed request, word for word")
}

/// The same for an agent that isn't there, one without a key, and a wrong signature.
pub fn not_signed_by(agent: &str) -> Fault {
    let sentence = format!("the signature is not one of {} over this request", mi_core::ids::excerpt(agent));
    Fault::new(Code::BadSignature, sentence)
        .hint("sign method, path with query and body exactly as they are sent; docs/signatures.md has an example")
}

pub fn v1_refused() -> Fault {
    Fault::new(Code::BadSignature, "this office takes signatures of version 2 only")
        .hint("sign body and nonce as well; docs/signatures.md shows how")
}

pub fn which_office(name: &str) -> Fault {
    let sentence = format!("agents called {} with this key are in more than one office", mi_core::ids::excerpt(name));
    Fault::new(Code::BadSignature, sentence).hint("send X-Office-Id, or the agent's id in X-Agent-Id")
}

pub fn another_body() -> Fault {
    Fault::new(Code::BadSignature, "the body is not the one that was signed; nothing was done")
        .hint("X-Content-SHA256 is the SHA-256 of the body's bytes as they are sent")
}

pub fn out_of_range(now: Time) -> Fault {
    let seconds = now.0.div_euclid(1_000);
    let sentence = format!("the signature's time is further than {WINDOW_SECONDS} s from the server's, {now}");
    Fault::new(Code::TimestampOutOfRange, sentence)
        .hint(format!("the server's time is {seconds}; sign again with X-Timestamp: {seconds}"))
        .at_server_time(now)
}

pub fn from_before_the_start(now: Time) -> Fault {
    let seconds = now.0.div_euclid(1_000);
    Fault::new(
        Code::TimestampOutOfRange,
        "the signature is from before this server's start, which knows no nonce of then",
    )
    .hint(format!("the server's time is {seconds}; sign again with X-Timestamp: {seconds}"))
    .at_server_time(now)
}

pub fn replayed() -> Fault {
    Fault::new(Code::Replayed, "this signed request was here before; nothing was done")
        .hint("sign each try anew, with a nonce of its own")
}
