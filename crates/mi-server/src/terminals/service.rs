//! Acts of terminals.

use std::collections::BTreeMap;

use mi_core::ids::{AgentId, AgentName, ClaimToken, OfficeId};
use mi_core::limits::{
    DEBUG_COMMAND_BYTES_MAX, DEBUG_SECONDS_DEFAULT, DEBUG_SECONDS_MAX, SHELL_SECONDS_MAX, TERMINAL_WAIT_SECONDS,
};
use mi_core::redact::Redactor;
use mi_core::terminal::Frame;
use mi_core::time::{Millis, Time};
use mi_core::wire::agents::{AgentKind, AgentPhase, CommandLine};
use mi_core::wire::terminals::{DebugCommand, DebugOutcome, TerminalPlan, TerminalProgram};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::bridge::{self, Ending, Gathered, Kept};
use super::desk::Seat;
use super::faults;
use super::frames::send;
use crate::agents::service as agents;
use crate::env::service as env;
use crate::house::{House, View};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Ask, NewEvent};
use crate::infra::caller::Member;
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Pipe, Standing, Upgrade};
use crate::infra::wakeups::Wake;
use crate::integrations::credentials;
use crate::integrations::service::Desk as Catalogue;
use crate::pods::service::{self as pods, Desired, Observed};
use crate::pods::{self as rest, Cause};
use crate::sessions::service as sessions;

/// As much of a command as an event shows.
const COMMAND_SHOWN_CHARS_MAX: usize = 200;
/// A client that asked for a terminal and was promised one takes it up at once.
const PERSON_WAIT_MS: i64 = 10_000;

/// A pod that somebody may enter, and who it is.
#[derive(Debug, Clone)]
pub struct Room {
    pub office: OfficeId,
    pub agent: AgentId,
    pub name: AgentName,
    pub who: String,
    session: Option<ClaimToken>,
    /// Its pod has to be woken first.
    pub sleeps: bool,
    variables: BTreeMap<String, String>,
}

/// Whether there is a pod to enter, or one that comes when it is wanted, and what is found in it.
pub fn enter(view: &mut View<'_>, member: &Member, name: &str, catalogue: &Catalogue) -> Result<Room, Fault> {
    let agent = agents::find(view.tx, view.office, name)?;
    if agent.kind == AgentKind::External {
        return Err(faults::lives_elsewhere(&agent.name));
    }
    let pod = pods::row(view.tx, view.office, agent.id)?;
    let sleeps = pod.as_ref().is_some_and(|pod| pod.desired == Desired::Asleep);
    let runs = pod.is_some_and(|pod| pod.desired == Desired::Running && pod.observed == Observed::Running);
    let status = agents::card(view.tx, view.office, view.now, &agent)?.status;
    if status.phase == AgentPhase::Suspended {
        return Err(faults::suspended(&agent.name, &status.message));
    }
    if !runs && !sleeps {
        return Err(faults::pod_not_running(&agent.name, status.phase));
    }
    let mut variables = credentials::for_session(view.tx, view.office, agent.id, catalogue)?;
    variables.extend(env::for_session(view.tx, &catalogue.keys, view.office, agent.id)?);
    let session = sessions::current(view.tx, view.office, agent.id)?.map(|(session, _)| session);
    let (office, who) = (view.office, member.name().to_owned());
    Ok(Room { sleeps, office, agent: agent.id, name: agent.name, who, session, variables })
}

/// Its runner comes for the terminal as soon as there is one.
pub fn rouse(act: &mut Act<'_>, room: &Room) -> Result<Answer, Fault> {
    rest::wake(act, room.agent, &room.name, Cause::Terminal)?;
    Ok(Answer::done())
}

/// Makes the runner come, whatever it is at; it is asked for only while somebody waits.
async fn meet(house: &House, room: &Room, seat: &mut Seat) -> Result<Pipe, Fault> {
    let agent = Wake::Agent { office: room.office, name: room.name.clone() };
    let session = room.session.map(|session| Wake::Session { office: room.office, session });
    house.wakeups.send(&[agent].into_iter().chain(session).collect::<Vec<_>>());
    let until = house.clock.now() + Millis::seconds(TERMINAL_WAIT_SECONDS);
    let came = house.clock.timeout_at(until, seat.pod()).await.flatten();
    came.ok_or_else(|| faults::pod_silent(&room.name))
}

impl Room {
    pub fn seat(&self, house: &House) -> Result<Seat, Fault> {
        house.terminals.open(self.agent).ok_or_else(|| faults::busy(&self.name))
    }

    fn plan(&self, program: TerminalProgram) -> Result<Frame, Fault> {
        let plan = TerminalPlan { program, variables: self.variables.clone() };
        let bytes = serde_json::to_vec(&plan).map_err(fault::internal)?;
        if bytes.len() > mi_core::terminal::FRAME_BYTES_MAX {
            return Err(fault::too_long("the agent's environment", mi_core::terminal::FRAME_BYTES_MAX, "bytes"));
        }
        Ok(Frame::Plan(bytes))
    }

    /// Values of the environment by their names, as in logs.
    fn redactor(&self) -> Redactor {
        Redactor::new(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    fn event(
        &self,
        act: &mut Act<'_>,
        kind: &'static str,
        summary: String,
        data: serde_json::Value,
    ) -> Result<(), Fault> {
        let (category, actor, agent) = (Category::Terminal, self.who.as_str(), Some(&self.name));
        act.event(NewEvent { category, kind, actor, agent, task: None, summary, data })?;
        Ok(())
    }
}

/// A command that may be run.
#[derive(Debug, Clone)]
pub struct Wanted {
    command: CommandLine,
    limit: Millis,
}

pub fn wanted(wish: DebugCommand) -> Result<Wanted, Fault> {
    let seconds = wish.timeout_seconds.unwrap_or(DEBUG_SECONDS_DEFAULT);
    if !(1..=DEBUG_SECONDS_MAX).contains(&seconds) {
        return Err(fault::bad_request(format!("timeoutSeconds is 1 to {DEBUG_SECONDS_MAX}")));
    }
    let (is_empty, length) = match &wish.command {
        CommandLine::Shell(line) => (line.trim().is_empty(), line.len()),
        CommandLine::Argv(words) => {
            (words.first().is_none_or(String::is_empty), words.iter().map(|word| word.len() + 1).sum())
        }
    };
    if is_empty {
        return Err(fault::bad_request("there is no command to run").hint("give one: mi agents debug NAME -- ls -la"));
    }
    if length > DEBUG_COMMAND_BYTES_MAX {
        return Err(fault::too_long("a command", DEBUG_COMMAND_BYTES_MAX, "bytes"));
    }
    Ok(Wanted { command: wish.command, limit: Millis::seconds(seconds) })
}

/// Runs a command in the pod. It ends, and its end is recorded, also when the caller goes away.
pub async fn debug(house: House, ask: Ask, room: Room, wanted: Wanted) -> Result<DebugOutcome, Fault> {
    let gone = CancellationToken::new();
    let _ends_with_the_caller = gone.clone().drop_guard();
    let work = tokio::spawn(async move { run(&house, ask, &room, wanted, gone).await });
    work.await.map_err(fault::internal)?
}

async fn run(
    house: &House,
    ask: Ask,
    room: &Room,
    wanted: Wanted,
    gone: CancellationToken,
) -> Result<DebugOutcome, Fault> {
    let mut seat = room.seat(house)?;
    let mut pod = tokio::select! {
        met = meet(house, room, &mut seat) => met?,
        () = gone.cancelled() => return Err(faults::pod_silent(&room.name)),
    };
    let shown = room.redactor().clean(&shown(&wanted.command)).into_owned();
    begin(house, ask, room, "terminals.debug", Some(shown)).await?;
    let began = house.clock.now();
    let mut gathered = Gathered::default();
    let ending = match send(&mut pod, &room.plan(TerminalProgram::Command(wanted.command))?).await {
        Err(_) => Ending::Lost,
        Ok(()) => tokio::select! {
            ending = bridge::gather(&mut pod, &mut gathered) => ending,
            () = house.clock.sleep_until(began + wanted.limit) => Ending::TimeOver,
            () = gone.cancelled() => Ending::Left,
        },
    };
    // The runner ends what it runs when its connection goes.
    drop(pod);
    end(house, room, began, &ending).await;
    outcome(room, &ending, gathered)
}

fn shown(command: &CommandLine) -> String {
    let line = match command {
        CommandLine::Shell(line) => line.clone(),
        CommandLine::Argv(words) => words.join(" "),
    };
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(COMMAND_SHOWN_CHARS_MAX).collect()
}

/// 128 and a signal's number, as shells have it: a command whose time was over was killed.
const KILLED: i32 = 128 + 9;

fn outcome(room: &Room, ending: &Ending, gathered: Gathered) -> Result<DebugOutcome, Fault> {
    let exit_code = match ending {
        Ending::Exited(code) => *code,
        Ending::TimeOver => KILLED,
        Ending::Refused(sentence) => return Err(faults::not_started(sentence)),
        Ending::Left | Ending::Lost | Ending::Revoked => return Err(faults::pod_ended(&room.name)),
    };
    let redactor = room.redactor();
    let text = |kept: &Kept| redactor.clean(&String::from_utf8_lossy(&kept.bytes)).into_owned();
    Ok(DebugOutcome {
        stdout: text(&gathered.stdout),
        stderr: text(&gathered.stderr),
        exit_code,
        timed_out: *ending == Ending::TimeOver,
        truncated: gathered.stdout.is_cut || gathered.stderr.is_cut,
    })
}

/// A shell for a person, from the answer that promises it to its end.
pub struct Shell {
    pub room: Room,
    pub program: TerminalProgram,
    /// What the person's connection becomes.
    pub upgrade: Upgrade,
    pub standing: Standing,
}

/// Resolves when the pod's end has come; the shell itself lives on by itself.
pub async fn shell(house: House, ask: Ask, wanted: Shell) -> Result<(), Fault> {
    let mut seat = wanted.room.seat(&house)?;
    let pod = meet(&house, &wanted.room, &mut seat).await?;
    begin(&house, ask, &wanted.room, "terminals.shell", None).await?;
    tokio::spawn(async move {
        let began = house.clock.now();
        let room = wanted.room.clone();
        let ending = match live(&house, wanted, pod, seat).await {
            Ok(ending) => ending,
            Err(fault) => {
                tracing::debug!(cause = fault.cause.as_deref().unwrap_or_default(), "a shell: {}", fault.sentence);
                Ending::Left
            }
        };
        end(&house, &room, began, &ending).await;
    });
    Ok(())
}

async fn live(house: &House, wanted: Shell, mut pod: Pipe, seat: Seat) -> Result<Ending, Fault> {
    let began = house.clock.now();
    let Shell { room, program, upgrade, standing } = wanted;
    let person = house.clock.timeout_at(began + Millis(PERSON_WAIT_MS), upgrade.pipe()).await;
    let Some(mut person) = person.transpose()? else { return Ok(Ending::Left) };
    if send(&mut pod, &room.plan(program)?).await.is_err() {
        return Ok(Ending::Lost);
    }
    let ending = tokio::select! {
        ending = bridge::join(&mut person, &mut pod) => ending,
        () = standing.lost() => Ending::Revoked,
        () = house.clock.sleep_until(began + Millis::seconds(SHELL_SECONDS_MAX)) => Ending::TimeOver,
    };
    // Before the connections close: whoever sees the end may come again at once.
    drop(seat);
    Ok(ending)
}

/// Nothing runs that isn't recorded; and nothing that was asked for once runs twice, so no key is kept.
async fn begin(house: &House, ask: Ask, room: &Room, kind: &'static str, shown: Option<String>) -> Result<(), Fault> {
    let ask = Ask { idempotency: None, ..ask };
    let told = room.clone();
    let record = move |act: &mut Act<'_>, _: &Member| {
        let Room { who, name, .. } = &told;
        let summary = match &shown {
            Some(command) => format!("{who} runs a command in {name}'s pod: {command}"),
            None => format!("{who} opens a shell in {name}'s pod"),
        };
        told.event(act, kind, summary, json!({"command": shown}))?;
        Ok(Answer::done())
    };
    house.act_in(room.office, ask, record).await?;
    Ok(())
}

async fn end(house: &House, room: &Room, began: Time, ending: &Ending) {
    let milliseconds = (house.clock.now() - began).0;
    let (room, ending) = (room.clone(), ending.clone());
    let office = room.office;
    let recorded = house.act_as_server(office, move |act| {
        let summary = match &ending {
            Ending::Exited(code) => format!("a terminal in {}'s pod ended with {code}", room.name),
            other => format!("a terminal in {}'s pod ended: {}", room.name, other.as_str()),
        };
        let data = json!({"how": ending.as_str(), "exit": ending.exit(), "milliseconds": milliseconds});
        room.event(act, "terminals.end", summary, data)
    });
    if let Err(fault) = recorded.await {
        tracing::error!(cause = fault.cause.as_deref().unwrap_or_default(), "a terminal's end isn't recorded");
    }
}
