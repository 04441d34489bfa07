//! A look into a workspace as it is now: folders listed, files read. Its agent owns what is in there, so everything is
//! opened beneath the workspace, without following a link.

use std::fs::File;

use mi_core::ids::AgentId;
use mi_core::limits::WORKSPACE_ENTRIES_SHOWN_MAX;
use mi_core::wire::backups::{WorkspaceEntry, WorkspaceEntryKind};

use super::faults;
use super::manifest::stays_inside;
use crate::agents::service as agents;
use crate::files::disk::{DiskError, Entry, Folder, Seen};
use crate::house::{House, View};
use crate::infra::act::Answer;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;

/// An open file of a workspace.
pub struct Opened {
    pub file: File,
    pub seen: Seen,
    pub name: String,
}

/// What is in a folder of the workspace, by name.
pub async fn list(house: &House, call: &Call, path: String) -> Result<Answer, Fault> {
    let root = root(house, call).await?;
    let listing = tokio::task::spawn_blocking(move || -> Result<Vec<WorkspaceEntry>, DiskError> {
        let folder = Folder::open(&root)?.open_folder(&path)?;
        let mut entries = Vec::new();
        for name in folder.names(WORKSPACE_ENTRIES_SHOWN_MAX)? {
            match folder.entry(&name) {
                Ok(entry) => entries.push(shown(name.to_string_lossy().into_owned(), &entry)),
                // Its agent removed it just now.
                Err(DiskError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    });
    let entries = listing.await.map_err(fault::internal)?.map_err(told)?;
    Answer::list(&entries, i64::try_from(entries.len()).unwrap_or(i64::MAX))
}

fn shown(name: String, entry: &Entry) -> WorkspaceEntry {
    let (kind, seen) = match entry {
        Entry::Folder => (WorkspaceEntryKind::Folder, None),
        Entry::File(seen) => (WorkspaceEntryKind::File, Some(seen)),
        Entry::Other => (WorkspaceEntryKind::Other, None),
    };
    let size = seen.and_then(|seen| u64::try_from(seen.size).ok());
    WorkspaceEntry { name, kind, size, modified_at: seen.map(|seen| seen.modified_at) }
}

/// A file of the workspace, open for reading.
pub async fn open(house: &House, call: &Call, path: String) -> Result<Opened, Fault> {
    let root = root(house, call).await?;
    let opening = tokio::task::spawn_blocking(move || -> Result<Opened, DiskError> {
        let (file, seen) = Folder::open(&root)?.open_named(&path)?;
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        Ok(Opened { file, seen, name })
    });
    opening.await.map_err(fault::internal)?.map_err(told)
}

pub fn checked(path: &str) -> Result<String, Fault> {
    let path = path.trim_end_matches('/');
    if path.is_empty() || stays_inside(path) { Ok(path.to_owned()) } else { Err(faults::bad_path()) }
}

async fn root(house: &House, call: &Call) -> Result<std::path::PathBuf, Fault> {
    let name = call.param("name")?.to_owned();
    let find = move |view: &mut View<'_>, _: &_| Ok(agents::find(view.tx, view.office, &name)?.id);
    let agent: AgentId = house.look(call, find).await?;
    Ok(house.workspace_dir(call.office()?, agent))
}

fn told(error: DiskError) -> Fault {
    match error {
        DiskError::Missing | DiskError::TooLong => faults::no_such_place(),
        DiskError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => faults::no_such_place(),
        DiskError::NotAFile | DiskError::LeadsOut | DiskError::Closed | DiskError::TooLarge => faults::not_to_be_read(),
        DiskError::Io(error) => fault::io("a file of a workspace", &error),
    }
}
