//! What can go wrong with integrations, in words. No sentence ever holds a value.

use mi_core::ids::excerpt;
use mi_core::problem::Code;

use super::catalogue::{Manifest, catalogue};
use crate::infra::fault::{self, Fault};

pub fn no_such_integration(word: &str) -> Fault {
    let sentence = format!("the catalogue has no integration {:?}", excerpt(word));
    let hint = match catalogue().nearest(word) {
        Some(id) => format!("did you mean {id}? mi integrations list shows them all"),
        None => "mi integrations list shows them".to_owned(),
    };
    Fault::new(Code::NoSuchIntegration, sentence).hint(hint)
}

pub fn needs_no_secret(manifest: &Manifest) -> Fault {
    fault::bad_request(format!("{} needs no secret", manifest.id))
        .hint(format!("mi integrations enable {} AGENT lets an agent use it", manifest.id))
}

pub fn unknown_secret(manifest: &Manifest, name: &str) -> Fault {
    fault::bad_request(format!("{} has no secret {:?}", manifest.id, excerpt(name))).hint(names(manifest))
}

pub fn which_secret(manifest: &Manifest) -> Fault {
    fault::bad_request(format!("{} needs more than one value, so `key` alone doesn't say which", manifest.id))
        .hint(names(manifest))
}

fn names(manifest: &Manifest) -> String {
    let names: Vec<&str> = manifest.secrets.iter().map(|secret| secret.key.as_str()).collect();
    format!("its secrets are {}", names.join(", "))
}

pub fn nothing_to_set(manifest: &Manifest) -> Fault {
    fault::bad_request("the body holds no secret").hint(names(manifest))
}

/// The body names one secret twice, by names that mean the same.
pub fn two_values(key: &str) -> Fault {
    fault::bad_request(format!("the body holds two values of {key}")).hint("send the one that counts")
}

pub fn no_text(name: &str) -> Fault {
    fault::bad_request(format!("the value of {} is a text that isn't blank", excerpt(name)))
}

pub fn value_with_nul(name: &str) -> Fault {
    fault::bad_request(format!("the value of {name} holds a NUL, which no environment can carry"))
}

pub fn model_keys_stay(manifest: &Manifest) -> Fault {
    fault::bad_request(format!("{} is a provider of models, and those keys never leave the server", manifest.id))
        .hint("agents call models through the gateway; rawKeys is for other services")
}

/// A stored key went to the address that stood beside it, and to no other.
pub fn address_without_key(id: &str) -> Fault {
    fault::bad_request(format!("{id} has a key, and a key is not sent to an address that it wasn't given for"))
        .hint("send the key together with the address, or delete the secret first")
}

pub fn nothing_to_change() -> Fault {
    fault::bad_request("nothing to change: send rawKeys")
}

pub fn which_agent() -> Fault {
    fault::bad_request("say for which agent: agentName").hint("mi agents list shows them")
}

pub fn unknown_status(text: &str) -> Fault {
    fault::bad_request(format!("status is `pending` or `granted`, not {:?}", excerpt(text)))
}
