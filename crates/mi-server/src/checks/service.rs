//! Acts of checks.

use mi_core::checks::rules::{Asker, HandInIt, Standing, may_change};
use mi_core::checks::{Check, HttpCheck, JsonCheck, read};
use mi_core::egress::{self, Target};
use mi_core::ids::{OfficeId, TaskId};
use mi_core::tasks::status::{Status, Verification};
use mi_core::tasks::why::Judge;
use mi_core::time::Millis;
use mi_core::wire::checks::{TaskCheck, Verdict};
use serde_json::{Value, json};

use super::run::{Finding, Unable};
use super::store::{self, Ending};
use super::{faults, run};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, NewEvent};
use crate::infra::caller::Member;
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::infra::wakeups::Wake;
use crate::sessions;
use crate::tasks::store::TaskRow;
use crate::tasks::{flow, review};

/// How long a round that couldn't be run waits, try by try.
const DELAY_SECONDS: [i64; 4] = [5, 25, 120, 600];
/// Of outputs together in the comment that goes back to the agent; the whole of each is with the task.
const COMMENT_OUTPUT_BYTES_MAX: usize = 16 * 1024;

/// What a new task is measured by.
pub fn attach(act: &mut Act<'_>, task: TaskId, wishes: Option<&[Value]>) -> Result<(), Fault> {
    let Some(wishes) = wishes.filter(|wishes| !wishes.is_empty()) else { return Ok(()) };
    let checks = checked(act, wishes)?;
    Ok(store::replace(act.tx, act.office, task, &checks)?)
}

fn checked(act: &Act<'_>, wishes: &[Value]) -> Result<Vec<Check>, Fault> {
    let checks = read::all(wishes).map_err(faults::bad_check)?;
    for (number, check) in (1..).zip(&checks) {
        match check {
            Check::Http(check) => may_ask(act, number, check)?,
            Check::JsonSchema(check) => may_measure(number, check)?,
            Check::Command(_) | Check::File(_) => {}
        }
    }
    Ok(checks)
}

/// What would be refused whenever it is asked is refused now.
fn may_ask(act: &Act<'_>, number: usize, check: &HttpCheck) -> Result<(), Fault> {
    let address = act.outbound.read(&check.url).map_err(|bad| faults::bad_address(number, &bad))?;
    // As it will be called, not as it was written.
    let target = Target::of_url(address.as_str()).map_err(faults::bad_check)?;
    if !egress::allows(&act.head.settings.egress, &target, &check.method) {
        return Err(faults::no_egress(number, &target, &check.method));
    }
    Ok(())
}

/// A schema on the drive is judged when it is needed.
fn may_measure(number: usize, check: &JsonCheck) -> Result<(), Fault> {
    let Some(schema) = &check.schema else { return Ok(()) };
    run::json::look_at_schema(schema).map_err(|why| faults::bad_check(format!("check {number}: {why}")))
}

/// Other checks in the place of those that the task has. A completion that waits is checked anew.
pub fn change(act: &mut Act<'_>, member: &Member, task: &TaskRow, wishes: &[Value]) -> Result<(), Fault> {
    let asker = asker(act, member, task)?;
    may_change(asker).map_err(|refusal| faults::not_theirs(task.id, refusal))?;
    if task.status == Status::Done && task.verification != Verification::Pending {
        return Err(faults::finished(task));
    }
    let checks = checked(act, wishes)?;
    store::replace(act.tx, act.office, task.id, &checks)?;
    let waits = store::open_round(act.tx, act.office, task.id)?.is_some();
    if task.status == Status::Done && (waits || !checks.is_empty()) {
        // Without any left the empty round passes, and the task with it.
        store::end(act.tx, act.office, task.id, Ending::Dropped, act.now)?;
        start_round(act, task.id)?;
    }
    Ok(())
}

fn asker(act: &mut Act<'_>, member: &Member, task: &TaskRow) -> Result<Asker, Fault> {
    let Member::Agent { name, .. } = member else { return Ok(Asker::Operator) };
    let worked = sessions::service::has_worked(act.tx, act.office, task.id, name)?;
    let standing = if task.created_by == name.as_str() { Standing::Creator } else { Standing::Other };
    Ok(Asker::Agent { standing, hand_in_it: if worked { HandInIt::Worked } else { HandInIt::None } })
}

/// Goes along with every move of a task, before it is saved: a task that becomes done with checks is pending, and one that
/// leaves that place by another way takes its round along.
pub fn follow(act: &mut Act<'_>, task: &mut TaskRow, from: (Status, Verification), to: Status) -> Result<(), Fault> {
    if to == Status::Done && from.0 != Status::Done {
        if store::has_any(act.tx, act.office, task.id)? {
            task.verification = Verification::Pending;
            start_round(act, task.id)?;
        }
        return Ok(());
    }
    let waits_on = to == Status::Done && task.verification == Verification::Pending;
    if from == (Status::Done, Verification::Pending) && !waits_on {
        store::end(act.tx, act.office, task.id, Ending::Dropped, act.now)?;
        act.wake(Wake::Checks);
    }
    Ok(())
}

fn start_round(act: &mut Act<'_>, task: TaskId) -> Result<(), Fault> {
    store::open(act.tx, act.office, task, act.now)?;
    act.wake(Wake::Checks);
    Ok(())
}

/// Whether a completion of the task is still to be judged by its checks.
pub fn are_open(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<bool, Fault> {
    Ok(store::open_round(tx, office, task)?.is_some())
}

/// Whether the checks are those whom a done task waits for.
pub fn judge_of(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Option<Judge>, Fault> {
    Ok(store::open_round(tx, office, task)?.map(|round| match round.delay {
        Some(reason) => Judge::ChecksDelayed { reason, until: round.due_at },
        None => Judge::Checks,
    }))
}

/// The checks of a task with what was found the last time; a check that was changed since has no outcome.
pub fn shown(tx: &mut dyn Tx, office: OfficeId, task: TaskId) -> Result<Vec<TaskCheck>, Fault> {
    let checks = store::of_task(tx, office, task)?;
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let mut runs = store::last_runs(tx, office, task)?;
    let show = |check: Check| {
        let found = runs.iter().position(|(of, _)| *of == check);
        let outcome = found.map(|place| runs.swap_remove(place).1);
        TaskCheck { text: check.to_string(), check, outcome }
    };
    Ok(checks.into_iter().map(show).collect())
}

/// A round about to be run.
#[derive(Debug, Clone)]
pub struct Job {
    pub office: OfficeId,
    pub task: TaskId,
    pub generation: i64,
    pub checks: Vec<Check>,
    pub egress: Vec<Value>,
}

/// Takes a round up, or nothing if it is gone.
pub fn begin(act: &mut Act<'_>, task: TaskId) -> Result<Option<Job>, Fault> {
    let Some(round) = store::open_round(act.tx, act.office, task)? else { return Ok(None) };
    let checks = store::of_task(act.tx, act.office, task)?;
    let row = flow::need(act, task)?;
    if round.tries == 0 {
        let summary = format!("task {task}: {} checks are run", checks.len());
        record(act, &row, "checks.run", summary, json!({"generation": round.generation}))?;
    }
    let egress = act.head.settings.egress.clone();
    Ok(Some(Job { office: act.office, task, generation: round.generation, checks, egress }))
}

/// Writes down what was found and judges, unless the task has gone on meanwhile.
pub fn judge(act: &mut Act<'_>, job: &Job, findings: &[Finding]) -> Result<(), Fault> {
    let open = store::open_round(act.tx, act.office, job.task)?;
    if open.is_none_or(|round| round.generation != job.generation) {
        return Ok(());
    }
    let mut task = flow::need(act, job.task)?;
    for (position, finding) in (1i64..).zip(findings) {
        store::add_run(act.tx, act.office, job.task, (job.generation, position), finding)?;
    }
    let failed: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == Verdict::Failed).collect();
    let ending = if failed.is_empty() { Ending::Passed } else { Ending::Failed };
    store::end(act.tx, act.office, job.task, ending, act.now)?;
    let numbers = json!({"generation": job.generation, "checks": findings.len(), "failed": failed.len()});
    if failed.is_empty() {
        record(act, &task, "checks.pass", format!("task {}: all {} checks passed", task.id, findings.len()), numbers)?;
        return review::checks_passed(act, &mut task);
    }
    let head = format!("{} of {} checks failed", failed.len(), findings.len());
    record(act, &task, "checks.fail", format!("task {}: {head}", task.id), numbers)?;
    review::checks_failed(act, &mut task, &head, &comment(&head, &failed))
}

/// What the agent has to know to do better.
fn comment(head: &str, failed: &[&Finding]) -> String {
    let share = COMMENT_OUTPUT_BYTES_MAX / failed.len().max(1);
    let mut text = format!("{head}.");
    for finding in failed {
        text += &format!("\n\n✗ {}\n{}", mi_core::ids::excerpt(&finding.check.to_string()), finding.detail);
        if let Some(output) = finding.output.as_deref().filter(|output| !output.is_empty()) {
            text += &format!("\n{}", run::tail(output, share));
        }
    }
    text
}

/// It couldn't be run for a reason of ours: neither accepted nor rejected, tried again later.
pub fn delay(act: &mut Act<'_>, job: &Job, unable: &Unable) -> Result<(), Fault> {
    let Some(mut round) = store::open_round(act.tx, act.office, job.task)? else { return Ok(()) };
    if round.generation != job.generation {
        return Ok(());
    }
    let step = usize::try_from(round.tries).unwrap_or(usize::MAX).min(DELAY_SECONDS.len() - 1);
    round.tries += 1;
    round.due_at = act.now + Millis::seconds(DELAY_SECONDS[step]);
    let is_news = round.delay.as_deref() != Some(unable.0.as_str());
    round.delay = Some(unable.0.clone());
    store::put_off(act.tx, act.office, job.task, &round)?;
    if is_news {
        let row = flow::need(act, job.task)?;
        let data = json!({"generation": job.generation, "reason": unable.0});
        record(act, &row, "checks.delay", format!("task {}: its checks can't be run", row.id), data)?;
    }
    Ok(())
}

fn record(act: &mut Act<'_>, task: &TaskRow, kind: &'static str, summary: String, data: Value) -> Result<(), Fault> {
    act.event(NewEvent {
        category: Category::Task,
        kind,
        actor: review::CHECKS,
        agent: task.claimed_by.as_ref(),
        task: Some(task.id),
        summary,
        data,
    })?;
    Ok(())
}
