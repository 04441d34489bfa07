//! Refusals about checks, in words.

use mi_core::checks::rules::Refusal;
use mi_core::egress::Target;
use mi_core::ids::TaskId;
use mi_core::problem::Code;

use crate::infra::fault::{self, Fault};
use crate::infra::outbound::BadAddress;
use crate::tasks::store::TaskRow;

/// The sentence says which check and what is wrong.
pub fn bad_check(sentence: String) -> Fault {
    fault::bad_request(sentence).hint("mi tasks create --help shows how checks are written")
}

/// An address that leads nowhere, or to where no check may look.
pub fn bad_address(number: usize, bad: &BadAddress) -> Fault {
    let fault = bad_check(format!("check {number}: {bad}"));
    match bad.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

pub fn no_egress(number: usize, target: &Target, method: &str) -> Fault {
    fault::bad_request(format!("check {number}: the office's egress doesn't allow {method} to {target}"))
        .hint(format!("an operator adds \"{target}\" to egress in the office's settings"))
}

pub fn not_theirs(id: TaskId, refusal: Refusal) -> Fault {
    Fault::new(Code::NotYours, format!("the checks of task {id} can't be changed: {refusal}"))
        .hint("comment on the task, or ask an operator")
}

pub fn finished(task: &TaskRow) -> Fault {
    Fault::new(Code::IllegalTransition, format!("task {} is finished, nothing checks it any more", task.id))
        .hint("create a new task for further work")
}

pub fn pending(id: TaskId) -> Fault {
    Fault::new(Code::ChecksPending, format!("the checks of task {id} have not passed yet"))
        .hint(format!("mi tasks get {id} shows them; when they have passed, it can be accepted"))
}
