//! What stays of those who left: their workspaces are removed when their pods are gone, their backups stay.

use std::io::{self, ErrorKind};
use std::path::Path;

use mi_core::ids::{AgentId, OfficeId};

use super::desk::Work;
use super::pack::UNFINISHED;
use super::service::FOLDER;
use super::store;
use crate::house::House;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::sweeps::Cursor;

/// Workspaces removed in one round; the next round takes the rest.
const PER_ROUND_MAX: i64 = 50;

/// One round. Each is done even if one before it fails.
pub async fn sweep(house: &House, cursor: &Cursor<(OfficeId, AgentId)>) -> Result<(), Fault> {
    let after = cursor.after();
    let page = house.db.read(move |tx| Ok(store::leavings(tx, after, PER_ROUND_MAX)?)).await?;
    cursor.took(&page, PER_ROUND_MAX);
    let mut outcome = Ok(());
    for (office, agent) in page {
        outcome = outcome.and(clear_one(house, office, agent).await);
    }
    outcome
}

async fn clear_one(house: &House, office: OfficeId, agent: AgentId) -> Result<(), Fault> {
    let Some(turn) = house.backups.turn_if_free(agent, Work::Replaced).await? else { return Ok(()) };
    let still_away = move |tx: &mut dyn Tx| Ok(store::is_leaving(tx, office, agent)?);
    // Somebody may have brought it back while we waited.
    if house.db.read(still_away).await? {
        let workspace = house.workspace_dir(office, agent);
        let cleared = tokio::task::spawn_blocking(move || clear(&workspace)).await.map_err(fault::internal)?;
        cleared.map_err(|error| fault::io("remove a workspace", &error))?;
        house.act_as_server(office, move |act| Ok(store::set_cleared(act.tx, act.office, agent, act.now)?)).await?;
    }
    drop(turn);
    Ok(())
}

/// Once at the server's start: archives that an earlier one didn't finish.
pub async fn tidy_up(house: &House) -> Result<(), Fault> {
    let offices = house.data_dir().join("offices");
    let tidying = tokio::task::spawn_blocking(move || -> io::Result<()> {
        let Some(entries) = if_there(std::fs::read_dir(offices))? else { return Ok(()) };
        for office in entries {
            let office = office?.path();
            remove_unfinished(&office.join(FOLDER))?;
            super::service::tidy_workspaces(&office)?;
        }
        Ok(())
    });
    tidying.await.map_err(fault::internal)?.map_err(|error| fault::io("remove unfinished backups", &error))
}

fn remove_unfinished(folder: &Path) -> io::Result<()> {
    let Some(entries) = if_there(std::fs::read_dir(folder))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

pub(super) fn if_there<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a tree however an agent made it, links not followed; missing is fine. Blocks.
pub(super) fn clear(path: &Path) -> io::Result<()> {
    mi_pods::remove_tree(path)
}
