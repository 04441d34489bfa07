//! The life of a runner: says hello, asks for work, works, asks again, until it is told to go.
//!
//! booting → idle ⇄ working → draining → gone. Every question has a number; after a lost answer the same number is
//! asked again and brings the same session, so that no session is granted twice or lost.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{Control, ModelsOf, NextAnswer, NextRequest, RunnerHello, RunnerWelcome, SessionGrant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::clock::{pause, within};
use crate::config::Place;
use crate::control::{ControlError, ControlPlane, Verdict};
use crate::fault::RunnerError;
use crate::harness::native::model::ModelSource;
use crate::pages;
use crate::process::{Grove, Reach};
use crate::session::{self, After, persist, unreachable};
use crate::terminal::Terminals;

/// A ticket is good for this long.
const HELLO_WAIT: Duration = Duration::from_secs(60);
/// A server that answers at once instead of parking the call is asked no more often than this.
const ASK_EVERY_MIN: Duration = Duration::from_millis(200);
/// While draining: how long the question after a lost answer may take.
const HAND_BACK_WAIT: Duration = Duration::from_secs(2);

/// What a runner needs; tests bring their own server, models and place.
#[derive(Clone)]
pub struct Parts {
    pub control: Arc<dyn ControlPlane>,
    pub place: Arc<Place>,
    pub models: Arc<dyn ModelSource>,
    pub reach: Reach,
    /// Cancelled: no new work, the session ends with cause `drain`.
    pub drain: CancellationToken,
}

/// Why a runner went without anything being wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    Drained,
    Hibernate,
    Suspend,
    /// To be started anew with a fresh ticket: that is step 1 again.
    Restart,
    /// A newer runner of the same agent is there.
    Superseded,
}

enum Step {
    Idle,
    Work(Box<SessionGrant>),
    Exit(ExitReason),
}

/// The whole life, in the caller's process. `run` adds what belongs to a process of its own.
pub async fn run_in_place(parts: Parts) -> Result<ExitReason, RunnerError> {
    let welcome = tokio::select! {
        biased;
        () = parts.drain.cancelled() => return Ok(ExitReason::Drained),
        welcome = hello(&parts) => welcome?,
    };
    tracing::info!(runner = %welcome.runner, epoch = welcome.epoch, "the runner is known to the server");
    let terminals = Terminals::of(&parts, &Grove::default());
    let mut poll = 1;
    loop {
        let asked = Instant::now();
        match ask(&parts, &welcome, poll, &terminals).await? {
            Step::Exit(reason) => return Ok(reason),
            Step::Idle => {
                give_back_pages();
                rest(&parts, ASK_EVERY_MIN.saturating_sub(asked.elapsed())).await;
            }
            Step::Work(grant) => match session::run(&parts, *grant, welcome.beat_s, &terminals).await {
                After::Next => {}
                After::Superseded => return Ok(ExitReason::Superseded),
                After::Unauthenticated => return Err(RunnerError::Unauthenticated(dead_token())),
                After::Haunted => return Err(haunted()),
            },
        }
        if parts.drain.is_cancelled() {
            return Ok(ExitReason::Drained);
        }
        poll += 1;
    }
}

/// A whole question long there was nothing to do, so it may go on like that.
fn give_back_pages() {
    if let Err(error) = pages::give_back() {
        tracing::debug!(%error, "the program's pages are kept in memory");
    }
}

async fn hello(parts: &Parts) -> Result<RunnerWelcome, RunnerError> {
    let hello = RunnerHello {
        boot_id: Uuid::new_v4().to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        harnesses: parts.place.brought.as_ref().map_or(HarnessKind::ALL.to_vec(), |brought| vec![brought.harness]),
        slots: 1,
    };
    persist(HELLO_WAIT, || parts.control.hello(hello.clone())).await.map_err(|error| match error.verdict() {
        Verdict::Retry => unreachable(HELLO_WAIT, error),
        Verdict::Unauthenticated => RunnerError::Unauthenticated(error),
        Verdict::Refused | Verdict::Stale | Verdict::Superseded => RunnerError::Refused(error),
    })
}

/// Asks question `poll` until it is answered.
async fn ask(parts: &Parts, welcome: &RunnerWelcome, poll: i64, terminals: &Terminals) -> Result<Step, RunnerError> {
    let since = Instant::now();
    let mut backoff = Backoff::new();
    loop {
        let question = NextRequest { poll, wait: welcome.poll_s, free_slots: 1, models: models_of(parts) };
        let answer = tokio::select! {
            biased;
            answer = parts.control.next(question) => answer,
            () = parts.drain.cancelled() => return Ok(hand_back_unseen(parts, poll).await),
        };
        let error = match answer {
            Ok(answer) => {
                terminals.come(answer.as_ref().map_or(&[], |answer| &answer.terminals));
                return Ok(step(answer));
            }
            Err(error) => error,
        };
        match error.verdict() {
            Verdict::Superseded => return Ok(Step::Exit(ExitReason::Superseded)),
            Verdict::Unauthenticated => return Err(RunnerError::Unauthenticated(error)),
            Verdict::Refused | Verdict::Stale => return Err(RunnerError::Refused(error)),
            Verdict::Retry if since.elapsed() >= parts.place.unreachable_max => {
                return Err(unreachable(parts.place.unreachable_max, error));
            }
            Verdict::Retry => {
                tracing::debug!(%error, "the server gave no answer; asking again");
                rest(parts, backoff.step()).await;
                if parts.drain.is_cancelled() {
                    return Ok(hand_back_unseen(parts, poll).await);
                }
            }
        }
    }
}

fn models_of(parts: &Parts) -> ModelsOf {
    if parts.place.own_login.is_some() { ModelsOf::Machine } else { ModelsOf::Office }
}

fn step(answer: Option<NextAnswer>) -> Step {
    let Some(answer) = answer else { return Step::Idle };
    if let Some(control) = answer.control {
        tracing::info!(%control, reason = answer.reason.as_deref().unwrap_or(""), "ordered to go");
        return Step::Exit(match control {
            Control::Hibernate => ExitReason::Hibernate,
            Control::Restart => ExitReason::Restart,
            Control::Drain => ExitReason::Drained,
            Control::Suspend => ExitReason::Suspend,
        });
    }
    answer.session.map_or(Step::Idle, |grant| Step::Work(Box::new(grant)))
}

/// The parked question was dropped: had it been answered in that moment, the session would wait for its lease to lapse.
async fn hand_back_unseen(parts: &Parts, poll: i64) -> Step {
    let question = NextRequest { poll, wait: 0, free_slots: 0, models: models_of(parts) };
    if let Some(Ok(answer)) = within(HAND_BACK_WAIT, parts.control.next(question)).await
        && let Some(grant) = answer.and_then(|answer| answer.session)
    {
        session::hand_back(parts, &grant).await;
    }
    Step::Exit(ExitReason::Drained)
}

async fn rest(parts: &Parts, length: Duration) {
    tokio::select! {
        () = pause(length) => {}
        () = parts.drain.cancelled() => {}
    }
}

fn haunted() -> RunnerError {
    let source = io::Error::other("they outlive SIGKILL or are born faster than it comes; this runner goes instead");
    RunnerError::Io { act: "end all processes of the session", source }
}

fn dead_token() -> ControlError {
    ControlError::refused(401, "unauthenticated", "the runner's token is no longer valid")
}
