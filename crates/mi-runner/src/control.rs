//! The server as a runner sees it: the six steps of the protocol, and a desk for each session.
//!
//! The runner's own token stays in here and is never given to a harness; a session's desk works with the session's
//! credential and carries its claim.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use mi_client::{Client, ClientError, Credential, Endpoint, Patience, Terminal, Trust};
use mi_core::ids::{AgentName, ClaimToken, OfficeId, TaskId};
use mi_core::problem::{Code, Problem};
use mi_core::wire::agents::{Agent, HireAgent};
use mi_core::wire::runner::{
    BeatAnswer, BeatRequest, EndSession, Ended, EventsAnswer, NextAnswer, NextRequest, RunnerHello, RunnerWelcome,
    SessionContext, SessionEvents, SessionGrant,
};
use mi_core::wire::tasks::{AddArtifact, AddComment, Artifact, Comment, CreateTask, Task, UpdateTask};

use crate::config::Proof;
use crate::fault::RunnerError;

/// A call on its way.
pub type Call<'a, T> = BoxFuture<'a, Result<T, ControlError>>;

/// The runner protocol (design §3). Each call may be repeated after a lost reply.
pub trait ControlPlane: Send + Sync {
    fn hello(&self, hello: RunnerHello) -> Call<'_, RunnerWelcome>;
    fn next(&self, question: NextRequest) -> Call<'_, Option<NextAnswer>>;
    fn context(&self, session: ClaimToken) -> Call<'_, SessionContext>;
    fn env(&self, session: ClaimToken) -> Call<'_, BTreeMap<String, String>>;
    fn beat(&self, session: ClaimToken, beat: BeatRequest) -> Call<'_, BeatAnswer>;
    fn events(&self, session: ClaimToken, events: SessionEvents) -> Call<'_, EventsAnswer>;
    fn end(&self, session: ClaimToken, report: EndSession) -> Call<'_, Ended>;
    /// Comes for a terminal; what the other end says begins with a plan.
    fn attach(&self, terminal: i64) -> Call<'_, Terminal>;
    fn desk(&self, grant: &SessionGrant) -> Arc<dyn Desk>;
}

/// What a session may do in its office, in its agent's name.
pub trait Desk: Send + Sync {
    fn update_task(&self, task: TaskId, change: UpdateTask) -> Call<'_, Task>;
    fn create_task(&self, task: CreateTask) -> Call<'_, Task>;
    fn comment(&self, task: TaskId, message: String) -> Call<'_, Comment>;
    fn add_artifact(&self, task: TaskId, artifact: AddArtifact) -> Call<'_, Artifact>;
    fn send_message(&self, to: String, body: String) -> Call<'_, ()>;
    fn hire(&self, agent: HireAgent) -> Call<'_, Agent>;
}

/// A call that brought nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    #[error("{} ({})", problem.error, problem.code)]
    Refused { status: u16, problem: Box<Problem> },
    #[error("{0}")]
    Unreachable(String),
}

/// What an error means for a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same call may succeed later.
    Retry,
    /// It never will.
    Refused,
    /// The claim or the session is gone: stop working on it.
    Stale,
    /// A newer runner is there: go.
    Superseded,
    /// The credential is no longer good.
    Unauthenticated,
}

impl ControlError {
    pub fn refused(status: u16, code: &str, sentence: &str) -> Self {
        let problem = Problem {
            error: sentence.to_owned(),
            code: code.to_owned(),
            hint: None,
            request_id: String::new(),
            must_stop: None,
            server_time: None,
        };
        Self::Refused { status, problem: Box::new(problem) }
    }

    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { problem, .. } => Code::parse(&problem.code),
            Self::Unreachable(_) => None,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let (status, problem) = match self {
            Self::Unreachable(_) => return Verdict::Retry,
            Self::Refused { status, problem } => (*status, problem),
        };
        match self.code() {
            Some(Code::Superseded) => Verdict::Superseded,
            Some(Code::StaleClaim | Code::NoSuchSession) => Verdict::Stale,
            _ if problem.must_stop == Some(true) => Verdict::Stale,
            _ => match status {
                401 => Verdict::Unauthenticated,
                408 | 429 | 500.. => Verdict::Retry,
                _ => Verdict::Refused,
            },
        }
    }
}

impl From<ClientError> for ControlError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem { status, problem, .. } => Self::Refused { status, problem },
            ClientError::Unreachable { endpoint, cause } => {
                Self::Unreachable(format!("the server at {endpoint} can't be reached: {cause}"))
            }
            ClientError::Decode { .. } | ClientError::Request { .. } | ClientError::Io { .. } => {
                Self::refused(0, "unreadable", &error.to_string())
            }
        }
    }
}

/// The real server, over HTTP.
pub struct HttpControl {
    /// Shows the token that the first call brought.
    client: Mutex<Client>,
    /// Of the first call, and of no other one.
    proof: Proof,
    office: OfficeId,
    agent: AgentName,
}

impl HttpControl {
    pub fn new(endpoint: &str, office: &OfficeId, agent: &AgentName, proof: Proof) -> Result<Self, RunnerError> {
        let endpoint: Endpoint =
            endpoint.parse().map_err(|error: mi_client::BadEndpoint| RunnerError::Client(error.to_string()))?;
        // How often a call is repeated is the runner's own business: it knows leases and deadlines.
        let client = Client::new(endpoint, Credential::Nobody).with_patience(Patience::NONE);
        Ok(Self { client: Mutex::new(client), proof, office: *office, agent: agent.clone() })
    }

    pub fn with_trust(self, trust: Option<Trust>) -> Self {
        let client = self.client().with_trust(trust);
        Self { client: Mutex::new(client), ..self }
    }

    fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn protocol(&self) -> mi_client::Runner {
        self.client().runner(self.office)
    }

    fn remember(&self, token: &str) {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        *client = client.clone().with_credential(Credential::Bearer(token.to_owned()));
    }
}

fn call<'a, T: 'static>(call: mi_client::Call<T>) -> Call<'a, T> {
    let sent = call.into_future();
    Box::pin(async move { sent.await.map_err(ControlError::from) })
}

impl ControlPlane for HttpControl {
    fn hello(&self, hello: RunnerHello) -> Call<'_, RunnerWelcome> {
        Box::pin(async move {
            let client = match &self.proof {
                Proof::Secret(ticket) => self.client().with_credential(Credential::Bearer(ticket.reveal().to_owned())),
                Proof::Signature(signer) => self.client().with_signer(Some(signer.clone())),
            };
            let welcome = client.runner(self.office).hello(&self.agent, &hello).await?;
            self.remember(&welcome.token);
            Ok(welcome)
        })
    }

    fn next(&self, question: NextRequest) -> Call<'_, Option<NextAnswer>> {
        call(self.protocol().next(&self.agent, &question))
    }

    fn context(&self, session: ClaimToken) -> Call<'_, SessionContext> {
        call(self.protocol().context(session))
    }

    fn env(&self, session: ClaimToken) -> Call<'_, BTreeMap<String, String>> {
        call(self.protocol().env(session))
    }

    fn beat(&self, session: ClaimToken, beat: BeatRequest) -> Call<'_, BeatAnswer> {
        call(self.protocol().beat(session, &beat))
    }

    fn events(&self, session: ClaimToken, events: SessionEvents) -> Call<'_, EventsAnswer> {
        call(self.protocol().events(session, &events))
    }

    fn end(&self, session: ClaimToken, report: EndSession) -> Call<'_, Ended> {
        call(self.protocol().end(session, &report))
    }

    fn attach(&self, terminal: i64) -> Call<'_, Terminal> {
        let protocol = self.protocol();
        Box::pin(async move { protocol.attach(&self.agent, terminal).await.map_err(ControlError::from) })
    }

    fn desk(&self, grant: &SessionGrant) -> Arc<dyn Desk> {
        let client = self
            .client()
            .with_credential(Credential::Bearer(grant.credential.clone()))
            .with_claim(grant.task.map(|_| grant.token))
            .with_patience(Patience::LONG);
        Arc::new(HttpDesk { client, office: self.office })
    }
}

struct HttpDesk {
    client: Client,
    office: OfficeId,
}

impl Desk for HttpDesk {
    fn update_task(&self, task: TaskId, change: UpdateTask) -> Call<'_, Task> {
        call(self.client.tasks(self.office).update(task, &change))
    }

    fn create_task(&self, task: CreateTask) -> Call<'_, Task> {
        call(self.client.tasks(self.office).create(&task))
    }

    fn comment(&self, task: TaskId, message: String) -> Call<'_, Comment> {
        call(self.client.tasks(self.office).comment(task, &AddComment { agent: None, message }))
    }

    fn add_artifact(&self, task: TaskId, artifact: AddArtifact) -> Call<'_, Artifact> {
        call(self.client.tasks(self.office).add_artifact(task, &artifact))
    }

    fn send_message(&self, to: String, body: String) -> Call<'_, ()> {
        let sent = self.client.messages(self.office).send(&to, &body).into_future();
        Box::pin(async move { sent.await.map(drop).map_err(ControlError::from) })
    }

    fn hire(&self, agent: HireAgent) -> Call<'_, Agent> {
        call(self.client.agents(self.office).hire(&agent))
    }
}
