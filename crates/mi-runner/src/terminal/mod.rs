//! Terminals: commands and shells that people run in this pod, beside its session.
//!
//! An order says that somebody waits; the runner comes, is told what to run, and runs it within the same walls, as the same
//! user, with the agent's variables and no credential. Its processes are a tree of their own: a terminal's end harms no
//! session, a session's end closes no terminal. When the connection goes, all of it is killed.
//!
//! Elsewhere: who may have one, for how long, and what is recorded is the server's business.

mod command;
mod shell;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mi_client::Terminal;
use mi_core::terminal::{Frame, Size};
use mi_core::wire::terminals::{TerminalOrder, TerminalPlan, TerminalProgram};

use crate::clock::within;
use crate::config::Place;
use crate::control::ControlPlane;
use crate::life::Parts;
use crate::process::{Claim, Grove, Reach, Tree};

/// How long the server may take to say what shall run.
const PLAN_WAIT: Duration = Duration::from_secs(15);
/// How long the rest of the output may take once every process is gone.
const OUTPUT_WAIT: Duration = Duration::from_secs(2);
/// What a process that a signal ended counts as, in shells: this and the signal's number.
const SIGNALLED: i32 = 128;

/// What a pod's runner knows of terminals.
#[derive(Clone)]
pub(crate) struct Terminals {
    control: Arc<dyn ControlPlane>,
    place: Arc<Place>,
    reach: Reach,
    grove: Grove,
    /// Orders come again until they were followed; their numbers rise.
    last: Arc<AtomicI64>,
}

impl Terminals {
    pub(crate) fn of(parts: &Parts, grove: &Grove) -> Self {
        let (control, place) = (parts.control.clone(), parts.place.clone());
        Self { control, place, reach: parts.reach, grove: grove.clone(), last: Arc::new(AtomicI64::new(0)) }
    }

    pub(crate) fn grove(&self) -> &Grove {
        &self.grove
    }

    /// Comes for each, once; what runs goes on beside everything else.
    pub(crate) fn come(&self, orders: &[TerminalOrder]) {
        for order in orders {
            if self.last.fetch_max(order.id, Ordering::Relaxed) < order.id {
                let (own, id) = (self.clone(), order.id);
                tokio::spawn(async move { own.serve(id).await });
            }
        }
    }

    async fn serve(&self, id: i64) {
        let mut terminal = match self.control.attach(id).await {
            Ok(terminal) => terminal,
            Err(error) => return tracing::debug!(%error, id, "whoever waited for a terminal has gone"),
        };
        let Some(plan) = plan(&mut terminal).await else {
            return tracing::debug!(id, "a terminal came without a plan");
        };
        tracing::info!(id, "a terminal is open");
        let tree = Tree::new(self.reach, Claim::MarkedOnly, &self.grove);
        let environment = self.place.surroundings(plan.variables, |_| {});
        let work = Work { terminal, tree: Arc::new(tree), environment, place: self.place.clone() };
        match plan.program {
            TerminalProgram::Command(line) => command::run(work, &line).await,
            TerminalProgram::Shell { columns, rows, term } => shell::run(work, Size { columns, rows }, &term).await,
        }
        tracing::info!(id, "a terminal is closed");
    }
}

/// One terminal: its connection, its processes, where they run.
struct Work {
    terminal: Terminal,
    tree: Arc<Tree>,
    environment: BTreeMap<String, String>,
    place: Arc<Place>,
}

async fn plan(terminal: &mut Terminal) -> Option<TerminalPlan> {
    match within(PLAN_WAIT, terminal.hears.next()).await {
        Some(Ok(Some(Frame::Plan(bytes)))) => serde_json::from_slice(&bytes).ok(),
        Some(Ok(Some(_) | None) | Err(_)) | None => None,
    }
}

/// It can't be started; whoever waits learns why.
async fn refuse(terminal: Terminal, why: impl std::fmt::Display) {
    let Terminal { mut says, .. } = terminal;
    if says.say(&Frame::Refused(why.to_string())).await.is_ok() {
        says.close().await;
    }
}

fn code(status: std::io::Result<ExitStatus>) -> i32 {
    match status {
        Ok(status) => status.code().or_else(|| Some(SIGNALLED + status.signal()?)).unwrap_or(SIGNALLED),
        Err(error) => {
            tracing::warn!(%error, "a terminal's program can't be waited for");
            SIGNALLED
        }
    }
}
