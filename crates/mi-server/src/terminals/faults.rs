//! The refusals that only terminals meet.

use mi_core::ids::AgentName;
use mi_core::limits::TERMINAL_WAIT_SECONDS;
use mi_core::problem::Code;
use mi_core::wire::agents::AgentPhase;

use crate::infra::fault::Fault;

pub fn pod_not_running(name: &AgentName, phase: AgentPhase) -> Fault {
    let hint = match phase {
        AgentPhase::Archived => format!("mi agents restore {name} brings it back"),
        AgentPhase::Pending => format!("it starts by itself; mi agents get {name} says what it waits for"),
        _ => format!("mi start {name} starts it, mi error {name} says why it doesn't run"),
    };
    Fault::new(Code::PodNotRunning, format!("{name}'s pod doesn't run ({phase})")).hint(hint)
}

/// Whatever waited for its runner would wait in vain.
pub fn suspended(name: &AgentName, why: &str) -> Fault {
    Fault::new(Code::PodNotRunning, format!("{name}'s pod doesn't run: {why}"))
        .hint(format!("the workspace is kept; mi agents get {name} says when it goes on"))
}

pub fn pod_ended(name: &AgentName) -> Fault {
    Fault::new(Code::PodNotRunning, format!("{name}'s pod, or its runner, ended while the command ran"))
        .hint(format!("mi error {name} says why; mi agents activity {name} --category terminal shows what was run"))
}

pub fn lives_elsewhere(name: &AgentName) -> Fault {
    Fault::new(Code::WrongAgentKind, format!("{name} lives elsewhere, on a machine that this server doesn't enter"))
        .hint("its owner has a shell there")
}

pub fn busy(name: &AgentName) -> Fault {
    Fault::new(Code::TerminalBusy, format!("somebody has a terminal in {name}'s pod"))
        .hint(format!("there is one at a time; mi agents activity {name} --category terminal says whose it is"))
}

pub fn pod_silent(name: &AgentName) -> Fault {
    Fault::new(Code::PodSilent, format!("the runner in {name}'s pod didn't come within {TERMINAL_WAIT_SECONDS} s"))
        .hint(format!("mi logs {name} shows what it does; mi restart {name} starts it anew"))
}

pub fn no_such_terminal() -> Fault {
    Fault::new(Code::NoSuchTerminal, "nobody waits for this terminal any more")
}

/// The runner says why.
pub fn not_started(sentence: &str) -> Fault {
    Fault::new(Code::BadRequest, format!("the command can't be started: {}", mi_core::ids::excerpt(sentence)))
        .hint("a program is looked for on the pod's PATH; one word with blanks in it is a line for sh -c")
}
