//! The server's secrets and what is derived from them.
//!
//! One 32-byte master key in a 0600 file outside the store (or from the
//! environment). Tickets, runner and session tokens are not stored at all: they
//! carry their facts and a keyed tag, and only the store says whether the facts
//! still hold. API keys are random and kept as a keyed hash.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use mi_core::codes::{CODE_CHARS, code_from};
use mi_core::ids::{AgentId, ClaimToken, OfficeId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

type HmacSha256 = Hmac<Sha256>;

const MASTER_KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 20;
const API_KEY_BYTES: usize = 24;
/// How much of a key is kept for display.
pub const KEY_PREFIX_CHARS: usize = 11;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {0} can't be read or made: {1}")]
    File(String, std::io::Error),
    #[error(
        "the key file {0} doesn't hold 32 bytes in hex; restore it from a backup, without it the store's secrets are lost"
    )]
    Shape(String),
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Derives every other secret; never leaves the server.
#[derive(Clone)]
pub struct Keys {
    master: Zeroizing<[u8; MASTER_KEY_BYTES]>,
}

/// What a derived token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// `mit_`: starts one runner, once.
    Ticket { office: OfficeId, agent: AgentId, epoch: i64 },
    /// `mir_`: a runner, for its epoch.
    Runner { office: OfficeId, agent: AgentId, epoch: i64 },
    /// `mis_`: a session, as long as it lives.
    Session { office: OfficeId, agent: AgentId, session: ClaimToken },
}

impl Token {
    fn parts(self) -> (&'static str, OfficeId, AgentId, i64) {
        match self {
            Token::Ticket { office, agent, epoch } => ("mit_", office, agent, epoch),
            Token::Runner { office, agent, epoch } => ("mir_", office, agent, epoch),
            Token::Session { office, agent, session } => ("mis_", office, agent, session.0),
        }
    }
}

impl Keys {
    /// Reads the master key, or makes it on the first start.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(text.trim()).ok_or(KeyError::Shape(shown)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::make(path, &shown),
            Err(error) => Err(KeyError::File(shown, error)),
        }
    }

    fn make(path: &Path, shown: &str) -> Result<Self, KeyError> {
        let keys = Self::random()?;
        let fail = |error| KeyError::File(shown.to_owned(), error);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
        writeln!(file, "{}", hex::encode(keys.master.as_slice())).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        Ok(keys)
    }

    /// A key of its own, for tests and for the first start.
    pub fn random() -> Result<Self, KeyError> {
        let mut master = Zeroizing::new([0; MASTER_KEY_BYTES]);
        getrandom::fill(master.as_mut_slice()).map_err(KeyError::Random)?;
        Ok(Self { master })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut master = Zeroizing::new([0; MASTER_KEY_BYTES]);
        hex::decode_to_slice(text, master.as_mut_slice()).ok()?;
        Some(Self { master })
    }

    /// HMAC-SHA-256 over length-prefixed fields, so that no two lists of fields collide.
    pub fn mac(&self, purpose: &str, fields: &[&[u8]]) -> [u8; 32] {
        // Invariant: HMAC takes keys of any length, so this never fails; an empty tag would match nothing.
        let Ok(mut mac) = HmacSha256::new_from_slice(self.master.as_slice()) else { return [0; 32] };
        for field in std::iter::once(purpose.as_bytes()).chain(fields.iter().copied()) {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        mac.finalize().into_bytes().into()
    }

    /// What the store keeps of an API key.
    pub fn hash_of_key(&self, key: &str) -> String {
        hex::encode(self.mac("api-key", &[key.as_bytes()]))
    }

    /// What the store keeps of an invite's code. A code has 30 bits only; it is the key outside the store that keeps a
    /// stolen hash from being tried through.
    pub fn hash_of_code(&self, code: &str) -> String {
        hex::encode(self.mac("invite-code", &[code.as_bytes()]))
    }

    pub fn issue(&self, token: Token) -> String {
        let (prefix, office, agent, number) = token.parts();
        format!("{prefix}{}{}{:x}.{}", office.0.simple(), agent.0.simple(), number, hex::encode(self.tag(token)))
    }

    /// What a derived token says, if its tag is ours. Whether it still holds is in the store.
    pub fn read(&self, text: &str) -> Option<Token> {
        let (prefix, rest) = text.split_at_checked(4)?;
        let (facts, tag) = rest.split_once('.')?;
        let office = OfficeId(Uuid::try_parse(facts.get(..32)?).ok()?);
        let agent = AgentId(Uuid::try_parse(facts.get(32..64)?).ok()?);
        let number = i64::from_str_radix(facts.get(64..)?, 16).ok()?;
        let token = match prefix {
            "mit_" => Token::Ticket { office, agent, epoch: number },
            "mir_" => Token::Runner { office, agent, epoch: number },
            "mis_" => Token::Session { office, agent, session: ClaimToken(number) },
            _ => return None,
        };
        let given = hex::decode(tag).ok()?;
        bool::from(given.as_slice().ct_eq(&self.tag(token))).then_some(token)
    }

    fn tag(&self, token: Token) -> [u8; TAG_BYTES] {
        let (prefix, office, agent, number) = token.parts();
        let mac = self.mac(prefix, &[office.0.as_bytes(), agent.0.as_bytes(), &number.to_be_bytes()]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac[..TAG_BYTES]);
        tag
    }

    /// Seals a short text for the store: XOR with a keyed stream would do no integrity, so both are derived here.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac("derive", &[purpose.as_bytes()]))
    }
}

/// A new API key: `mi_` and 48 hex digits (192 bits).
pub fn new_api_key() -> Result<Zeroizing<String>, KeyError> {
    new_secret("mi_")
}

/// The key of an agent that comes by itself: `mia_` and as much.
pub fn new_agent_key() -> Result<Zeroizing<String>, KeyError> {
    new_secret("mia_")
}

/// 192 random bits in hex after a word that says what they are.
pub fn new_secret(prefix: &'static str) -> Result<Zeroizing<String>, KeyError> {
    let mut bytes = Zeroizing::new([0; API_KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(KeyError::Random)?;
    Ok(Zeroizing::new(format!("{prefix}{}", hex::encode(bytes.as_slice()))))
}

/// A new code for an invite.
pub fn new_code() -> Result<String, KeyError> {
    let mut bytes = [0; CODE_CHARS];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    Ok(code_from(bytes))
}

/// SHA-256 in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_what_they_were_issued_for_and_nothing_else() {
        let keys = Keys::random().unwrap();
        let (office, agent) = (OfficeId(Uuid::new_v4()), AgentId(Uuid::new_v4()));
        let token = Token::Session { office, agent, session: ClaimToken(77) };
        let text = keys.issue(token);
        assert_eq!(keys.read(&text), Some(token));
        assert_eq!(Keys::random().unwrap().read(&text), None);
        assert_eq!(keys.read(&text.replacen("mis_", "mir_", 1)), None);
        assert_eq!(keys.read(&text.replacen("4d.", "4e.", 1)), None);
        for junk in ["", "mis_", "mis_.", "mi_abc", "mis_zz.00", "…………"] {
            assert_eq!(keys.read(junk), None, "{junk}");
        }
    }
}
