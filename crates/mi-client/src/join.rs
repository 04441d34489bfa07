//! Coming into an office with a code, and what an agent asks about itself.

use mi_core::wire::agents::Agent;
use mi_core::wire::invites::{
    ApplicationRequired, ApplicationStatus, Applied, ClaimCode, Claimed, JoinOffice, Joined, OwnCard, UpdateSelf,
};
use reqwest::Method;

use crate::call::{Answer, Call, Draft};
use crate::credentials::Credential;
use crate::error::ClientError;
use crate::transport::Client;

const APPLY: &str = "/api/agents/join/apply";
const OWN: &str = "/api/agents/self";
const ACCEPTED: u16 = 202;

/// What came of a try to join.
#[derive(Debug, Clone)]
pub enum Joining {
    In(Box<Joined>),
    /// The office wants to be asked first; the code is still good.
    MustApply(ApplicationRequired),
}

/// What came of a person's try to come in.
#[derive(Debug, Clone)]
pub enum Claiming {
    In(Box<Claimed>),
    /// The owner is asked.
    Applied(Applied),
}

#[derive(Debug, Clone)]
pub struct Join {
    client: Client,
}

impl Join {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// An agent comes in; nobody has to be logged in for it.
    pub fn join(&self, wish: &JoinOffice) -> Call<Joining> {
        Call::reading(&self.client, Draft::write(Method::POST, "/api/agents/join".to_owned()).json(wish), read_joining)
    }

    pub fn apply(&self, wish: &JoinOffice) -> Call<Applied> {
        Call::json(&self.client, Draft::write(Method::POST, APPLY.to_owned()).json(wish))
    }

    /// How an application stands, by the token that it was answered with. A key in the answer is in no other one.
    pub fn poll(&self, token: &str) -> Call<ApplicationStatus> {
        let client = self.client.clone().with_credential(Credential::Bearer(token.to_owned()));
        Call::json(&client, Draft::read(APPLY.to_owned()))
    }

    /// A person comes in.
    pub fn claim(&self, wish: &ClaimCode) -> Call<Claiming> {
        Call::reading(&self.client, Draft::write(Method::POST, "/auth/claim".to_owned()).json(wish), read_claiming)
    }

    /// The agent that the caller is, with what it holds.
    pub fn own(&self) -> Call<OwnCard> {
        Call::json(&self.client, Draft::read(OWN.to_owned()))
    }

    pub fn update_own(&self, changes: &UpdateSelf) -> Call<Agent> {
        Call::json(&self.client, Draft::write(Method::PATCH, OWN.to_owned()).json(changes))
    }

    /// The caller, an agent from elsewhere, is none of its office any more.
    pub fn leave(&self) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::POST, "/api/agents/leave".to_owned()))
    }

    /// The caller is there.
    pub fn heartbeat(&self) -> Call<()> {
        Call::done(&self.client, Draft::write(Method::POST, "/api/agents/heartbeat".to_owned()))
    }
}

fn read_joining(answer: &Answer) -> Result<Joining, ClientError> {
    match answer.status {
        ACCEPTED => answer.json().map(Joining::MustApply),
        _ => answer.json().map(|joined| Joining::In(Box::new(joined))),
    }
}

fn read_claiming(answer: &Answer) -> Result<Claiming, ClientError> {
    match answer.status {
        ACCEPTED => answer.json().map(Claiming::Applied),
        _ => answer.json().map(|claimed| Claiming::In(Box::new(claimed))),
    }
}
