//! Files on the drive, as people see them.

use mi_core::time::Time;
use mi_core::wire::files::{Changes, DriveFile};

use super::{moment, short_digest};
use crate::output::Screen;
use crate::progress::size;
use crate::table::Table;

pub fn list(files: &[DriveFile], screen: Screen) -> String {
    let mut table = Table::new(&["NAME", "SIZE", "MODIFIED", "SHA256"]);
    for file in files {
        table.row([
            (&file.name).into(),
            size(file.size.unsigned_abs()).into(),
            moment(file.modified_at).into(),
            short_digest(&file.sha256).into(),
        ]);
    }
    table.render(screen)
}

pub fn changes(changes: &Changes, screen: Screen) -> String {
    let mut table = Table::new(&["TIME", "CHANGE", "NAME"]);
    for change in &changes.events {
        table.row([moment(Time(change.timestamp)).into(), change.kind.into(), (&change.name).into()]);
    }
    let again = if changes.full_refresh == Some(true) { "(older changes are forgotten: list all)\n" } else { "" };
    format!("{}{again}(next: --since {})\n", table.render(screen), changes.server_time)
}
