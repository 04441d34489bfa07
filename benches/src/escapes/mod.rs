//! Attempts to get out of a pod, or to take more than one's share, each made in a real pod and, as its control, by the
//! server's own user outside. Inside none may succeed; outside most must, else they prove nothing.
//!
//! `attempts` is the table, `scene` what stands on the host to be found, `inside` the agents that try.

mod attempts;
mod inside;
mod scene;

use std::fmt::{self, Write};

use anyhow::{Context, Result};
use mi_core::ids::OfficeId;
use rustix::process::geteuid;

use crate::figures::report::{Figure, Unit};
use crate::left::Left;
use crate::server::{Manner, Server, Site};
use crate::verdict::Verdict;
use attempts::Attempt;
use scene::Scene;

/// Of forty controls so many must succeed.
const CONTROLS_MIN: f64 = 34.0 / 40.0;
const PRELUDE: &str = include_str!("prelude.sh");

#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    /// Only these; empty means all.
    pub only: Vec<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    Through,
    Refused,
}

#[derive(Debug)]
struct Row {
    attempt: Attempt,
    outside: Went,
    inside: Went,
}

/// What one server saw.
struct Done {
    rows: Vec<Row>,
    offices: [OfficeId; 2],
    planted: Vec<String>,
}

#[derive(Debug)]
pub struct Outcome {
    rows: Vec<Row>,
    left: Vec<String>,
}

pub async fn prove(plan: &Plan) -> Result<Outcome> {
    let before = Left::look()?;
    let wanted = |attempt: &Attempt| plan.only.is_empty() || plan.only.iter().any(|name| name == attempt.name);
    let chosen: Vec<Attempt> = attempts::all().filter(wanted).collect();
    let site = Site::new()?;
    let server = Server::start(&site, &plan.manner)?;
    let done = run(plan, &server, &site, &chosen).await;
    let Done { rows, offices, planted } =
        done.with_context(|| format!("the server's log ends with:\n{}", site.log_tail()))?;
    server.stop()?;
    let left = planted.into_iter().chain(before.since(&offices)?).collect();
    Ok(Outcome { rows, left })
}

async fn run(plan: &Plan, server: &Server, site: &Site, chosen: &[Attempt]) -> Result<Done> {
    let stage = inside::Stage::set(plan, server, site).await?;
    let scene = Scene::build(&stage)?;
    let program = plan.manner.program.parent().context("the program lies nowhere")?;
    let inside = inside::all(&stage, &scene, chosen).await?;
    let planted = scene.planted()?;
    // The controls come last: with the owner's key they change the office.
    let outside = chosen.iter().map(|attempt| scene.control(attempt, program)).collect::<Result<Vec<Went>>>()?;
    stage.end().await?;
    let rows = chosen.iter().zip(inside).zip(outside);
    let rows = rows.map(|((attempt, inside), outside)| Row { attempt: *attempt, outside, inside }).collect();
    Ok(Done { rows, offices: stage.offices(), planted })
}

/// The attempt as bash runs it, with the numbers of calls filled in.
fn script(attempt: &Attempt) -> String {
    let filled = CALLS.iter().fold(attempt.script.to_owned(), |text, (name, number)| {
        text.replace(&format!("@SYS_{name}@"), &number.to_string())
    });
    format!("{PRELUDE}\n{filled}\n")
}

macro_rules! calls {
    ($($name:ident $call:ident),*) => { [$((stringify!($name), nix::libc::$call)),*] };
}

const CALLS: [(&str, nix::libc::c_long); 13] = calls![
    fsopen SYS_fsopen, name_to_handle_at SYS_name_to_handle_at, open_by_handle_at SYS_open_by_handle_at,
    ptrace SYS_ptrace, process_vm_readv SYS_process_vm_readv, add_key SYS_add_key, bpf SYS_bpf,
    perf_event_open SYS_perf_event_open, userfaultfd SYS_userfaultfd, io_uring_setup SYS_io_uring_setup,
    syslog SYS_syslog, sethostname SYS_sethostname, keyctl SYS_keyctl
];

impl Went {
    fn when(through: bool) -> Self {
        if through { Self::Through } else { Self::Refused }
    }
}

impl fmt::Display for Went {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Through => "got through",
            Self::Refused => "refused",
        })
    }
}

impl Outcome {
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let count = |is: &dyn Fn(&Row) -> bool| self.rows.iter().filter(|row| is(row)).count() as f64;
        let all = self.rows.len() as f64;
        let report = &mut verdict.report;
        let refused = count(&|row| row.inside == Went::Refused);
        report.add(Figure::new("attempts refused in a pod", Unit::Count, refused).exactly(all));
        let through = count(&|row| row.outside == Went::Through);
        let controls = Figure::new("the same that succeed outside", Unit::Count, through);
        // Half of them are root's business; they prove something only where the server is root.
        report.add(if geteuid().is_root() { controls.at_least((all * CONTROLS_MIN).floor()) } else { controls });
        report.add(Figure::new("things left behind", Unit::Count, self.left.len() as f64).exactly(0.0));
        let open = self.rows.iter().filter(|row| row.inside == Went::Through);
        verdict.violations.extend(open.map(|row| format!("{}: an agent can {}", row.attempt.name, row.attempt.tries)));
        verdict.violations.extend(self.left.iter().map(|what| format!("left behind: {what}")));
        verdict
    }

    pub fn table(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let Row { attempt, outside, inside } = row;
            let line = writeln!(text, "{:<22} {inside:<12} outside: {outside:<12} {}", attempt.name, attempt.tries);
            debug_assert!(line.is_ok());
        }
        text
    }
}
