use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;

use super::tale::{Tale, attempt, no};
use crate::history::{Ask, Ending, Said, Write};

const OVERLAP: &str = "claims of one task never overlap";
const STALE: &str = "no stale write is accepted";

/// Claims without their events and tasks: the rules about clients alone.
fn claims() -> Tale {
    Tale::default().event("tasks.create", 1, None).event("tasks.claim", 1, Some((1, 1)))
}

/// The story's next claim, after the loss of the one before.
fn claimed_again(tale: Tale, token: i64) -> Tale {
    tale.event("tasks.lose", 1, None).but(|event| event.summary = "task 1 attempt 1 lost".to_owned()).event(
        "tasks.claim",
        1,
        Some((2, token)),
    )
}

#[test]
fn a_claim_after_the_lease_is_fine() {
    claimed_again(claims(), 2).claim(0, 1, 1, 1).claim(90, 101, 1, 2).breaks(&[]);
}

#[test]
fn a_claim_within_the_lease_of_another_is_not() {
    claimed_again(claims(), 2).claim(0, 1, 1, 1).claim(5, 60, 1, 2).breaks(&[OVERLAP]);
}

#[test]
fn a_claim_that_began_early_and_was_heard_late_may_be_fine() {
    claimed_again(claims(), 2).claim(0, 1, 1, 1).claim(2, 150, 1, 2).breaks(&[]);
}

#[test]
fn an_accepted_renewal_holds_the_claim_for_another_lease() {
    let renewed = |said| claimed_again(claims(), 2).claim(0, 1, 1, 1).write(80, 1, 1, Write::Renew, said);
    renewed(Said::Yes).claim(110, 120, 1, 2).breaks(&[OVERLAP]);
    renewed(no()).claim(110, 120, 1, 2).breaks(&["no live claim is refused"]);
    renewed(Said::Lost).claim(110, 120, 1, 2).breaks(&[]);
}

#[test]
fn a_claim_within_its_lease_is_not_refused() {
    let refused = |at| claims().claim(0, 1, 1, 1).write(at, 1, 1, Write::Start, no());
    refused(50).breaks(&["no live claim is refused"]);
    refused(150).breaks(&[]);
    refused(50).other(20, Ending::ClaimOf(TaskId(1))).breaks(&[]);
    let after_its_end = claims().claim(0, 1, 1, 1).write(10, 1, 1, Write::Release, Said::Lost);
    after_its_end.write(50, 1, 1, Write::Start, no()).breaks(&[]);
}

#[test]
fn what_may_have_ended_the_claim_excuses_the_next_one() {
    let lost_release = claimed_again(claims(), 2).claim(0, 1, 1, 1).write(10, 1, 1, Write::Release, Said::Lost);
    lost_release.claim(12, 20, 1, 2).breaks(&[]);
    let refused = claimed_again(claims(), 2).claim(0, 1, 1, 1).write(10, 1, 1, Write::Release, no());
    refused.claim(12, 20, 1, 2).breaks(&[OVERLAP, "no live claim is refused"]);
    claimed_again(claims(), 2).claim(0, 1, 1, 1).other(10, Ending::EveryClaim).claim(12, 20, 1, 2).breaks(&[]);
    let elsewhere = claimed_again(claims(), 2).claim(0, 1, 1, 1).other(10, Ending::Task(TaskId(7)));
    elsewhere.claim(12, 20, 1, 2).breaks(&[OVERLAP]);
}

#[test]
fn an_accepted_write_shows_that_the_claim_was_still_held() {
    let tale = claimed_again(claims(), 2).claim(0, 1, 1, 1).claim(150, 160, 1, 2);
    tale.write(170, 1, 1, Write::Start, Said::Yes).breaks(&[OVERLAP, STALE]);
}

#[test]
fn a_write_after_the_end_is_stale_but_done_may_be_said_again() {
    let tale = || {
        let tale = claims().event("tasks.finish", 1, Some((1, 1))).claim(0, 1, 1, 1).done(10, 1, 1);
        tale.remember(1, Status::Done, |task| task.result = Some("r1".to_owned()))
    };
    tale().done(20, 1, 1).breaks(&[]);
    tale().write(20, 1, 1, Write::Renew, no()).breaks(&[]);
    tale().write(20, 1, 1, Write::Renew, Said::Yes).breaks(&[STALE]);
    let other_words = tale().write(20, 1, 1, Write::Done("other".to_owned()), Said::Yes);
    other_words.breaks(&["no acknowledged end is lost", STALE, "one completion a generation"]);
}

#[test]
fn a_write_after_the_cancellation_is_stale() {
    let cancel = |said| {
        let tale = claims().event("tasks.cancel", 1, None).claim(0, 1, 1, 1);
        tale.deed(10, 11, Ask::Cancel { task: TaskId(1) }, said).remember(1, Status::Cancelled, |_| {})
    };
    cancel(Said::Yes).write(20, 1, 1, Write::Renew, Said::Yes).breaks(&[STALE]);
    cancel(Said::Lost).write(20, 1, 1, Write::Renew, Said::Yes).breaks(&[]);
}

#[test]
fn an_end_that_was_taken_before_its_parent_was_cancelled_may_be_said_again() {
    let tale = |first_said_at: u64| {
        let tale = claims().event("tasks.finish", 1, Some((1, 1))).claim(0, 1, 1, 1);
        let tale = tale.write(first_said_at, 1, 1, Write::Done("r1".to_owned()), Said::Lost);
        let tale = tale.deed(10, 11, Ask::Cancel { task: TaskId(9) }, Said::Yes).done(20, 1, 1);
        tale.remember(1, Status::Done, |task| {
            (task.parent, task.result) = (Some(TaskId(9)), Some("r1".to_owned()));
        })
    };
    tale(5).breaks(&[]);
    tale(15).breaks(&[STALE]);
}

#[test]
fn cancelling_a_parent_takes_the_claims_below_it() {
    let tale = |parent: Option<i64>| {
        let tale = claims().event("tasks.cancel", 1, None).claim(0, 1, 1, 1);
        let tale = tale.deed(10, 11, Ask::Cancel { task: TaskId(9) }, Said::Yes);
        let tale = tale.remember(1, Status::Cancelled, |task| task.parent = parent.map(TaskId));
        tale.write(20, 1, 1, Write::Renew, Said::Yes)
    };
    tale(Some(9)).breaks(&[STALE]);
    tale(None).breaks(&[]);
}

#[test]
fn tokens_rise_in_real_time() {
    let two = |one: i64, other: i64, begun: u64| {
        let tale = Tale::default().event("tasks.create", 1, None).event("tasks.create", 2, None);
        let tale = tale.event("tasks.claim", 1, Some((1, one))).event("tasks.claim", 2, Some((1, other)));
        tale.claim(0, 10, 1, one).claim(begun, 30, 2, other)
    };
    two(4, 5, 20).breaks(&[]);
    two(5, 4, 5).breaks(&[]);
    two(5, 4, 20).breaks(&["tokens rise"]);
    two(5, 5, 5).breaks(&["tokens rise"]);
}

#[test]
fn a_generation_is_completed_once() {
    let twice = |between: fn(Tale) -> Tale| {
        let tale = claims().event("tasks.finish", 1, Some((1, 1)));
        let tale = tale.event("tasks.retry", 1, None).event("tasks.claim", 1, Some((1, 2)));
        let tale = tale.event("tasks.finish", 1, Some((1, 2))).claim(0, 1, 1, 1).done(10, 1, 1);
        let tale = between(tale).claim(40, 41, 1, 2).done(50, 1, 2);
        tale.remember(1, Status::Done, |task| task.result = Some("r2".to_owned()))
    };
    twice(|tale| tale).breaks(&["one completion a generation"]);
    twice(|tale| tale.deed(20, 21, Ask::Retry { task: TaskId(1) }, Said::Yes)).breaks(&[]);
    twice(|tale| tale.deed(20, 21, Ask::Retry { task: TaskId(1) }, no())).breaks(&["one completion a generation"]);
    let rejected = Ask::Verify { task: TaskId(1), accepted: false };
    let tale = twice(|tale| tale).deed(20, 21, rejected, Said::Lost);
    tale.breaks(&[]);
}

#[test]
fn work_waits_for_what_it_depends_on() {
    let tale = |done_at: u64| {
        let tale = Tale::default().event("tasks.create", 1, None).event("tasks.create", 2, None);
        let tale = tale.event("tasks.claim", 1, Some((1, 1))).event("tasks.finish", 1, Some((1, 1)));
        let tale = tale.event("tasks.claim", 2, Some((1, 2))).claim(0, 1, 1, 1).done(done_at, 1, 1).claim(5, 20, 2, 2);
        let tale = tale.remember(1, Status::Done, |task| task.result = Some("r1".to_owned()));
        tale.remember(2, Status::Claimed, |task| task.depends_on = vec![TaskId(1)])
    };
    tale(10).breaks(&[]);
    tale(30).breaks(&["no start before its dependencies"]);
}

#[test]
fn the_servers_own_attempts_follow_each_other() {
    let tale = |attempts: Vec<_>| claims().remember(1, Status::Running, |task| task.attempts = attempts);
    tale(vec![attempt(1, 0, Some(5)), attempt(4, 5, Some(9))]).breaks(&[]);
    let rule = "attempts of one task never overlap";
    tale(vec![attempt(1, 0, Some(6)), attempt(4, 5, Some(9))]).breaks(&[rule]);
    tale(vec![attempt(4, 0, Some(5)), attempt(1, 5, Some(9))]).breaks(&[rule]);
    tale(vec![attempt(1, 0, None), attempt(2, 5, Some(9))]).breaks(&[rule]);
}
