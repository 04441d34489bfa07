//! Refusals of the proxy, in words that a harness passes on to its model.

use mi_core::egress::Target;
use mi_core::ids::OfficeId;
use mi_core::problem::Code;

use super::ask::{BadAsk, Wanted};
use super::service::Why;
use crate::infra::fault::{self, Fault};

pub fn unreadable(bad: BadAsk) -> Fault {
    let fault = fault::bad_request(bad.to_string());
    match bad {
        BadAsk::NotForProxies => fault.hint("the server's own API is at MI_ENDPOINT"),
        BadAsk::Https => fault.hint("set https_proxy as it is in this session, and the program does so"),
        BadAsk::Target(_) => fault.hint("write the host's name in plain letters, without a name or password"),
    }
}

pub fn no_way(office: OfficeId, wanted: &Wanted, why: Why) -> Fault {
    let target = &wanted.target;
    match why {
        Why::NotAllowed | Why::Revoked => not_allowed(office, wanted),
        Why::Private => denied(format!("{target} belongs to the server's own machine or network"))
            .hint(format!("whoever runs the server permits it with mi up --egress-private {target}")),
        Why::Stale(claim) => fault::stale_claim(claim),
        Why::Full => fault::busy("the number of the office's connections"),
        Why::Unreadable => denied("the request names no place".to_owned()),
        Why::UnknownHost => unreached(target, "its name isn't known"),
        Why::NobodyThere => unreached(target, "nothing listens there"),
        Why::Unreachable | Why::PodEnded => unreached(target, "no connection could be made"),
        Why::TimedOut | Why::Silent => unreached(target, "there was no answer in time"),
        Why::Broken => unreached(target, "the connection broke before there was an answer"),
    }
}

fn not_allowed(office: OfficeId, wanted: &Wanted) -> Fault {
    let Wanted { target, method, .. } = wanted;
    denied(format!("the office's egress doesn't allow {method} to {target}"))
        .hint(format!("an operator allows it with mi colonies update {office} --allow {target}"))
}

fn denied(sentence: String) -> Fault {
    Fault::new(Code::EgressDenied, sentence)
}

fn unreached(target: &Target, why: &str) -> Fault {
    Fault::new(Code::UpstreamFailed, format!("{target} can't be reached: {why}"))
}
