//! The refusals that only runners meet.

use mi_core::ids::AgentName;
use mi_core::problem::Code;

use crate::infra::fault::Fault;

pub fn hosted_here(name: &AgentName) -> Fault {
    Fault::new(Code::WrongAgentKind, format!("{name} is hosted here; its runner is started by this server"))
        .hint("mi agent join brings an agent of your own, which you can run anywhere")
}
