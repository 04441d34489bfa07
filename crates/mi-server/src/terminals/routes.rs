//! Routes of terminals.

use mi_core::problem::Code;
use mi_core::terminal::{Size, UPGRADE};
use mi_core::wire::terminals::{DebugCommand, DebugOutcome, TerminalProgram};
use serde::Deserialize;

use super::faults;
use super::service::{self, Room, Shell};
use crate::house::House;
use crate::infra::act::{Answer, Ask};
use crate::infra::caller::{Access, Caller};
use crate::infra::fault::{self, Fault};
use crate::infra::http::{Call, Operation, Reply, Standing, post};
use crate::integrations::service::Desk as Catalogue;

const ENTERING: &[Code] =
    &[Code::NoSuchAgent, Code::WrongAgentKind, Code::PodNotRunning, Code::TerminalBusy, Code::PodSilent, Code::TooLong];
const OPENING: &[Code] = &[
    Code::NoSuchAgent,
    Code::WrongAgentKind,
    Code::PodNotRunning,
    Code::TerminalBusy,
    Code::PodSilent,
    Code::TooLong,
    Code::UpgradeRequired,
];
const SHELL: &[(&str, &str)] = &[
    ("columns", "of the window, 80 if not said"),
    ("rows", "of the window, 24 if not said"),
    ("term", "the value of TERM, xterm-256color if not said"),
];
const TERM_DEFAULT: &str = "xterm-256color";
const TERM_CHARS_MAX: usize = 40;

pub fn operations() -> Vec<Operation> {
    vec![
        post(
            "terminals.debug",
            "…/employees/{name}/debug/{target}",
            Access::Operator,
            "Run a command in an agent's pod; `target` is the agent once more",
        )
        .takes::<DebugCommand>()
        .gives::<DebugOutcome>(200)
        .fails(ENTERING)
        .unlimited()
        .run(debug),
        post(
            "terminals.shell",
            "…/employees/{name}/shell",
            Access::Owner,
            "A shell in an agent's pod: the connection becomes a terminal (Upgrade: mi-terminal)",
        )
        .query(SHELL)
        .status(101)
        .fails(OPENING)
        .run(shell),
        post(
            "terminals.attach",
            "…/employees/{name}/runner/terminals/{terminal}",
            Access::Runner,
            "The runner comes for a terminal: the connection becomes its pod's end",
        )
        .status(101)
        .fails(&[Code::NoSuchAgent, Code::NoSuchTerminal, Code::UpgradeRequired])
        .run(attach),
    ]
}

#[derive(Deserialize)]
struct ShellQuery {
    columns: Option<String>,
    rows: Option<String>,
    term: Option<String>,
}

async fn room(house: &House, call: &Call) -> Result<Room, Fault> {
    let name = call.param("name")?.to_owned();
    let catalogue = Catalogue { keys: house.keys.clone(), providers: house.providers.clone() };
    let room = house.look(call, move |view, member| service::enter(view, member, &name, &catalogue)).await?;
    if room.sleeps {
        let sleeper = room.clone();
        let ask = Ask { idempotency: None, ..call.ask() };
        house.act_in(room.office, ask, move |act, _| service::rouse(act, &sleeper)).await?;
    }
    Ok(room)
}

async fn debug(house: House, call: Call) -> Result<Reply, Fault> {
    let target = call.param("target")?;
    if target != call.param("name")? {
        return Err(fault::no_such_agent(mi_core::ids::excerpt(target)));
    }
    let room = room(&house, &call).await?;
    let wanted = service::wanted(call.body::<DebugCommand>()?)?;
    let outcome = service::debug(house, call.ask(), room, wanted).await?;
    Ok(Reply::private(Answer::ok(&outcome)?))
}

async fn shell(house: House, call: Call) -> Result<Reply, Fault> {
    let room = room(&house, &call).await?;
    let program = program(call.query()?)?;
    let (upgrade, standing) = (call.upgrade(UPGRADE)?, Standing::of(&house, &call));
    service::shell(house, call.ask(), Shell { room, program, upgrade, standing }).await?;
    Ok(Reply::switching(UPGRADE))
}

fn program(query: ShellQuery) -> Result<TerminalProgram, Fault> {
    let Size { columns, rows } = Size::default();
    let number = |text: Option<String>, name: &str, default: u16| match text {
        None => Ok(default),
        Some(text) => {
            let number = text.parse().ok().filter(|number: &u16| *number > 0);
            number.ok_or_else(|| fault::bad_request(format!("{name} is a whole number, 1 or more")))
        }
    };
    let legal = |term: &String| {
        term.chars().count() <= TERM_CHARS_MAX
            && term.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'+'))
    };
    let term = query.term.filter(|term| !term.is_empty()).unwrap_or_else(|| TERM_DEFAULT.to_owned());
    if !legal(&term) {
        return Err(fault::bad_request("term is the name of a kind of terminal, such as xterm-256color"));
    }
    Ok(TerminalProgram::Shell {
        columns: number(query.columns, "columns", columns)?,
        rows: number(query.rows, "rows", rows)?,
        term,
    })
}

async fn attach(house: House, call: Call) -> Result<Reply, Fault> {
    let Caller::Runner { agent, .. } = call.caller else { return Err(fault::superseded()) };
    // A runner that was replaced learns it here, and only the agent's own one comes in.
    let name = call.param("name")?.to_owned();
    let named = move |view: &mut crate::house::View<'_>, _: &crate::infra::caller::Member| {
        Ok(crate::agents::service::find(view.tx, view.office, &name)?.id)
    };
    if house.look(&call, named).await? != agent {
        return Err(fault::not_you(&mi_core::ids::excerpt(call.param("name")?)));
    }
    let id = call.param("terminal")?.parse().map_err(|_| faults::no_such_terminal())?;
    let upgrade = call.upgrade(UPGRADE)?;
    let waiting = house.terminals.attach(agent, id).ok_or_else(faults::no_such_terminal)?;
    tokio::spawn(async move {
        match upgrade.pipe().await {
            // Whoever waited may have gone meanwhile; then the runner's end closes with this.
            Ok(pipe) => drop(waiting.send(pipe)),
            Err(fault) => tracing::debug!("a runner's end of a terminal broke off: {}", fault.sentence),
        }
    });
    Ok(Reply::switching(UPGRADE))
}
