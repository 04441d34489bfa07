//! Users beside the owner, for tests of who may do what.

use axum::body::Body;
use http::Response;
use http_body_util::BodyExt;
use mi_core::identity::Role;
use mi_core::ids::{AgentId, UserId};
use mi_core::time::Millis;
use serde_json::Value;
use uuid::Uuid;

use super::{TestHouse, TestOffice, store};
use crate::identity;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::keys::new_api_key;

/// What has become of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Good,
    Expired,
    Revoked,
}

impl TestHouse {
    /// A user who owns nothing yet.
    pub async fn stranger(&self) -> UserId {
        let (user, now) = (UserId(Uuid::new_v4()), self.now());
        self.house.db.write(move |tx| Ok(store::add_user(tx, user, now)?)).await.unwrap();
        user
    }

    /// Somebody of this name who has no part in any office.
    pub async fn person(&self, name: &'static str) -> UserId {
        let now = self.now();
        self.house.db.write(move |tx| identity::service::add_user(tx, name, now)).await.unwrap()
    }

    /// The first user, who owns every office that `office` opens.
    pub async fn first_user(&self) -> UserId {
        let me = self.call("GET", "/api/v1/whoami", serde_json::Value::Null).await.ok();
        me["id"].as_str().unwrap().parse().unwrap()
    }

    /// Another key of a user.
    pub async fn key_of(&self, user: UserId, state: KeyState) -> String {
        let key = new_api_key().unwrap().to_string();
        let (hash, now) = (self.house.keys.hash_of_key(&key), self.now());
        let past = Some(now + Millis(-1));
        let (expires, revoked) = match state {
            KeyState::Good => (None, None),
            KeyState::Expired => (past, None),
            KeyState::Revoked => (None, past),
        };
        let act = move |tx: &mut dyn crate::infra::db::Tx| Ok(store::add_key(tx, &hash, user, now, expires, revoked)?);
        self.house.db.write(act).await.unwrap();
        key
    }
}

impl TestOffice<'_> {
    /// A key of somebody who has this role here.
    pub async fn key_of_colleague(&self, name: &'static str, role: Role) -> String {
        let user = self.house.person(name).await;
        self.add_colleague(user, role).await;
        self.house.key_of(user, KeyState::Good).await
    }

    /// From now on a person has this role here.
    pub async fn add_colleague(&self, user: UserId, role: Role) {
        let act = move |act: &mut Act<'_>| identity::service::add_member(act, user, role, "owner");
        self.house.house.act_as_server(self.id, act).await.unwrap();
    }

    /// A key of a user that opens this office only.
    pub async fn scoped_key_of(&self, user: UserId) -> String {
        let key = self.house.key_of(user, KeyState::Good).await;
        let (id, hash) = (self.id, self.house.house.keys.hash_of_key(&key));
        self.house.house.db.write(move |tx| Ok(store::scope_key(tx, &hash, id)?)).await.unwrap();
        key
    }

    /// A key of an agent's own.
    pub async fn agent_key(&self, agent: AgentId) -> String {
        let key = format!("mia_{}", Uuid::new_v4().simple());
        let (id, hash, now) = (self.id, self.house.house.keys.hash_of_key(&key), self.house.now());
        let act = move |tx: &mut dyn Tx| Ok(store::add_agent_key(tx, &hash, id, agent, now)?);
        self.house.house.db.write(act).await.unwrap();
        key
    }

    /// From now on the office is somebody else's. Give it back before the house closes.
    pub async fn give_to(&self, user: UserId) {
        let id = self.id;
        self.house.house.db.write(move |tx| Ok(store::give_office(tx, id, user)?)).await.unwrap();
    }
}

/// Looks until it is so; each look is a request, which takes its time.
const LOOKS_MAX: usize = 5_000;

impl TestHouse {
    /// Reads a stream until its end, which has to come without the clock being moved.
    pub async fn must_end(&self, stream: Response<Body>) {
        assert_eq!(stream.status(), 200);
        let reading = tokio::spawn(stream.into_body().collect());
        let mut looks = 0;
        while !reading.is_finished() {
            looks += 1;
            assert!(looks < LOOKS_MAX, "the stream goes on");
            self.nobody().call("GET", "/readyz", Value::Null).await;
        }
        reading.await.unwrap().unwrap();
    }
}
