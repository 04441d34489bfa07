//! The state machine, as data: every status × every move is decided here.
//!
//! A move names what happens to a task; the table says from which statuses it is
//! legal and where it may lead. Who may make a move is decided in the acts.

use std::fmt;

use super::status::Status::{self, Blocked, Cancelled, Claimed, Done, Failed, Queued, Running};

/// What happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// An eligible agent takes it.
    Claim,
    /// The claimer shows that it works.
    Start,
    /// Done, with a result.
    Finish,
    /// The claimer judges that it can't be done.
    Fail,
    /// The claimer waits for something outside.
    Block,
    /// Given back without judgement; the attempt doesn't count.
    Release,
    /// Lease lapsed, session ended without finishing, or pod died; the attempt counts.
    Lose,
    /// A dependency failed or was cancelled.
    Break,
    /// What blocked it is gone.
    Unblock,
    /// A reviewer accepts.
    Accept,
    /// A reviewer rejects; the third time it fails.
    Reject,
    Cancel,
    /// Done, not judged, and part of what is cancelled.
    CallOff,
    Retry,
    /// A container's subtasks are finished: the server closes it.
    Close,
    /// A subtask was added below a finished parent.
    Reopen,
    /// An operator accepts a result that came after its claim was lost.
    AcceptLate,
}

impl Move {
    pub const ALL: [Move; 17] = [
        Move::Claim,
        Move::Start,
        Move::Finish,
        Move::Fail,
        Move::Block,
        Move::Release,
        Move::Lose,
        Move::Break,
        Move::Unblock,
        Move::Accept,
        Move::Reject,
        Move::Cancel,
        Move::CallOff,
        Move::Retry,
        Move::Close,
        Move::Reopen,
        Move::AcceptLate,
    ];

    /// The statuses it starts from and those it may lead to.
    const fn row(self) -> (&'static [Status], &'static [Status]) {
        match self {
            Move::Claim => (&[Queued], &[Claimed]),
            Move::Start => (&[Claimed, Running], &[Running]),
            Move::Finish => (&[Claimed, Running], &[Done]),
            Move::Fail => (&[Claimed, Running], &[Failed]),
            Move::Block => (&[Claimed, Running], &[Blocked]),
            Move::Release => (&[Claimed, Running], &[Queued]),
            Move::Lose => (&[Claimed, Running], &[Queued, Failed]),
            Move::Break => (&[Queued], &[Blocked]),
            Move::Unblock => (&[Blocked], &[Queued]),
            Move::Accept => (&[Done], &[Done]),
            Move::Reject => (&[Done], &[Queued, Failed]),
            Move::Cancel => (&[Queued, Claimed, Running, Blocked], &[Cancelled]),
            Move::CallOff => (&[Done], &[Cancelled]),
            Move::Retry => (&[Failed, Cancelled], &[Queued]),
            Move::Close => (&[Queued], &[Done, Failed]),
            Move::Reopen => (&[Done, Failed], &[Queued]),
            Move::AcceptLate => (&[Queued, Claimed, Running, Blocked, Failed, Cancelled], &[Done]),
        }
    }

    /// Where the move leads from `status`: one status, or two where the rules choose.
    pub fn targets(self, status: Status) -> Result<&'static [Status], IllegalTransition> {
        let (from, to) = self.row();
        if from.contains(&status) {
            return Ok(to);
        }
        Err(IllegalTransition { from: status, to: to[0] })
    }

    /// The only status a move leads to from here.
    pub fn target(self, status: Status) -> Result<Status, IllegalTransition> {
        Ok(self.targets(status)?[0])
    }
}

/// A move that the machine forbids; names both statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct IllegalTransition {
    pub from: Status,
    pub to: Status,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is {} and can't become {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_status_and_move_is_decided() {
        let mut grid = String::new();
        for mv in Move::ALL {
            let cells: Vec<String> = Status::ALL
                .iter()
                .map(|status| match mv.targets(*status) {
                    Ok(to) => to.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("/"),
                    Err(_) => "-".to_owned(),
                })
                .collect();
            grid += &format!(
                "{:<11}{}\n",
                format!("{mv:?}"),
                cells.iter().map(|c| format!("{c:<15}")).collect::<String>().trim_end()
            );
        }
        expect![[r#"
            Claim      claimed        -              -              -              -              -              -
            Start      -              running        running        -              -              -              -
            Finish     -              done           done           -              -              -              -
            Fail       -              failed         failed         -              -              -              -
            Block      -              blocked        blocked        -              -              -              -
            Release    -              queued         queued         -              -              -              -
            Lose       -              queued/failed  queued/failed  -              -              -              -
            Break      blocked        -              -              -              -              -              -
            Unblock    -              -              -              queued         -              -              -
            Accept     -              -              -              -              done           -              -
            Reject     -              -              -              -              queued/failed  -              -
            Cancel     cancelled      cancelled      cancelled      cancelled      -              -              -
            CallOff    -              -              -              -              cancelled      -              -
            Retry      -              -              -              -              -              queued         queued
            Close      done/failed    -              -              -              -              -              -
            Reopen     -              -              -              -              queued         queued         -
            AcceptLate done           done           done           done           -              done           done
        "#]]
        .assert_eq(&grid);
    }

    #[test]
    fn a_refusal_names_both_statuses() {
        let refusal = Move::Claim.target(Status::Done).unwrap_err();
        assert_eq!(refusal.to_string(), "is done and can't become claimed");
    }
}
