//! Writes small histories. Moments are milliseconds; leases run 100 of them.

use mi_core::ids::{ClaimToken, TaskId};
use mi_core::tasks::status::{Status, Verification};
use mi_core::time::Time;
use mi_core::wire::events::Event;
use serde_json::json;

use crate::history::{Ask, Attempt, Deed, Ending, Memory, Moment, Remembered, Said, Write, check};

pub const LEASE_MILLIS: u64 = 100;
const MICROS: u64 = 1_000;

#[derive(Default)]
pub struct Tale {
    history: Vec<Deed>,
    memory: Memory,
}

impl Tale {
    pub fn deed(mut self, begun: u64, ended: u64, ask: Ask, said: Said) -> Self {
        let ended = (said != Said::Lost).then_some(Moment(ended * MICROS));
        self.history.push(Deed { client: 0, begun: Moment(begun * MICROS), ended, ask, said });
        self
    }

    pub fn create(self, at: u64, id: i64) -> Self {
        let ask = Ask::Create { title: format!("t{id}"), parent: None };
        self.deed(at, at + 1, ask, Said::Created(TaskId(id))).event("tasks.create", id, None)
    }

    /// Asked and heard.
    pub fn claim(self, begun: u64, heard: u64, id: i64, token: i64) -> Self {
        let lease_micros = LEASE_MILLIS * MICROS;
        let said = Said::Granted { task: TaskId(id), token: ClaimToken(token), lease_micros };
        self.deed(begun, heard, Ask::Claim { agent: "ada".to_owned() }, said)
    }

    pub fn write(self, begun: u64, id: i64, token: i64, write: Write, said: Said) -> Self {
        self.deed(begun, begun + 1, Ask::Write { task: TaskId(id), token: ClaimToken(token), write }, said)
    }

    pub fn done(self, begun: u64, id: i64, token: i64) -> Self {
        self.write(begun, id, token, Write::Done(format!("r{token}")), Said::Yes)
    }

    pub fn other(self, begun: u64, may_end: Ending) -> Self {
        self.deed(begun, begun + 1, Ask::Other { what: "other".to_owned(), may_end }, Said::Yes)
    }

    pub fn event(mut self, kind: &str, id: i64, claim: Option<(i64, i64)>) -> Self {
        let seq = self.memory.events.len() as i64 + 1;
        let data = claim.map_or(json!({}), |(attempt, session)| json!({"attempt": attempt, "session": session}));
        self.memory.events.push(Event {
            seq,
            category: "task".to_owned(),
            kind: kind.to_owned(),
            actor: "ada".to_owned(),
            task_id: Some(TaskId(id)),
            summary: String::new(),
            data,
            created_at: Time(seq),
        });
        self
    }

    /// Changes the last event.
    pub fn but(mut self, change: impl FnOnce(&mut Event)) -> Self {
        change(self.memory.events.last_mut().unwrap());
        self
    }

    /// What is remembered of a task; `with` changes it.
    pub fn remember(mut self, id: i64, status: Status, with: impl FnOnce(&mut Remembered)) -> Self {
        let mut task = Remembered {
            title: format!("t{id}"),
            parent: None,
            depends_on: Vec::new(),
            status,
            verification: Verification::None,
            result: (status == Status::Done).then(|| "found".to_owned()),
            error: None,
            max_attempts: 3,
            notes: Vec::new(),
            artifacts: Vec::new(),
            attempts: Vec::new(),
        };
        with(&mut task);
        self.memory.tasks.insert(TaskId(id), task);
        self
    }

    /// The names of the rules that it breaks.
    #[track_caller]
    pub fn breaks(&self, rules: &[&str]) {
        let violations = check(&self.history, &self.memory);
        let names: Vec<&str> = violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(names, rules, "{violations:?}");
    }
}

/// An attempt as the server remembers it.
pub fn attempt(token: i64, started: i64, ended: Option<i64>) -> Attempt {
    Attempt { token: ClaimToken(token), started_at: Time(started), ended_at: ended.map(Time) }
}

pub fn no() -> Said {
    Said::No { status: 409, code: "stale_claim".to_owned() }
}
