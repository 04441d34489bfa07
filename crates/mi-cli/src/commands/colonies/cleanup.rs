//! `mi colonies cleanup [COLONY]`: finds what is only in the way, shows it, and takes it away.
//!
//! Tasks are never deleted: one that can never run is cancelled, one whose assignee is
//! gone is offered to everybody.

use clap::Args;
use mi_client::Client;
use mi_core::ids::{AgentName, OfficeId, TaskId};
use mi_core::tasks::status::BlockedKind;
use mi_core::wire::agents::{Agent, AgentPhase};
use mi_core::wire::tasks::{CancelTask, Task, UpdateTask};
use serde_json::{Value, json};

use crate::args::ColonyPlace;
use crate::confirm::{Consent, confirm};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::gather;
use crate::output::{Format, Paint, Tone, clean};

const REASON: &str = "cleanup: what it depends on was cancelled";
const CODE_AGENT_GONE: &str = "assigned_agent_gone";

const HELP: &str = "\
It finds:
  agents   specialists that agents hired and that have nothing to do; failed agents without work;
           with --stopped also agents that were stopped and have no work
  tasks    blocked because what they depend on was cancelled: they are cancelled, too
  tasks    assigned to an agent that is gone: they are offered to everybody";

#[derive(Args)]
#[command(after_help = HELP)]
pub struct CleanupArgs {
    #[command(flatten)]
    place: ColonyPlace,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
    /// Agents that were stopped by hand as well
    #[arg(long)]
    stopped: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Act {
    Fire(AgentName),
    Cancel(TaskId),
    Unassign(TaskId),
}

/// One thing to do, and why.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    act: Act,
    why: String,
}

/// Agents that somebody stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Stay,
    Go,
}

pub async fn run(desk: &mut Desk, args: CleanupArgs) -> Result<(), Fault> {
    let (client, office) = desk.office(args.place.named()).await?;
    let agents = gather::agents(&client, office).await?;
    let open = gather::tasks(&client, office, &gather::OPEN).await?;
    let steps = plan(&agents, &open, if args.stopped { Stopped::Go } else { Stopped::Stay });
    show(desk, &steps)?;
    if steps.is_empty() || args.dry_run {
        return Ok(());
    }
    if !args.yes && confirm(desk, "do this?")? == Consent::Refused {
        return Err(Fault::failed("nothing was changed", "--dry-run only shows what would be done"));
    }
    for step in &steps {
        carry_out(&client, office, &step.act).await?;
    }
    desk.out.note(&format!("done: {} of {}", steps.len(), steps.len()))
}

async fn carry_out(client: &Client, office: OfficeId, act: &Act) -> Result<(), Fault> {
    match act {
        Act::Fire(name) => client.agents(office).fire(name).await?,
        Act::Cancel(id) => {
            let cancel = CancelTask { reason: Some(REASON.to_owned()) };
            client.tasks(office).cancel(*id, &cancel).await?;
        }
        Act::Unassign(id) => {
            let update = UpdateTask { assigned_agent: Some(String::new()), ..UpdateTask::default() };
            client.tasks(office).update(*id, &update).await?;
        }
    }
    Ok(())
}

/// Tasks first: an agent may have no work when they are gone.
fn plan(agents: &[Agent], open: &[Task], stopped: Stopped) -> Vec<Step> {
    let mut steps: Vec<Step> = open.iter().filter_map(task_step).collect();
    let cancelled = |id: TaskId| steps.iter().any(|step| step.act == Act::Cancel(id));
    let left: Vec<&Task> = open.iter().filter(|task| !cancelled(task.id)).collect();
    let agents: Vec<Step> = agents.iter().filter_map(|agent| agent_step(agent, &left, stopped)).collect();
    steps.extend(agents);
    steps
}

fn task_step(task: &Task) -> Option<Step> {
    let why = task.why.as_ref()?;
    let title = clean(&task.title).replace('\n', " ");
    let act = match why.code.as_str() {
        code if code == BlockedKind::DependencyCancelled.as_str() => Act::Cancel(task.id),
        CODE_AGENT_GONE => Act::Unassign(task.id),
        _ => return None,
    };
    Some(Step { act, why: format!("{title}: {}", clean(&why.message).replace('\n', " ")) })
}

fn agent_step(agent: &Agent, open: &[&Task], stopped: Stopped) -> Option<Step> {
    let name = &agent.name;
    let has_work = agent.status.current_task.is_some()
        || open.iter().any(|task| {
            task.assigned_agent.as_deref() == Some(name.as_str())
                || (task.status.is_held() && task.claimed_by.as_ref() == Some(name))
        });
    if has_work {
        return None;
    }
    let why = match (agent.status.phase, &agent.spawned_by) {
        (AgentPhase::Failed, _) => "failed, and has no work".to_owned(),
        (AgentPhase::Idle | AgentPhase::Hibernated | AgentPhase::Stopped, Some(by)) => {
            format!("a specialist of {by} that has nothing to do")
        }
        (AgentPhase::Stopped, None) if stopped == Stopped::Go => "stopped, and has no work".to_owned(),
        (
            AgentPhase::Pending
            | AgentPhase::Running
            | AgentPhase::Idle
            | AgentPhase::Hibernated
            | AgentPhase::Stopped
            | AgentPhase::Suspended
            | AgentPhase::Offline
            | AgentPhase::Archived,
            _,
        ) => return None,
    };
    Some(Step { act: Act::Fire(name.clone()), why })
}

fn show(desk: &mut Desk, steps: &[Step]) -> Result<(), Fault> {
    if desk.out.format == Format::Json {
        let steps: Vec<Value> = steps.iter().map(Step::json).collect();
        return desk.out.json(Value::Array(steps).to_string().as_bytes());
    }
    if steps.is_empty() {
        return desk.out.note("there is nothing to clean up");
    }
    let paint = desk.out.screen.paint;
    let lines: String = steps.iter().map(|step| step.line(paint)).collect();
    desk.out.data(&lines)
}

impl Step {
    fn words(&self) -> (&'static str, String) {
        match &self.act {
            Act::Fire(name) => ("fire", name.to_string()),
            Act::Cancel(id) => ("cancel", format!("#{id}")),
            Act::Unassign(id) => ("unassign", format!("#{id}")),
        }
    }

    fn line(&self, paint: Paint) -> String {
        let (act, what) = self.words();
        format!("- {act:<9} {what}  {}\n", paint.tint(Tone::Faint, &self.why))
    }

    fn json(&self) -> Value {
        let (act, what) = self.words();
        json!({"action": act, "what": what.trim_start_matches('#'), "why": self.why})
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn agent(name: &str, phase: &str, spawned_by: Option<&str>) -> Agent {
        serde_json::from_value(json!({"id": "5b7e3c1a-0000-4000-8000-0000000000aa", "name": name, "harness": "command",
            "skills": [], "kind": "hosted", "spawnedBy": spawned_by, "createdAt": "2026-04-27T09:30:00.000Z",
            "status": {"phase": phase, "ready": true, "message": ""}}))
        .unwrap()
    }

    fn task(id: i64, status: &str, why: &str, assigned: Option<&str>) -> Task {
        serde_json::from_value(json!({"id": id, "title": format!("task {id}"), "kind": "general", "priority": 50,
            "status": status, "created_by": "owner", "required_tools": [], "attempts": 0, "max_attempts": 3,
            "verification": "none", "subtask_count": 0, "assigned_agent": assigned,
            "why": {"code": why, "message": "m"}, "created_at": "2026-04-27T09:30:00.000Z",
            "updated_at": "2026-04-27T09:30:00.000Z"}))
        .unwrap()
    }

    fn check(agents: &[Agent], open: &[Task], stopped: Stopped, expect: Expect) {
        let lines: String = plan(agents, open, stopped).iter().map(|step| step.line(Paint::Plain)).collect();
        expect.assert_eq(&lines);
    }

    #[test]
    fn only_what_is_in_the_way_goes() {
        let agents = [
            agent("worker", "Idle", None),
            agent("helper", "Idle", Some("worker")),
            agent("busy", "Idle", Some("worker")),
            agent("broken", "Failed", None),
            agent("useful", "Failed", None),
            agent("resting", "Stopped", None),
            agent("running", "Running", Some("worker")),
        ];
        let open = [
            task(1, "queued", "waiting_for_agent", Some("busy")),
            task(2, "blocked", "dependency_cancelled", Some("helper")),
            task(3, "queued", "assigned_agent_gone", Some("zoe")),
            task(4, "blocked", "dependency_failed", Some("useful")),
        ];
        check(
            &agents,
            &open,
            Stopped::Stay,
            expect![[r#"
                - cancel    #2  task 2: m
                - unassign  #3  task 3: m
                - fire      helper  a specialist of worker that has nothing to do
                - fire      broken  failed, and has no work
            "#]],
        );
        check(
            &agents[5..],
            &[],
            Stopped::Go,
            expect![[r#"
                - fire      resting  stopped, and has no work
            "#]],
        );
        check(&agents[..1], &open[..1], Stopped::Go, expect![[""]]);
    }
}
