//! How much a folder that a pod may write to holds, and what becomes of a pod that keeps more than it may.
//!
//! No kernel limit on disk space works on every file system and for every user, so it is held by accounting: one thread
//! measures. A pod that keeps too much is ended. Started again it has half a minute to make room, keeping no more than
//! then; else it is ended again and doesn't start for a minute, which is long enough to be given up. A folder that changes is looked at
//! every two seconds, one that doesn't less and less often, and all at once when the disk's free space falls. When the disk
//! is nearly full, all pods that write to it are ended: the server's own store is on it.
//!
//! Folders that can't be looked into, because they nest too deep or are closed, are too much as well: else making some
//! would be the way to keep as much as one likes.
//!
//! Files that were deleted and are still open are on nobody's account; the reserve covers them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use crate::fault::PodError;
use crate::pod::HostPod;
use crate::spec::Quota;
use crate::usage::{Usage, measure};

/// Between two looks at a folder that changes, and between two at the disk's free space.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Between two looks at a folder that doesn't change.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(64);
/// A folder that takes long to look at is left alone for so many times as long; and so is everything, for fewer times.
const REST_PER_LOOK: u32 = 20;
const REST_PER_ROUND: u32 = 4;
/// However long a round took on a machine in trouble, nobody goes unseen for longer.
const REST_MAX: Duration = Duration::from_secs(8);
/// A fall of the free space by so much is reason to look at every folder.
const FALL_BYTES: u64 = 16 * 1024 * 1024;
const FALL_FILES: u64 = 1_000;
/// For making room.
const GRACE: Duration = Duration::from_secs(30);
/// How long a folder whose grace was wasted gets none.
const SPENT_FOR: Duration = Duration::from_secs(60);
/// Times its quota: how far the folder of an ended pod is measured.
const MEASURED_MAX: u64 = 8;
/// What pods leave to the server and the machine.
const RESERVE_BYTES: u64 = 128 * 1024 * 1024;
const RESERVE_FILES: u64 = 1_000;

#[derive(Default)]
pub(crate) struct Accountant {
    books: Arc<Mutex<Books>>,
    thread: OnceLock<io::Result<Thread>>,
}

#[derive(Default)]
struct Books {
    accounts: HashMap<PathBuf, Account>,
    /// What a folder that was found too full may hold until it has room again.
    allowances: HashMap<PathBuf, Allowance>,
}

/// What a folder may hold that was found too full.
#[derive(Clone, Copy)]
enum Allowance {
    /// What is there when its pods are gone; found out when the next one starts.
    AsFound,
    /// A pod has come back and may make room.
    Grace { usage: Usage, until: Instant },
    /// It didn't.
    Spent { at: Instant },
}

/// A folder, and the pods that write to it: one for a workspace, an office's for its drive.
struct Account {
    quota: Quota,
    pods: Vec<Weak<HostPod>>,
    known: Option<Usage>,
    rest: Duration,
    due: Instant,
    room: Option<Usage>,
}

impl Accountant {
    /// Whether a pod with these folders may start.
    pub(crate) fn admit(&self, quotas: &[Quota]) -> Result<(), PodError> {
        for quota in quotas {
            if let Some(why) = room(&quota.folder).ok().and_then(nearly_full) {
                return Err(PodError::disk(why));
            }
            let Some(allowance) = lock(&self.books).allowances.get(&quota.folder).copied() else { continue };
            // Whatever hidden folders there are, the rest is measured: it bounds what the grace allows.
            let limits = Usage { hidden: u64::MAX, ..quota.limits().times(MEASURED_MAX) };
            let usage = measure(&quota.folder, limits);
            let usage = usage.map_err(PodError::io("measure the pod's folders"))?;
            let next = match allowance {
                _ if !usage.exceeds(quota.limits()) => None,
                Allowance::Spent { at } if at.elapsed() < SPENT_FOR => {
                    return Err(PodError::disk(quota.sentence(usage)));
                }
                Allowance::AsFound | Allowance::Spent { .. } => Some(grace(usage)),
                // Of an office's drive, to which others write as well.
                Allowance::Grace { .. } => Some(allowance),
            };
            let mut books = lock(&self.books);
            match next {
                Some(next) => books.allowances.insert(quota.folder.clone(), next),
                None => books.allowances.remove(&quota.folder),
            };
        }
        Ok(())
    }

    /// Looks at the pod's folders from now on, as long as it runs.
    pub(crate) fn watch(&self, pod: &Arc<HostPod>, quotas: &[Quota]) -> Result<(), PodError> {
        if quotas.is_empty() {
            return Ok(());
        }
        let mut books = lock(&self.books);
        for quota in quotas {
            let account = books.accounts.entry(quota.folder.clone()).or_insert_with(|| Account::of(quota));
            account.quota = quota.clone();
            account.pods.push(Arc::downgrade(pod));
            account.due = Instant::now();
        }
        drop(books);
        let thread = self.thread.get_or_init(|| start(&self.books)).as_ref();
        thread.map_err(|error| PodError::start(format!("no thread to measure disk use: {error}")))?.unpark();
        Ok(())
    }
}

impl Drop for Accountant {
    fn drop(&mut self) {
        if let Some(Ok(thread)) = self.thread.get() {
            thread.unpark();
        }
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread ends with its accountant.
fn start(books: &Arc<Mutex<Books>>) -> io::Result<Thread> {
    let books = Arc::downgrade(books);
    let handle = thread::Builder::new().name("mi-pods-disk".into()).spawn(move || {
        while let Some(books) = books.upgrade() {
            let began = Instant::now();
            let what_is_left = round(&books);
            drop(books);
            match what_is_left {
                0 => thread::park(),
                _ => thread::park_timeout((began.elapsed() * REST_PER_ROUND).clamp(LOOK_EVERY, REST_MAX)),
            }
        }
    })?;
    Ok(handle.thread().clone())
}

/// One look at everything that is due; how many folders pods still write to.
fn round(books: &Mutex<Books>) -> usize {
    // Measuring takes its time, and a start must not wait for it.
    let mut accounts = std::mem::take(&mut lock(books).accounts);
    for account in accounts.values_mut() {
        account.pods.retain(|pod| pod.upgrade().is_some_and(|pod| pod.runs()));
        if account.pods.is_empty() {
            continue;
        }
        if let Err(error) = account.look(books) {
            tracing::warn!(%error, folder = account.quota.name, "disk use can't be measured");
        }
    }
    accounts.retain(|_, account| !account.pods.is_empty());
    let mut books = lock(books);
    for (folder, account) in accounts {
        match books.accounts.entry(folder) {
            Entry::Vacant(place) => {
                place.insert(account);
            }
            // A pod that started meanwhile opened the account anew.
            Entry::Occupied(mut there) => there.get_mut().pods.extend(account.pods),
        }
    }
    books.accounts.len()
}

impl Account {
    fn of(quota: &Quota) -> Self {
        Self { quota: quota.clone(), pods: Vec::new(), known: None, rest: LOOK_EVERY, due: Instant::now(), room: None }
    }

    fn condemn(&self, why: &str) {
        self.pods.iter().filter_map(Weak::upgrade).for_each(|pod| pod.condemn(why.to_owned()));
    }

    fn look(&mut self, books: &Mutex<Books>) -> io::Result<()> {
        let room = room(&self.quota.folder)?;
        if let Some(why) = nearly_full(room) {
            self.condemn(&why);
            return Ok(());
        }
        let fell = self.room.is_some_and(|before| {
            before.bytes.saturating_sub(room.bytes) >= FALL_BYTES
                || before.files.saturating_sub(room.files) >= FALL_FILES
        });
        if !fell && Instant::now() < self.due {
            return Ok(());
        }
        self.room = Some(room);
        self.measure(books)
    }

    fn measure(&mut self, books: &Mutex<Books>) -> io::Result<()> {
        let allowance = lock(books).allowances.get(&self.quota.folder).copied();
        let quota = self.quota.limits();
        let limits = match allowance {
            Some(Allowance::Grace { usage, until }) if Instant::now() < until => quota.or(usage),
            // Whoever writes to it now started while the others were condemned.
            Some(_) | None => quota,
        };
        let began = Instant::now();
        let usage = measure(&self.quota.folder, limits)?;
        let rests = allowance.is_none() && self.known == Some(usage);
        self.rest = if rests { (self.rest * 2).min(LOOK_EVERY_MAX) } else { LOOK_EVERY };
        self.due = began + self.rest.max(began.elapsed() * REST_PER_LOOK);
        self.known = Some(usage);
        if usage.exceeds(limits) {
            let next = allowance.map_or(Allowance::AsFound, |_| Allowance::Spent { at: Instant::now() });
            lock(books).allowances.insert(self.quota.folder.clone(), next);
            self.condemn(&self.quota.sentence(usage));
        } else if !usage.exceeds(quota) {
            lock(books).allowances.remove(&self.quota.folder);
        }
        Ok(())
    }
}

fn grace(usage: Usage) -> Allowance {
    Allowance::Grace { usage, until: Instant::now() + GRACE }
}

/// What is free on the disk of this folder, for ordinary users.
fn room(folder: &Path) -> io::Result<Usage> {
    let facts = statvfs(folder)?;
    let bytes = facts.blocks_available() * facts.fragment_size();
    Ok(Usage { bytes, files: facts.files_available(), ..Usage::default() })
}

fn nearly_full(room: Usage) -> Option<String> {
    // File systems that don't count files say 0.
    let files = room.files != 0 && room.files < RESERVE_FILES;
    (files || room.bytes < RESERVE_BYTES).then(|| "the machine's disk is nearly full".to_owned())
}
