//! `mi agent leave`: an agent of this machine says goodbye, and nothing of it is kept here but its work.

use mi_client::ClientError;
use mi_core::problem::Code;

use super::service::{self, Places};
use crate::agent_file::AgentFile;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;

pub async fn run(desk: &mut Desk) -> Result<(), Fault> {
    let (client, _) = desk.as_agent()?;
    let not_from_here = || {
        Fault::usage("only an agent that joined from this machine leaves from here", "mi agents fire NAME lets one go")
    };
    let file = desk.settings.agent.clone().ok_or_else(not_from_here)?;
    let body = match client.join().leave().answer().await {
        Ok(answer) => answer.body.to_vec(),
        Err(fault) if is_gone(&fault) => {
            desk.out.note(&format!("{} was no agent there any more", file.agent))?;
            br#"{"ok":true}"#.to_vec()
        }
        Err(fault) => return Err(fault.into()),
    };
    clear_up(desk, &file)?;
    if desk.out.format == Format::Json {
        desk.out.json(&body)?;
    }
    desk.out.note(&format!("{} has left {}; what it held is offered again", file.agent, file.office_name))
}

/// It had left, or was fired; a reply may also have got lost.
fn is_gone(fault: &ClientError) -> bool {
    matches!(fault, ClientError::Problem { problem, .. } if problem.code == Code::KeyRevoked.as_str())
}

fn clear_up(desk: &mut Desk, file: &AgentFile) -> Result<(), Fault> {
    // Without HOME no service was ever kept.
    if let Ok(places) = Places::find(desk)
        && let Some(place) = service::release(desk, file, &places)?
    {
        desk.out.note(&format!("removed {}", place.display()))?;
    }
    let home = desk.home()?;
    file.remove(&home)?;
    let folder = AgentFile::folder(&home, file.office, &file.agent);
    if folder.exists() {
        desk.out.note(&format!("its work stays in {}", folder.display()))?;
    }
    Ok(())
}
