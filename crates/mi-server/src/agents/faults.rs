//! The refusals that only agents meet.

use mi_core::ids::{AgentName, BadId, RESERVED_NAMES, excerpt};
use mi_core::problem::Code;
use mi_core::wire::agents::HarnessKind;

use crate::infra::fault::{self, Fault};

pub fn bad_name(bad: BadId) -> Fault {
    Fault::new(Code::BadName, bad.to_string()).hint("choose another name, such as analyst or reviewer-2")
}

pub fn reserved_name(name: &AgentName) -> Fault {
    Fault::new(Code::ReservedName, format!("the name {name} stands for somebody else in conversations"))
        .hint(format!("choose another name than {}", RESERVED_NAMES.join(", ")))
}

pub fn agent_exists(name: &AgentName) -> Fault {
    Fault::new(Code::AgentExists, format!("an agent {name} already exists in this office"))
        .hint(format!("choose a different name, or mi agents fire {name} first"))
}

pub fn archived(name: &AgentName) -> Fault {
    Fault::new(Code::AgentArchived, format!("{name} is archived"))
        .hint(format!("mi agents restore {name} brings it back"))
}

pub fn out_of_credits() -> Fault {
    Fault::new(Code::OutOfCredits, "this office has no credits left").hint("mi credits add --amount 100 tops it up")
}

pub fn agent_hiring_disabled() -> Fault {
    Fault::new(Code::AgentHiringDisabled, "agents of this office may not hire")
        .hint("an operator sets allowAgentHiring in the office's settings")
}

pub fn hire_limit_reached(agents_max: i64) -> Fault {
    Fault::new(Code::HireLimitReached, format!("this office may have {agents_max} agents, and has"))
        .hint("fire one, or raise maxAgents in the office's settings")
}

pub fn unknown_harness(name: &str) -> Fault {
    let known: Vec<&str> = HarnessKind::ALL.iter().map(|kind| kind.as_str()).collect();
    Fault::new(Code::UnknownHarness, format!("this server knows no harness {:?}", excerpt(name)))
        .hint(format!("it knows {}", known.join(", ")))
}

pub fn provider_does_not_fit(harness: HarnessKind, provider: &str) -> Fault {
    let sentence = format!("{harness} can't work with models of {provider}: it speaks another protocol");
    fault::bad_request(sentence).hint(
        "choose a model or a provider that fits, or give the agent the harness native, which works with all of them",
    )
}

pub fn command_required() -> Fault {
    Fault::new(Code::CommandRequired, "the harness `command` needs a command to run")
        .hint("give one, for example --command './work.sh'")
}

pub fn not_yours_to_give(integration: &str) -> Fault {
    let sentence = format!("you may not use {} yourself, so you can't hire an agent with it", excerpt(integration));
    Fault::new(Code::OperatorOnly, sentence).hint("ask the owner for it: POST integration-requests, or tq request")
}

pub fn not_yours(name: &AgentName) -> Fault {
    Fault::new(Code::NotYours, format!("{name} was not hired by you")).hint("ask an operator of the office")
}

pub fn lives_here(name: &AgentName) -> Fault {
    Fault::new(Code::WrongAgentKind, format!("{name} lives in this office, which says what it is"))
        .hint("an operator changes it: mi agents update NAME")
}

pub fn stays_here(name: &AgentName) -> Fault {
    Fault::new(Code::WrongAgentKind, format!("{name} lives in this office and can't leave it"))
        .hint("an operator lets it go: mi agents fire NAME")
}

pub fn lives_elsewhere(name: &AgentName) -> Fault {
    Fault::new(Code::WrongAgentKind, format!("{name} lives elsewhere; it is started and stopped on its own machine"))
        .hint(format!("there: mi agent run --name {name}"))
}
