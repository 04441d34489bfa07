//! `mi link`: an address that signs a browser in as you, once.

use crate::desk::Desk;
use crate::fault::Fault;
use crate::output::Format;
use crate::views::moment;

pub async fn run(desk: &mut Desk) -> Result<(), Fault> {
    let client = desk.client()?;
    let (link, answer) = client.login().link().both().await?;
    match desk.out.format {
        Format::Json => desk.out.json(&answer.body),
        Format::People => {
            desk.out.data(&format!("{}{}", desk.settings.endpoint, link.path))?;
            desk.out.note(&format!("it works once, until {} UTC; whoever has it is you", moment(link.expires_at)))
        }
    }
}
