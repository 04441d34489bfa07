//! `mi whoami`.

use crate::desk::Desk;
use crate::fault::Fault;
use crate::table::Table;

pub async fn run(desk: &mut Desk) -> Result<(), Fault> {
    let client = desk.client()?;
    let (endpoint, profile) = (desk.settings.endpoint.clone(), desk.settings.profile.clone());
    desk.show(client.server().whoami(), |who, screen| {
        let mut facts = Table::of_facts();
        facts.fact("server", &endpoint);
        facts.fact(&who.kind, &who.name);
        facts.fact("id", &who.id);
        if let Some(profile) = &profile {
            facts.fact("profile", profile);
        }
        if let Some(office) = who.office_id {
            facts.fact("colony", office);
        }
        facts.render(screen)
    })
    .await
}
