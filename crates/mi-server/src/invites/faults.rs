//! What invites refuse, in words.

use mi_core::ids::BadId;
use mi_core::limits::{INVITE_SECONDS_MAX, INVITE_SECONDS_MIN};
use mi_core::problem::Code;
use mi_core::wire::invites::{ApplicationState, InviteKind};

use crate::infra::fault::{self, Fault};

/// One sentence for whatever is wrong with a code, so that nobody learns which codes there were.
pub fn invalid_code() -> Fault {
    Fault::new(Code::InvalidCode, "this code is wrong, has expired or was used")
        .hint("ask whoever invited you for a new one: mi invite makes it")
}

pub fn too_many_tries(wait_seconds: i64) -> Fault {
    let mut fault = Fault::new(Code::RateLimited, "too many wrong codes came from your address")
        .hint(format!("try again in {wait_seconds} s, with the code as it was given to you"));
    fault.retry_after_seconds = Some(wait_seconds);
    fault
}

pub fn wrong_invite_type(kind: InviteKind) -> Fault {
    let (sentence, hint) = match kind {
        InviteKind::Agent => ("this code invites an agent, not a person", "mi agent onboard CODE -n NAME uses it"),
        InviteKind::Human => ("this code invites a person, not an agent", "mi login --invite CODE --name NAME uses it"),
    };
    Fault::new(Code::WrongInviteType, sentence).hint(hint)
}

pub fn no_office() -> Fault {
    Fault::new(Code::NoOffice, "the office that this invite was for is gone")
        .hint("ask for an invite to another office: mi invite --colony COLONY makes it")
}

pub fn from_a_pod() -> Fault {
    Fault::new(Code::NotFromAPod, "an agent in a pod is in its office already and joins no other one")
        .hint("run this on a machine outside, or hire the agent in the other office")
}

pub fn too_many_invites(most: i64) -> Fault {
    Fault::new(Code::TooManyInvites, format!("this office has {most} invites that nobody has used yet"))
        .hint("mi invite list shows them, mi invite revoke takes one back")
}

pub fn too_many_applications(most: i64) -> Fault {
    Fault::new(Code::TooManyInvites, format!("{most} others wait for the owner's word already"))
        .hint("ask the owner to look: mi invite applications")
}

pub fn no_such_invite() -> Fault {
    Fault::new(Code::NoSuchInvite, "this office has no such invite")
        .hint("mi invite list shows them with their numbers")
}

pub fn no_such_application() -> Fault {
    Fault::new(Code::NoSuchApplication, "there is no such application")
        .hint("mi invite applications shows those of an office; an applicant asks with its poll token")
}

pub fn already_decided(id: i64, state: ApplicationState) -> Fault {
    Fault::new(Code::AlreadyDecided, format!("application {id} is {state} already"))
        .hint("mi invite applications shows what is open")
}

pub fn bad_validity() -> Fault {
    fault::bad_request(format!("expiresInSeconds lies between {INVITE_SECONDS_MIN} and {INVITE_SECONDS_MAX}"))
        .hint("mi invite --expires 24h")
}

pub fn bad_role() -> Fault {
    fault::bad_request("a person is invited as operator or viewer; an agent has no role of this sort")
        .hint("mi invite --human --role viewer")
}

pub fn statement_required() -> Fault {
    fault::bad_request("an application says in `statement` why the office should let you in")
        .hint("mi agent join CODE -n NAME --statement \"who sends me, and for what\"")
}

/// For programs that open the page of something that can't be a code.
pub fn no_code() -> Fault {
    Fault::new(Code::InvalidCode, "this is no invite code: a code has six letters and digits")
        .hint("open the address as it was given to you")
}

pub fn bad_person_name(bad: &BadId) -> Fault {
    Fault::new(Code::BadName, bad.to_string()).hint("say in `name` how you are called, such as vera or vera-2")
}
