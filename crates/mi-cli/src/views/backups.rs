//! Backups and workspaces, as people see them.

use mi_core::wire::backups::{Backup, WorkspaceEntry};

use super::moment;
use crate::output::Screen;
use crate::progress::size;
use crate::table::Table;

pub fn list(backups: &[Backup], screen: Screen) -> String {
    let mut table = Table::new(&["BACKUP", "AGENT", "BECAUSE", "FILES", "BYTES", "SIZE", "MADE"]);
    for backup in backups {
        table.row([
            (&backup.id).into(),
            backup.agent_name.as_str().into(),
            backup.cause.as_str().into(),
            backup.files.to_string().into(),
            size(backup.bytes).into(),
            size(backup.size).into(),
            moment(backup.created_at).into(),
        ]);
    }
    table.render(screen)
}

pub fn workspace(entries: &[WorkspaceEntry], screen: Screen) -> String {
    let mut table = Table::new(&["NAME", "KIND", "SIZE", "MODIFIED"]);
    for entry in entries {
        table.row([
            (&entry.name).into(),
            entry.kind.as_str().into(),
            entry.size.map_or(String::new(), size).into(),
            entry.modified_at.map_or(String::new(), moment).into(),
        ]);
    }
    table.render(screen)
}
