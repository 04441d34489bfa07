//! Events, as people see them.

use mi_core::wire::events::Event;

use super::moment;
use crate::output::{Screen, Tone, clean};
use crate::table::Table;

pub fn list(events: &[Event], screen: Screen) -> String {
    let mut table = Table::new(&["SEQ", "TIME", "TYPE", "WHAT"]);
    for event in events {
        table.row([event.seq.into(), moment(event.created_at).into(), (&event.kind).into(), (&event.summary).into()]);
    }
    table.render(screen)
}

/// One that just happened.
pub fn line(event: &Event, screen: Screen) -> String {
    let head = format!("{:>6}  {}  {:<16}", event.seq, moment(event.created_at), event.kind);
    format!("{}  {}", screen.paint.tint(Tone::Faint, &head), clean(&event.summary).replace('\n', " "))
}
