//! Connections of the server's doors, from their arrival to their end: so many at once, so many of one peer, and none that
//! keeps its place without asking anything.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::rt::{Sleep, Timer};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use mi_core::time::Millis;
use nix::sys::resource::{Resource, getrlimit};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Via;
use super::serve::{Front, Peer, Wire};
use crate::infra::clock::Clock;

/// Of one pod at one time; a further one waits until another ends.
const OF_A_POD_MAX: usize = 128;
/// At most so many over the network, and at most half of the descriptors that this process may have: the store, pods and
/// their doors need some, whoever else comes.
const OVER_THE_NETWORK_MAX: usize = 50_000;
/// One peer may hold this part of them.
const SHARE_OF_A_PEER: usize = 2;
/// For a request's head; also how long a connection waits for its next request.
const HEAD_SECONDS_MAX: u64 = 75;
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Between attempts to accept, when the system has no descriptors left.
const ACCEPT_PAUSE_MS: i64 = 100;

/// Places of those who come over the network, through whichever door.
#[derive(Clone)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_a_peer_max: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// Given back when it is dropped.
struct Place {
    peer: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _one: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn of_this_process() -> Self {
        let descriptors = getrlimit(Resource::RLIMIT_NOFILE).ok().and_then(|(now, _)| usize::try_from(now).ok());
        let half = descriptors.map_or(OVER_THE_NETWORK_MAX, |most| most / 2);
        Self::new(half.clamp(1, OVER_THE_NETWORK_MAX))
    }

    fn new(all: usize) -> Self {
        let of_a_peer_max = all.div_ceil(SHARE_OF_A_PEER);
        Self { all: Arc::new(Semaphore::new(all)), of_a_peer_max, taken: Arc::default() }
    }

    /// `None` for a peer that has its share already.
    fn take(&self, peer: IpAddr, one: OwnedSemaphorePermit) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(peer).or_default();
        if *count >= self.of_a_peer_max {
            return None;
        }
        *count += 1;
        Some(Place { peer, taken: Arc::clone(&self.taken), _one: one })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

/// Serves until `stop`, then lets requests under way end.
pub(super) async fn serve<L>(front: Front, mut listener: L, wire: Wire, stop: impl Future<Output = ()>)
where
    L: Listener<Addr = SocketAddr>,
{
    let (graceful, places) = (GracefulShutdown::new(), front.places().clone());
    let mut stop = pin!(stop);
    loop {
        let arrived = async {
            let one = Arc::clone(&places.all).acquire_owned().await.ok()?;
            let (stream, peer) = listener.accept().await;
            Some((one, stream, peer))
        };
        let (one, stream, peer) = tokio::select! {
            Some(arrived) = arrived => arrived,
            () = &mut stop => break,
        };
        let Some(place) = places.take(peer.ip(), one) else {
            tracing::debug!(%peer, "this peer has its share of connections; a further one is closed");
            continue;
        };
        let answer = front.clone().answering(Via::Tcp, wire, Some(Peer(peer.ip())));
        let builder = builder(front.clock());
        let talk = builder.serve_connection_with_upgrades(TokioIo::new(stream), service_fn(answer)).into_owned();
        let talk = graceful.watch(talk);
        tokio::spawn(async move {
            if let Err(error) = talk.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Serves the socket of one agent's pod until it is dropped; then nothing that came through it goes on.
pub(super) async fn serve_pod(front: Front, listener: UnixListener, via: Via) {
    let over = CancellationToken::new();
    let _ends_all = over.clone().drop_guard();
    let seats = Arc::new(Semaphore::new(OF_A_POD_MAX));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(talk_to_pod(front.clone(), stream, via, over.clone(), seat))),
            Err(error) => {
                tracing::warn!(%error, "a pod's door can't accept a connection");
                front.clock().sleep(Millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

async fn talk_to_pod(front: Front, stream: UnixStream, via: Via, over: CancellationToken, seat: OwnedSemaphorePermit) {
    let builder = builder(front.clock());
    let answer = front.answering(via, Wire::Plain, None);
    let talk = builder.serve_connection_with_upgrades(TokioIo::new(stream), service_fn(answer));
    tokio::select! {
        ended = talk => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection from a pod broke off");
            }
        }
        () = over.cancelled() => {}
    }
    drop(seat);
}

fn builder(clock: &Clock) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let head = Duration::from_secs(HEAD_SECONDS_MAX);
    builder.http1().timer(ClockTimer(clock.clone())).header_read_timeout(head).max_buf_size(HEAD_BYTES_MAX);
    builder.http2().timer(ClockTimer(clock.clone()));
    builder
}

impl Front {
    /// What answers the requests of one connection.
    fn answering(
        self,
        via: Via,
        wire: Wire,
        peer: Option<Peer>,
    ) -> impl Fn(Request<Incoming>) -> Answering + Send + Clone + 'static {
        move |request| {
            let front = self.clone();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(wire);
            if let Some(peer) = peer {
                request.extensions_mut().insert(peer);
            }
            Box::pin(async move { Ok(front.answer(request, via).await) })
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<axum::http::Response<Body>, Infallible>> + Send>>;

/// The time of connections is the house's.
#[derive(Clone)]
pub struct ClockTimer(pub Clock);

struct Nap(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl Future for Nap {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Sleep for Nap {}

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let (clock, length) = (self.0.clone(), Millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)));
        Box::pin(Nap(Box::pin(async move { clock.sleep(length).await })))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_peer_has_its_share_and_gives_it_back() {
        let places = Places::new(4);
        let peer = |last| IpAddr::from([192, 0, 2, last]);
        let one = || Arc::clone(&places.all).try_acquire_owned().unwrap();
        let mut held: Vec<Place> = (0..2).map(|_| places.take(peer(1), one()).unwrap()).collect();
        assert!(places.take(peer(1), one()).is_none());
        assert!(places.take(peer(2), one()).is_some());
        held.pop();
        assert!(places.take(peer(1), one()).is_some());
        drop(held);
        assert_eq!((places.all.available_permits(), places.taken.lock().unwrap().len()), (4, 0));
    }
}
