//! Acts of backups.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::limits::{BACKUPS_OF_SPECIALISTS_MAX, BACKUPS_PER_AGENT_MAX, LIST_COUNT_MAX};
use mi_core::wire::agents::AgentKind;
use mi_core::wire::backups::{Backup, BackupCause, RestoreBackup};
use serde_json::json;
use uuid::Uuid;

use super::desk::{Turn, Work};
use super::pack::{self, Emptiness, Facts, Offered, Packed};
use super::{faults, store, unpack};
use crate::agents::service::{self as agents, AgentRow};
use crate::house::{House, View};
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, NewEvent};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::http::call::Page;
use crate::pods::{self, Desired, Observed};
use crate::transfers::Staging;

/// Of an office, below its own.
pub const FOLDER: &str = "backups";
/// Beside workspaces: one that isn't whole yet, and one that another is taking the place of. Their agent's id follows.
const RESTORING: &str = ".restoring-";
const BEFORE: &str = ".before-";
/// The server's alone.
const FOLDER_MODE: u32 = 0o700;

fn folder(house: &House, office: OfficeId) -> PathBuf {
    house.office_dir(office).join(FOLDER)
}

fn place(house: &House, office: OfficeId, id: &str) -> PathBuf {
    folder(house, office).join(pack::file_name(id))
}

/// The newest first; of everybody who had that name, if one is named.
pub fn list(view: &mut View<'_>, agent: Option<&str>, page: Page) -> Result<Answer, Fault> {
    let found = match agent {
        Some(name) => store::page_of(view.tx, view.office, name, page)?,
        None => store::page(view.tx, view.office, page)?,
    };
    Answer::list(&found, store::count_all(view.tx, view.office, agent, LIST_COUNT_MAX + 1)?)
}

/// Does this to its end, also when the caller goes away meanwhile.
pub async fn to_its_end<T, W>(work: W) -> Result<T, Fault>
where
    T: Send + 'static,
    W: Future<Output = Result<T, Fault>> + Send + 'static,
{
    tokio::spawn(work).await.map_err(fault::internal)?
}

/// Of an agent's workspace as it is now.
pub async fn create(house: &House, call: &Call, name: String) -> Result<Answer, Fault> {
    let find = move |view: &mut View<'_>, _: &_| agents::find(view.tx, view.office, &name);
    let agent = house.look(call, find).await?;
    if agent.kind == AgentKind::External {
        return Err(agents::lives_elsewhere(&agent.name));
    }
    let packed = pack_workspace(house, call.office()?, &agent, Emptiness::Kept).await?;
    let Some(packed) = packed else { return Err(faults::no_workspace(&agent.name)) };
    let facts = packed.facts.clone();
    let acting = house.act(call, move |act, member| {
        Answer::created(&record(act, member.name(), &agent, &facts, BackupCause::Manual)?)
    });
    act_and_keep(house, call.office()?, Some(packed), acting).await
}

/// For acts by which a hosted agent goes; nothing where it has nothing in its workspace.
pub async fn pack_before_leaving(house: &House, office: OfficeId, agent: &AgentRow) -> Result<Option<Packed>, Fault> {
    match agent.kind {
        AgentKind::External => Ok(None),
        AgentKind::Hosted => pack_workspace(house, office, agent, Emptiness::Skipped).await,
    }
}

async fn pack_workspace(
    house: &House,
    office: OfficeId,
    agent: &AgentRow,
    empty: Emptiness,
) -> Result<Option<Packed>, Fault> {
    let turn = house.backups.turn(agent.id, Work::Read).await?;
    let (workspace, folder) = (house.workspace_dir(office, agent.id), folder(house, office));
    let id = Uuid::new_v4().simple().to_string();
    let packing = tokio::task::spawn_blocking(move || {
        std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
        let packed = pack::pack(&workspace, &folder, &id, empty);
        // The turn is as long as the packing, whoever waits for it.
        drop(turn);
        packed
    });
    packing.await.map_err(fault::internal)?.map_err(|stopped| faults::failed(&agent.name, &stopped))
}

/// The row of an archive, in the transaction of whatever it was made for. What is too old then goes with it.
pub fn record(
    act: &mut Act<'_>,
    actor: &str,
    agent: &AgentRow,
    facts: &Facts,
    cause: BackupCause,
) -> Result<Backup, Fault> {
    let backup = Backup {
        id: facts.id.clone(),
        agent_name: agent.name.clone(),
        agent_id: agent.id,
        cause,
        files: facts.files,
        bytes: facts.bytes,
        size: facts.size,
        skipped: facts.skipped,
        sha256: facts.sha256.clone(),
        created_at: act.now,
    };
    store::insert(act.tx, act.office, &backup)?;
    let summary = format!("the workspace of {} was backed up: {} files", agent.name, facts.files);
    let data = json!({"backup": backup.id, "cause": cause, "sha256": backup.sha256, "size": backup.size});
    tell(act, actor, &agent.name, "backups.create", summary, data)?;
    Ok(backup)
}

fn tell(
    act: &mut Act<'_>,
    actor: &str,
    agent: &AgentName,
    kind: &'static str,
    summary: String,
    data: serde_json::Value,
) -> Result<(), Fault> {
    act.event(NewEvent { category: Category::Lifecycle, kind, actor, agent: Some(agent), task: None, summary, data })?;
    Ok(())
}

/// The act that an archive was made for. Before it begins the archive is out of harm's way: only a look that finds no row
/// of it removes it again, and what fails after the act doesn't undo it.
pub async fn act_and_keep<T>(
    house: &House,
    office: OfficeId,
    packed: Option<Packed>,
    acting: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let Some(packed) = packed else { return acting.await };
    let (id, offered) = (packed.facts.id.clone(), packed.offer());
    let acted = acting.await;
    if let Err(fault) = keep(house, office, id, offered).await {
        tracing::error!(cause = fault.cause.as_deref().unwrap_or_default(), "after a backup: {}", fault.sentence);
    }
    acted
}

/// Keeps an archive if there is a row of it, and removes those whose time is over.
async fn keep(house: &House, office: OfficeId, id: String, offered: Offered) -> Result<(), Fault> {
    let Some(row) = house.db.read(move |tx| Ok(store::get(tx, office, &id)?)).await? else {
        let removing = tokio::task::spawn_blocking(move || offered.remove());
        return removing.await.map_err(fault::internal);
    };
    let agent = row.agent_id;
    let surplus = move |tx: &mut dyn Tx| {
        let mut old = store::surplus(tx, office, agent, BACKUPS_PER_AGENT_MAX)?;
        old.extend(store::surplus_of_specialists(tx, office, BACKUPS_OF_SPECIALISTS_MAX)?);
        Ok(old)
    };
    let old = house.db.read(surplus).await?;
    for id in old {
        let gone = id.clone();
        house.act_as_server(office, move |act| Ok(store::delete(act.tx, act.office, &gone)?)).await?;
        remove_file(&place(house, office, &id)).await?;
    }
    Ok(())
}

pub(super) async fn remove_file(path: &Path) -> Result<(), Fault> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(fault::io("remove a backup", &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The row goes first: a file without one is never restored.
pub async fn delete(house: &House, call: &Call, id: String) -> Result<Answer, Fault> {
    let file = place(house, call.office()?, &checked(&id)?);
    let answer = house
        .act(call, move |act, member| {
            let backup = must_have(act.tx, act.office, &id)?;
            store::delete(act.tx, act.office, &backup.id)?;
            let summary = format!("a backup of {} was deleted by {}", backup.agent_name, member.name());
            tell(act, member.name(), &backup.agent_name, "backups.delete", summary, json!({"backup": backup.id}))?;
            Ok(Answer::done())
        })
        .await?;
    remove_file(&file).await?;
    Ok(answer)
}

/// An id is a part of a file's name.
fn checked(id: &str) -> Result<String, Fault> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(faults::no_such_backup(id));
    }
    Ok(id.to_owned())
}

fn must_have(tx: &mut dyn Tx, office: OfficeId, id: &str) -> Result<Backup, Fault> {
    store::get(tx, office, id)?.ok_or_else(|| faults::no_such_backup(id))
}

/// Into the workspace of an agent whose pod is away.
pub async fn restore(house: &House, call: &Call, id: String, wish: RestoreBackup) -> Result<Answer, Fault> {
    let office = call.office()?;
    let wanted = checked(&id)?;
    let find = move |view: &mut View<'_>, _: &_| {
        let backup = must_have(view.tx, view.office, &wanted)?;
        let name = wish.agent.as_deref().unwrap_or(backup.agent_name.as_str());
        let agent = agents::find(view.tx, view.office, name)?;
        must_be_away(view.tx, view.office, &agent)?;
        Ok((backup, agent))
    };
    let (backup, agent) = house.look(call, find).await?;
    let (id, name) = (agent.id, agent.name.clone());
    let still_away = move |tx: &mut dyn Tx| {
        let found = agents::find(tx, office, name.as_str())?;
        if found.id == id { must_be_away(tx, office, &found) } else { Err(faults::not_stopped(&name)) }
    };
    let _turn = fill(house, office, &agent, &backup, still_away).await?;
    house
        .act(call, move |act, member| {
            let name = member.name();
            let summary = format!("{name} put a backup of {} into {}'s workspace", backup.agent_name, agent.name);
            tell(act, name, &agent.name, "backups.restore", summary, json!({"backup": backup.id}))?;
            Answer::ok(&backup)
        })
        .await
}

/// Nothing wakes what was stopped by hand or is archived.
fn must_be_away(tx: &mut dyn Tx, office: OfficeId, agent: &AgentRow) -> Result<(), Fault> {
    if agent.kind == AgentKind::External {
        return Err(agents::lives_elsewhere(&agent.name));
    }
    let away = match pods::service::row(tx, office, agent.id)? {
        None => true,
        Some(pod) => matches!(pod.desired, Desired::Stopped | Desired::Gone) && pod.observed == Observed::None,
    };
    if away { Ok(()) } else { Err(faults::not_stopped(&agent.name)) }
}

/// The archive becomes the agent's workspace, if its agent may still be judged away when it is unpacked; otherwise all stays
/// as it was. Nobody else touches the workspace while the turn is held, and no pod starts in it.
pub async fn fill(
    house: &House,
    office: OfficeId,
    agent: &AgentRow,
    backup: &Backup,
    still_away: impl Fn(&mut dyn Tx) -> Result<(), Fault> + Send + 'static,
) -> Result<Turn, Fault> {
    let turn = house.backups.turn(agent.id, Work::Replaced).await?;
    let uid = house.pod_uid(office).await?;
    let (file, workspace) = (place(house, office, &backup.id), house.workspace_dir(office, agent.id));
    let (id, sha256, becoming) = (backup.id.clone(), backup.sha256.clone(), workspace.clone());
    let unpacking = tokio::task::spawn_blocking(move || -> Result<(Turn, Staging), unpack::Stopped> {
        let staging = stage(&becoming)?;
        let archive = File::open(file).map_err(|error| match error.kind() {
            ErrorKind::NotFound => unpack::Stopped::Damaged("its archive is gone".to_owned()),
            _ => unpack::Stopped::Io(error),
        })?;
        unpack::unpack(archive, &sha256, staging.path())?;
        if let Some(uid) = uid {
            mi_pods::own_tree(staging.path(), uid)?;
        }
        Ok((turn, staging))
    });
    let unpacked = unpacking.await.map_err(fault::internal)?;
    let (turn, staging) = unpacked.map_err(|stopped| match stopped {
        unpack::Stopped::Damaged(cause) => faults::damaged(&id, &cause),
        unpack::Stopped::Io(error) => fault::io("restore a backup", &error),
    })?;
    // In the office's row of writes: a start that came before it is seen here, and one that comes after it sees the turn.
    let judged = house.act_as_server(office, move |act| still_away(act.tx)).await;
    let swapping = tokio::task::spawn_blocking(move || match judged {
        Ok(()) => swap(staging, &workspace).map(|()| turn).map_err(|error| fault::io("restore a backup", &error)),
        Err(fault) => {
            // It may be a large tree, and goes before somebody else has the turn.
            drop(staging);
            Err(fault)
        }
    });
    swapping.await.map_err(fault::internal)?
}

fn beside(workspace: &Path, prefix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(prefix);
    name.push(workspace.file_name().unwrap_or_default());
    workspace.with_file_name(name)
}

/// An empty folder beside the workspace. Blocks.
fn stage(workspace: &Path) -> io::Result<Staging> {
    let staging = beside(workspace, RESTORING);
    mi_pods::remove_tree(&staging)?;
    if let Some(parent) = staging.parent() {
        pods::make_passable(parent)?;
    }
    tidy_before(workspace)?;
    Staging::create(staging)
}

/// The old one is removed when the new one stands, and comes back if that can't be. Blocks.
fn swap(staging: Staging, workspace: &Path) -> io::Result<()> {
    let before = beside(workspace, BEFORE);
    let had_one = move_if_there(workspace, &before)?;
    if let Err(error) = staging.keep(workspace) {
        if had_one {
            // Refused where the new one stands all the same; then the next restore, or start, removes the old one.
            std::fs::rename(&before, workspace)?;
        }
        return Err(error);
    }
    if let Err(error) = mi_pods::remove_tree(&before) {
        tracing::warn!(%error, "a workspace that a backup took the place of can't be removed yet");
    }
    Ok(())
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<bool> {
    match std::fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a server that died while it swapped has left: the old workspace, which comes back if no new one stands.
fn tidy_before(workspace: &Path) -> io::Result<()> {
    let before = beside(workspace, BEFORE);
    if workspace.try_exists()? {
        return mi_pods::remove_tree(&before);
    }
    move_if_there(&before, workspace).map(|_| ())
}

/// Once at the server's start, of an office's folder: restores that an earlier one didn't finish. Blocks.
pub(super) fn tidy_workspaces(office: &Path) -> io::Result<()> {
    let folder = office.join("workspaces");
    if !folder.try_exists()? {
        return Ok(());
    }
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let tidied = match name.strip_prefix(BEFORE) {
            Some(agent) => tidy_before(&folder.join(agent)),
            None if name.starts_with(RESTORING) => mi_pods::remove_tree(&path),
            None => Ok(()),
        };
        if let Err(error) = tidied {
            tracing::warn!(%error, "what an unfinished restore left can't be removed");
        }
    }
    Ok(())
}

/// What a returning agent's workspace is made of: the one named, or its newest.
pub fn for_return(
    tx: &mut dyn Tx,
    office: OfficeId,
    agent: (AgentId, &AgentName),
    named: Option<&str>,
) -> Result<Option<Backup>, Fault> {
    let Some(id) = named else { return Ok(store::newest(tx, office, agent.0)?) };
    let backup = must_have(tx, office, id)?;
    if backup.agent_id == agent.0 { Ok(Some(backup)) } else { Err(faults::of_somebody_else(id, agent.1)) }
}
