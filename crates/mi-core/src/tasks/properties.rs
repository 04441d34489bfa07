//! What holds for every way through the rules, not only for the ones that we thought of.

use proptest::collection::vec;
use proptest::prelude::*;

use super::machine::Move;
use super::rules::{AfterLoss, Assigned, ContainerOutcome, Part, Readiness, after_loss, container_outcome};
use super::status::{Status, Verification};
use crate::limits::RETRY_BACKOFF_SECONDS;
use crate::time::Time;

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(Status::ALL)
}

/// One step: a move, and which of its targets the rules would choose.
fn step() -> impl Strategy<Value = (Move, bool)> {
    (proptest::sample::select(&Move::ALL[..]), any::<bool>())
}

/// What must hold for each single move that the machine allows.
fn check_move(mv: Move, from: Status, to: Status) {
    if to.is_held() && !from.is_held() {
        assert_eq!(mv, Move::Claim, "only a claim gives a task to an agent");
    }
    if to == Status::Done && from != Status::Done {
        assert!(matches!(mv, Move::Finish | Move::Close | Move::AcceptLate), "{mv:?} makes a task done");
    }
    if mv == Move::Finish {
        assert!(from.is_held(), "who doesn't hold a task doesn't finish it");
    }
    if from == Status::Cancelled {
        assert!(matches!(mv, Move::Retry | Move::AcceptLate), "{mv:?} brings back what was called off");
    }
    if matches!(mv, Move::Release | Move::Unblock | Move::Retry | Move::Reopen) {
        assert_eq!(to, Status::Queued, "{mv:?} leads to the queue");
    }
}

proptest! {
    #[test]
    fn no_walk_through_the_machine_breaks_a_promise(walk in vec(step(), 1..200)) {
        let mut now = Status::Queued;
        for (mv, last) in walk {
            match mv.targets(now) {
                Err(refused) => {
                    prop_assert_eq!(refused.from, now);
                    let sentence = refused.to_string();
                    prop_assert!(sentence.contains(now.as_str()) && sentence.contains(refused.to.as_str()));
                }
                Ok(targets) => {
                    let to = if last { targets[targets.len() - 1] } else { targets[0] };
                    check_move(mv, now, to);
                    now = to;
                }
            }
        }
    }

    #[test]
    fn losses_end_at_the_limit_and_never_wait_less_than_before(limit in 1_i64..30, now in 0_i64..1_000_000) {
        let mut waited = 0;
        for attempt in 1..=limit {
            match after_loss(attempt, limit, Time(now)) {
                AfterLoss::Fail => prop_assert_eq!(attempt, limit),
                AfterLoss::RequeueAt(at) => {
                    prop_assert!(attempt < limit);
                    let wait = (at - Time(now)).0;
                    prop_assert!(wait >= waited && wait <= RETRY_BACKOFF_SECONDS[1] * 1_000);
                    waited = wait;
                }
            }
        }
    }

    #[test]
    fn a_container_is_done_exactly_when_something_was_done_and_nothing_failed(statuses in vec(status(), 1..20)) {
        let finished = [Status::Done, Status::Failed, Status::Cancelled];
        let statuses: Vec<Status> = statuses.into_iter().filter(|status| finished.contains(status)).collect();
        prop_assume!(!statuses.is_empty());
        let parts: Vec<Part<'_>> = (1..).zip(&statuses).map(|(id, status)| Part {
            id, title: "t", status: *status, verification: Verification::None, result: "r",
        }).collect();
        let failed = statuses.contains(&Status::Failed);
        let done = statuses.contains(&Status::Done);
        match container_outcome(&parts) {
            ContainerOutcome::Done { result } => {
                prop_assert!(done && !failed);
                prop_assert!(parts.iter().all(|part| result.contains(&format!("#{}", part.id))), "names every part");
            }
            ContainerOutcome::Failed { error } => {
                prop_assert!(failed || !done);
                prop_assert!(!error.is_empty());
            }
        }
    }

    #[test]
    fn what_is_ready_is_never_a_container_and_waits_for_nothing(
        status in status(), dependencies in 0_i64..3, subtasks in 0_i64..3, open in 0_i64..3, assigned in any::<bool>(),
    ) {
        let facts = Readiness {
            status,
            open_dependencies: dependencies,
            subtasks,
            open_subtasks: open.min(subtasks),
            assigned: if assigned { Assigned::Somebody } else { Assigned::Nobody },
        };
        if facts.is_ready() {
            prop_assert_eq!((status, facts.open_dependencies, facts.open_subtasks), (Status::Queued, 0, 0));
            prop_assert!(!facts.is_container());
        }
        prop_assert!(!(facts.is_ready() && facts.is_container_due()), "claimed by an agent or closed by the server");
    }

    #[test]
    fn accepted_work_is_not_open(status in status(), place in 0_usize..4) {
        let verification = Verification::ALL[place];
        if status.is_accepted(verification) {
            prop_assert!(!status.is_open(verification));
        }
        if status.is_held() {
            prop_assert!(status.is_open(verification));
        }
    }
}
