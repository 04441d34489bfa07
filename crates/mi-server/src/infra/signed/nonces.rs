//! Nonces that this server has seen, as long as their signatures would still count.
//!
//! Memory makes one of many copies the first, at once and without the disk; it is enough for requests that change
//! nothing. What a change spends is in the store, in the transaction of its effect.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;
use sha2::{Digest, Sha256};

use super::faults;
use crate::infra::fault::{self, Fault};

/// Of one agent at once: 1,600 signed requests a second, as long as they count.
const PER_AGENT_MAX: usize = 200_000;
/// Of all agents at once; some 32 MiB.
const IN_ALL_MAX: usize = 1_000_000;
/// Nonces are forgotten by the minute in which they end.
const MINUTE_MS: i64 = 60_000;

/// A nonce that its request has not spent yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce {
    pub office: OfficeId,
    pub agent: AgentId,
    pub text: String,
    /// Until when its signature is timely.
    pub ends_at: Time,
}

/// Enough of a digest that no two nonces meet.
type Mark = [u8; 16];

#[derive(Default)]
pub struct Nonces {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    agents: HashMap<AgentId, HashMap<i64, HashSet<Mark>>>,
    count: usize,
}

impl Nonces {
    /// The first to come with this nonce goes on; everybody after it is told so.
    pub fn admit(&self, nonce: &Nonce, now: Time) -> Result<(), Fault> {
        let mark = mark(&nonce.text);
        let mut seen = self.seen();
        seen.forget_of(nonce.agent, now);
        if seen.count >= IN_ALL_MAX {
            seen.forget(now);
        }
        let (count, own) = (seen.count, seen.agents.entry(nonce.agent).or_default());
        if own.values().any(|minute| minute.contains(&mark)) {
            return Err(faults::replayed());
        }
        if count >= IN_ALL_MAX || own.values().map(HashSet::len).sum::<usize>() >= PER_AGENT_MAX {
            return Err(fault::busy("the memory for signed requests"));
        }
        own.entry(minute(nonce.ends_at)).or_default().insert(mark);
        seen.count += 1;
        Ok(())
    }

    /// Forgets what can't come again.
    pub fn forget(&self, now: Time) {
        self.seen().forget(now);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn forget_of(&mut self, agent: AgentId, now: Time) {
        let Some(own) = self.agents.get_mut(&agent) else { return };
        let before: usize = own.values().map(HashSet::len).sum();
        own.retain(|minute, _| *minute >= now.0.div_euclid(MINUTE_MS));
        self.count -= before - own.values().map(HashSet::len).sum::<usize>();
    }

    fn forget(&mut self, now: Time) {
        let agents: Vec<AgentId> = self.agents.keys().copied().collect();
        for agent in agents {
            self.forget_of(agent, now);
        }
        self.agents.retain(|_, own| !own.is_empty());
    }
}

fn minute(at: Time) -> i64 {
    at.0.div_euclid(MINUTE_MS)
}

fn mark(nonce: &str) -> Mark {
    let digest = Sha256::digest(nonce.as_bytes());
    let mut mark = Mark::default();
    let length = mark.len();
    mark.copy_from_slice(&digest[..length]);
    mark
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn nonce(agent: AgentId, text: &str, ends_at: i64) -> Nonce {
        Nonce { office: OfficeId(Uuid::nil()), agent, text: text.to_owned(), ends_at: Time(ends_at) }
    }

    #[test]
    fn a_nonce_counts_once_per_agent_until_its_end() {
        let (nonces, ada, bob) = (Nonces::default(), AgentId(Uuid::new_v4()), AgentId(Uuid::new_v4()));
        let admit = |nonce: &Nonce, now: i64| nonces.admit(nonce, Time(now)).is_ok();
        assert!(admit(&nonce(ada, "one", 119_000), 0));
        assert!(!admit(&nonce(ada, "one", 119_000), 0));
        assert!(!admit(&nonce(ada, "one", 30_000), 0), "whatever time it is signed with");
        assert!(admit(&nonce(ada, "two", 119_000), 0) && admit(&nonce(bob, "one", 119_000), 0));
        assert!(!admit(&nonce(ada, "one", 119_000), 119_000));
        assert!(admit(&nonce(ada, "one", 240_000), 180_000), "when no signature with it counts any more");
        nonces.forget(Time(300_000));
        let seen = nonces.seen();
        assert_eq!((seen.count, seen.agents.len()), (0, 0));
    }

    #[test]
    fn one_agent_does_not_fill_the_memory_of_all() {
        let (nonces, ada, bob) = (Nonces::default(), AgentId(Uuid::new_v4()), AgentId(Uuid::new_v4()));
        for n in 0..PER_AGENT_MAX {
            nonces.admit(&nonce(ada, &n.to_string(), 60_000), Time(0)).unwrap();
        }
        assert!(nonces.admit(&nonce(ada, "one more", 60_000), Time(0)).is_err());
        assert!(nonces.admit(&nonce(bob, "one", 60_000), Time(0)).is_ok());
        assert!(nonces.admit(&nonce(ada, "one more", 180_000), Time(120_000)).is_ok(), "when the others are over");
    }
}
