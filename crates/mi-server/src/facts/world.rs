//! Two offices that hold things of the same names and numbers, and one caller of every kind.

use mi_core::identity::Role;
use mi_core::ids::{AgentId, ClaimToken, UserId};
use mi_core::signing::keys::PrivateKey;
use mi_core::wire::runner::SessionGrant;
use serde_json::{Value, json};

use super::samples::{BOUNDARY, COLLEAGUE, NEIGHBOUR, Place, SCHEDULE, upload};
use crate::infra::http::Via;
use crate::testing::{FakeRunner, KeyState, SignatureVersion, Signer, Speaker, TestHouse, TestOffice, new_key};

/// Stands in every text of the first office, and must never be seen by callers of the other.
pub const CANARY_HERE: &str = "canary-here-5b1e";
pub const CANARY_THERE: &str = "canary-there-c07d";
/// The code of no invite.
const NO_CODE: &str = "AAAAAA";
/// Of no backup.
const NO_BACKUP: &str = "0";
/// Longer than any back-off of a pod that died once.
const PODS_ARE_BACK_MS: i64 = 120_000;

/// The kinds of caller, in the order in which they ask: who may do most comes last, because it may destroy most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    Nobody,
    Malformed,
    Unknown,
    Expired,
    Revoked,
    OtherOwner,
    OtherSession,
    OtherRunner,
    Stale,
    Superseded,
    WrongDoor,
    Ticket,
    /// The owner, with a key that opens another office only.
    OutOfScope,
    OtherAgent,
    FiredAgent,
    Viewer,
    /// Somebody whose signature says that it is the agent's, by a key that isn't.
    WrongKey,
    /// The agent's signature, over another body.
    SwappedBody,
    /// The agent's request, a second time.
    Replay,
    /// The agent, with its signature and a claim that it has lost.
    LostLease,
    /// The agent, with its signature and its claim.
    Signed,
    /// An agent with a key of its own.
    Agent,
    Session,
    Runner,
    Colleague,
    Owner,
}

impl Who {
    pub const ALL: [Who; 26] = [
        Who::Nobody,
        Who::Malformed,
        Who::Unknown,
        Who::Expired,
        Who::Revoked,
        Who::OtherOwner,
        Who::OtherSession,
        Who::OtherRunner,
        Who::Stale,
        Who::Superseded,
        Who::WrongDoor,
        Who::Ticket,
        Who::OutOfScope,
        Who::OtherAgent,
        Who::FiredAgent,
        Who::Viewer,
        Who::WrongKey,
        Who::SwappedBody,
        Who::Replay,
        Who::LostLease,
        Who::Signed,
        Who::Agent,
        Who::Session,
        Who::Runner,
        Who::Colleague,
        Who::Owner,
    ];

    /// The office whose texts this caller may see, if any.
    pub fn canary(self) -> Option<&'static str> {
        match self {
            Who::Nobody
            | Who::Malformed
            | Who::Unknown
            | Who::Expired
            | Who::Revoked
            | Who::WrongDoor
            | Who::WrongKey
            | Who::SwappedBody
            | Who::Replay
            | Who::FiredAgent => None,
            Who::OtherOwner | Who::OtherSession | Who::OtherRunner | Who::OtherAgent | Who::OutOfScope => {
                Some(CANARY_THERE)
            }
            Who::Stale
            | Who::Superseded
            | Who::Ticket
            | Who::Viewer
            | Who::LostLease
            | Who::Signed
            | Who::Agent
            | Who::Session
            | Who::Runner
            | Who::Colleague
            | Who::Owner => Some(CANARY_HERE),
        }
    }
}

/// One office with its people, each in a different position.
struct Side<'a> {
    office: TestOffice<'a>,
    ada: FakeRunner<'a>,
    held: SessionGrant,
    ended: SessionGrant,
    superseded: String,
    bob: AgentId,
    fired: AgentId,
}

pub struct World<'a> {
    house: &'a TestHouse,
    here: Side<'a>,
    there: Side<'a>,
    first: UserId,
    keys: Keys,
    /// The id of a key of the first user's.
    spare_key: String,
}

struct Keys {
    viewer: String,
    colleague: String,
    out_of_scope: String,
    agent: String,
    pair: PrivateKey,
    other_agent: String,
    fired_agent: String,
    stranger: String,
    expired: String,
    revoked: String,
}

impl<'a> World<'a> {
    pub async fn make(house: &'a TestHouse) -> Self {
        let (here, there) = (open(house, CANARY_HERE).await, open(house, CANARY_THERE).await);
        house.advance(PODS_ARE_BACK_MS).await;
        let (here, there) = (fill(here, CANARY_HERE).await, fill(there, CANARY_THERE).await);
        // Things that only the other office has.
        for n in 0..8 {
            there.office.task(json!({"title": format!("{CANARY_THERE} {n}"), "assignedAgent": "bob"})).await;
        }
        store_file(&there.office, "only-there.md", CANARY_THERE).await;
        let (first, stranger) = (house.first_user().await, house.stranger().await);
        there.office.give_to(stranger).await;
        here.office.key_of_colleague(COLLEAGUE, Role::Operator).await;
        house.person(NEIGHBOUR).await;
        let pair = new_key();
        let keys = Keys {
            viewer: here.office.key_of_colleague("vera", Role::Viewer).await,
            colleague: here.office.key_of_colleague("otto", Role::Operator).await,
            out_of_scope: there.office.scoped_key_of(stranger).await,
            agent: here.office.give_keys(here.ada.agent, &pair).await,
            pair,
            other_agent: there.office.agent_key(there.ada.agent).await,
            fired_agent: here.office.agent_key(here.fired).await,
            stranger: house.key_of(stranger, KeyState::Good).await,
            expired: house.key_of(first, KeyState::Expired).await,
            revoked: house.key_of(first, KeyState::Revoked).await,
        };
        let spare_key = house.call("POST", "/api/v1/keys", json!({"name": "spare"})).await.ok()["id"].clone();
        let spare_key = spare_key.as_str().unwrap().to_owned();
        Self { house, here, there, first, keys, spare_key }
    }

    /// Gives the other office back, so that the house can close.
    pub async fn unmake(self) {
        self.there.office.give_to(self.first).await;
    }

    pub fn speaker(&self, who: Who) -> Speaker<'a> {
        let key = |key: &str| self.house.as_key(key);
        match who {
            Who::Nobody => self.house.nobody(),
            Who::Malformed => key("mit_zz.00"),
            Who::Unknown => key("mi_000000000000000000000000000000000000000000000000"),
            Who::Expired => key(&self.keys.expired),
            Who::Revoked => key(&self.keys.revoked),
            Who::OtherOwner => key(&self.keys.stranger),
            Who::OtherSession => key(&self.there.held.credential),
            Who::OtherRunner => key(&self.there.ada.welcome.token),
            Who::Stale => key(&self.here.ended.credential),
            Who::Superseded => key(&self.here.superseded),
            Who::WrongDoor => key(&self.here.held.credential).through(Via::Pod(self.here.bob)),
            Who::Ticket => key(&self.here.ada.ticket),
            Who::OutOfScope => key(&self.keys.out_of_scope),
            Who::OtherAgent => key(&self.keys.other_agent),
            Who::FiredAgent => key(&self.keys.fired_agent),
            Who::Viewer => key(&self.keys.viewer),
            Who::WrongKey => self.signed(new_key()),
            Who::SwappedBody | Who::Replay | Who::Signed => {
                self.signed(self.keys.pair.clone()).with_claim(self.claim())
            }
            Who::LostLease => self.signed(self.keys.pair.clone()).with_claim(self.here.ended.token),
            Who::Agent => key(&self.keys.agent),
            Who::Colleague => key(&self.keys.colleague),
            Who::Session => key(&self.here.held.credential),
            Who::Runner => key(&self.here.ada.welcome.token),
            Who::Owner => self.house.owner(),
        }
    }

    /// Says that it is ada, by a signature of this key.
    fn signed(&self, key: PrivateKey) -> Speaker<'a> {
        let agent = self.here.ada.agent.to_string();
        self.house.nobody().signed_by(Signer { key, agent, version: SignatureVersion::Two, at: None })
    }

    /// Rotating takes the pair away with which ada signs here.
    pub async fn give_pair_back(&self) {
        self.here.office.prefer_pair(self.here.ada.agent, &self.keys.pair).await;
    }

    fn claim(&self) -> ClaimToken {
        self.here.held.token
    }

    /// What is there, in the first office.
    pub fn here(&self) -> Place {
        Place { key_id: self.spare_key.clone(), ..place(&self.here) }
    }

    /// The same names and numbers, in the other office.
    pub fn there(&self) -> Place {
        Place { key_id: self.spare_key.clone(), ..place(&self.there) }
    }

    /// What only the other office has, asked for in the first.
    pub fn astray(&self) -> Place {
        Place {
            office: self.here.office.id.to_string(),
            name: self.there.ada.agent.to_string(),
            id: "9".to_owned(),
            session: "1000".to_owned(),
            path: "only-there.md".to_owned(),
            boot_id: self.there.ada.boot_id.clone(),
            group: "office".to_owned(),
            key_id: self.spare_key.clone(),
            code: NO_CODE.to_owned(),
            backup: NO_BACKUP.to_owned(),
        }
    }

    /// Whether every caller of the first office is still who it was.
    pub async fn is_whole(&self) -> bool {
        let (at, me) = (self.here(), "/api/v1/whoami");
        let log = format!("/api/v1/offices/{}/tasks/{}/log", at.office, at.id);
        let file = format!("/api/v1/offices/{}/files/{}", at.office, at.path);
        let fine = |status: u16| (200..300).contains(&status);
        fine(self.speaker(Who::Runner).call("GET", me, Value::Null).await.status)
            && fine(self.speaker(Who::Session).call("GET", me, Value::Null).await.status)
            && fine(self.speaker(Who::Session).call("POST", &log, json!({"message": "still here"})).await.status)
            && fine(self.house.owner().call("GET", &file, Value::Null).await.status)
    }
}

fn place(side: &Side<'_>) -> Place {
    Place {
        office: side.office.id.to_string(),
        name: "ada".to_owned(),
        id: "1".to_owned(),
        session: side.held.id.to_string(),
        path: "report.md".to_owned(),
        boot_id: side.ada.boot_id.clone(),
        group: "office".to_owned(),
        key_id: String::new(),
        code: NO_CODE.to_owned(),
        backup: NO_BACKUP.to_owned(),
    }
}

/// An office whose bob had a pod that died; gives the token of its runner too.
async fn open<'a>(house: &'a TestHouse, canary: &str) -> (TestOffice<'a>, String) {
    let made = house.call("POST", "/api/v1/offices", json!({"name": canary})).await.ok();
    let office = TestOffice { house, id: made["id"].as_str().unwrap().parse().unwrap() };
    office.lift_hire_limit().await;
    hire(office, "bob", canary).await;
    let before = office.runner("bob").await;
    let superseded = before.welcome.token.clone();
    before.exit(1).await;
    (office, superseded)
}

async fn hire(office: TestOffice<'_>, name: &str, canary: &str) {
    let hire = json!({"name": name, "harness": "command", "command": canary, "role": canary,
        "systemPrompt": canary, "skills": [canary], "env": {"SECRET": canary}});
    office.hire_with(hire).await;
}

async fn fill<'a>((office, superseded): (TestOffice<'a>, String), canary: &str) -> Side<'a> {
    for name in ["ada", "cyd"] {
        hire(office, name, canary).await;
    }
    let bob = office.runner("bob").await.agent;
    hire(office, "eve", canary).await;
    let fired = office.runner("eve").await.agent;
    office.call("DELETE", "/employees/eve", Value::Null).await.ok();
    let (held, ada) = at_work(office, canary).await;
    let ended = at_the_end(office, canary).await;
    decorate(office, canary).await;
    Side { office, ada, held, ended, superseded, bob, fired }
}

/// Ada holds task 1.
async fn at_work<'a>(office: TestOffice<'a>, canary: &str) -> (SessionGrant, FakeRunner<'a>) {
    let mut ada = office.runner("ada").await;
    office.task(json!({"title": canary, "description": canary, "assignedAgent": "ada"})).await;
    let held = ada.must_take().await;
    ada.log(&held, 0, &[canary]).await.ok();
    (held, ada)
}

/// Cyd has done task 2.
async fn at_the_end(office: TestOffice<'_>, canary: &str) -> SessionGrant {
    let mut cyd = office.runner("cyd").await;
    office.task(json!({"title": canary, "assignedAgent": "cyd"})).await;
    let ended = cyd.must_take().await;
    cyd.done(&ended, canary).await.ok();
    cyd.end(&ended, "finished").await.ok();
    ended
}

/// Whatever else an office can hold.
async fn decorate(office: TestOffice<'_>, canary: &str) {
    store_file(&office, "report.md", canary).await;
    store_file(&office, &format!("{canary}.md"), canary).await;
    office.call("PUT", "/env", json!({"key": "SECRET", "value": canary})).await.ok();
    office.call("POST", "/tasks/1/comments", json!({"message": canary})).await.ok();
    office.call("POST", "/tasks/1/log", json!({"message": canary})).await.ok();
    office.call("POST", "/tasks/1/artifacts", json!({"path": "report.md", "label": canary})).await.ok();
    office.call("POST", "/messages/send", json!({"to": "ada", "content": canary})).await.ok();
    office.call("POST", "/xmtp/groups/office/send", json!({"body": canary})).await.ok();
    office.call("POST", "/employees/ada/events", json!({"type": "standup", "message": canary})).await.ok();
    office.call("POST", "/credits", json!({"amount": 1, "reason": canary})).await.ok();
    let schedule = json!({"name": SCHEDULE, "cron": "0 3 * * *", "task": {"title": canary}});
    office.call("POST", "/schedules", schedule).await.ok();
    office.call("PATCH", "/settings", json!({"timezone": canary})).await.ok();
    office.call("POST", "/integrations/github/secret", json!({"key": canary, "rawKeys": true})).await.ok();
    office.call("POST", "/integrations/github/agents/ada", json!({"enabled": true})).await.ok();
    let ask = json!({"integrationId": "slack", "agentName": "ada", "reason": canary});
    office.call("POST", "/integration-requests", ask).await.ok();
}

async fn store_file(office: &TestOffice<'_>, name: &str, content: &str) {
    let form = format!("multipart/form-data; boundary={BOUNDARY}");
    let speaker = office.house.owner().with_header("content-type", &form);
    speaker.send("POST", &office.path("/files"), upload(name, content)).await.ok();
}
