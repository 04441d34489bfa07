//! One run of a program, from its start to the outcome: fed, listened to, and ended where it doesn't end itself.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join;
use mi_core::wire::agents::HarnessKind;
use mi_core::wire::runner::EndCause;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};

use super::events::{Event, Events};
use super::record::{Enough, Record};
use super::{Home, Reader};
use crate::clock::{reach, within};
use crate::harness::lines::{LastLine, pump_but};
use crate::harness::{Job, Outcome};

/// How long the rest of the output may take once every process of the session is gone.
const OUTPUT_WAIT: Duration = Duration::from_secs(2);
/// Between SIGTERM and SIGKILL for a program that hangs or goes in circles.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Run {
    pub kind: HarnessKind,
    pub child: Child,
    /// Gone when the run is.
    pub home: Home,
    pub prompt: String,
    pub reader: Box<dyn Reader>,
    pub noise: &'static [&'static str],
}

/// Why listening came to its end.
enum Heard {
    Everything,
    Silence,
    Enough(Enough),
    Exit(io::Result<ExitStatus>),
}

pub(super) async fn attend(run: Run, job: Arc<Job>) -> Outcome {
    let Run { kind, mut child, home, prompt, reader, noise } = run;
    let last = LastLine::default();
    let feeding = child.stdin.take().map(|stdin| tokio::spawn(feed(stdin, prompt, job.clone())));
    let errors = child.stderr.take().map(|err| tokio::spawn(pump_but(noise, err, job.outbox.clone(), last.clone())));
    let mut record = Record::of(kind, &job, reader);
    let Some(out) = child.stdout.take() else {
        return Outcome::of(EndCause::Failed, format!("{kind} has no output"));
    };
    let mut events = Events::of(out);
    let heard = tokio::select! {
        heard = listen(&mut events, &mut record, &job) => heard,
        status = child.wait() => Heard::Exit(status),
    };
    let (status, stopped) = finish(heard, &mut child, &mut events, &mut record, &job).await;
    for task in feeding.into_iter().chain(errors) {
        let abort = task.abort_handle();
        if within(OUTPUT_WAIT, task).await.is_none() {
            abort.abort();
        }
    }
    drop(home);
    let (code, signal) = match &status {
        Ok(status) => (status.code(), status.signal()),
        Err(error) => return Outcome::of(EndCause::Failed, format!("{kind} can't be waited for: {error}")),
    };
    record.close(code);
    let outcome = match stopped {
        Some(stopped) => stopped,
        None => record.outcome(code, &last.get()).await,
    };
    Outcome { exit: code, signal, ..outcome }
}

/// Ends what has to be ended and hears the rest; an outcome where it was us who ended it.
async fn finish<S: AsyncRead + Unpin>(
    heard: Heard,
    child: &mut Child,
    events: &mut Events<S>,
    record: &mut Record<'_>,
    job: &Job,
) -> (io::Result<ExitStatus>, Option<Outcome>) {
    match heard {
        Heard::Exit(status) => {
            // What it left behind would hold the output open, and nothing of a session may go on after it.
            if !job.leave.is_cancelled() {
                job.tree.kill_all().await;
            }
            let rest = within(OUTPUT_WAIT, listen(events, record, job)).await;
            let stopped = match rest {
                Some(Heard::Enough(enough)) => Some(ended(enough, record)),
                Some(Heard::Everything | Heard::Silence | Heard::Exit(_)) | None => None,
            };
            (status, stopped)
        }
        // With its output it has closed the only way to say anything.
        Heard::Everything => match within(job.silence_max, child.wait()).await {
            Some(status) => (status, None),
            None => hung(child, job, "closed its output and lived on").await,
        },
        Heard::Silence => hung(child, job, "no word while it waited for its model").await,
        Heard::Enough(enough) => {
            if let Enough::Loop(reason) = &enough {
                job.outbox.log(&format!("the session is ended: {reason}"));
            }
            let (status, ()) = join(child.wait(), job.tree.terminate(GRACE)).await;
            (status, Some(ended(enough, record)))
        }
    }
}

async fn hung(child: &mut Child, job: &Job, how: &str) -> (io::Result<ExitStatus>, Option<Outcome>) {
    let sentence = format!("{how}, for {} seconds; it was ended", job.silence_max.as_secs());
    job.outbox.log(&sentence);
    let (status, ()) = join(child.wait(), job.tree.terminate(GRACE)).await;
    (status, Some(Outcome::of(EndCause::HarnessHung, sentence)))
}

fn ended(enough: Enough, record: &Record<'_>) -> Outcome {
    match enough {
        Enough::Loop(reason) => Outcome::of(EndCause::Loop, reason),
        Enough::ClaimOver => record.claim_over(),
    }
}

/// Hears events until there is a reason not to. A program that says nothing hangs, unless one of its tools is at work.
async fn listen<S: AsyncRead + Unpin>(events: &mut Events<S>, record: &mut Record<'_>, job: &Job) -> Heard {
    let mut silent_until = Instant::now() + job.silence_max;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = reach(silent_until) => {
                if !record.waits_for_a_tool() {
                    return Heard::Silence;
                }
                silent_until = Instant::now() + job.silence_max;
                continue;
            }
        };
        silent_until = Instant::now() + job.silence_max;
        match event {
            Ok(Some(Event::Line(line))) => {
                if let Some(enough) = record.line(&line) {
                    return Heard::Enough(enough);
                }
            }
            Ok(Some(Event::TooLong(bytes))) => record.left_out(bytes),
            Ok(None) => return Heard::Everything,
            Err(error) => {
                job.outbox.log(&format!("the output can't be read on: {error}"));
                return Heard::Everything;
            }
        }
    }
}

async fn feed(mut stdin: ChildStdin, prompt: String, job: Arc<Job>) {
    match stdin.write_all(prompt.as_bytes()).await {
        // It ended before it had read everything; its exit says why.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => job.outbox.log(&format!("the prompt can't be handed over: {error}")),
        Ok(()) => {}
    }
}
