use mi_core::ids::TaskId;
use mi_core::tasks::status::Status;

use super::tale::{Tale, no};
use crate::history::{Ask, Said, Write};

fn one_task() -> Tale {
    Tale::default().create(0, 1)
}

fn claimed() -> Tale {
    one_task().event("tasks.claim", 1, Some((1, 1))).claim(5, 6, 1, 1)
}

fn create(title: &str) -> Ask {
    Ask::Create { title: title.to_owned(), parent: None }
}

#[test]
fn a_created_task_is_there_as_it_was() {
    one_task().remember(1, Status::Queued, |_| {}).breaks(&[]);
    one_task().breaks(&["no acknowledged create is lost"]);
    let renamed = one_task().remember(1, Status::Queued, |task| task.title = "other".to_owned());
    renamed.breaks(&["no acknowledged create is lost"]);
}

#[test]
fn one_request_makes_one_task() {
    let twice = one_task().remember(1, Status::Queued, |_| {});
    let twice = twice.remember(2, Status::Queued, |task| task.title = "t1".to_owned());
    twice.breaks(&["no acknowledged create is lost"]);
}

#[test]
fn a_lost_create_may_be_there_and_a_refused_one_may_not() {
    let there = |said| Tale::default().deed(0, 1, create("t1"), said).remember(1, Status::Queued, |_| {});
    there(Said::Lost).breaks(&[]);
    there(no()).breaks(&["what was refused isn't there"]);
    Tale::default().deed(0, 1, create("t1"), Said::Lost).breaks(&[]);
}

#[test]
fn an_end_stands() {
    let done = |status, result: &str| {
        let tale = claimed().event("tasks.finish", 1, Some((1, 1))).done(10, 1, 1);
        tale.remember(1, status, |task| task.result = Some(result.to_owned()))
    };
    done(Status::Done, "r1").breaks(&[]);
    done(Status::Done, "other").breaks(&["no acknowledged end is lost"]);
    done(Status::Running, "r1").breaks(&["no acknowledged end is lost"]);
    done(Status::Running, "r1").deed(12, 13, Ask::Retry { task: TaskId(1) }, Said::Lost).breaks(&[]);
}

#[test]
fn a_failure_stands() {
    let failed = |error: &str| {
        let tale = claimed().event("tasks.fail", 1, Some((1, 1)));
        let tale = tale.write(10, 1, 1, Write::Fail("broke".to_owned()), Said::Yes);
        tale.remember(1, Status::Failed, |task| task.error = Some(error.to_owned()))
    };
    failed("broke").breaks(&[]);
    failed("other").breaks(&["no acknowledged end is lost"]);
}

#[test]
fn notes_are_kept() {
    let noted = |write: Write, said| claimed().write(7, 1, 1, write, said);
    let all = [Write::Log("n".to_owned()), Write::Comment("n".to_owned()), Write::Artifact("n".to_owned())];
    for write in all {
        let missing = noted(write.clone(), Said::Yes).remember(1, Status::Claimed, |_| {});
        missing.breaks(&["no acknowledged note is lost"]);
        let too_long = Said::No { status: 413, code: "too_long".to_owned() };
        noted(write.clone(), too_long).remember(1, Status::Claimed, |_| {}).breaks(&[]);
        let there = noted(write, Said::Yes);
        there.remember(1, Status::Claimed, |task| task.notes = vec!["n".to_owned()]).breaks(&[]);
    }
}

#[test]
fn done_means_a_result() {
    let blank = Tale::default().event("tasks.create", 1, None);
    blank.remember(1, Status::Done, |task| task.result = Some("  ".to_owned())).breaks(&["done has a result"]);
    let said = claimed().event("tasks.finish", 1, Some((1, 1)));
    let said = said.write(10, 1, 1, Write::Done(" ".to_owned()), Said::Yes);
    let said = said.remember(1, Status::Done, |task| task.result = Some(String::new()));
    said.breaks(&["done has a result", "done has a result"]);
}

#[test]
fn what_was_acknowledged_has_its_event() {
    let rule = "what was acknowledged is in the log";
    let unseen = Tale::default().deed(0, 1, create("t1"), Said::Created(TaskId(1)));
    unseen.remember(1, Status::Queued, |_| {}).breaks(&[rule]);
    one_task().claim(5, 6, 1, 1).remember(1, Status::Claimed, |_| {}).breaks(&[rule]);
    let ended = claimed().done(10, 1, 1).remember(1, Status::Done, |task| task.result = Some("r1".to_owned()));
    ended.breaks(&[rule]);
    let failed = claimed().write(10, 1, 1, Write::Fail("e".to_owned()), Said::Yes);
    failed.remember(1, Status::Failed, |task| task.error = Some("e".to_owned())).breaks(&[rule]);
}
