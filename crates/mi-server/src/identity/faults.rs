//! The refusals of keys and people, in words.

use mi_core::identity::UserName;
use mi_core::ids::excerpt;
use mi_core::problem::Code;

use crate::infra::fault::Fault;

pub fn scoped_key() -> Fault {
    Fault::new(Code::ScopedKey, "this key opens some offices only, and can't do this")
        .hint("use a key without a list of offices: mi login gets one")
}

pub fn no_such_api_key(id: &str) -> Fault {
    Fault::new(Code::NoSuchApiKey, format!("you have no key {}", excerpt(id))).hint("mi keys list shows yours")
}

pub fn too_many_api_keys(most: i64) -> Fault {
    Fault::new(Code::TooManyApiKeys, format!("you have {most} keys, and that is the most"))
        .hint("mi keys list shows them, mi keys revoke ends one")
}

pub fn bad_key_name(chars_max: usize) -> Fault {
    let sentence = format!("a key's name has 1 to {chars_max} characters and no control characters");
    Fault::new(Code::BadName, sentence).hint("say what it is for, such as laptop or ci")
}

pub fn two_ends() -> Fault {
    Fault::new(Code::BadRequest, "expiresAt and expiresInDays came together").hint("one of them is enough")
}

pub fn bad_end(days_max: i64) -> Fault {
    Fault::new(Code::BadRequest, format!("a key ends after now and within {days_max} days"))
        .hint("leave it out for a key that doesn't end by itself")
}

pub fn outlives() -> Fault {
    Fault::new(Code::BadRequest, "a key that ends can't make one that ends later")
        .hint("ask for an earlier end, or use a key that doesn't end: mi login gets one")
}

pub fn no_office_chosen() -> Fault {
    Fault::new(Code::BadRequest, "a key for no office opens nothing")
        .hint("name at least one office, or leave `offices` out for all of yours")
}

pub fn too_many_offices(most: usize) -> Fault {
    Fault::new(Code::TooLong, format!("a key names at most {most} offices"))
        .hint("leave `offices` out for all of yours")
}

pub fn not_your_office(named: &str) -> Fault {
    Fault::new(Code::NoSuchOffice, format!("you have no office {}", excerpt(named)))
        .hint("mi colonies list shows yours; name it by its id where two have the same name")
}

pub fn bad_user_name(name: &str) -> Fault {
    Fault::new(Code::BadName, format!("{:?} is no name for a person", excerpt(name)))
        .hint("lower-case letters, digits and dashes, at most 63, such as vera or vera-2")
}

pub fn reserved_user_name(name: &UserName) -> Fault {
    Fault::new(Code::ReservedName, format!("{name} stands for somebody else")).hint("choose another name")
}

pub fn user_exists(name: &UserName) -> Fault {
    Fault::new(Code::UserExists, format!("somebody on this server is called {name}")).hint("choose another name")
}

pub fn member_exists() -> Fault {
    Fault::new(Code::MemberExists, "this person already works in the office")
        .hint("mi members list shows who does; mi members set changes a role")
}

pub fn too_many_members(most: i64) -> Fault {
    Fault::new(Code::TooManyMembers, format!("{most} colleagues work in this office, and that is the most"))
        .hint("mi members remove makes room")
}

pub fn no_such_member(named: &str) -> Fault {
    Fault::new(Code::NoSuchMember, format!("{} doesn't work in this office", excerpt(named)))
        .hint("mi members list shows who does")
}

pub fn last_owner() -> Fault {
    Fault::new(Code::LastOwner, "an office always has its owner: that role can't be taken away or changed")
        .hint("mi colonies delete removes the office itself")
}

pub fn one_owner() -> Fault {
    Fault::new(Code::BadRequest, "an office has one owner; colleagues are operator or viewer")
}
