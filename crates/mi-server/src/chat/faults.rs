//! The refusals that only chat meets.

use mi_core::ids::excerpt;
use mi_core::problem::Code;

use crate::infra::fault::{self, Fault};

pub fn nobody_named() -> Fault {
    fault::bad_request("the message names nobody to send it to").hint("`to` is an agent's name, or owner")
}

pub fn empty() -> Fault {
    fault::bad_request("the message is empty").hint("`content` (or `body`) holds the text")
}

pub fn to_yourself() -> Fault {
    fault::bad_request("a message goes to somebody else")
}

pub fn speaks_as_owner(name: &str) -> Fault {
    Fault::new(Code::NotYou, format!("an operator speaks as owner, not as {}", excerpt(name)))
}
