//! The refusals that only chat meets.

use mi_core::ids::excerpt;
use mi_core::limits::GROUP_NAME_CHARS_MAX;
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

pub fn no_such_group(named: &str) -> Fault {
    Fault::new(Code::NoSuchGroup, format!("there is no group {} in this office", excerpt(named)))
        .hint("a group is named by its id; `office` is the one in which everybody is")
}

pub fn not_your_group(name: &str) -> Fault {
    Fault::new(Code::NotYours, format!("the group {} was opened by somebody else", excerpt(name)))
        .hint("ask whoever opened it, or an operator of the office")
}

pub fn not_your_conversation(id: &str) -> Fault {
    Fault::new(Code::NotYou, format!("you have no part in the conversation {id}"))
}

pub fn bad_group_name() -> Fault {
    Fault::new(
        Code::BadName,
        format!("a group's name has 1 to {GROUP_NAME_CHARS_MAX} characters and no control characters"),
    )
}

pub fn too_many_groups() -> Fault {
    fault::busy("the number of groups in this office")
}

pub fn always_a_member(name: &str, group: &str) -> Fault {
    fault::bad_request(format!("{} can't leave the group {}", excerpt(name), excerpt(group)))
        .hint("everybody of an office is in its group, and the owner in every group")
}

pub fn not_a_member(name: &str, group: &str) -> Fault {
    Fault::new(Code::NoSuchAgent, format!("{} is not in the group {}", excerpt(name), excerpt(group)))
}

pub fn speaks_as(you: &str, name: &str) -> Fault {
    Fault::new(Code::NotYou, format!("you speak as {you}, not as {}", excerpt(name)))
}
