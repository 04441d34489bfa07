//! Whom work calls: the act that makes work for a sleeper wakes it.
//!
//! An assigned task wakes its assignee. An open one wakes one sleeper who may take it, and only if more such tasks are
//! ready than agents who are up could begin. Nobody is woken for what it couldn't do anything about: a model without a
//! key, a tool that it lacks, work that it had a hand in, a message to a program.

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::tasks::why::OfficeState;
use mi_core::time::Time;
use mi_core::wire::agents::HarnessKind;

use super::store::{self, TaskRow};
use super::workers::{self, State, Worker};
use super::{cards, claim, reviewers};
use crate::agents::service as agents;
use crate::chat::service as chat;
use crate::infra::act::{Act, Head};
use crate::infra::db::Tx;
use crate::infra::fault::Fault;
use crate::pods::{self, Cause};

/// Ready tasks that are looked at, of one assignee or of nobody; as many as a claim looks at.
const TASKS_LOOKED_AT_MAX: i64 = 100;

/// A sleeper, and what calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub agent: AgentId,
    pub name: AgentName,
    pub cause: Cause,
}

/// A snapshot of an office to look for calls in.
struct Scene<'a> {
    tx: &'a mut dyn Tx,
    office: OfficeId,
    now: Time,
}

/// This task is ready now.
pub fn for_task(act: &mut Act<'_>, task: &TaskRow) -> Result<(), Fault> {
    if sabotage!(SleepersForgotten) || !is_possible(act.tx, act.office, &act.head)? {
        return Ok(());
    }
    if let Some(name) = &task.assigned {
        let call = scene(act).assignee(name, std::slice::from_ref(task))?;
        wake(act, call.into_iter().collect())?;
    }
    // Whoever has work of its own now is counted on for nothing else.
    let calls = scene(act).anybody()?;
    wake(act, calls)
}

/// Who could take what has changed.
pub fn for_tasks(act: &mut Act<'_>) -> Result<(), Fault> {
    if !is_possible(act.tx, act.office, &act.head)? {
        return Ok(());
    }
    let calls = scene(act).assignees()?;
    wake(act, calls)?;
    let calls = scene(act).anybody()?;
    wake(act, calls)
}

/// Everything may have changed: the server starts, or the office works again.
pub fn for_everything(act: &mut Act<'_>) -> Result<(), Fault> {
    for_tasks(act)?;
    if !is_possible(act.tx, act.office, &act.head)? {
        return Ok(());
    }
    let calls = scene(act).readers()?;
    wake(act, calls)
}

/// Somebody wrote to this agent, or mentioned it.
pub fn for_message(act: &mut Act<'_>, to: &AgentName) -> Result<(), Fault> {
    if !is_possible(act.tx, act.office, &act.head)? {
        return Ok(());
    }
    let mut scene = scene(act);
    let call = match workers::one(scene.tx, scene.office, scene.now, to.as_str())? {
        Some(worker) => scene.reader(&worker)?,
        None => None,
    };
    wake(act, call.into_iter().collect())
}

/// Who sleeps although there is work for it: nobody, after every act.
#[cfg(any(test, feature = "testing"))]
pub fn unheard(tx: &mut dyn Tx, office: OfficeId, head: &Head, now: Time) -> Result<Vec<Call>, Fault> {
    if !is_possible(tx, office, head)? {
        return Ok(Vec::new());
    }
    let mut scene = Scene { tx, office, now };
    let mut calls = scene.assignees()?;
    calls.extend(scene.anybody()?);
    calls.extend(scene.readers()?);
    Ok(calls)
}

fn scene<'a>(act: &'a mut Act<'_>) -> Scene<'a> {
    Scene { tx: act.tx, office: act.office, now: act.now }
}

fn is_possible(tx: &mut dyn Tx, office: OfficeId, head: &Head) -> Result<bool, Fault> {
    Ok(cards::office_state(head) == OfficeState::Active && pods::any_asleep(tx, office)?)
}

fn wake(act: &mut Act<'_>, calls: Vec<Call>) -> Result<(), Fault> {
    calls.into_iter().try_for_each(|call| pods::wake(act, call.agent, &call.name, call.cause))
}

impl Scene<'_> {
    fn assignees(&mut self) -> Result<Vec<Call>, Fault> {
        let mut calls = Vec::new();
        for name in store::workers::asleep_with_work(self.tx, self.office, self.now)? {
            let ready = store::ready_assigned(self.tx, self.office, &name, self.now, TASKS_LOOKED_AT_MAX)?;
            calls.extend(self.assignee(name.as_str(), &ready)?);
        }
        Ok(calls)
    }

    /// The first of its tasks that it may take.
    fn assignee(&mut self, name: &str, tasks: &[TaskRow]) -> Result<Option<Call>, Fault> {
        let worker = workers::one(self.tx, self.office, self.now, name)?;
        let Some((worker, agent)) = worker.and_then(|worker| worker.asleep().map(|id| (worker, id))) else {
            return Ok(None);
        };
        for task in tasks {
            if self.may_take(&worker, task)? && claim::is_free(self.tx, self.office, task)? {
                return Ok(Some(Call { agent, name: worker.name, cause: Cause::Task(task.id) }));
            }
        }
        Ok(None)
    }

    /// Each ready task is for one who is up, as far as they go round; what is left is for sleepers.
    fn anybody(&mut self) -> Result<Vec<Call>, Fault> {
        let ready = store::ready_open(self.tx, self.office, self.now, TASKS_LOOKED_AT_MAX)?;
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let everybody = workers::all(self.tx, self.office, self.now)?;
        let (mut sleepers, others): (Vec<Worker>, Vec<Worker>) =
            everybody.into_iter().partition(|worker| worker.asleep().is_some());
        let mut up = self.who_is_up(others)?;
        let mut calls = Vec::new();
        for task in &ready {
            if !claim::is_free(self.tx, self.office, task)? || self.pick(&mut up, task)?.is_some() {
                continue;
            }
            let sleeper = self.pick(&mut sleepers, task)?;
            let agent = sleeper.and_then(|worker| worker.asleep().map(|id| (worker, id)));
            calls.extend(agent.map(|(worker, agent)| Call { agent, name: worker.name, cause: Cause::Task(task.id) }));
        }
        Ok(calls)
    }

    /// Those who will ask for work soon, and have none of their own. An agent elsewhere asks when it likes.
    fn who_is_up(&mut self, workers: Vec<Worker>) -> Result<Vec<Worker>, Fault> {
        let mut up = Vec::new();
        for worker in workers {
            let soon = matches!(worker.state, State::Free | State::Starting) && !worker.lives_elsewhere();
            if soon && store::ready_assigned(self.tx, self.office, &worker.name, self.now, 1)?.is_empty() {
                up.push(worker);
            }
        }
        Ok(up)
    }

    /// Takes out the first who may have the task.
    fn pick(&mut self, workers: &mut Vec<Worker>, task: &TaskRow) -> Result<Option<Worker>, Fault> {
        for place in 0..workers.len() {
            if self.may_take(&workers[place], task)? {
                return Ok(Some(workers.remove(place)));
            }
        }
        Ok(None)
    }

    fn may_take(&mut self, worker: &Worker, task: &TaskRow) -> Result<bool, Fault> {
        Ok(worker.has(&task.required_tools()) && reviewers::may_take(self.tx, self.office, task, &worker.name)?)
    }

    fn readers(&mut self) -> Result<Vec<Call>, Fault> {
        let mut calls = Vec::new();
        for worker in workers::all(self.tx, self.office, self.now)? {
            calls.extend(self.reader(&worker)?);
        }
        Ok(calls)
    }

    /// A program reads no messages by itself.
    fn reader(&mut self, worker: &Worker) -> Result<Option<Call>, Fault> {
        let Some(agent) = worker.asleep() else { return Ok(None) };
        let row = agents::by_name(self.tx, self.office, worker.name.as_str())?;
        let reads = row.is_some_and(|row| row.harness != HarnessKind::Command);
        if !reads || chat::wakes_now(self.tx, self.office, &worker.name, self.now, 1)?.is_none() {
            return Ok(None);
        }
        Ok(Some(Call { agent, name: worker.name.clone(), cause: Cause::Message }))
    }
}
