//! `mi agents update NAME`.

use clap::Args;
use mi_core::credits::Ceiling;
use mi_core::wire::agents::{CommandLine, HarnessKind, UpdateAgent};

use crate::args::{ceiling, one_of};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::targets::Target;
use crate::views::agents;

#[derive(Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    target: Target,
    #[arg(long)]
    provider: Option<String>,
    /// Its model, or a tier such as sonnet
    #[arg(long)]
    model: Option<String>,
    #[arg(long)]
    role: Option<String>,
    /// All of them, comma-separated
    #[arg(long, value_delimiter = ',')]
    skills: Option<Vec<String>>,
    /// `@FILE` reads a file, `-` stdin, and `@@` begins a text with `@`
    #[arg(long, alias = "systemPrompt", value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    system_prompt: Option<String>,
    #[arg(long, value_parser = one_of!(HarnessKind))]
    harness: Option<HarnessKind>,
    /// For the harness `command`: a line for the shell
    #[arg(long, value_name = "LINE")]
    command: Option<String>,
    /// Credits that it may spend on models; `none` takes the limit away
    #[arg(long, value_name = "CREDITS", value_parser = ceiling, allow_hyphen_values = true)]
    budget: Option<Ceiling>,
    /// The same for each day, in UTC
    #[arg(long, value_name = "CREDITS", value_parser = ceiling, allow_hyphen_values = true)]
    budget_per_day: Option<Ceiling>,
}

pub async fn run(desk: &mut Desk, args: UpdateArgs) -> Result<(), Fault> {
    let found = args.target.read()?;
    let changes = UpdateAgent {
        role: args.role,
        model_tier: args.model,
        provider: args.provider,
        skills: args.skills,
        system_prompt: args.system_prompt.map(|given| desk.text_or_file(&given)).transpose()?,
        harness: args.harness.map(|harness| harness.to_string()),
        command: args.command.map(CommandLine::Shell),
        budget: args.budget,
        budget_per_day: args.budget_per_day,
    };
    let (client, office) = desk.office(found.colony.as_deref()).await?;
    desk.show(client.agents(office).update(&found.thing, &changes), agents::one).await
}
