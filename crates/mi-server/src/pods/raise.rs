//! Starting one pod: its folders, its door, its ticket, its processes.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use mi_core::ids::{AgentId, AgentName, OfficeId};
use mi_core::wire::agents::{HarnessKind, Resources};
use mi_pods::{Limit, Limits, Pod, PodSpec, Quota, Room, Strictness};
use zeroize::Zeroizing;

use super::door::{self, Door};
use super::rules::Ending;
use super::service;
use super::store::Watched;
use super::supervisor::{Live, Place};
use crate::egress;
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::fault::Fault;
use crate::infra::http::Front;
use crate::infra::keys::Token;
use crate::infra::wakeups::Wake;

/// Passable for an office's user, who knows the way, and readable for the server alone.
const PASSABLE_MODE: u32 = 0o711;
const OWN_MODE: u32 = 0o700;
const SHARED_MODE: u32 = 0o755;
/// What a pod may take where its agent's resources say nothing.
const PIDS_DEFAULT: u64 = 1_024;
const MEMORY_BYTES_DEFAULT: u64 = 4 * 1024 * 1024 * 1024;
const MIB: u64 = 1024 * 1024;
const WORKSPACE_BYTES_DEFAULT: u64 = 10 * 1024 * MIB;
const WORKSPACE_FILES_DEFAULT: u64 = 1_000_000;
/// Of an office's drive; how many bytes is the server's setting.
const DRIVE_FILES_MAX: u64 = 2_000_000;

/// One pod to start.
pub(super) struct Order {
    pub office: OfficeId,
    pub agent: AgentId,
    pub name: AgentName,
    pub resources: String,
    pub harness: HarnessKind,
}

impl From<&Watched> for Order {
    fn from(watched: &Watched) -> Self {
        Self {
            office: watched.office,
            agent: watched.agent,
            name: watched.name.clone(),
            resources: watched.resources.clone(),
            harness: watched.harness,
        }
    }
}

/// Starts it and enters it in the register; a start that fails is a crash with its reason.
pub(super) async fn raise(house: &House, front: &Front, order: Order, place: Place) -> Result<(), Fault> {
    let agent = order.agent;
    let backups = house.backups.clone();
    let begin = move |act: &mut Act<'_>| match backups.replaces(agent) {
        true => Ok(None),
        false => service::begin_start(act, agent),
    };
    let epoch = house.act_as_server(order.office, begin).await?;
    let Some(epoch) = epoch else { return Ok(()) };
    let office = order.office;
    let title = service::title(office, &order.name);
    match start(house, front, &order, epoch).await {
        Ok((pod, opened)) => {
            tracing::info!(pod = %title, epoch, "a pod started");
            let name = order.name;
            place.fill(Live { office, name, pod, _door: opened, ending_since: None, given_up: None });
        }
        Err(reason) => {
            tracing::warn!(pod = %title, epoch, reason, "a pod didn't start");
            house.act_as_server(office, move |act| service::ended(act, agent, Ending::Crashed, &reason)).await?;
        }
    }
    // The wish may have changed meanwhile.
    house.wakeups.send(&[Wake::Pods]);
    Ok(())
}

type Started = (Arc<dyn Pod>, Option<Door>);

/// The error is a sentence for the agent's owner.
async fn start(house: &House, front: &Front, order: &Order, epoch: i64) -> Result<Started, String> {
    let uid = service::office_uid(house, order.office).await.map_err(|fault| fault.sentence)?;
    let spec = spec(house, order, epoch, uid)?;
    let driver = Arc::clone(&house.driver);
    let with_door = house.settings.pod_doors == PodDoors::Sockets;
    let folder = door::folder(&house.settings.runtime_dir, order.agent);
    let socket_dir = folder.clone();
    let office_dir = house.office_dir(order.office);
    let (programs, harness) = (house.settings.programs.clone(), order.harness);
    let prepared = tokio::task::spawn_blocking(move || -> io::Result<_> {
        let spec = PodSpec { harnesses: programs.of(harness), ..spec };
        prepare(&office_dir, &spec)?;
        door::make_folder(&socket_dir)?;
        let listener = if with_door { Some(door::bind(&socket_dir)?) } else { None };
        Ok((spec, listener))
    });
    let failed = |error: io::Error| format!("the pod's folders can't be made ready: {error}");
    let (spec, listener) = prepared.await.map_err(|error| error.to_string())?.map_err(failed)?;
    let pod = egress::Pod { office: order.office, agent: order.agent };
    let opened = listener.map(|bound| Door::open(house, front, bound, folder, pod));
    let opened = opened.transpose().map_err(failed)?;
    let started = tokio::task::spawn_blocking(move || driver.start(spec)).await.map_err(|error| error.to_string())?;
    let pod = started.map_err(|error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })?;
    for limit in pod.degraded() {
        tracing::warn!(pod = %order.name, limit = %limit.name, "{}", limit.why);
    }
    Ok((pod, opened))
}

/// How pods reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodDoors {
    /// Each has a socket of its own.
    Sockets,
    /// They use the server's address.
    Address,
}

fn spec(house: &House, order: &Order, epoch: i64, uid: Option<u32>) -> Result<PodSpec, String> {
    let asked = resources(&order.resources)?;
    let (workspace, drive) = (house.workspace_dir(order.office, order.agent), house.drive_dir(order.office));
    let token = Token::Ticket { office: order.office, agent: order.agent, epoch };
    let mut env =
        vec![("MI_OFFICE".to_owned(), order.office.to_string()), ("MI_AGENT".to_owned(), order.name.to_string())];
    env.extend(house.settings.programs.settings());
    if house.settings.pod_doors == PodDoors::Address {
        env.push(("MI_ENDPOINT".to_owned(), house.settings.pod_endpoint.clone()));
    }
    Ok(PodSpec {
        office: order.office.0.simple().to_string(),
        agent: order.name.to_string(),
        epoch: u64::try_from(epoch).map_err(|error| error.to_string())?,
        room: Room::Agent,
        quotas: quotas(&asked, &workspace, (&drive, house.settings.drive_bytes)),
        workspace,
        drive,
        socket_dir: Some(door::folder(&house.settings.runtime_dir, order.agent)),
        program: house.settings.program.clone(),
        args: vec!["runner".to_owned()],
        env,
        ticket: Zeroizing::new(house.keys.issue(token)),
        host_uid: uid,
        limits: limits(&asked, house.settings.strict_limits),
        log: service::log_path(house, order.office, order.agent),
        // Found where the disk may be looked at.
        harnesses: Vec::new(),
    })
}

fn resources(text: &str) -> Result<Resources, String> {
    serde_json::from_str(text).map_err(|error| format!("the agent's resources can't be read: {error}"))
}

/// What was asked for explicitly must hold; the defaults hold where the machine lets them.
fn limits(asked: &Resources, strict: Strictness) -> Limits {
    let asked_or = |asked: Option<u64>, default: Option<u64>| match asked {
        Some(amount) => Some(Limit { amount, strict: Strictness::Required }),
        None => default.map(|amount| Limit { amount, strict }),
    };
    let memory = asked.memory_mib.map(|mib| mib.saturating_mul(MIB));
    Limits {
        memory: asked_or(memory, Some(MEMORY_BYTES_DEFAULT)),
        pids: asked_or(asked.pids, Some(PIDS_DEFAULT)),
        cpu: asked_or(asked.cpu_millis, None),
    }
}

/// The drive is all agents' together: whoever fills it, none may write on.
fn quotas(asked: &Resources, workspace: &Path, (drive, drive_bytes): (&Path, u64)) -> Vec<Quota> {
    let bytes = asked.disk_mib.map_or(WORKSPACE_BYTES_DEFAULT, |mib| mib.saturating_mul(MIB));
    let files = asked.disk_files.unwrap_or(WORKSPACE_FILES_DEFAULT);
    vec![
        Quota { folder: workspace.to_owned(), name: "workspace", bytes, files },
        Quota { folder: drive.to_owned(), name: "office's drive", bytes: drive_bytes, files: DRIVE_FILES_MAX },
    ]
}

/// Makes what isn't there yet and gives it to the office's user. Blocks.
fn prepare(office_dir: &Path, spec: &PodSpec) -> io::Result<()> {
    make(office_dir, PASSABLE_MODE)?;
    if let Some(workspaces) = spec.workspace.parent() {
        make(workspaces, PASSABLE_MODE)?;
    }
    if let Some(logs) = spec.log.parent() {
        make(logs, OWN_MODE)?;
    }
    make_owned(&spec.workspace, OWN_MODE, spec.host_uid)?;
    own_drive(&spec.drive, spec.host_uid)
}

/// The drive's folder belongs to the user that pods of the office run as. Blocks.
pub fn own_drive(drive: &Path, uid: Option<u32>) -> io::Result<()> {
    make_owned(drive, SHARED_MODE, uid)
}

/// The folder of an office's workspaces: a way in for its user, closed to looks. Blocks.
pub fn make_passable(path: &Path) -> io::Result<()> {
    make(path, PASSABLE_MODE)
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// Makes a folder of the office's user where there is none. A tree that belongs to somebody else, for example after the server began to run as root, is given away whole.
pub fn make_owned(path: &Path, mode: u32, uid: Option<u32>) -> io::Result<()> {
    make(path, mode)?;
    match uid {
        Some(uid) if std::fs::symlink_metadata(path)?.uid() != uid => mi_pods::own_tree(path, uid),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_were_asked_for_must_hold() {
        let of = |text: &str| limits(&resources(text).unwrap(), Strictness::BestEffort);
        let default = |amount| Some(Limit { amount, strict: Strictness::BestEffort });
        let asked = |amount| Some(Limit { amount, strict: Strictness::Required });
        let (memory, pids) = (default(MEMORY_BYTES_DEFAULT), default(PIDS_DEFAULT));
        assert_eq!(of("{}"), Limits { memory, pids, cpu: None });
        assert_eq!(of(r#"{"memoryMib": 64, "diskMib": 1}"#), Limits { memory: asked(64 * MIB), pids, cpu: None });
        assert_eq!(of(r#"{"cpuMillis": 500}"#), Limits { memory, pids, cpu: asked(500) });
        assert!(resources("nonsense").is_err());
    }
}
