//! One session: a harness at work on a task or a message, from the grant to `end`.
//!
//! Runs side by side: the harness, the heartbeat, the deadline, the sending of events. The first reason to stop wins;
//! then the tree of processes gets SIGTERM, its grace, SIGKILL. Nothing that was started is left when `end` is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use mi_core::ids::excerpt;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::{EndCause, EndSession, SessionContext, SessionGrant};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::beats;
use crate::clock::{ServerClock, pause, reach, within};
use crate::config::{Brought, OwnLogin};
use crate::control::{Call, ControlError, Verdict};
use crate::fault::RunnerError;
use crate::harness::{Job, Missing, Outcome, harness_for, native};
use crate::kit;
use crate::life::Parts;
use crate::outbox::Outbox;
use crate::process::{Claim, Cleared, Tree};
use crate::terminal::Terminals;

/// Between SIGTERM and SIGKILL when no order says otherwise.
const GRACE: Duration = Duration::from_secs(10);
pub(crate) const GRACE_MAX: Duration = Duration::from_secs(60);
/// How long a harness may take to notice that its processes are gone.
const OUTCOME_WAIT: Duration = Duration::from_secs(2);
/// How long the last events may take after the harness has ended.
const FLUSH_WAIT: Duration = Duration::from_secs(10);
/// How long context and environment are asked for.
const FETCH_WAIT: Duration = Duration::from_secs(60);
/// How long `end` is tried; afterwards the lease lapses and the server decides by itself.
const END_WAIT: Duration = Duration::from_secs(60);
const END_WAIT_DRAINING: Duration = Duration::from_secs(5);

/// Why a harness is stopped before it ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    Cancelled { reason: String, grace: Duration },
    Stopped { reason: String, grace: Duration },
    Deadline,
    Drain,
    Stale,
    LeaseRunsOut,
    Superseded,
    Unauthenticated,
}

/// How the runner goes on after a session.
#[derive(Debug)]
pub(crate) enum After {
    Next,
    Superseded,
    Unauthenticated,
    /// Something of the session is still alive: only the end of this process, and with it of its pod, ends that too.
    Haunted,
}

impl Stop {
    fn grace(&self) -> Duration {
        match self {
            Stop::Cancelled { grace, .. } | Stop::Stopped { grace, .. } => *grace,
            Stop::Deadline | Stop::Drain | Stop::Stale | Stop::LeaseRunsOut => GRACE,
            Stop::Superseded | Stop::Unauthenticated => Duration::ZERO,
        }
    }

    fn cause(&self) -> EndCause {
        match self {
            Stop::Cancelled { .. } => EndCause::Killed,
            Stop::Stopped { .. } => EndCause::Stopped,
            Stop::Deadline => EndCause::Deadline,
            Stop::Drain => EndCause::Drain,
            Stop::Stale | Stop::LeaseRunsOut | Stop::Superseded | Stop::Unauthenticated => EndCause::Stale,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Stop::Cancelled { reason, .. } => format!("cancelled: {reason}"),
            Stop::Stopped { reason, .. } => format!("stopped: {reason}"),
            Stop::Deadline => "the session's time is over".into(),
            Stop::Drain => "the runner is draining".into(),
            Stop::Stale => "the claim is no longer the live one".into(),
            Stop::LeaseRunsOut => "the server did not answer before the lease ran out".into(),
            Stop::Superseded => "a newer runner has taken over".into(),
            Stop::Unauthenticated => "the server no longer knows this runner".into(),
        }
    }
}

/// Runs the session to its end and reports it.
pub(crate) async fn run(parts: &Parts, grant: SessionGrant, beat_s: i64, terminals: &Terminals) -> After {
    let grant = with_own_means(grant, parts.place.brought.as_ref());
    let clock = ServerClock::set(grant.server_time);
    let outbox = Arc::new(Outbox::new(clock));
    let post = tokio::spawn(deliver(parts, &grant, &outbox));
    let tree = Arc::new(Tree::new(parts.reach, Claim::Unmarked, terminals.grove()));
    let desk = beats::Desk { beat_s, terminals };
    let (mut outcome, stop) = work_until_stopped(parts, &grant, &desk, &outbox, &tree).await;
    if tree.kill_all().await == Cleared::NotAll {
        // No `end` is sent, for it would not be true; the server hears of the runner's end instead.
        post.abort();
        return After::Haunted;
    }
    outbox.close();
    let abort = post.abort_handle();
    if within(FLUSH_WAIT, post).await.is_none() {
        tracing::warn!(session = %grant.id, "the last events of the session could not be sent");
        abort.abort();
    }
    outcome.summary = outbox.clean(&outcome.summary).into_owned();
    let ran = outbox.ran_instead_of(grant.harness);
    let report = EndSession { harness: ran, ..report(&outcome, stop.as_ref(), outbox.last()) };
    match stop {
        Some(Stop::Superseded) => After::Superseded,
        Some(Stop::Unauthenticated) => After::Unauthenticated,
        _ => end(parts, &grant, report).await,
    }
}

/// Elsewhere, what runs is the machine's own choice, whatever the server says.
fn with_own_means(grant: SessionGrant, brought: Option<&Brought>) -> SessionGrant {
    match brought {
        Some(Brought { harness, command }) => SessionGrant { harness: *harness, command: command.clone(), ..grant },
        None => grant,
    }
}

fn deliver(parts: &Parts, grant: &SessionGrant, outbox: &Arc<Outbox>) -> impl Future<Output = ()> + use<> {
    let (control, session, outbox) = (parts.control.clone(), grant.id, outbox.clone());
    async move { outbox.deliver(&*control, session).await }
}

async fn work_until_stopped(
    parts: &Parts,
    grant: &SessionGrant,
    desk: &beats::Desk<'_>,
    outbox: &Arc<Outbox>,
    tree: &Arc<Tree>,
) -> (Outcome, Option<Stop>) {
    let deadline = ServerClock::set(grant.server_time).instant_of(grant.deadline_at);
    let leave = CancellationToken::new();
    let mut work = Box::pin(work(parts, grant, outbox, tree, &leave));
    let stop = tokio::select! {
        biased;
        outcome = &mut work => return (outcome, None),
        stop = beats::keep(&*parts.control, grant, desk, outbox) => stop,
        () = reach(deadline) => Stop::Deadline,
        () = parts.drain.cancelled() => Stop::Drain,
    };
    tracing::info!(session = %grant.id, stop = %stop.sentence(), "the session is stopped");
    // Why a claim is over, the server knows and says.
    if stop != Stop::Stale {
        outbox.log(&stop.sentence());
    }
    leave.cancel();
    let grace = stop.grace();
    let (outcome, ()) = join(within(grace + OUTCOME_WAIT, work), tree.terminate(grace)).await;
    (outcome.unwrap_or_else(|| Outcome::of(stop.cause(), stop.sentence())), Some(stop))
}

/// Fetches what the session needs and lets the harness work.
async fn work(
    parts: &Parts,
    grant: &SessionGrant,
    outbox: &Arc<Outbox>,
    tree: &Arc<Tree>,
    leave: &CancellationToken,
) -> Outcome {
    let fetched = tokio::select! {
        fetched = fetch(parts, grant) => fetched,
        () = leave.cancelled() => return Outcome::of(EndCause::Stopped, "stopped before the harness had started"),
    };
    let (context, variables) = match fetched {
        Ok(fetched) => fetched,
        Err(error) => return Outcome::of(EndCause::Failed, format!("the session's context can't be read: {error}")),
    };
    let given = variables.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let own = parts.place.own_login.iter().flat_map(OwnLogin::secrets);
    outbox.keep_secret(given.chain([("MI_API_KEY", grant.credential.as_str())]).chain(own));
    if kit::is_laid_out(&parts.place.drive)
        && let Err(fault) = kit::lay_out(&parts.place.workspace, &context)
    {
        // It can work without; and whoever made a folder of that name may have meant it.
        outbox.log(&fault.to_string());
    }
    let job = Job {
        environment: environment(parts, grant, variables, outbox),
        workspace: parts.place.workspace.clone(),
        drive: parts.place.drive.clone(),
        endpoint: parts.place.endpoint.clone(),
        desk: parts.control.desk(grant),
        grant: grant.clone(),
        context,
        tree: tree.clone(),
        outbox: outbox.clone(),
        programs: parts.place.programs.clone(),
        homes: parts.place.homes.clone(),
        own_login: parts.place.own_login.clone(),
        silence_max: parts.place.silence_max,
        leave: leave.clone(),
    };
    run_harness(parts, Arc::new(job)).await
}

/// Runs what was asked for, or, where its program isn't there, our own loop with the same model; and says so.
async fn run_harness(parts: &Parts, job: Arc<Job>) -> Outcome {
    let asked = job.grant.harness;
    let mut harness = harness_for(asked, &parts.models);
    let mut ready = harness.prepare(&job).await;
    if let Err(missing) = &ready
        && missing.is_of_the_program()
        && asked != HarnessKind::Command
        && job.own_login.is_none()
    {
        harness = native(&parts.models);
        job.outbox.log(&missing.to_string());
        ready = harness.prepare(&job).await;
    }
    let kind = harness.kind();
    job.outbox.note_harness(kind);
    if kind != asked {
        job.outbox.log(&format!("this session runs on {kind} in place of {asked}, with the same model"));
    }
    let spawned = ready.and_then(|()| harness.spawn(job));
    match spawned {
        Ok(running) => running.outcome().await,
        Err(Missing(cause, sentence)) => Outcome::of(cause, sentence),
    }
}

async fn fetch(
    parts: &Parts,
    grant: &SessionGrant,
) -> Result<(SessionContext, BTreeMap<String, String>), ControlError> {
    let context = persist(FETCH_WAIT, || parts.control.context(grant.id)).await?;
    let variables = persist(FETCH_WAIT, || parts.control.env(grant.id)).await?;
    Ok((context, variables))
}

/// What every child of the pod finds, then what tells it which session it belongs to.
fn environment(
    parts: &Parts,
    grant: &SessionGrant,
    variables: BTreeMap<String, String>,
    outbox: &Outbox,
) -> BTreeMap<String, String> {
    let mut out = parts.place.surroundings(variables, |key| {
        outbox.log(&format!("the variable {} belongs to the platform and was left out", excerpt(key)));
    });
    let mut own = vec![("MI_SESSION", grant.id.to_string()), ("MI_API_KEY", grant.credential.clone())];
    if let Some(task) = grant.task {
        own.push(("MI_TASK", task.to_string()));
        own.push(("MI_CLAIM", grant.token.to_string()));
        own.push(("MI_ATTEMPT", grant.attempt.unwrap_or(1).to_string()));
    }
    out.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
    out
}

fn report(outcome: &Outcome, stop: Option<&Stop>, last: i64) -> EndSession {
    let (cause, summary) = match stop {
        Some(stop) => (stop.cause(), stop.sentence()),
        None => (outcome.cause, outcome.summary.clone()),
    };
    EndSession { exit: outcome.exit, signal: outcome.signal, cause, summary, last, harness: None }
}

async fn end(parts: &Parts, grant: &SessionGrant, report: EndSession) -> After {
    let limit = if report.cause == EndCause::Drain { END_WAIT_DRAINING } else { END_WAIT };
    match persist(limit, || parts.control.end(grant.id, report.clone())).await {
        Ok(_) => After::Next,
        Err(error) => match error.verdict() {
            Verdict::Superseded => After::Superseded,
            Verdict::Unauthenticated => After::Unauthenticated,
            Verdict::Stale | Verdict::Refused | Verdict::Retry => {
                tracing::error!(session = %grant.id, %error, "the end of the session could not be reported");
                After::Next
            }
        },
    }
}

/// Ends a session that was granted but never started.
pub(crate) async fn hand_back(parts: &Parts, grant: &SessionGrant) {
    let report = report(&Outcome::of(EndCause::Drain, ""), Some(&Stop::Drain), 0);
    end(parts, grant, report).await;
}

/// Repeats a call while repeating can help, at most this long.
pub(crate) async fn persist<'a, T>(limit: Duration, mut call: impl FnMut() -> Call<'a, T>) -> Result<T, ControlError> {
    let mut last = None;
    let tried = within(limit, async {
        let mut backoff = Backoff::new();
        loop {
            match call().await {
                Err(error) if error.verdict() == Verdict::Retry => last = Some(error),
                answer => return answer,
            }
            pause(backoff.step()).await;
        }
    });
    match tried.await {
        Some(answer) => answer,
        None => Err(last.unwrap_or_else(|| ControlError::Unreachable("no answer in time".into()))),
    }
}

/// For the runner's own calls: how long, and the last reason.
pub(crate) fn unreachable(limit: Duration, last: ControlError) -> RunnerError {
    RunnerError::Unreachable { seconds: limit.as_secs(), last }
}
