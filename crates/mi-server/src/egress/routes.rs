//! The proxy's side towards the pod: a socket whose listener knows whose pod it is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Millis;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::ask::{self, BadAsk, Form, Wanted};
use super::dial::dial;
use super::line::{Holder, Line};
use super::plain::{self, HEAD_BYTES_MAX, HEADERS_MAX};
use super::service::{self, Passage, Standing, Verdict, Why};
use super::{faults, tunnel};
use crate::house::House;
use crate::infra::fault::{self, Fault};
use crate::infra::http::connections::ClockTimer;
use crate::infra::http::reply::{problem_body, problem_response};

/// Of one pod at one time; a further one waits until another ends.
pub const CONNECTIONS_PER_AGENT_MAX: usize = 64;
/// For a request's head; also how long a connection waits for its next request.
const HEAD_SECONDS_MAX: u64 = 30;
/// Between attempts to accept, when the system has no descriptors left.
const ACCEPT_PAUSE_MS: i64 = 100;
/// Before each refusal of a pod that gets very many.
pub const REFUSAL_PAUSE_MS: i64 = 1_000;
/// In the log, where other requests name their operation.
const OPERATION: &str = "egress";

/// Whose pod it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod {
    pub office: OfficeId,
    pub agent: AgentId,
}

/// Answers whoever comes through the socket, as this pod and nobody else's, until it is dropped; then nothing that came
/// through it goes on.
pub async fn serve(house: House, listener: UnixListener, pod: Pod) {
    let over = CancellationToken::new();
    let _ends_all = over.clone().drop_guard();
    let seats = Arc::new(Semaphore::new(CONNECTIONS_PER_AGENT_MAX));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let guest = Guest { house: house.clone(), pod, over: over.clone(), seat: Arc::new(seat) };
                tokio::spawn(guest.converse(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "the way out of a pod can't accept a connection");
                house.clock.sleep(Millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

/// One connection from the pod.
#[derive(Clone)]
struct Guest {
    house: House,
    pod: Pod,
    over: CancellationToken,
    seat: Arc<OwnedSemaphorePermit>,
}

impl Guest {
    async fn converse(self, stream: UnixStream) {
        let over = self.over.clone();
        let timer = ClockTimer(self.house.clock.clone());
        let answer = service_fn(move |request| {
            let guest = self.clone();
            async move { Ok::<_, Infallible>(guest.answer(request).await) }
        });
        let mut dialogue = http1::Builder::new();
        dialogue.timer(timer).header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX));
        dialogue.max_buf_size(HEAD_BYTES_MAX).max_header_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
        let talking = dialogue.serve_connection(TokioIo::new(stream), answer).with_upgrades();
        tokio::select! {
            ended = talking => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection from a pod broke off");
                }
            }
            () = over.cancelled() => {}
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        match self.pass(request).await {
            Ok(response) => response,
            Err(fault) => refusal(fault),
        }
    }

    async fn pass(self, mut request: Request<Incoming>) -> Result<Response<Body>, Fault> {
        if self.house.is_draining() {
            return Err(fault::draining());
        }
        let standing = service::standing(&self.house, self.pod).await?;
        let wanted = match ask::read(request.method(), request.uri()) {
            Ok(wanted) => wanted,
            Err(bad) => return Err(self.unreadable(&standing, &request, bad).await),
        };
        let (house, office) = (self.house.clone(), self.pod.office);
        let connected = async {
            standing.judge(&wanted)?;
            let place = house.egress.take_place(office)?;
            Ok((place, dial(&house.egress, &house.clock, office, &wanted.target).await?))
        };
        let (place, host) = match connected.await {
            Ok(connected) => connected,
            Err(why) => return Err(self.no_way(&standing, &wanted, why).await),
        };
        let line = Line::new(self.holder(), standing, wanted.clone(), place);
        match wanted.form {
            Form::Tunnel => {
                tunnel::open(line, hyper::upgrade::on(&mut request), host);
                Ok(Response::new(Body::empty()))
            }
            Form::Plain => match plain::forward(line, request, host).await {
                Ok(answer) => Ok(answer.map(Body::new)),
                Err(why) => Err(faults::no_way(office, &wanted, why)),
            },
        }
    }

    fn holder(self) -> Holder {
        let Self { house, pod, over, seat } = self;
        Holder { house, pod, over, seat }
    }

    async fn no_way(&self, standing: &Standing, wanted: &Wanted, why: Why) -> Fault {
        self.turn_away(standing.passage(wanted, Verdict::of(why), Some(why))).await;
        faults::no_way(self.pod.office, wanted, why)
    }

    /// What can't be read is recorded as it was written.
    async fn unreadable(&self, standing: &Standing, request: &Request<Incoming>, bad: BadAsk) -> Fault {
        let written = request.uri().authority().map_or("", |authority| authority.as_str());
        self.turn_away(Passage::unreadable(standing, written, request.method().as_str())).await;
        faults::unreadable(bad)
    }

    /// Who hammers is answered slowly: the seats of its pod bound how much work it makes.
    async fn turn_away(&self, passage: Passage) {
        service::record(&self.house, self.pod, passage).await;
        if self.house.egress.is_hammered_by((self.pod.office, self.pod.agent)) {
            self.house.clock.sleep(Millis(REFUSAL_PAUSE_MS)).await;
        }
    }
}

/// Programs that show no body show the line with the status at best, so the sentence stands in both. It is
/// logged only where the server failed: everything else has its event, and a pod shall not fill the server's log.
fn refusal(fault: Fault) -> Response<Body> {
    let sentence = ReasonPhrase::try_from(fault.sentence.clone().into_bytes());
    let request_id = uuid::Uuid::new_v4().simple().to_string();
    let mut response = match fault.code.status() {
        500 | 507 => problem_response(fault, &request_id, OPERATION),
        _ => problem_body(fault, &request_id),
    };
    match sentence {
        Ok(sentence) => {
            response.extensions_mut().insert(sentence);
        }
        Err(error) => tracing::debug!(%error, "a sentence doesn't fit into a status line"),
    }
    response
}
