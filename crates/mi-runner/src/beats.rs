//! The heartbeat of a session: keeps the lease, hears orders.
//!
//! One call is always parked at the server, so that an order arrives within a second even while the harness is silent.
//! Without an answer until five seconds before the lease ends the work must stop: the server will offer it again.

use std::time::{Duration, Instant};

use mi_core::time::Time;
use mi_core::wire::runner::{BeatRequest, Order, OrderAct, SessionGrant};

use crate::backoff::Backoff;
use crate::clock::{ServerClock, pause, reach};
use crate::control::{ControlPlane, Verdict};
use crate::outbox::Outbox;
use crate::session::Stop;
use crate::terminal::Terminals;

/// How long before the end of the lease the work must have been told to stop; of a short lease, a quarter of it.
const LEASE_MARGIN_MAX: Duration = Duration::from_secs(5);
const LEASE_MARGIN_PART: u32 = 4;
/// A server that answers at once instead of parking the call is asked no more often than this.
const BEAT_EVERY_MIN: Duration = Duration::from_millis(200);

/// What the heartbeat works with beside its session.
pub(crate) struct Desk<'a> {
    pub beat_s: i64,
    pub terminals: &'a Terminals,
}

/// Until when the work may go on without another word of the server, which gave this lease just now.
fn last_safe(server_time: Time, lease_expires_at: Time) -> Instant {
    let lease = ServerClock::set(server_time).instant_of(lease_expires_at);
    let now = Instant::now();
    let left = lease.saturating_duration_since(now);
    now + (left - (left / LEASE_MARGIN_PART).min(LEASE_MARGIN_MAX))
}

/// Beats until there is a reason to stop, and says which.
pub(crate) async fn keep(control: &dyn ControlPlane, grant: &SessionGrant, desk: &Desk<'_>, outbox: &Outbox) -> Stop {
    let mut safe_until = last_safe(grant.server_time, grant.lease_expires_at);
    let mut backoff = Backoff::new();
    let mut seen = 0;
    loop {
        let asked = Instant::now();
        let answer = tokio::select! {
            answer = control.beat(grant.id, BeatRequest { seen, wait: desk.beat_s }) => answer,
            () = reach(safe_until) => return Stop::LeaseRunsOut,
        };
        let rest = match answer {
            Ok(answer) => {
                safe_until = last_safe(answer.server_time, answer.lease_expires_at);
                desk.terminals.come(&answer.terminals);
                if let Some(stop) = obey(&answer.orders, &mut seen, outbox) {
                    return stop;
                }
                backoff.reset();
                BEAT_EVERY_MIN.saturating_sub(asked.elapsed())
            }
            Err(error) => match error.verdict() {
                Verdict::Retry => backoff.step(),
                Verdict::Stale | Verdict::Refused => return Stop::Stale,
                Verdict::Superseded => return Stop::Superseded,
                Verdict::Unauthenticated => return Stop::Unauthenticated,
            },
        };
        tokio::select! {
            () = pause(rest) => {}
            () = reach(safe_until) => {}
        }
    }
}

/// Orders come again until they are reported seen; each is followed once.
fn obey(orders: &[Order], seen: &mut i64, outbox: &Outbox) -> Option<Stop> {
    for order in orders {
        if order.n <= *seen {
            continue;
        }
        *seen = order.n;
        let grace = Duration::from_secs(u64::try_from(order.grace_s).unwrap_or(0)).min(crate::session::GRACE_MAX);
        match order.act {
            OrderAct::Cancel => return Some(Stop::Cancelled { reason: order.reason.clone(), grace }),
            OrderAct::Stop => return Some(Stop::Stopped { reason: order.reason.clone(), grace }),
            OrderAct::Message => outbox.log(&format!("a message arrived: {}", order.reason)),
        }
    }
    None
}
