//! The refusals that only transfers meet.

use mi_core::limits::{STATE_BUNDLE_BYTES_MAX, STATE_MANIFEST_BYTES_MAX};
use mi_core::problem::Code;
use mi_core::transfer::BadBundle;

use super::envelope::BadEnvelope;
use crate::infra::fault::{self, Fault};
use crate::infra::http::dispatch::body_too_large;

pub fn no_such_transfer() -> Fault {
    Fault::new(Code::NoSuchTransfer, "there is no transfer with this id that you may see")
        .hint("mi agent clone begins one; only who began it can send its state")
}

pub fn gated() -> Fault {
    Fault::new(Code::OperatorOnly, "this office lets agents in when its owner says so, and a clone can't apply")
        .hint("mi agent join CODE -n NAME applies; an operator of that office can then clone the agent there")
}

pub fn over(why: &str) -> Fault {
    Fault::new(Code::TransferOver, format!("this transfer takes no state any more: {why}"))
        .hint("clone the agent again; mi agents fire ends a clone that isn't wanted")
}

pub fn bad_bundle(bad: &BadBundle) -> Fault {
    match bad {
        BadBundle::Mismatch(_) => Fault::new(Code::DigestMismatch, format!("the bundle was refused: {bad}")),
        BadBundle::Path { .. }
        | BadBundle::Clash { .. }
        | BadBundle::Secret { .. }
        | BadBundle::Digest(_)
        | BadBundle::TooMany
        | BadBundle::TooLarge
        | BadBundle::Bomb
        | BadBundle::Unknown(_)
        | BadBundle::Twice(_)
        | BadBundle::Size(_)
        | BadBundle::NoFile { .. }
        | BadBundle::Missing(_)
        | BadBundle::Unreadable(_) => Fault::new(Code::BadBundle, format!("the bundle was refused: {bad}")),
    }
    .hint("nothing of it was kept; mi agent clone packs one that is accepted")
}

pub fn bad_envelope(bad: BadEnvelope) -> Fault {
    match bad {
        BadEnvelope::ManifestTooLarge => body_too_large(STATE_MANIFEST_BYTES_MAX),
        BadEnvelope::BundleTooLarge => body_too_large(usize::try_from(STATE_BUNDLE_BYTES_MAX).unwrap_or(usize::MAX)),
        BadEnvelope::NoBase64 => fault::bad_request("bundle_base64 is not base64 (RFC 4648 §4)"),
        BadEnvelope::TwoBundles => fault::bad_request("bundle_base64 stands in the body twice"),
        BadEnvelope::NoBundle => fault::bad_request("the body holds no bundle_base64"),
    }
}
