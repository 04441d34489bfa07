//! Archives of which no row tells: a server that died between the two has left them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use mi_core::ids::OfficeId;
use mi_core::time::{Millis, Time};

use super::leavings::if_there;
use super::service::{FOLDER, remove_file};
use super::{pack, store};
use crate::house::House;
use crate::infra::fault::{self, Fault};

/// Until then its row may be on its way; and whoever put an older store back finds in them what that one doesn't know.
pub const STRAYS_KEPT_DAYS: i64 = 7;
/// Removed in one round; the next round takes the rest.
const PER_ROUND_MAX: usize = 100;

/// An archive on the disk.
struct Found {
    office: OfficeId,
    id: String,
    place: PathBuf,
}

/// One round.
pub async fn collect(house: &House) -> Result<(), Fault> {
    let (offices, before) = (house.data_dir().join("offices"), house.clock.now() + Millis::days(-STRAYS_KEPT_DAYS));
    let looking = tokio::task::spawn_blocking(move || old_archives(&offices, before));
    let old = looking.await.map_err(fault::internal)?.map_err(|error| fault::io("look for backups", &error))?;
    let mut removed = 0;
    for Found { office, id, place } in old {
        let known = house.db.read(move |tx| Ok(store::get(tx, office, &id)?)).await?;
        if known.is_none() && removed < PER_ROUND_MAX {
            tracing::warn!(%office, "a backup of which the store knows nothing is removed");
            remove_file(&place).await?;
            removed += 1;
        }
    }
    Ok(())
}

fn old_archives(offices: &Path, before: Time) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let Some(entries) = if_there(std::fs::read_dir(offices))? else { return Ok(found) };
    for office in entries {
        let office = office?;
        let Ok(id) = uuid::Uuid::try_parse(&office.file_name().to_string_lossy()) else { continue };
        let Some(archives) = if_there(std::fs::read_dir(office.path().join(FOLDER)))? else { continue };
        for archive in archives {
            found.extend(old_archive(OfficeId(id), &archive?, before)?);
        }
    }
    Ok(found)
}

fn old_archive(office: OfficeId, entry: &std::fs::DirEntry, before: Time) -> io::Result<Option<Found>> {
    let name = entry.file_name();
    let Some(id) = name.to_str().and_then(pack::id_of) else { return Ok(None) };
    // Deleted just now.
    let Some(facts) = if_there(entry.metadata())? else { return Ok(None) };
    let made = facts.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let made = Time(i64::try_from(made.as_millis()).unwrap_or(i64::MAX));
    Ok((made < before).then(|| Found { office, id: id.to_owned(), place: entry.path() }))
}
