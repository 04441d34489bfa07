//! A runner on a machine elsewhere: the protocol with its agent's own key, without a pod.

use mi_core::ids::AgentId;
use mi_core::wire::runner::{NextAnswer, RunnerWelcome, SessionGrant};
use serde_json::{Value, json};

use super::{Speaker, TestOffice, TestReply, store};
use crate::infra::db::Tx;

/// An agent that lives elsewhere, with its key.
pub struct RemoteAgent<'a> {
    pub office: TestOffice<'a>,
    pub name: String,
    pub id: AgentId,
    pub key: String,
}

pub struct RemoteRunner<'a> {
    pub agent: &'a RemoteAgent<'a>,
    pub welcome: RunnerWelcome,
    poll: i64,
}

impl<'a> TestOffice<'a> {
    /// An agent that lives elsewhere, in the office from now on.
    pub async fn remote(&self, name: &str) -> RemoteAgent<'a> {
        let card = self.hire(name).await;
        let agent: AgentId = card["id"].as_str().unwrap().parse().unwrap();
        let id = self.id;
        let act = move |tx: &mut dyn Tx| Ok(store::move_out(tx, id, agent)?);
        self.house.house.db.write(act).await.unwrap();
        let key = self.agent_key(agent).await;
        RemoteAgent { office: *self, name: name.to_owned(), id: agent, key }
    }
}

impl<'a> RemoteAgent<'a> {
    /// The agent itself, with its key.
    pub fn speaker(&self) -> Speaker<'a> {
        self.office.house.as_key(&self.key)
    }

    pub async fn hello(&self, boot_id: &str) -> TestReply {
        let body = json!({"bootId": boot_id, "version": "test", "harnesses": ["command"], "slots": 1});
        self.office.call_as(&self.speaker(), "POST", &format!("/employees/{}/runner", self.name), body).await
    }

    pub async fn runner(&self, boot_id: &str) -> RemoteRunner<'_> {
        let welcome = serde_json::from_value(self.hello(boot_id).await.ok()).unwrap();
        RemoteRunner { agent: self, welcome, poll: 0 }
    }

    /// Every key that the agent has counts no more.
    pub async fn revoke_keys(&self) {
        let (office, agent, now) = (self.office.id, self.id, self.office.house.now());
        let act = move |tx: &mut dyn Tx| Ok(store::revoke_agent_keys(tx, office, agent, now)?);
        self.office.house.house.db.write(act).await.unwrap();
    }
}

impl RemoteRunner<'_> {
    pub fn speaker(&self) -> Speaker<'_> {
        self.agent.office.house.as_key(&self.welcome.token)
    }

    /// A harness at work, with its session's credential.
    pub fn harness(&self, grant: &SessionGrant) -> Speaker<'_> {
        self.agent.office.house.as_key(&grant.credential)
    }

    pub async fn next(&mut self) -> TestReply {
        self.poll += 1;
        self.next_again().await
    }

    /// The last question once more.
    pub async fn next_again(&self) -> TestReply {
        let path = format!("/employees/{}/runner/next", self.agent.name);
        let body = json!({"poll": self.poll, "wait": 0, "freeSlots": 1});
        self.agent.office.call_as(&self.speaker(), "POST", &path, body).await
    }

    /// The session that the next question must bring.
    pub async fn must_take(&mut self) -> SessionGrant {
        let answer: NextAnswer = serde_json::from_value(self.next().await.ok()).unwrap();
        answer.session.unwrap()
    }

    pub async fn done(&self, grant: &SessionGrant, result: &str) -> TestReply {
        let body = json!({"status": "done", "result": result});
        let path = format!("/tasks/{}", grant.task.unwrap());
        self.agent.office.call_as(&self.harness(grant), "PATCH", &path, body).await
    }

    pub async fn post(&self, grant: &SessionGrant, act: &str, body: Value) -> TestReply {
        let path = format!("/sessions/{}/{act}", grant.id);
        self.agent.office.call_as(&self.speaker(), "POST", &path, body).await
    }

    pub async fn beat(&self, grant: &SessionGrant) -> TestReply {
        self.post(grant, "beat", json!({"seen": 0, "wait": 0})).await
    }

    pub async fn end(&self, grant: &SessionGrant, cause: &str) -> TestReply {
        self.post(grant, "end", json!({"exit": 0, "cause": cause, "summary": "", "last": 0})).await
    }
}
