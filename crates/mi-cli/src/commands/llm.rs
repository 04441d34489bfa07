//! `mi llm ping`.

use clap::{Args, Subcommand};
use mi_core::wire::integrations::{ModelPing, PingModel};

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::credits;

#[derive(Subcommand)]
pub enum Act {
    /// Make one tiny call of a model, and say who answered, how fast, and what such a call costs
    Ping(PingArgs),
}

#[derive(Args)]
pub struct PingArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Such as anthropic or openai-codex; without it, the one that an agent gets that names none
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// A model's own name, or a tier such as haiku
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
}

pub async fn run(desk: &mut Desk, act: Act) -> Result<(), Fault> {
    let Act::Ping(args) = act;
    let (client, office) = desk.office(args.place.named()).await?;
    let wish = PingModel { provider: args.provider, model: args.model };
    let (ping, answer) = client.integrations(office).ping_model(&wish).both().await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body)?,
        Format::People if ping.ok => desk.out.data(&said(&ping))?,
        Format::People => {}
    }
    match ping.trouble {
        None => Ok(()),
        Some(trouble) => {
            let hint = format!("mi integrations inspect {} shows how its key stands", ping.provider);
            Err(Fault::failed(format!("{} {}: {trouble}", ping.provider, ping.model), hint))
        }
    }
}

fn said(ping: &ModelPing) -> String {
    format!(
        "{} {} answered in {} ms with the {}'s key: {} + {} tokens, {} credits to an agent",
        ping.provider,
        ping.model,
        ping.latency_ms,
        ping.key_of,
        ping.input_tokens,
        ping.output_tokens,
        credits::amount(ping.credits)
    )
}
