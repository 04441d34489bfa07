//! `mi colonies status COLONY`, `mi status`.

use mi_client::Client;
use mi_core::ids::OfficeId;

use crate::args::ColonyPlace;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::gather;
use crate::output::Format;
use crate::views::colony::Look;
use crate::views::offices;

pub async fn run(desk: &mut Desk, place: ColonyPlace) -> Result<(), Fault> {
    let (client, office) = desk.office(place.named()).await?;
    if desk.out.format == Format::Json {
        return desk.show(client.offices().status(office), offices::overview).await;
    }
    let look = look(desk, &client, office).await?;
    let waits = look.open.iter().any(|task| task.why.is_some());
    let screen = desk.out.screen;
    desk.out.data(&look.render(screen))?;
    if waits { desk.out.hint("`mi tasks why` says what would let each of them go on") } else { Ok(()) }
}

/// Everything that one look at a colony shows.
pub async fn look(desk: &Desk, client: &Client, office: OfficeId) -> Result<Look, Fault> {
    Ok(Look {
        overview: client.offices().status(office).await?,
        agents: gather::agents(client, office).await?,
        open: gather::tasks(client, office, &gather::OPEN).await?,
        now: (desk.now)(),
    })
}
