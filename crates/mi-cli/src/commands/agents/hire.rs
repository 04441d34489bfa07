//! `mi agents hire --name NAME`, `tq hire NAME`.

use clap::Args;
use mi_client::Client;
use mi_core::credits::Ceiling;
use mi_core::ids::OfficeId;
use mi_core::wire::agents::{CommandLine, HarnessKind, HireAgent};

use crate::args::{ColonyArg, ceiling, key_value, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::agents;

const HELP: &str = "\
Examples:
  mi agents hire --name ada --provider anthropic --model sonnet
  mi agents hire --name ben --provider openai --system-prompt @prompts/ben.md --skills go,sql
  mi agents hire --name counter --command 'tq done \"$(wc -l /shared/files/*)\"' --env REGION=eu

A command runs for each task in the agent's pod, with the session's context as JSON on stdin,
the task's number in MI_TASK, tq on its PATH and the drive at /shared/files.";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct HireArgs {
    #[command(flatten)]
    colony: ColonyArg,
    /// Lower-case letters, digits and dashes
    #[arg(long)]
    name: String,
    #[command(flatten)]
    profile: Profile,
}

/// What an agent shall be.
#[derive(Args)]
pub struct Profile {
    /// Where its model comes from, such as openai-codex, claude-code or google
    #[arg(long)]
    provider: Option<String>,
    /// Its model, or a tier such as sonnet
    #[arg(long)]
    model: Option<String>,
    /// What it is in the team
    #[arg(long)]
    role: Option<String>,
    /// What it can do, comma-separated
    #[arg(long, value_delimiter = ',')]
    skills: Option<Vec<String>>,
    /// How it shall behave; `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(long, alias = "systemPrompt", value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    system_prompt: Option<String>,
    /// The program that does its work [default: command where one is given, else native]
    #[arg(long, value_parser = one_of!(HarnessKind))]
    harness: Option<HarnessKind>,
    /// For the harness `command`: a line for the shell, run for each task
    #[arg(long, value_name = "LINE")]
    command: Option<String>,
    /// A variable of its environment (may be repeated)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    env: Vec<(String, String)>,
    /// Integrations that it may use, comma-separated
    #[arg(long, value_delimiter = ',')]
    integrations: Option<Vec<String>>,
    /// Credits that it may spend on models; `none` takes the limit away
    #[arg(long, value_name = "CREDITS", value_parser = ceiling, allow_hyphen_values = true)]
    budget: Option<Ceiling>,
    /// The same for each day, in UTC
    #[arg(long, value_name = "CREDITS", value_parser = ceiling, allow_hyphen_values = true)]
    budget_per_day: Option<Ceiling>,
}

pub async fn run(desk: &mut Desk, args: HireArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.colony.colony.as_deref()).await?;
    hire(desk, &client, office, args.name, args.profile).await
}

pub async fn hire(
    desk: &mut Desk,
    client: &Client,
    office: OfficeId,
    name: String,
    profile: Profile,
) -> Result<(), Fault> {
    let system_prompt = profile.system_prompt.map(|given| desk.text_or_file(&given)).transpose()?;
    // A command line says which harness is meant.
    let harness = profile.harness.or(profile.command.is_some().then_some(HarnessKind::Command));
    let agent = HireAgent {
        name,
        role: profile.role,
        model_tier: profile.model,
        provider: profile.provider,
        skills: profile.skills,
        env: (!profile.env.is_empty()).then(|| profile.env.into_iter().collect()),
        system_prompt,
        harness: harness.map(|harness| harness.to_string()),
        command: profile.command.map(CommandLine::Shell),
        integrations: profile.integrations,
        resources: None,
        budget: profile.budget,
        budget_per_day: profile.budget_per_day,
    };
    desk.show(client.agents(office).hire(&agent), agents::one).await
}
