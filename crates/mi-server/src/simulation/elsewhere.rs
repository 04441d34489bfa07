//! Agents elsewhere: they claim through the owner's key and write with the claim that they got, or once had.

use serde_json::json;
use testkit::history::{Ask, Write};

use super::world::{Held, Request, World, claimed, yes};
use crate::infra::http::Via;

/// Of the 120 s that a lease runs.
const NEARLY_A_LEASE_MS: i64 = 119_000;

impl World<'_> {
    pub(super) async fn claim_elsewhere(&mut self) {
        let names = self.state.elsewhere.clone();
        let Some(name) = self.chance().pick(&names).cloned() else { return };
        let mut body = json!({"agent": name});
        if self.chance().one_in(4) {
            body["taskId"] = json!(self.any_task());
        }
        let request = Request { speaker: self.house.owner(), method: "POST", path: "/tasks/claim".to_owned(), body };
        let Some(reply) = self.ask(Ask::Claim { agent: name }, request, claimed).await else { return };
        if reply.status == 200 {
            let (task, token) = (reply.json["id"].as_i64().unwrap(), reply.json["claim"]["token"].as_i64().unwrap());
            self.granted(task, token).await;
        }
    }

    /// With a claim that is live, or was once.
    pub(super) async fn report(&mut self) {
        let claims = self.state.claims.clone();
        // Mostly with a newer one, for they are the live ones.
        let newest = &claims[claims.len().saturating_sub(4)..];
        let from = if self.chance().one_in(4) { claims.as_slice() } else { newest };
        let Some(held) = self.chance().pick(from).cloned() else { return };
        let (write, body) = self.outcome(&held);
        let live = self.is_live(&held).await;
        let before = self.office.get_task(held.task).await;
        let times = if self.chance().one_in(6) { 2 } else { 1 };
        for _ in 0..times {
            let path = format!("/tasks/{}", held.task);
            let speaker = self.house.with_claim(held.token);
            let request = Request { speaker, method: "PATCH", path, body: body.clone() };
            self.ask(Self::write_ask(&held, write.clone()), request, yes).await;
        }
        if !live {
            let after = self.office.get_task(held.task).await;
            assert_eq!(before, after, "a stale claim writes nothing\n{}", self.told());
        }
    }

    fn outcome(&mut self, held: &Held) -> (Write, serde_json::Value) {
        let kinds = ["needs_input", "needs_integration", "dependency", "quota", "other"];
        let kind = *self.chance().pick(&kinds).unwrap();
        match self.chance().below(8) {
            0 => (Write::Fail("gave up".to_owned()), json!({"status": "failed", "error": "gave up"})),
            1 => (Write::Block, json!({"status": "blocked", "reason": "no idea", "blockedKind": kind})),
            2 => (Write::Release, json!({"status": "queued"})),
            3 => (Write::Start, json!({"status": "running"})),
            4 if self.chance().one_in(3) => (Write::Done("  ".to_owned()), json!({"status": "done", "result": "  "})),
            _ => {
                let result = format!("r{}", held.token);
                (Write::Done(result.clone()), json!({"status": "done", "result": result}))
            }
        }
    }

    pub(super) async fn note(&mut self) {
        let claims = self.state.claims.clone();
        let Some(held) = self.chance().pick(&claims).cloned() else { return };
        let text = format!("note {}", self.chance().next());
        let (write, act, body) = match self.chance().below(3) {
            0 => (Write::Renew, "renew", json!({})),
            1 => (Write::Log(text.clone()), "log", json!({"message": text})),
            _ => (Write::Comment(text.clone()), "comments", json!({"message": text})),
        };
        let live = self.is_live(&held).await;
        let path = format!("/tasks/{}/{act}", held.task);
        let request = Request { speaker: self.house.with_claim(held.token), method: "POST", path, body };
        let renewed = write == Write::Renew;
        let reply = self.ask(Self::write_ask(&held, write), request, yes).await;
        let refused = reply.is_none_or(|reply| reply.status >= 400);
        assert!(live || refused, "a stale claim writes nothing\n{}", self.told());
        if renewed && !refused && self.chance().one_in(3) {
            self.outlast(&held).await;
        }
    }

    /// A claim of an agent elsewhere outlasts nearly a whole term after its renewal.
    async fn outlast(&mut self, held: &Held) {
        let detail = self.office.call("GET", &format!("/tasks/{}", held.task), serde_json::Value::Null).await.ok();
        let mut sessions = detail["sessions"].as_array().unwrap().iter();
        let own = |s: &&serde_json::Value| s["id"] == held.token.0;
        let agent = sessions.find(own).map(|s| s["agent"].as_str().unwrap_or_default().to_owned()).unwrap_or_default();
        if !self.state.elsewhere.contains(&agent) {
            return;
        }
        self.state.log.push(format!("nearly a lease passes after the renewal of {}", held.token));
        self.house.advance(NEARLY_A_LEASE_MS).await;
        assert!(self.is_live(held).await, "a renewed claim lapsed early\n{}", self.told());
    }

    /// A program that still has the credential of a session that is over.
    pub(super) async fn rise_from_the_dead(&mut self) {
        let old = self.state.old_credentials.clone();
        let Some((credential, held)) = self.chance().pick(&old).cloned() else { return };
        let live = self.is_live(&held).await;
        let speaker = self.house.as_key(&credential).through(Via::Tcp);
        let text = format!("from beyond {}", self.chance().next());
        let (write, path, method, body) = match self.chance().below(3) {
            0 => (Write::Comment(text.clone()), "/comments", "POST", json!({"message": text})),
            1 => (Write::Log(text.clone()), "/log", "POST", json!({"message": text})),
            _ => (Write::Done(text.clone()), "", "PATCH", json!({"status": "done", "result": text})),
        };
        let request = Request { speaker, method, path: format!("/tasks/{}{path}", held.task), body };
        let reply = self.ask(Self::write_ask(&held, write), request, yes).await;
        let refused = reply.is_none_or(|reply| reply.status >= 400);
        assert!(live || refused, "a dead session writes\n{}", self.told());
    }
}
