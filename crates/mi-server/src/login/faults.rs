//! The refusals of login, in words.

use mi_core::ids::excerpt;
use mi_core::problem::Code;

use super::passwords::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use crate::infra::fault::{self, Fault};

fn limited(sentence: &str, seconds: i64) -> Fault {
    let mut fault = Fault::new(Code::RateLimited, sentence).hint(format!("try again in {seconds} s"));
    fault.retry_after_seconds = Some(seconds);
    fault
}

pub fn too_many_logins(seconds: i64) -> Fault {
    limited("too many logins were begun", seconds)
}

pub fn too_many_passwords(seconds: i64) -> Fault {
    let mut fault = limited("too many wrong passwords", seconds);
    fault.hint = Some(format!("try again in {seconds} s, or sign in by a link: mi link makes one"));
    fault
}

pub fn too_many_codes(seconds: i64) -> Fault {
    limited("too many wrong codes", seconds)
}

pub fn no_such_login() -> Fault {
    Fault::new(Code::NoSuchLogin, "this login is unknown, expired or used").hint("begin again: mi login")
}

pub fn refused() -> Fault {
    Fault::new(Code::LoginRefused, "the login was refused in the browser").hint("begin again: mi login")
}

pub fn wrong_password() -> Fault {
    Fault::new(Code::Unauthenticated, "the name or the password is wrong")
        .hint("without a password, sign in by a link: mi link makes one")
}

pub fn bad_link() -> Fault {
    Fault::new(Code::NoSuchLogin, "this link is unknown, expired or used").hint("mi link makes a new one")
}

pub fn not_signed_in() -> Fault {
    Fault::new(Code::Unauthenticated, "this browser is not signed in any more").hint("sign in and try again")
}

pub fn bad_password() -> Fault {
    fault::bad_request(format!("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"))
        .hint("several words in a row are good, and easy to keep in mind")
}

pub fn different_passwords() -> Fault {
    fault::bad_request("the two passwords are not the same").hint("type it twice")
}

pub fn bad_answer(given: &str) -> Fault {
    fault::bad_request(format!("{} is neither approve nor refuse", excerpt(given)))
}

pub fn foreign_page() -> Fault {
    Fault::new(Code::ForeignOrigin, "a page of another site sent this")
        .hint("open the page of this server and try again")
}
