//! Acts of files.
//!
//! A change of the drive has three steps, because an act does no IO: one act lets the
//! caller in (office, repeated request, fence), then the disk changes in one atomic step,
//! then a second act records it. After the first act the change is decided; the two others
//! run to their end even if the client goes away. If the server dies between them, the
//! next refresh finds and records what is on the disk. An upload that can't be recorded is
//! taken back, so that a refusal leaves everything as it was.

use std::fs::File;
use std::io::{ErrorKind, Seek};
use std::sync::Arc;

use mi_core::drive::{BadPath, DrivePath};
use mi_core::ids::{AgentName, OfficeId};
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};
use mi_core::wire::files::{ChangeKind, Changes, DriveFile};
use serde_json::json;

use super::arriving::{Arrived, Placed};
use super::disk::{Folder, give_to_pod, hash, look_again, make_shared_folder};
use super::drives::{DRIVES, Desk};
use super::form::{Form, Received};
use super::refresh::{self, Step, record};
use super::scan::{DRIVE_FILES_MAX, row};
use super::store::{self, Row};
use super::{disk, faults};
use crate::house::House;
use crate::infra::act::event::Category;
use crate::infra::act::{Act, Answer, Ask, NewEvent, enter, fence_request, nonce};
use crate::infra::caller::{Caller, Member};
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};
use crate::infra::http::Call;
use crate::infra::http::call::Page;
use crate::infra::keys::sha256_hex;
use crate::pods;

/// Changes in one answer; who has more to catch up with lists everything again.
const CHANGES_PER_ANSWER_MAX: i64 = 5_000;
/// How often a file that changes while it is read is read again before the caller is told to come back.
const DIGEST_READINGS_MAX: usize = 3;

pub async fn list(house: &House, call: &Call, prefix: String, page: Page) -> Result<Answer, Fault> {
    if prefix.contains(char::is_control) {
        return Err(BadPath::Control.into());
    }
    let unrecorded = look_inside(house, call).await?;
    let read = move |view: &mut crate::house::View<'_>, _: &Member| {
        if !unrecorded.is_empty() {
            return list_with(store::all(view.tx, view.office)?, &unrecorded, &prefix, page);
        }
        let files = store::list(view.tx, view.office, &prefix, page)?;
        Answer::list(&files, store::count(view.tx, view.office, &prefix)?)
    };
    house.look(call, read).await
}

/// The list while the store has no room: the index, and what was found and couldn't be recorded.
fn list_with(index: Vec<Row>, unrecorded: &[Step], prefix: &str, page: Page) -> Result<Answer, Fault> {
    let rows = refresh::overlay(index, unrecorded).into_values().map(|row| row.file);
    let files: Vec<DriveFile> = rows.filter(|file| file.name.as_str().starts_with(prefix)).collect();
    let (limit, offset) = (usize::try_from(page.limit), usize::try_from(page.offset));
    let (limit, offset) = (limit.map_err(fault::internal)?, offset.map_err(fault::internal)?);
    let shown: Vec<&DriveFile> = files.iter().skip(offset).take(limit).collect();
    Answer::list(&shown, files.len() as i64)
}

/// What changed after `since`. Asking again with the answer's `serverTime` misses nothing and repeats nothing.
pub async fn changes(house: &House, call: &Call, since: Time) -> Result<Answer, Fault> {
    look_inside(house, call).await?;
    let desk = desk(call.office()?);
    // Alone: every change recorded so far is visible, and a later one gets a later time.
    let _alone = desk.recording.write().await;
    house.look(call, move |view, _| Answer::ok(&changes_since(view.tx, view.office, since, view.now)?)).await
}

fn changes_since(tx: &mut dyn Tx, office: OfficeId, since: Time, now: Time) -> Result<Changes, Fault> {
    let last = store::last_change(tx, office)?;
    let just_before = now + Millis(-1);
    let server_time = last.map_or(just_before, |last| just_before.max(last.at)).0;
    let first = store::first_change(tx, office)?;
    let forgotten = first.is_some_and(|first| first.seq > 1 && first.at > since);
    let mut events = store::changes(tx, office, since, CHANGES_PER_ANSWER_MAX + 1)?;
    let too_many = events.len() as i64 > CHANGES_PER_ANSWER_MAX;
    let full_refresh = (forgotten || too_many).then_some(true);
    if full_refresh.is_some() {
        events.clear();
    }
    Ok(Changes { events, server_time, full_refresh })
}

/// Judges the caller, then brings the index up to date. Who may not enter the office makes it do nothing.
async fn look_inside(house: &House, call: &Call) -> Result<Arc<[Step]>, Fault> {
    house.look(call, |_, _| Ok(())).await?;
    refreshed(house, call.office()?).await
}

/// Brings the index up to what the drive holds after this call, as far as the store has room.
pub async fn refresh(house: &House, office: OfficeId) -> Result<(), Fault> {
    refreshed(house, office).await.map(drop)
}

/// As `refresh`, for these files alone.
pub async fn refresh_these(house: &House, office: OfficeId, names: Vec<DrivePath>) -> Result<(), Fault> {
    refresh::run_for(house, office, &desk(office), names).await
}

/// As `refresh`; gives what the store has no room for. Shared by all who ask meanwhile.
async fn refreshed(house: &House, office: OfficeId) -> Result<Arc<[Step]>, Fault> {
    let desk = desk(office);
    desk.refreshed(async || refresh::run(house, office, &desk).await).await
}

/// Stores a file: streamed next to the drive, checked, then moved onto it in one step.
pub async fn upload(house: &House, call: &Call, form: Form) -> Result<Answer, Fault> {
    let office = call.office()?;
    house.look(call, |_, _| Ok(())).await?;
    check_claim_sent(call)?;
    let Received { name, file } = form.receive(incoming(house, office).await?).await?;
    let mut ask = call.ask();
    if let Some(key) = &mut ask.idempotency {
        // The body was not read whole, so name and digest of the file stand for it.
        key.body_sha256 = sha256_hex(format!("{name}\n{}", file.sha256).as_bytes());
    }
    let (room_for, size, bytes_max) = (name.clone(), file.bytes, house.settings.drive_bytes);
    let check = move |tx: &mut dyn Tx| {
        check_room(tx, office, &room_for)?;
        check_bytes(tx, office, (&room_for, size), bytes_max)
    };
    let entry = admit(house, office, ask.clone(), check).await?;
    match entry {
        Entry::Repeated(answer) => Ok(answer),
        Entry::Admitted(actor) => {
            let house = house.clone();
            to_its_end(async move { finish_upload(&house, office, ask, actor, name, file).await }).await
        }
    }
}

/// A runner speaks for its agent only through a session; people and sessions need send nothing.
fn check_claim_sent(call: &Call) -> Result<(), Fault> {
    match &call.caller {
        Caller::Runner { .. } if call.claim.is_none() => Err(fault::claim_required()),
        Caller::Runner { .. }
        | Caller::Session { .. }
        | Caller::User { .. }
        | Caller::Agent { .. }
        | Caller::Ticket { .. }
        | Caller::Nobody => Ok(()),
    }
}

fn check_room(tx: &mut dyn Tx, office: OfficeId, name: &DrivePath) -> Result<(), Fault> {
    let full = store::count(tx, office, "")? >= DRIVE_FILES_MAX as i64;
    if full && store::get(tx, office, name)?.is_none() {
        return Err(faults::drive_holds_no_more(DRIVE_FILES_MAX));
    }
    Ok(())
}

/// By what the index knows; what agents write by themselves is measured where pods are.
fn check_bytes(
    tx: &mut dyn Tx,
    office: OfficeId,
    (name, size): (&DrivePath, u64),
    bytes_max: u64,
) -> Result<(), Fault> {
    let beside = u64::try_from(store::bytes_beside(tx, office, name)?).map_err(fault::internal)?;
    if beside.saturating_add(size) > bytes_max { Err(faults::drive_full_with(size, bytes_max)) } else { Ok(()) }
}

/// Who changes the drive, as the event will say.
struct Actor {
    name: String,
    agent: Option<AgentName>,
}

/// What the first act found.
enum Entry {
    Admitted(Actor),
    /// This very request was answered before.
    Repeated(Answer),
}

/// The first act: may they, did they before, is their claim the live one.
async fn admit<F>(house: &House, office: OfficeId, ask: Ask, check: F) -> Result<Entry, Fault>
where
    F: Fn(&mut dyn Tx) -> Result<(), Fault> + Send + 'static,
{
    house
        .act_as_server(office, move |act| {
            let member = enter(act.tx, &ask.caller, ask.need, act.office, act.head.owner)?;
            if let Some(key) = &ask.idempotency
                && let Some(answer) = key.recall(act.tx, act.now)?
            {
                return Ok(Entry::Repeated(answer));
            }
            fence_request(act, &member, &ask)?;
            check(act.tx)?;
            if let Some(nonce) = &ask.nonce {
                nonce::spend(act.tx, nonce)?;
            }
            Ok(Entry::Admitted(Actor { name: member.name().to_owned(), agent: member.agent().cloned() }))
        })
        .await
}

async fn finish_upload(
    house: &House,
    office: OfficeId,
    ask: Ask,
    actor: Actor,
    name: DrivePath,
    file: Arrived,
) -> Result<Answer, Fault> {
    let owner = pods::service::office_uid(house, office).await?;
    let drive = drive(house, office).await?;
    let (sha256, bytes, bytes_max) = (file.sha256.clone(), file.bytes, house.settings.drive_bytes);
    let desk = desk(office);
    let _turn = desk.turn_of(&name).await;
    let (placed, stored) = blocking(move || {
        give_to_pod(std::os::fd::AsFd::as_fd(&*drive), owner).map_err(|error| fault::io("the drive", &error))?;
        let placed = file.place(&drive, &name, owner)?;
        // Agents may have written to it since it became visible: the next refresh reads it once more.
        let stored = row(&name, &placed.seen, sha256, placed.seen.mark.unsettled());
        Ok((placed, stored))
    })
    .await?;
    let recorded = {
        let _shared = desk.recording.read().await;
        let record = move |act: &mut Act<'_>| {
            // Others may have arrived meanwhile.
            check_bytes(act.tx, act.office, (&stored.file.name, bytes), bytes_max)?;
            record_upload(act, &ask, &actor, &stored)
        };
        house.act_as_server(office, record).await
    };
    blocking(move || settle(placed, recorded)).await
}

/// Lets go of what the upload replaced, or takes the upload back if the store kept nothing of it. Blocks.
fn settle(placed: Placed, recorded: Result<Answer, Fault>) -> Result<Answer, Fault> {
    match recorded {
        Err(fault) if was_rolled_back(&fault) => {
            placed.take_back()?;
            Err(fault)
        }
        recorded => recorded,
    }
}

/// After other faults the record may be kept all the same, so the file has to stay; the next refresh sets both right.
fn was_rolled_back(fault: &Fault) -> bool {
    !matches!(fault.code, Code::Internal | Code::Draining)
}

fn record_upload(act: &mut Act<'_>, ask: &Ask, actor: &Actor, stored: &Row) -> Result<Answer, Fault> {
    let (file, known) = (&stored.file, store::get(act.tx, act.office, &stored.file.name)?);
    let kind = match &known {
        None => Some(ChangeKind::Created),
        // A refresh was faster and has recorded this very file.
        Some(known) if known.mark.is_of_same_file(&stored.mark) => None,
        Some(_) => Some(ChangeKind::Modified),
    };
    if let Some(kind) = kind {
        store::put(act.tx, act.office, stored)?;
        let mut changes = refresh::Changes::begin(act.tx, act.office, act.now)?;
        changes.add(act.tx, kind, &file.name)?;
        changes.end(act.tx)?;
    }
    let data = json!({"name": file.name, "size": file.size, "sha256": file.sha256});
    let summary = format!("{} was stored by {}", file.name, actor.name);
    event(act, actor, "files.upload", summary, data)?;
    keep(act, ask, Answer::created(file)?)
}

pub async fn delete(house: &House, call: &Call, name: DrivePath) -> Result<Answer, Fault> {
    let office = call.office()?;
    house.look(call, |_, _| Ok(())).await?;
    check_claim_sent(call)?;
    let ask = call.ask();
    match admit(house, office, ask.clone(), |_| Ok(())).await? {
        Entry::Repeated(answer) => Ok(answer),
        Entry::Admitted(actor) => {
            let house = house.clone();
            to_its_end(async move { finish_delete(&house, office, ask, actor, name).await }).await
        }
    }
}

async fn finish_delete(
    house: &House,
    office: OfficeId,
    ask: Ask,
    actor: Actor,
    name: DrivePath,
) -> Result<Answer, Fault> {
    let drive = drive(house, office).await?;
    let desk = desk(office);
    let _turn = desk.turn_of(&name).await;
    let name = blocking(move || match drive.remove(&name) {
        Ok(()) => Ok(name),
        Err(error) => Err(faults::of_disk(&name, error)),
    })
    .await?;
    let _shared = desk.recording.read().await;
    house.act_as_server(office, move |act| record_delete(act, &ask, &actor, &name)).await
}

fn record_delete(act: &mut Act<'_>, ask: &Ask, actor: &Actor, name: &DrivePath) -> Result<Answer, Fault> {
    // Without a row, a refresh was faster, or the file was never seen.
    if store::get(act.tx, act.office, name)?.is_some() {
        store::remove(act.tx, act.office, name)?;
        let mut changes = refresh::Changes::begin(act.tx, act.office, act.now)?;
        changes.add(act.tx, ChangeKind::Deleted, name)?;
        changes.end(act.tx)?;
    }
    event(act, actor, "files.delete", format!("{name} was deleted by {}", actor.name), json!({"name": name}))?;
    keep(act, ask, Answer::done())
}

fn event(
    act: &mut Act<'_>,
    actor: &Actor,
    kind: &'static str,
    summary: String,
    data: serde_json::Value,
) -> Result<(), Fault> {
    let (category, agent) = (Category::File, actor.agent.as_ref());
    act.event(NewEvent { category, kind, actor: &actor.name, agent, task: None, summary, data })?;
    Ok(())
}

fn keep(act: &mut Act<'_>, ask: &Ask, answer: Answer) -> Result<Answer, Fault> {
    if let Some(key) = &ask.idempotency {
        key.keep(act.tx, &answer, act.now)?;
    }
    Ok(answer)
}

/// A file, opened, with what it holds.
pub struct Opened {
    pub file: File,
    pub about: DriveFile,
}

pub async fn download(house: &House, call: &Call, name: &DrivePath) -> Result<Opened, Fault> {
    house.look(call, |_, _| Ok(())).await?;
    open(house, call.office()?, name).await
}

/// Name, size and SHA-256 of a file as it is on the drive now: what proof is made of. The caller was let in before.
pub async fn digest(house: &House, office: OfficeId, name: &DrivePath) -> Result<DriveFile, Fault> {
    Ok(open(house, office, name).await?.about)
}

async fn open(house: &House, office: OfficeId, name: &DrivePath) -> Result<Opened, Fault> {
    let (drive, incoming) = (drive(house, office).await?, incoming(house, office).await?);
    let wanted = name.clone();
    let known = house.db.read(move |tx| Ok(store::get(tx, office, &wanted)?)).await?;
    let (name, indexed) = (name.clone(), known.clone());
    let (file, row) = blocking(move || open_known(&drive, &incoming, &name, indexed.as_ref())).await?;
    let about = row.file.clone();
    if known.as_ref() != Some(&row) {
        let had = known.map(|known| known.mark);
        // What the store has no room for was read all the same, and is read again next time.
        record(house, office, &desk(office), vec![Step::There { row, had }]).await?;
    }
    Ok(Opened { file, about })
}

/// Opens a file and says what it holds: from the index if it is unchanged, else by reading it. Blocks.
fn open_known(drive: &Folder, incoming: &Folder, name: &DrivePath, known: Option<&Row>) -> Result<(File, Row), Fault> {
    let of_disk = |error| faults::of_disk(name, error);
    for _ in 0..DIGEST_READINGS_MAX {
        let (mut file, before) = drive.open_file(name).map_err(of_disk)?;
        if let Some(known) = known.filter(|known| known.mark == before.mark) {
            return Ok((file, known.clone()));
        }
        let now = incoming.now().map_err(|error| fault::io("the drive's time", &error))?;
        let sha256 = hash(&file).map_err(|error| of_disk(disk::DiskError::Io(error)))?;
        let after = look_again(&file).map_err(of_disk)?;
        if before == after {
            file.rewind().map_err(|error| of_disk(disk::DiskError::Io(error)))?;
            return Ok((file, row(name, &after, sha256, after.settled_mark(now))));
        }
    }
    Err(faults::never_still(name))
}

/// The first files by name, for the context of a session. As of the last refresh.
pub fn index(tx: &mut dyn Tx, office: OfficeId, limit: usize) -> Result<Vec<DriveFile>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(store::list(tx, office, "", Page { limit, offset: 0 })?)
}

/// Makes the folders of a new office. Blocks for a moment.
pub fn make_dirs(house: &House, office: OfficeId) -> Result<(), Fault> {
    let of_folder = |error| fault::io("the drive's folder", &error);
    // The pods' uid is given to it with the first file, or by the first pod: until then it is empty.
    make_shared_folder(&house.drive_dir(office), None).map_err(of_folder)?;
    std::fs::create_dir_all(house.incoming_dir(office)).map_err(of_folder)
}

/// Removes what uploads left behind when the server died. For the start, before requests come. Blocks.
pub fn clean_incoming(house: &House) -> Result<(), Fault> {
    let failed = |error| fault::io("unfinished uploads", &error);
    let offices = match std::fs::read_dir(house.data_dir().join("offices")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        offices => offices.map_err(failed)?,
    };
    for office in offices {
        let incoming = office.map_err(failed)?.path().join("incoming");
        let left = match std::fs::read_dir(incoming) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            left => left.map_err(failed)?,
        };
        for file in left {
            std::fs::remove_file(file.map_err(failed)?.path()).map_err(failed)?;
        }
    }
    Ok(())
}

fn desk(office: OfficeId) -> Arc<Desk> {
    DRIVES.of(office)
}

pub(super) async fn drive(house: &House, office: OfficeId) -> Result<Arc<Folder>, Fault> {
    open_folder(house.drive_dir(office)).await
}

pub(super) async fn incoming(house: &House, office: OfficeId) -> Result<Arc<Folder>, Fault> {
    open_folder(house.incoming_dir(office)).await
}

async fn open_folder(path: std::path::PathBuf) -> Result<Arc<Folder>, Fault> {
    blocking(move || Folder::open(&path).map(Arc::new).map_err(|error| fault::io("the drive's folder", &error))).await
}

/// Work on the disk, away from the threads that serve.
pub(super) async fn blocking<T, F>(work: F) -> Result<T, Fault>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Fault> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(fault::internal)?
}

/// Work that was decided and isn't left half-way, even if the client goes away.
pub(super) async fn to_its_end<T>(work: impl Future<Output = Result<T, Fault>> + Send + 'static) -> Result<T, Fault>
where
    T: Send + 'static,
{
    tokio::spawn(work).await.map_err(fault::internal)?
}
