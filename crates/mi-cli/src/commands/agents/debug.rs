//! `mi agents debug NAME -- COMMAND…`: one command in an agent's pod.

use clap::Args;
use mi_core::ids::AgentName;
use mi_core::wire::agents::CommandLine;
use mi_core::wire::terminals::{DebugCommand, DebugOutcome};

use crate::args::seconds;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::{Format, clean};
use crate::targets::Target;

const HELP: &str = "\
Examples:
  mi agents debug ada -- ls -la /workspace
  mi agents debug ada -- 'env | sort | head'      one word with blanks in it is a line for sh -c
  mi agents debug ada --timeout 5m -- make test

It runs within the pod's walls, beside the agent's work, with the agent's variables and no credential. Its exit code is
this command's; 137 means that its time was over. Up to 1 MiB of each output is shown. It is recorded.";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct DebugArgs {
    #[command(flatten)]
    target: Target,
    /// End it after so long, at most 10m [default: 60s]
    #[arg(long, value_name = "LENGTH", value_parser = seconds)]
    timeout: Option<i64>,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub async fn run(desk: &mut Desk, args: DebugArgs) -> Result<(), Fault> {
    let found = args.target.read::<AgentName>()?;
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    let wish = DebugCommand { command: command(args.command), timeout_seconds: args.timeout };
    let (outcome, answer) = client.agents(office).debug(&found.thing, &wish).both().await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body)?,
        Format::People => show(desk, &outcome)?,
    }
    match outcome.exit_code {
        0 => Ok(()),
        code => Err(Fault::Passed(u8::try_from(code).unwrap_or(u8::MAX))),
    }
}

fn command(mut words: Vec<String>) -> CommandLine {
    match words.as_slice() {
        [one] if one.contains(char::is_whitespace) => CommandLine::Shell(words.remove(0)),
        _ => CommandLine::Argv(words),
    }
}

fn show(desk: &mut Desk, outcome: &DebugOutcome) -> Result<(), Fault> {
    // Where a person looks, what came can't steer their terminal; a pipe gets it as it is.
    if desk.out.screen.is_terminal {
        desk.out.bytes(clean(&outcome.stdout).as_bytes())?;
    } else {
        desk.out.bytes(outcome.stdout.as_bytes())?;
    }
    desk.out.pass_on(&outcome.stderr)?;
    if outcome.truncated {
        desk.out.warn("it wrote more than 1 MiB; the rest is not shown")?;
    }
    if outcome.timed_out {
        desk.out.warn("its time was over; --timeout gives it more, up to 10m")?;
    }
    Ok(())
}
