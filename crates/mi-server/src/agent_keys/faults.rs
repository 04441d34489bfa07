//! The refusals that only keys of agents meet.

use mi_core::problem::Code;
use mi_core::signing::keys::BadKey;

use crate::infra::fault::{self, Fault};

pub fn bad_public_key(bad: BadKey) -> Fault {
    fault::bad_request(bad.to_string()).hint("docs/signatures.md shows how a key pair is made")
}

pub fn public_key_taken() -> Fault {
    Fault::new(Code::PublicKeyTaken, "this public key is or was in use in this office")
        .hint("make a new key pair; each agent has its own")
}

pub fn key_is_the_servers() -> Fault {
    fault::bad_request("a hosted agent's key pair is made by the server; leave publicKey out")
}
