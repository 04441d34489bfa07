//! What all connections of all pods share: the resolver, the places, the notes, what whoever runs the server permits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mi_core::egress::{Target, name};
use mi_core::ids::{AgentId, OfficeId};
use mi_core::time::Time;

use super::dial::{Names, SystemNames};
use super::lookups::Lookups;
use super::notes::{Noted, Notes, Told};
use super::service::{Passage, Why};

/// Connections of an office's pods to the outside at one time.
pub const CONNECTIONS_PER_OFFICE_MAX: usize = 256;
/// Of all offices: each takes two descriptors of the server.
const CONNECTIONS_MAX: usize = 4_096;

/// What `--egress-private` was given and can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--egress-private {0} is not HOST or HOST:PORT")]
pub struct BadPrivate(String);

/// A host of the server's own machine or network that pods may reach, where their office allows it as well.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Permitted {
    host: String,
    port: Option<u16>,
}

impl Permitted {
    fn read(text: &str) -> Result<Self, BadPrivate> {
        let bad = || BadPrivate(mi_core::ids::excerpt(text));
        if let Ok(target) = Target::of_authority(text, None) {
            return Ok(Self { host: target.host, port: Some(target.port) });
        }
        Ok(Self { host: name::normal(text).map_err(|_| bad())?, port: None })
    }

    fn covers(&self, target: &Target) -> bool {
        self.host == target.host && self.port.is_none_or(|port| port == target.port)
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    names: Arc<dyn Names>,
    permitted: Vec<Permitted>,
    lookups: Lookups,
    taken: Mutex<Taken>,
    notes: Mutex<HashMap<(OfficeId, AgentId), Notes>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_office: HashMap<OfficeId, usize>,
}

impl Desk {
    /// With what `--egress-private` permits.
    pub fn new(private: &[String]) -> Result<Self, BadPrivate> {
        Self::with_names(private, Arc::new(SystemNames))
    }

    pub fn with_names(private: &[String], names: Arc<dyn Names>) -> Result<Self, BadPrivate> {
        let permitted = private.iter().map(|text| Permitted::read(text)).collect::<Result<_, _>>()?;
        let (lookups, taken, notes) = (Lookups::default(), Mutex::default(), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { names, permitted, lookups, taken, notes }) })
    }

    pub(super) fn permits(&self, target: &Target) -> bool {
        self.inner.permitted.iter().any(|permitted| permitted.covers(target))
    }

    /// A question that takes long keeps its turn until it is answered, also when nobody waits for the answer any more: its
    /// thread is busy that long.
    pub(super) async fn find(&self, office: OfficeId, host: String) -> Result<Vec<IpAddr>, Why> {
        let turn = self.inner.lookups.turn(office).await.map_err(|_| Why::UnknownHost)?;
        let names = Arc::clone(&self.inner.names);
        let asked = tokio::spawn(async move {
            let found = names.find(&host).await;
            drop(turn);
            found
        });
        let found = asked.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        found.map_err(|error| {
            tracing::debug!(%error, "a name isn't known");
            Why::UnknownHost
        })
    }

    /// A place for one connection, free again when it is dropped.
    pub(super) fn take_place(&self, office: OfficeId) -> Result<Place, Why> {
        let mut taken = lock(&self.inner.taken);
        let count = taken.by_office.get(&office).copied().unwrap_or_default();
        if taken.all >= CONNECTIONS_MAX || count >= CONNECTIONS_PER_OFFICE_MAX {
            return Err(Why::Full);
        }
        taken.all += 1;
        taken.by_office.insert(office, count + 1);
        Ok(Place { desk: self.clone(), office })
    }

    /// What is to be told of it at once.
    pub(super) fn note(&self, now: Time, pod: (OfficeId, AgentId), passage: Passage) -> Noted {
        lock(&self.inner.notes).entry(pod).or_insert_with(|| Notes::begin(now)).note(passage)
    }

    /// Whether this pod was turned away very often within the last minute.
    pub(super) fn is_hammered_by(&self, pod: (OfficeId, AgentId)) -> bool {
        lock(&self.inner.notes).get(&pod).is_some_and(Notes::are_of_a_hammering)
    }

    /// What is to be told now of what was kept.
    pub(super) fn due(&self, now: Time) -> Vec<(OfficeId, Vec<Told>)> {
        let mut due = Vec::new();
        lock(&self.inner.notes).retain(|(office, _), notes| {
            let is_over = notes.is_over(now);
            if is_over {
                due.push((*office, notes.take()));
            }
            !is_over
        });
        due.retain(|(_, told)| !told.is_empty());
        due
    }
}

/// One connection's place.
pub struct Place {
    desk: Desk,
    office: OfficeId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.desk.inner.taken);
        taken.all -= 1;
        if let Entry::Occupied(mut count) = taken.by_office.entry(self.office) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::dial::Finding;
    use super::*;

    #[test]
    fn what_is_permitted_is_a_host_and_perhaps_a_port() {
        let texts = ["Registry.local", "10.0.0.7:8080", "[::1]:9"].map(str::to_owned);
        let desk = Desk::new(&texts).unwrap();
        for (target, permitted) in [
            ("registry.local:1", true),
            ("registry.local.:2", true),
            ("10.0.0.7:8080", true),
            ("10.0.0.7:8081", false),
            ("[::ffff:10.0.0.7]:8080", true),
            ("[::1]:9", true),
            ("127.0.0.1:9", false),
        ] {
            assert_eq!(desk.permits(&Target::of_authority(target, None).unwrap()), permitted, "{target}");
        }
        for bad in ["", "http://x", "a b", "x:0", "x:y", "*"] {
            assert!(Desk::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_office_has_so_many_places_and_they_come_back() {
        let (desk, office) = (Desk::new(&[]).unwrap(), OfficeId(uuid::Uuid::new_v4()));
        let places: Vec<Place> = (0..CONNECTIONS_PER_OFFICE_MAX).map(|_| desk.take_place(office).unwrap()).collect();
        assert_eq!(desk.take_place(office).err(), Some(Why::Full));
        assert!(desk.take_place(OfficeId(uuid::Uuid::new_v4())).is_ok());
        drop(places);
        assert!(desk.take_place(office).is_ok());
        let taken = lock(&desk.inner.taken);
        assert!(taken.all == 0 && taken.by_office.is_empty());
    }

    /// A resolver that answers for one name only, and to nobody else ever.
    struct Slow;

    impl Names for Slow {
        fn find<'a>(&'a self, host: &'a str) -> Finding<'a> {
            Box::pin(async move {
                match host {
                    "quick." => Ok(vec![IpAddr::from([192, 0, 2, 1])]),
                    _ => std::future::pending().await,
                }
            })
        }
    }

    #[tokio::test]
    async fn an_office_whose_names_take_long_leaves_turns_to_others() {
        let desk = Desk::with_names(&[], Arc::new(Slow)).unwrap();
        let [slow, quick] = [(); 2].map(|()| OfficeId(uuid::Uuid::new_v4()));
        for _ in 0..100 {
            let desk = desk.clone();
            tokio::spawn(async move { desk.find(slow, "slow.".to_owned()).await });
        }
        // All of them have asked before the other one does.
        tokio::task::yield_now().await;
        assert_eq!(desk.find(quick, "quick.".to_owned()).await.unwrap().len(), 1);
    }
}
