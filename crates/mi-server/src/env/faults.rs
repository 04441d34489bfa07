//! What can go wrong with variables, in words.

use mi_core::ids::excerpt;
use mi_core::problem::Code;

use crate::infra::fault::{self, Fault};

pub fn bad_key(key: &str) -> Fault {
    fault::bad_request(format!("{:?} is no name of a variable", excerpt(key)))
        .hint("letters, digits and underscores, not starting with a digit, at most 128 of them")
}

pub fn reserved_key(key: &str) -> Fault {
    Fault::new(Code::ReservedKey, format!("{key} belongs to the platform")).hint("PATH, LD_* and MI_* are reserved")
}

pub fn no_such_key(key: &str) -> Fault {
    Fault::new(Code::NoSuchKey, format!("there is no variable {}", excerpt(key))).hint("mi env list shows them")
}

pub fn value_with_nul(key: &str) -> Fault {
    fault::bad_request(format!("the value of {key} holds a NUL, which no environment can carry"))
}

pub fn no_value(key: &str) -> Fault {
    fault::bad_request(format!("the value of {} is a text", excerpt(key)))
}

pub fn too_many(vars_max: i64) -> Fault {
    Fault::new(Code::TooLong, format!("an environment holds at most {vars_max} variables"))
        .hint("mi env delete removes one")
}

pub fn too_big(bytes_max: i64) -> Fault {
    Fault::new(Code::TooLong, format!("an environment holds at most {bytes_max} bytes in all"))
        .hint("put large things on the drive")
}
