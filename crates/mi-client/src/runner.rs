//! The runner protocol: a pod takes work and brings back proof.
//!
//! Each step may be repeated after a lost reply, by its own numbers (boot id,
//! poll, item, session); no key is needed.

use std::collections::BTreeMap;

use mi_core::ids::{AgentName, ClaimToken, OfficeId};
use mi_core::wire::runner::{
    BeatAnswer, BeatRequest, EndSession, Ended, EventsAnswer, NextAnswer, NextRequest, RunnerHello, RunnerWelcome,
    SessionContext, SessionEvents,
};
use reqwest::Method;

use crate::call::{Call, Draft};
use crate::error::ClientError;
use crate::offices::path_of;
use crate::terminal::Terminal;
use crate::transport::Client;

#[derive(Debug, Clone)]
pub struct Runner {
    client: Client,
    office: OfficeId,
}

impl Runner {
    pub(crate) fn new(client: &Client, office: OfficeId) -> Self {
        Self { client: client.clone(), office }
    }

    fn step(&self, path: String) -> Draft {
        Draft { method: Method::POST, ..Draft::read(path) }
    }

    fn of_session(&self, session: ClaimToken, what: &str) -> String {
        format!("{}/sessions/{session}/{what}", path_of(self.office))
    }

    /// Step 1, with a ticket or a key of the agent.
    pub fn hello(&self, agent: &AgentName, hello: &RunnerHello) -> Call<RunnerWelcome> {
        let draft = self.step(format!("{}/employees/{agent}/runner", path_of(self.office)));
        Call::json(&self.client, draft.json(hello))
    }

    /// Step 2: `None` when nothing came up in `wait` seconds.
    pub fn next(&self, agent: &AgentName, request: &NextRequest) -> Call<Option<NextAnswer>> {
        let draft = self.step(format!("{}/employees/{agent}/runner/next", path_of(self.office)));
        Call::optional(&self.client, draft.parked(request.wait).json(request))
    }

    /// Step 3.
    pub fn context(&self, session: ClaimToken) -> Call<SessionContext> {
        Call::json(&self.client, Draft::read(self.of_session(session, "context")))
    }

    /// Step 3: the environment of the session, secrets included.
    pub fn env(&self, session: ClaimToken) -> Call<BTreeMap<String, String>> {
        Call::json(&self.client, Draft::read(self.of_session(session, "env")))
    }

    /// Step 4: renews the lease; parked until there is an order.
    pub fn beat(&self, session: ClaimToken, beat: &BeatRequest) -> Call<BeatAnswer> {
        let draft = self.step(self.of_session(session, "beat")).parked(beat.wait);
        Call::json(&self.client, draft.json(beat))
    }

    /// Comes for a terminal that `next` or a beat named.
    pub async fn attach(&self, agent: &AgentName, terminal: i64) -> Result<Terminal, ClientError> {
        let path = format!("{}/employees/{agent}/runner/terminals/{terminal}", path_of(self.office));
        self.client.become_terminal(self.step(path)).await
    }

    /// Step 5.
    pub fn events(&self, session: ClaimToken, events: &SessionEvents) -> Call<EventsAnswer> {
        Call::json(&self.client, self.step(self.of_session(session, "events")).json(events))
    }

    /// Step 6.
    pub fn end(&self, session: ClaimToken, end: &EndSession) -> Call<Ended> {
        Call::json(&self.client, self.step(self.of_session(session, "end")).json(end))
    }
}
