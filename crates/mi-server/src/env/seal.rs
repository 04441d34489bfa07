//! Where a variable's sealed value belongs: office, agent and key are bound in.

use mi_core::ids::OfficeId;
use zeroize::Zeroizing;

use super::store::Scope;
use crate::infra::fault::Fault;
use crate::infra::keys::Keys;
use crate::infra::vault::Vault;

/// Seals and opens the values of one office.
pub struct Sealer {
    vault: Vault,
}

impl Sealer {
    pub fn new(keys: &Keys, office: OfficeId) -> Self {
        Self { vault: Vault::new(keys, "env", office) }
    }

    pub fn seal(&self, scope: Scope, key: &str, value: &str) -> Result<String, Fault> {
        self.vault.seal(&place(scope, key), value)
    }

    pub fn open(&self, scope: Scope, key: &str, sealed: &str) -> Result<Zeroizing<String>, Fault> {
        self.vault.open(&place(scope, key), key, sealed)
    }
}

/// Fields of fixed length, then the key: no two variables have the same place.
fn place(scope: Scope, key: &str) -> Vec<u8> {
    let mut place = Vec::new();
    match scope {
        Scope::Office => place.push(0),
        Scope::Agent(agent) => {
            place.push(1);
            place.extend_from_slice(agent.0.as_bytes());
        }
    }
    place.extend_from_slice(key.as_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use mi_core::ids::AgentId;
    use uuid::Uuid;

    #[test]
    fn a_value_opens_in_its_own_place_only() {
        let keys = Keys::random().unwrap();
        let (office, agent) = (OfficeId(Uuid::new_v4()), AgentId(Uuid::new_v4()));
        let sealer = Sealer::new(&keys, office);
        let sealed = sealer.seal(Scope::Agent(agent), "TOKEN", "grün").unwrap();
        assert!(!sealed.contains("grün") && !sealed.contains(&hex::encode("grün")));
        assert_ne!(sealed, sealer.seal(Scope::Agent(agent), "TOKEN", "grün").unwrap());
        assert_eq!(sealer.open(Scope::Agent(agent), "TOKEN", &sealed).unwrap().as_str(), "grün");

        let elsewhere = [
            sealer.open(Scope::Office, "TOKEN", &sealed),
            sealer.open(Scope::Agent(AgentId(Uuid::new_v4())), "TOKEN", &sealed),
            sealer.open(Scope::Agent(agent), "OTHER", &sealed),
            Sealer::new(&keys, OfficeId(Uuid::new_v4())).open(Scope::Agent(agent), "TOKEN", &sealed),
            Sealer::new(&Keys::random().unwrap(), office).open(Scope::Agent(agent), "TOKEN", &sealed),
            sealer.open(Scope::Agent(agent), "TOKEN", &sealed[..sealed.len() - 2]),
            sealer.open(Scope::Agent(agent), "TOKEN", "v1:00"),
            sealer.open(Scope::Agent(agent), "TOKEN", "plain"),
        ];
        assert!(elsewhere.iter().all(Result::is_err));
    }
}
