//! `mi agent onboard CODE -n NAME`: joins, stays in touch, says hello; run again, it goes on where it was.

use std::path::PathBuf;

use clap::Args;
use mi_client::OFFICE_GROUP;

use super::daemon::ENDED_FOR_GOOD;
use super::join::{self, Arrived, JoinArgs};
use crate::agent_file::AgentFile;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::machine::{Kept, Service};
use crate::output::Format;
use crate::table::Table;
use crate::variables;

/// So much of an office's id tells services apart.
const OFFICE_CHARS: usize = 8;

#[derive(Args)]
pub struct OnboardArgs {
    #[command(flatten)]
    join: JoinArgs,
    /// Install no service that keeps the agent online
    #[arg(long)]
    no_service: bool,
}

pub async fn run(desk: &mut Desk, args: OnboardArgs) -> Result<(), Fault> {
    let (file, body) = arrive(desk, &args.join).await?;
    let endpoint = file.endpoint.parse().map_err(Fault::endpoint)?;
    let client = desk.nobody_at(endpoint)?.with_signer(file.signer()?);
    client.join().heartbeat().await?;
    desk.out.note(&format!("{} is in {}", file.agent, file.office_name))?;
    let service = if args.no_service { None } else { Some(keep(desk, &file)?) };
    if body.is_some() {
        let hello = format!("{} joined from elsewhere and takes work.", file.agent);
        client.messages(file.office).send_group(OFFICE_GROUP, &hello).await?;
    }
    report(desk, &file, service.as_ref(), body)
}

/// Who joined before, here and there, isn't let in twice.
async fn arrive(desk: &mut Desk, args: &JoinArgs) -> Result<(AgentFile, Option<Vec<u8>>), Fault> {
    let home = desk.home()?;
    let endpoint = desk.settings.endpoint.to_string();
    let known = AgentFile::all(&home)?;
    let known = known.into_iter().find(|file| file.agent == args.name && file.endpoint == endpoint);
    match known {
        Some(file) if is_one_there(desk, &file).await? => {
            desk.out.note(&format!("{} joined {} before; the code is left unused", file.agent, file.office_name))?;
            Ok((file, None))
        }
        Some(_) | None => {
            let Arrived { file, body } = join::join(desk, args).await?;
            Ok((file, Some(body)))
        }
    }
}

/// Whoever was fired meanwhile joins anew.
async fn is_one_there(desk: &Desk, file: &AgentFile) -> Result<bool, Fault> {
    let endpoint = file.endpoint.parse().map_err(Fault::endpoint)?;
    let client = desk.nobody_at(endpoint)?.with_signer(file.signer()?);
    match client.join().own().await {
        Ok(_) => Ok(true),
        Err(fault) if matches!(fault.status(), Some(401 | 403 | 404)) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

fn keep(desk: &mut Desk, file: &AgentFile) -> Result<Kept, Fault> {
    let home = PathBuf::from(desk.variable(variables::HOME).unwrap_or("."));
    let config = desk.variable(variables::XDG_CONFIG_HOME).filter(|text| !text.is_empty());
    let config = config.map_or_else(|| home.join(".config"), PathBuf::from);
    let kept = std::path::absolute(desk.home()?)
        .map_err(|fault| Fault::io("the configuration's folder has no path", fault))?;
    let office: String = file.office.to_string().chars().take(OFFICE_CHARS).collect();
    let service = Service {
        name: format!("mi-heartbeat-{office}-{}", file.agent),
        about: format!("Mitosis: {} is there", file.agent),
        arguments: ["agent", "heartbeat-daemon", "--as-agent", &file.title()].map(str::to_owned).into(),
        variables: vec![(variables::MI_HOME, kept.to_string_lossy().into_owned())],
        ends_with: vec![ENDED_FOR_GOOD.code()],
    };
    desk.machine.keep(&service, &home, &config)
}

fn report(desk: &mut Desk, file: &AgentFile, service: Option<&Kept>, body: Option<Vec<u8>>) -> Result<(), Fault> {
    let by_hand = format!("mi agent heartbeat-daemon --as-agent {}", file.agent);
    let kept = match service {
        Some(Kept::Running(place)) => format!("kept online by {}", place.display()),
        Some(Kept::Nobody) => format!("nobody keeps services here; leave this running: {by_hand}"),
        None => format!("not kept online; {by_hand} does it"),
    };
    match desk.out.format {
        Format::Json => desk.out.json(&body.unwrap_or_default()),
        Format::People => {
            let mut facts = Table::of_facts();
            facts.fact("agent", &file.agent);
            facts.fact("colony", format!("{} ({})", file.office_name, file.office));
            facts.fact("id", file.agent_id);
            facts.fact("heartbeat", kept);
            let screen = desk.out.screen;
            desk.out.data(&facts.render(screen))?;
            desk.out.hint(&format!("mi tasks claim --as-agent {} takes work", file.agent))
        }
    }
}
