//! Where the agent is: its office, its name, its task.

use mi_client::Client;
use mi_core::ids::{AgentName, OfficeId, TaskId};

use crate::desk::Desk;
use crate::fault::Fault;

pub struct Here {
    pub client: Client,
    pub office: OfficeId,
}

impl Here {
    pub async fn find(desk: &mut Desk) -> Result<Self, Fault> {
        let (client, office) = desk.office(None).await?;
        Ok(Self { client, office })
    }
}

/// The task that was named, or the one being worked on.
pub fn task(desk: &Desk, named: Option<TaskId>) -> Result<TaskId, Fault> {
    if let Some(id) = named {
        return Ok(id);
    }
    let Some(text) = desk.task() else {
        return Err(Fault::usage("which task?", "outside a task's session (no MI_TASK) name it by its number"));
    };
    text.parse().map_err(|fault| super::bad_id(fault, "MI_TASK is set to something else"))
}

/// Who the agent is.
pub fn agent(desk: &Desk) -> Result<String, Fault> {
    let nobody = || Fault::usage("whose?", "outside a pod (no MI_AGENT) use `mi`, whose commands name the agent");
    desk.agent().map(str::to_owned).ok_or_else(nobody)
}

/// The same as a name.
pub fn named_agent(desk: &Desk) -> Result<AgentName, Fault> {
    agent(desk)?.parse().map_err(|fault| super::bad_id(fault, "MI_AGENT is set to something else"))
}
