//! One connection while it lasts: its bytes counted, its silence measured, its right to be there looked at again.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use mi_core::time::{Millis, Time};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::ask::Wanted;
use super::desk::Place;
use super::routes::Pod;
use super::service::{self, Passage, Standing, Verdict, Why};
use crate::house::House;
use crate::infra::clock::Clock;

/// A connection on which nothing moves any more.
const SILENCE_MS_MAX: i64 = 300_000;
/// Before the host said anything at all.
const FIRST_BYTE_MS_MAX: i64 = 120_000;
/// How soon a change of what is allowed ends what began before.
pub const LOOK_MS: i64 = 5_000;

/// What moved, and when something moved last.
pub struct Meter {
    clock: Clock,
    up: AtomicU64,
    down: AtomicU64,
    moved_at: AtomicI64,
}

impl Meter {
    fn new(clock: &Clock) -> Arc<Self> {
        let moved_at = AtomicI64::new(clock.now().0);
        Arc::new(Self { clock: clock.clone(), up: AtomicU64::new(0), down: AtomicU64::new(0), moved_at })
    }

    fn count(&self, counter: &AtomicU64, bytes: usize) {
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved_at.store(self.clock.now().0, Ordering::Relaxed);
    }

    fn silent_at(&self) -> Time {
        let limit = if self.down.load(Ordering::Relaxed) == 0 { FIRST_BYTE_MS_MAX } else { SILENCE_MS_MAX };
        Time(self.moved_at.load(Ordering::Relaxed)) + Millis(limit)
    }
}

/// The connection to the host, counted.
pub struct Counted {
    stream: TcpStream,
    meter: Arc<Meter>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.meter.count(&self.meter.down, buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.meter.count(&self.meter.up, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What a connection holds as long as it lasts.
pub struct Line {
    pub house: House,
    pub pod: Pod,
    pub standing: Standing,
    pub wanted: Wanted,
    meter: Arc<Meter>,
    /// Cancelled when the pod's door closes.
    pub over: CancellationToken,
    _place: Place,
    _seat: Arc<OwnedSemaphorePermit>,
}

/// What it takes to hold one.
pub struct Holder {
    pub house: House,
    pub pod: Pod,
    pub over: CancellationToken,
    pub seat: Arc<OwnedSemaphorePermit>,
}

impl Line {
    pub fn new(holder: Holder, standing: Standing, wanted: Wanted, place: Place) -> Self {
        let Holder { house, pod, over, seat } = holder;
        let meter = Meter::new(&house.clock);
        Self { house, pod, standing, wanted, meter, over, _place: place, _seat: seat }
    }

    pub fn counted(&self, stream: TcpStream) -> Counted {
        Counted { stream, meter: Arc::clone(&self.meter) }
    }

    /// Lets it go on until it ends by itself or has to; then it is recorded.
    pub async fn mind<T>(self, going_on: impl Future<Output = T>) {
        let cut = tokio::select! {
            biased;
            _done = going_on => None,
            why = self.cut() => Some(why),
            () = self.over.cancelled() => Some(Why::PodEnded),
        };
        let passage = Passage {
            bytes_up: self.meter.up.load(Ordering::Relaxed),
            bytes_down: self.meter.down.load(Ordering::Relaxed),
            ..self.standing.passage(&self.wanted, Verdict::Allowed, cut)
        };
        service::record(&self.house, self.pod, passage).await;
    }

    /// Resolves when it must not go on.
    async fn cut(&self) -> Why {
        let clock = &self.house.clock;
        loop {
            clock.sleep_until(self.meter.silent_at().min(clock.now() + Millis(LOOK_MS))).await;
            if clock.now() >= self.meter.silent_at() {
                return Why::Silent;
            }
            match service::standing(&self.house, self.pod).await {
                Ok(standing) if standing.judge(&self.wanted).is_ok() => {}
                Ok(_) => return Why::Revoked,
                Err(fault) if fault.code.status() < 500 => return Why::Revoked,
                // The server's own trouble takes nobody's right away.
                Err(fault) => tracing::warn!("a connection could not be looked at: {}", fault.sentence),
            }
        }
    }
}
