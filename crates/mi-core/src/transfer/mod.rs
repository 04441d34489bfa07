//! An agent's state on its way from one machine to another: what may be in a bundle, and what never.
//!
//! A bundle is a tar of regular files, compressed, with a manifest beside it that names each file with its size and
//! digest. The manifest alone says what is unpacked where; a tar that holds anything else is refused whole.
//!
//! Rooms: `path` (names that can't leave their folder, and don't collide), `secrets` (what stays at home),
//! `glob` (what its owner leaves out), `manifest` (a manifest held against the limits), `tar` (headers, read and written).
//! Elsewhere: files are opened by `mi-cli` (packing) and `mi-server` (unpacking).

use serde::{Deserialize, Serialize};

mod glob;
mod manifest;
mod path;
mod secrets;
pub mod tar;

pub use glob::leaves_out;
pub use manifest::{BadBundle, Planned, plan};
pub use path::{BadPlace, Clash, Layout, Place};
pub use secrets::{secret_inside, secret_name};

crate::tasks::status::words! {
    /// What a part of the state is to the agent. Each has its own folder in the workspace, `workspace` its root.
    StateKind { Workspace = "workspace", Memory = "memory", Skills = "skills" }
}

impl StateKind {
    /// Where files of this kind are below the agent's workspace.
    pub const fn folder(self) -> &'static str {
        match self {
            StateKind::Workspace => "",
            StateKind::Memory => "memory/",
            StateKind::Skills => "skills/",
        }
    }

    /// The kind of a file of a workspace, and its path within that kind.
    pub fn of_file(path: &str) -> (Self, &str) {
        for kind in [StateKind::Memory, StateKind::Skills] {
            if let Some(rest) = path.strip_prefix(kind.folder()) {
                return (kind, rest);
            }
        }
        (StateKind::Workspace, path)
    }
}
