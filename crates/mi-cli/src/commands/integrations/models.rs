//! `mi integrations models`.

use clap::Args;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::integrations;

#[derive(Args)]
pub struct ModelsArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Of this provider only, such as google
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
}

pub async fn run(desk: &mut Desk, args: ModelsArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let call = client.integrations(office).models(args.provider.as_deref());
    let ((list, _), answer) = call.both().await?;
    if desk.out.format == Format::Json {
        return desk.out.json(&answer.body);
    }
    if let Some(note) = list.iter().find_map(|model| model.note.as_deref()) {
        desk.out.warn(note)?;
    }
    let screen = desk.out.screen;
    desk.out.data(&integrations::models(&list, screen))
}
