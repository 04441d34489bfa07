//! Archives of which no row tells: a server that died between the two has left them.
//!
//! Each gets a mark beside it when it is first seen so, and goes when it has been so for a week. Its own age says nothing: to
//! whoever puts an older store back, or starts with the wrong one, all archives look forgotten.

use std::io;
use std::path::{Path, PathBuf};

use mi_core::ids::OfficeId;
use mi_core::time::{Millis, Time};

use super::leavings::if_there;
use super::service::{FOLDER, remove_file};
use super::{pack, store};
use crate::house::House;
use crate::infra::fault::{self, Fault};

/// From the first look that found it so.
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
    let offices = house.data_dir().join("offices");
    let looking = tokio::task::spawn_blocking(move || archives(&offices));
    let found = looking.await.map_err(fault::internal)?.map_err(|error| fault::io("look for backups", &error))?;
    let mut removed = 0;
    for Found { office, id, place } in found {
        let mark = place.with_file_name(format!("{id}.stray"));
        let known = house.db.read(move |tx| Ok(store::knows(tx, office, &id)?)).await?;
        let now = house.clock.now();
        match (known, since(&mark).await?) {
            // Of an office that is being deleted, or of another store.
            (store::Known::NotEvenItsOffice, _) | (store::Known::Yes, None) => {}
            (store::Known::Yes, Some(_)) => remove_file(&mark).await?,
            (store::Known::No, None) => write(&mark, now).await?,
            (store::Known::No, Some(since)) if since + Millis::days(STRAYS_KEPT_DAYS) > now => {}
            (store::Known::No, Some(_)) if removed == PER_ROUND_MAX => {}
            (store::Known::No, Some(_)) => {
                tracing::warn!(%office, "a backup of which the store has known nothing for a week is removed");
                remove_file(&place).await?;
                remove_file(&mark).await?;
                removed += 1;
            }
        }
    }
    Ok(())
}

/// Since when an archive is marked; what can't be read counts as never, and is written anew.
async fn since(mark: &Path) -> Result<Option<Time>, Fault> {
    let text = if_there(tokio::fs::read(mark).await).map_err(|error| fault::io("look for backups", &error))?;
    Ok(text.and_then(|text| Some(Time(String::from_utf8_lossy(&text).trim().parse().ok()?))))
}

async fn write(mark: &Path, now: Time) -> Result<(), Fault> {
    tokio::fs::write(mark, now.0.to_string()).await.map_err(|error| fault::io("mark a backup", &error))
}

fn archives(offices: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    let Some(entries) = if_there(std::fs::read_dir(offices))? else { return Ok(found) };
    for office in entries {
        let office = office?;
        let Ok(id) = uuid::Uuid::try_parse(&office.file_name().to_string_lossy()) else { continue };
        let Some(archives) = if_there(std::fs::read_dir(office.path().join(FOLDER)))? else { continue };
        for archive in archives {
            let archive = archive?;
            if let Some(archive_id) = archive.file_name().to_str().and_then(pack::id_of) {
                found.push(Found { office: OfficeId(id), id: archive_id.to_owned(), place: archive.path() });
            }
        }
    }
    Ok(found)
}
