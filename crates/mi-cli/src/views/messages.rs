//! Messages, as people see them.

use mi_core::time::Time;
use mi_core::wire::runner::InboxMessage;

use super::moment;
use crate::output::{Screen, Tone, clean};

pub fn list(messages: &[InboxMessage], screen: Screen) -> String {
    let line = |message: &InboxMessage| {
        let head = format!("{}  {} to {}", moment(Time(message.created_at)), message.from_agent, message.to_agent);
        format!("{}  {}\n", screen.paint.tint(Tone::Faint, &clean(&head)), clean(&message.body))
    };
    messages.iter().map(line).collect()
}
