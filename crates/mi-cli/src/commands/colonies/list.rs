//! `mi colonies list`.

use crate::args::PagingArgs;
use crate::desk::Desk;
use crate::fault::Fault;
use crate::views::{self, offices};

pub async fn run(desk: &mut Desk, paging: PagingArgs) -> Result<(), Fault> {
    let client = desk.client()?;
    desk.show(client.offices().list((&paging).into()), |(list, total), screen| {
        views::listed(offices::list(list, screen), list.len(), *total)
    })
    .await
}
