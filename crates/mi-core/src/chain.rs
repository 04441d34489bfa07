//! Chains of wake-ups: agents wake each other with messages and tasks, and nobody may be in it.
//!
//! What an operator does begins a chain anew. What an agent makes in a session is one link further than what its session
//! was begun for, be it a message or a task: two agents that give each other tasks for ever are no better than two that
//! write to each other for ever. The last link that an office allows still wakes; the next one waits for an operator.

/// What an operator does, and what a schedule of theirs does.
pub const OPERATOR: i64 = 0;

/// Of what is made in a session that was begun at this link.
pub const fn after(link: i64) -> i64 {
    link.saturating_add(1)
}

/// Whether something at this link may wake anybody.
pub const fn may_wake(link: i64, most: i64) -> bool {
    link <= most
}

/// Why it doesn't, and what to do.
pub fn stopped(link: i64) -> String {
    format!("{} wake-ups among agents followed one another without an operator's act", link - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_link_wakes_and_the_next_one_waits() {
        let most = 3;
        let mut link = OPERATOR;
        let mut woken = 0;
        while may_wake(after(link), most) {
            link = after(link);
            woken += 1;
        }
        assert_eq!((woken, link), (most, most));
        assert_eq!(stopped(after(link)), "3 wake-ups among agents followed one another without an operator's act");
        assert_eq!(after(i64::MAX), i64::MAX);
    }
}
