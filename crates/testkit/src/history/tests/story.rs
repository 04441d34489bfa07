use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;
use mi_core::time::Time;

use super::tale::Tale;

const MOVES: &str = "the log tells a legal story";

fn created() -> Tale {
    Tale::default().event("tasks.create", 1, None)
}

fn claimed() -> Tale {
    created().event("tasks.claim", 1, Some((1, 1)))
}

#[test]
fn the_log_has_no_gap_and_no_step_back() {
    claimed().event("tasks.finish", 1, Some((1, 1))).breaks(&[]);
    claimed().but(|event| event.seq = 3).breaks(&["events have no gap"]);
    claimed().but(|event| event.created_at = Time(0)).breaks(&["events have no gap"]);
    created().but(|event| event.seq = 2).breaks(&["events have no gap"]);
}

#[test]
fn only_a_queued_task_is_claimed() {
    claimed().event("tasks.claim", 1, Some((2, 2))).breaks(&[MOVES]);
    let lost = claimed().event("tasks.lose", 1, Some((1, 1)));
    let lost = lost.but(|event| event.summary = "task 1 attempt 1 lost: the agent failed".to_owned());
    lost.event("tasks.claim", 1, Some((2, 2))).breaks(&[]);
    let failed = claimed().event("tasks.lose", 1, Some((1, 1)));
    let failed = failed.but(|event| event.summary = "task 1 failed after 1 attempts".to_owned());
    failed.event("tasks.claim", 1, Some((2, 2))).breaks(&[MOVES]);
    created().event("tasks.block", 1, None).event("tasks.claim", 1, Some((1, 1))).breaks(&[MOVES]);
    created().event("tasks.cancel", 1, None).event("tasks.claim", 1, Some((1, 1))).breaks(&[MOVES]);
}

#[test]
fn only_the_holder_ends_an_attempt() {
    claimed().event("tasks.finish", 1, Some((1, 1))).breaks(&[]);
    claimed().event("tasks.finish", 1, Some((1, 7))).breaks(&[MOVES]);
    created().event("tasks.finish", 1, None).breaks(&[MOVES]);
    claimed().event("tasks.finish", 1, Some((1, 1))).event("tasks.fail", 1, Some((1, 1))).breaks(&[MOVES]);
}

#[test]
fn what_was_never_created_does_nothing() {
    Tale::default().event("tasks.claim", 1, Some((1, 1))).breaks(&[MOVES]);
    created().event("tasks.create", 1, None).breaks(&[MOVES]);
}

#[test]
fn a_generation_has_one_completion() {
    let twice = created().event("tasks.close", 1, None).event("tasks.close", 1, None);
    twice.breaks(&[MOVES]);
    let reopened = created().event("tasks.close", 1, None).event("tasks.reopen", 1, None);
    reopened.event("tasks.close", 1, None).breaks(&[]);
}

#[test]
fn what_is_not_known_excuses_what_follows() {
    let tale = claimed().event("tasks.something_new", 1, None);
    tale.event("tasks.claim", 1, Some((1, 2))).breaks(&[]);
}

#[test]
fn attempts_are_counted() {
    let rule = "attempts are counted";
    let claimed_after = |kind: &str, attempt| {
        let tale = claimed().event(kind, 1, None).but(|event| event.summary = "task 1 attempt 1 lost".to_owned());
        tale.event("tasks.claim", 1, Some((attempt, 2)))
    };
    claimed_after("tasks.lose", 2).breaks(&[]);
    claimed_after("tasks.lose", 1).breaks(&[rule]);
    claimed_after("tasks.release", 1).breaks(&[]);
    claimed_after("tasks.release", 2).breaks(&[rule]);
    let most = |max| claimed_after("tasks.lose", 2).remember(1, Status::Claimed, |task| task.max_attempts = max);
    most(2).breaks(&[]);
    most(1).breaks(&[rule]);
}

#[test]
fn dependencies_are_done_before_a_claim() {
    let tale = |kind: &str| {
        let tale = Tale::default().event("tasks.create", 1, None).event("tasks.create", 2, None);
        let tale = tale.event("tasks.claim", 1, Some((1, 1))).event(kind, 1, Some((1, 1)));
        let tale = tale.event("tasks.claim", 2, Some((1, 2)));
        tale.remember(2, Status::Claimed, |task| task.depends_on = vec![TaskId(1)])
    };
    tale("tasks.finish").breaks(&[]);
    tale("tasks.fail").breaks(&["dependencies come first in the log"]);
    tale("tasks.release").breaks(&["dependencies come first in the log"]);
}

#[test]
fn nobody_reviews_the_own_work() {
    let reviewed = |reviewer: &str| {
        let tale = claimed().event("tasks.finish", 1, Some((1, 1))).event("tasks.verify", 1, None);
        tale.but(|event| {
            event.actor = reviewer.to_owned();
            event.summary = "task 1 accepted".to_owned();
        })
    };
    reviewed("bob").breaks(&[]);
    reviewed("ada").breaks(&["nobody reviews the own work"]);
}
