//! A manifest held against the limits, before a byte of its bundle is unpacked.

use std::collections::HashMap;

use super::StateKind;
use super::path::{BadPlace, Clash, Layout, Place};
use super::secrets::secret_name;
use crate::limits::{STATE_FILES_MAX, STATE_RATIO_FREE_BYTES, STATE_RATIO_MAX, STATE_UNPACKED_BYTES_MAX};
use crate::wire::transfers::Manifest;

const SHA256_HEX_CHARS: usize = 64;
/// Read and write for the owner; whether it may be run is the one thing that a mode carries.
const FILE_MODE: u32 = 0o600;
const PROGRAM_MODE: u32 = 0o700;
const OWNER_MAY_RUN: u32 = 0o100;

/// One file as it will be unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Below the workspace.
    pub place: Place,
    pub size: u64,
    pub sha256: String,
    pub mode: u32,
}

/// Why a bundle is refused whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBundle {
    #[error("the path {path:?} of the manifest is not usable: {reason}")]
    Path { path: String, reason: BadPlace },
    #[error("two files can't be told apart: {path}: {reason}")]
    Clash { path: String, reason: Clash },
    #[error("{path} must stay at home: {reason}")]
    Secret { path: String, reason: &'static str },
    #[error("the digest of {0} is not a SHA-256 in hex")]
    Digest(String),
    #[error("it has more than {STATE_FILES_MAX} files")]
    TooMany,
    #[error("its files are larger than {STATE_UNPACKED_BYTES_MAX} bytes in all")]
    TooLarge,
    #[error("it unpacks to more than {STATE_RATIO_MAX} times its size")]
    Bomb,
    #[error("the archive holds {0:?}, which the manifest doesn't name")]
    Unknown(String),
    #[error("the archive holds {0} twice")]
    Twice(String),
    #[error("{0} has another size in the archive than in the manifest")]
    Size(String),
    #[error("the archive holds {name:?}, which is no regular file")]
    NoFile { name: String },
    #[error("the archive ends before {0}")]
    Missing(String),
    #[error("the archive can't be read: {0}")]
    Unreadable(String),
    #[error("{0} doesn't have the digest that the manifest announces")]
    Mismatch(String),
}

/// The files of a manifest by their names in the archive (`kind/path`). `packed` is the bundle's size.
pub fn plan(manifest: &Manifest, packed: u64) -> Result<HashMap<String, Planned>, BadBundle> {
    if manifest.files.len() > STATE_FILES_MAX {
        return Err(BadBundle::TooMany);
    }
    let total = manifest.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size));
    let total = total.filter(|total| *total <= STATE_UNPACKED_BYTES_MAX).ok_or(BadBundle::TooLarge)?;
    if total > STATE_RATIO_FREE_BYTES && total / STATE_RATIO_MAX > packed {
        return Err(BadBundle::Bomb);
    }
    let (mut layout, mut planned) = (Layout::default(), HashMap::with_capacity(manifest.files.len()));
    for file in &manifest.files {
        let shown = || crate::ids::excerpt(&file.path).to_owned();
        let place = place(file.kind, &file.path).map_err(|reason| BadBundle::Path { path: shown(), reason })?;
        if let Some(reason) = secret_name(place.as_str()) {
            return Err(BadBundle::Secret { path: shown(), reason });
        }
        layout.take(&place).map_err(|reason| BadBundle::Clash { path: shown(), reason })?;
        let is_digest = file.sha256.len() == SHA256_HEX_CHARS && file.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_digest {
            return Err(BadBundle::Digest(shown()));
        }
        let mode = if file.mode & OWNER_MAY_RUN == 0 { FILE_MODE } else { PROGRAM_MODE };
        let file_plan = Planned { place, size: file.size, sha256: file.sha256.to_ascii_lowercase(), mode };
        planned.insert(format!("{}/{}", file.kind, file.path), file_plan);
    }
    Ok(planned)
}

fn place(kind: StateKind, path: &str) -> Result<Place, BadPlace> {
    Place::parse(path)?;
    Place::parse(&format!("{}{path}", kind.folder()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::transfers::StateFile;

    fn file(kind: StateKind, path: &str, size: u64) -> StateFile {
        StateFile { path: path.to_owned(), size, sha256: "0".repeat(64), mode: 0o4755, kind }
    }

    fn refused(files: Vec<StateFile>) -> String {
        plan(&Manifest { files }, 10).unwrap_err().to_string()
    }

    #[test]
    fn each_kind_has_its_folder_and_modes_carry_nothing_but_the_right_to_run() {
        let files = vec![file(StateKind::Workspace, "a", 1), file(StateKind::Memory, "b/c.md", 2)];
        let planned = plan(&Manifest { files }, 10).unwrap();
        assert_eq!(planned["workspace/a"].mode, 0o700);
        assert_eq!(planned["memory/b/c.md"].place.as_str(), "memory/b/c.md");
    }

    #[test]
    fn what_can_t_be_is_refused_before_anything_is_unpacked() {
        let work = StateKind::Workspace;
        assert!(refused(vec![file(work, "../x", 1)]).contains("`..`"));
        assert!(refused(vec![file(work, ".env", 1)]).contains("stay at home"));
        assert!(refused(vec![file(work, "memory/a", 1), file(StateKind::Memory, "a", 1)]).contains("told apart"));
        assert!(refused(vec![file(work, "a", u64::MAX), file(work, "b", 1)]).contains("larger than"));
        assert!(refused(vec![file(work, "a", STATE_RATIO_FREE_BYTES + 1)]).contains("times its size"));
        assert!(refused(vec![StateFile { sha256: "x".repeat(64), ..file(work, "a", 1) }]).contains("SHA-256"));
        let many = (0..=STATE_FILES_MAX).map(|n| file(work, &n.to_string(), 0)).collect();
        assert!(refused(many).contains("more than"));
    }
}
