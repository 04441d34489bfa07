//! Keeps the index true to the drive, and the list of changes true to the index.
//!
//! Agents change the drive without telling; so every read first walks it, reads what has
//! another mark than in the index, and records the difference. A step is recorded only if
//! the index still is as it was when the step was found: whoever was faster knows better,
//! and what is left is found by the next walk.
//!
//! A full disk keeps nobody from reading: what the store has no room for is handed to the
//! reader instead, and the next walk finds it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use mi_core::drive::DrivePath;
use mi_core::ids::OfficeId;
use mi_core::problem::Code;
use mi_core::time::{Millis, Time};
use mi_core::wire::files::ChangeKind;

use super::disk::{Folder, Mark};
use super::drives::Desk;
use super::scan::{Difference, look_at, read, walk};
use super::store::{self, Position, Row};
use super::{faults, service};
use crate::house::House;
use crate::infra::act::Act;
use crate::infra::db::Tx;
use crate::infra::fault::{self, Fault};

/// Changes kept of each office; who was away for longer lists everything again.
const CHANGES_KEPT_MAX: i64 = 50_000;
const GONE_BATCH_FILES_MAX: usize = 500;

/// A difference between drive and index.
#[derive(Debug, Clone)]
pub enum Step {
    /// The file is there, and the index had this mark of it when it was read.
    There { row: Row, had: Option<Mark> },
    /// Nothing is there any more, and the index had this mark.
    Gone { name: DrivePath, had: Mark },
}

/// One round: walk, read, record. Gives what there was no room to record.
pub async fn run(house: &House, office: OfficeId, desk: &Desk) -> Result<Vec<Step>, Fault> {
    let (drive, incoming) = (service::drive(house, office).await?, service::incoming(house, office).await?);
    let index = house.db.read(move |tx| Ok(store::all(tx, office)?)).await?;
    let root = Arc::clone(&drive);
    let found = service::blocking(move || walk(&root).map_err(faults::of_folder)).await?;
    catch_up(house, office, desk, (drive, incoming), Difference::between(index, &found)).await
}

/// As `run`, for these files alone.
pub async fn run_for(house: &House, office: OfficeId, desk: &Desk, names: Vec<DrivePath>) -> Result<(), Fault> {
    let (drive, incoming) = (service::drive(house, office).await?, service::incoming(house, office).await?);
    let (root, asked) = (Arc::clone(&drive), names.clone());
    let index = move |tx: &mut dyn Tx| {
        let rows = names.iter().map(|name| Ok(store::get(tx, office, name)?)).collect::<Result<Vec<_>, Fault>>()?;
        Ok(rows.into_iter().flatten().collect())
    };
    let index = house.db.read(index).await?;
    let found = service::blocking(move || look_at(&root, &asked).map_err(faults::of_folder)).await?;
    catch_up(house, office, desk, (drive, incoming), Difference::between(index, &found)).await.map(drop)
}

async fn catch_up(
    house: &House,
    office: OfficeId,
    desk: &Desk,
    (drive, incoming): (Arc<Folder>, Arc<Folder>),
    difference: Difference,
) -> Result<Vec<Step>, Fault> {
    let mut unrecorded = Vec::new();
    for batch in difference.to_read {
        let (root, incoming) = (Arc::clone(&drive), Arc::clone(&incoming));
        let steps = service::blocking(move || read_all(&root, &incoming, batch)).await?;
        unrecorded.extend(record(house, office, desk, steps).await?);
    }
    for gone in difference.gone.chunks(GONE_BATCH_FILES_MAX) {
        let steps = gone.iter().cloned().map(|(name, had)| Step::Gone { name, had }).collect();
        unrecorded.extend(record(house, office, desk, steps).await?);
    }
    Ok(unrecorded)
}

fn read_all(root: &Folder, incoming: &Folder, batch: Vec<(DrivePath, Option<Mark>)>) -> Result<Vec<Step>, Fault> {
    let now = incoming.now().map_err(|error| fault::io("the drive's time", &error))?;
    let step = |(name, had): (DrivePath, Option<Mark>)| Some(Step::There { row: read(root, &name, now)?, had });
    Ok(batch.into_iter().filter_map(step).collect())
}

/// Writes steps into the index, and gives them back if the store has no room. Runs to its end even if nobody waits for
/// it any more.
pub async fn record(house: &House, office: OfficeId, desk: &Desk, steps: Vec<Step>) -> Result<Vec<Step>, Fault> {
    if steps.is_empty() {
        return Ok(steps);
    }
    let (house, recording, steps) = (house.clone(), Arc::clone(&desk.recording), Arc::new(steps));
    let given = Arc::clone(&steps);
    let recorded = service::to_its_end(async move {
        let _shared = recording.read().await;
        house.act_as_server(office, move |act| record_in(act, &given)).await
    })
    .await;
    match recorded {
        Ok(()) => Ok(Vec::new()),
        Err(fault) if fault.code == Code::DriveFull => {
            let (files, cause) = (steps.len(), fault.cause.as_deref());
            tracing::warn!(%office, files, cause, "no room to record what is on the drive; the next reading tries again");
            Ok(Arc::unwrap_or_clone(steps))
        }
        Err(fault) => Err(fault),
    }
}

/// The index as it would be with these steps recorded in it.
pub fn overlay(index: Vec<Row>, steps: &[Step]) -> BTreeMap<DrivePath, Row> {
    let mut rows: BTreeMap<DrivePath, Row> = index.into_iter().map(|row| (row.file.name.clone(), row)).collect();
    for step in steps {
        let (name, had) = match step {
            Step::There { row, had } => (&row.file.name, had.as_ref()),
            Step::Gone { name, had } => (name, Some(had)),
        };
        if rows.get(name).map(|known| &known.mark) != had {
            continue;
        }
        match step {
            Step::There { row, .. } => drop(rows.insert(name.clone(), row.clone())),
            Step::Gone { .. } => drop(rows.remove(name)),
        }
    }
    rows
}

fn record_in(act: &mut Act<'_>, steps: &[Step]) -> Result<(), Fault> {
    let mut changes = Changes::begin(act.tx, act.office, act.now)?;
    for step in steps {
        match step {
            Step::There { row, had } => {
                let known = store::get(act.tx, act.office, &row.file.name)?;
                if known.as_ref().map(|known| &known.mark) != had.as_ref() {
                    continue;
                }
                store::put(act.tx, act.office, row)?;
                match known {
                    None => changes.add(act.tx, ChangeKind::Created, &row.file.name)?,
                    Some(known) if known.file.sha256 != row.file.sha256 => {
                        changes.add(act.tx, ChangeKind::Modified, &row.file.name)?;
                    }
                    Some(_) => {}
                }
            }
            Step::Gone { name, had } => {
                if store::get(act.tx, act.office, name)?.is_some_and(|known| known.mark == *had) {
                    store::remove(act.tx, act.office, name)?;
                    changes.add(act.tx, ChangeKind::Deleted, name)?;
                }
            }
        }
    }
    changes.end(act.tx)
}

/// Appends to the list of changes. The changes of one act share a moment that is later than every earlier one, so that
/// whoever asks again with the time of the last answer misses nothing and gets nothing twice.
pub struct Changes {
    office: OfficeId,
    at: Time,
    seq: i64,
}

impl Changes {
    pub fn begin(tx: &mut dyn Tx, office: OfficeId, now: Time) -> Result<Self, Fault> {
        let last = store::last_change(tx, office)?;
        let (at, seq) = last.map_or((now, 0), |last| (now.max(last.at + Millis(1)), last.seq));
        Ok(Self { office, at, seq })
    }

    pub fn add(&mut self, tx: &mut dyn Tx, kind: ChangeKind, name: &DrivePath) -> Result<(), Fault> {
        self.seq += 1;
        store::insert_change(tx, self.office, Position { seq: self.seq, at: self.at }, kind, name)?;
        Ok(())
    }

    /// Forgets what is more than the list keeps.
    pub fn end(self, tx: &mut dyn Tx) -> Result<(), Fault> {
        if self.seq > CHANGES_KEPT_MAX {
            store::forget_changes(tx, self.office, self.seq - CHANGES_KEPT_MAX)?;
        }
        Ok(())
    }
}
