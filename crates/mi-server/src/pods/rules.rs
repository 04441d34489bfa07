//! When a pod starts again, when it doesn't, and whose ticket counts.

use mi_core::limits::TICKET_SECONDS;
use mi_core::time::{Millis, Time};

use super::{Desired, Observed, PodRow};

/// How long each crash in a row makes the next start wait.
const BACKOFF_SECONDS: [i64; 3] = [1, 5, 25];
/// So many crashes within `CRASH_WINDOW_SECONDS` make a pod `Failed`.
const CRASHES_MAX: i64 = 3;
const CRASH_WINDOW_SECONDS: i64 = 60;
/// A pod whose runner left in good order starts again no faster than this.
const RESTART_MS: i64 = 1_000;
/// How long a pod that was asked to end may take.
pub const TERMINATE_SECONDS: i64 = 10;

/// How a pod came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server ended it.
    Asked,
    /// Its runner left in good order.
    Left,
    Crashed,
}

/// What is known of an agent's pod besides its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Nothing,
    Starting,
    Up { ending_since: Option<Time> },
}

/// What the sweep does about one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Leave,
    Start,
    Terminate,
    Kill,
    /// Its runner never came: it is killed, and that is a crash.
    GiveUp,
    /// There is nothing to end; the row doesn't say so yet.
    Settle,
}

/// Whether the office and the agent are such that a pod may run, and its row says that it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Yes,
    No,
    /// No pod starts any more, those that run go on for a while.
    Draining,
}

pub fn step(row: &PodRow, wanted: Wanted, seen: Seen, now: Time) -> Step {
    match (wanted, seen) {
        (_, Seen::Starting) | (Wanted::Draining, _) => Step::Leave,
        (Wanted::Yes, Seen::Nothing) => start_or_wait(row, now),
        (Wanted::No, Seen::Nothing) if row.observed == Observed::None => Step::Leave,
        (Wanted::No, Seen::Nothing) => Step::Settle,
        (_, Seen::Up { ending_since: Some(since) }) => end_further(since, now),
        (Wanted::No, Seen::Up { ending_since: None }) => Step::Terminate,
        (Wanted::Yes, Seen::Up { ending_since: None }) => match row.observed {
            // The row was set back while the pod ran: somebody wants it anew.
            Observed::None | Observed::Exited | Observed::Failed => Step::Terminate,
            Observed::Starting if ticket_is_over(row, now) => Step::GiveUp,
            Observed::Starting | Observed::Running => Step::Leave,
        },
    }
}

fn start_or_wait(row: &PodRow, now: Time) -> Step {
    let due = row.retry_at.is_none_or(|at| at <= now);
    if due && row.observed != Observed::Failed { Step::Start } else { Step::Leave }
}

/// How a pod that is on its way out goes on.
pub fn end_further(since: Time, now: Time) -> Step {
    if now - since >= Millis::seconds(TERMINATE_SECONDS) { Step::Kill } else { Step::Leave }
}

fn ticket_is_over(row: &PodRow, now: Time) -> bool {
    row.ticket_at.is_some_and(|at| now - at > Millis::seconds(TICKET_SECONDS))
}

/// What the row becomes when the pod is gone.
pub fn after_end(row: &PodRow, ending: Ending, now: Time) -> PodRow {
    let mut next = PodRow { boot_id: None, ticket_at: None, poll_session: None, ..row.clone() };
    match (row.desired, ending) {
        (Desired::Running, Ending::Crashed) => after_crash(&mut next, row, now),
        // It was set back while it ran, so somebody wants another one at once.
        (Desired::Running, Ending::Left) if row.observed == Observed::None => next.retry_at = None,
        (Desired::Running, Ending::Left) => {
            next.observed = Observed::None;
            next.retry_at = Some(now + Millis(RESTART_MS));
        }
        (Desired::Running, Ending::Asked) | (Desired::Asleep | Desired::Stopped | Desired::Gone, _) => {
            next.observed = Observed::None;
            next.retry_at = None;
        }
    }
    next
}

fn after_crash(next: &mut PodRow, row: &PodRow, now: Time) {
    let window = Millis::seconds(CRASH_WINDOW_SECONDS);
    let ran_well = row.started_at.is_some_and(|at| now - at >= window);
    next.crashes = if ran_well { 1 } else { row.crashes + 1 };
    let crowded = row.crashed_before_at.is_some_and(|at| now - at <= window);
    next.crashed_before_at = row.last_error_at;
    next.last_error_at = Some(now);
    if next.crashes >= CRASHES_MAX && crowded {
        next.observed = Observed::Failed;
        next.retry_at = None;
        return;
    }
    let place = usize::try_from(next.crashes - 1).unwrap_or(0).min(BACKOFF_SECONDS.len() - 1);
    next.observed = Observed::Exited;
    next.retry_at = Some(now + Millis::seconds(BACKOFF_SECONDS[place]));
}

/// What a ticket is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketVerdict {
    /// The runner is the pod's from now on.
    Taken,
    /// The same runner asks again after a lost answer.
    Again,
    Void,
}

pub fn judge_ticket(row: &PodRow, epoch: i64, boot_id: &str, now: Time) -> TicketVerdict {
    if row.epoch == epoch && row.boot_id.as_deref() == Some(boot_id) {
        return TicketVerdict::Again;
    }
    let fresh = row.ticket_at.is_some() && !ticket_is_over(row, now);
    if row.epoch == epoch - 1 && fresh { TicketVerdict::Taken } else { TicketVerdict::Void }
}
