//! A clean sandbox for one program: it reads the drive, has an empty home, reaches nobody, and is gone in time.

use std::fs::DirBuilder;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mi_core::checks::judge::{CommandEnd, Judgement};
use mi_core::limits::CHECK_OUTPUT_BYTES_MAX;
use mi_pods::{Driver, Limit, Limits, Pod, PodSpec, PodStatus, Room};
use zeroize::Zeroizing;

use super::{FOLDER, Unable, tail};
use crate::checks::runs::Standing;
use crate::checks::service::Job;
use crate::house::House;
use crate::pods;

const MEMORY_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Processes and threads together.
const PIDS_MAX: u64 = 512;
/// Thousandths of one processor.
const CPU_MILLIS_MAX: u64 = 2_000;
/// A killed pod's processes end at once; a machine in trouble may take a while to bury them.
const END_LIMIT: Duration = Duration::from_secs(10);
/// Passable for the office's user, who knows the way.
const PASSABLE_MODE: u32 = 0o711;
const OWN_MODE: u32 = 0o700;

/// What a sandbox is sent to do.
pub struct Errand {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub seconds: i64,
}

/// How it came back.
pub struct Back {
    pub end: CommandEnd,
    /// The end of what it printed.
    pub output: String,
}

/// Runs one errand to its end, or to its limit.
pub async fn send(house: &House, job: &Job, errand: Errand) -> Result<Back, Unable> {
    let seconds = errand.seconds;
    let spec = spec(house, job, errand).await?;
    let (log, home) = (spec.log.clone(), spec.workspace.clone());
    let outcome = watch(house, job, spec, seconds).await;
    let read = blocking(move || {
        let output = output(&log);
        remove(&home, &log);
        output
    })
    .await?;
    let end = outcome?;
    let output = read.map_err(|error| Unable(format!("what the check printed can't be read: {error}")))?;
    Ok(Back { end, output })
}

/// What a check's outcome is worth where pods have no walls is said with it.
pub fn with_walls(house: &House, judgement: Judgement) -> Judgement {
    if house.driver.name() != "process" {
        return judgement;
    }
    match judgement {
        Judgement::Passed(detail) => Judgement::Passed(format!("{detail}, run without a sandbox")),
        Judgement::Failed(detail) => Judgement::Failed(format!("{detail}, run without a sandbox")),
    }
}

async fn spec(house: &House, job: &Job, errand: Errand) -> Result<PodSpec, Unable> {
    let host_uid = house.pod_uid(job.office).await.map_err(|fault| Unable(fault.sentence))?;
    let number = house.checks.next_number();
    let (office_dir, name) = (house.office_dir(job.office), format!("{}-{number}", job.task));
    let folder = office_dir.join(FOLDER);
    let (drive, home) = (house.drive_dir(job.office), folder.join(&name));
    let prepared = {
        let (home, drive) = (home.clone(), drive.clone());
        blocking(move || prepare(&[&office_dir, &folder], &home, &drive, host_uid)).await?
    };
    prepared.map_err(|error| Unable(format!("the sandbox's folders can't be made ready: {error}")))?;
    let limit = |amount| Some(Limit { amount, strict: house.settings.strict_limits });
    Ok(PodSpec {
        office: job.office.0.simple().to_string(),
        agent: format!("check-{}", job.task),
        epoch: number,
        room: Room::Check,
        log: home.with_extension("log"),
        workspace: home,
        drive,
        socket_dir: None,
        program: errand.program,
        args: errand.args,
        env: Vec::new(),
        ticket: Zeroizing::default(),
        host_uid,
        limits: Limits { memory: limit(MEMORY_BYTES_MAX), pids: limit(PIDS_MAX), cpu: limit(CPU_MILLIS_MAX) },
        // It has nowhere to keep anything.
        quotas: Vec::new(),
        harnesses: Vec::new(),
    })
}

/// Blocks.
fn prepare(ways: &[&Path], home: &Path, drive: &Path, uid: Option<u32>) -> io::Result<()> {
    for way in ways {
        DirBuilder::new().recursive(true).mode(PASSABLE_MODE).create(way)?;
    }
    pods::make_owned(home, OWN_MODE, uid)?;
    pods::own_drive(drive, uid)
}

async fn watch(house: &House, job: &Job, spec: PodSpec, seconds: i64) -> Result<CommandEnd, Unable> {
    let driver = Arc::clone(&house.driver);
    let pod = blocking(move || start(&*driver, spec)).await??;
    if house.checks.note_pod(job.office, job.task, Some(Arc::clone(&pod))) == Standing::Overtaken {
        blocking(move || pod.kill()).await?;
        return Err(overtaken());
    }
    let limit = Duration::from_secs(seconds.unsigned_abs());
    let ended = blocking(move || wait(&*pod, limit)).await;
    match house.checks.note_pod(job.office, job.task, None) {
        Standing::Wanted => ended?,
        Standing::Overtaken => Err(overtaken()),
    }
}

/// Nobody will read it: the act that would write it down finds the round gone.
fn overtaken() -> Unable {
    Unable("its task has gone on".to_owned())
}

fn start(driver: &dyn Driver, spec: PodSpec) -> Result<Arc<dyn Pod>, Unable> {
    driver.start(spec).map_err(|error| match error.hint() {
        Some(hint) => Unable(format!("{error}; {hint}")),
        None => Unable(error.to_string()),
    })
}

/// Blocks until nothing of the pod runs any more.
fn wait(pod: &dyn Pod, limit: Duration) -> Result<CommandEnd, Unable> {
    match pod.wait_timeout(limit) {
        PodStatus::Exited { code: Some(code), .. } => Ok(CommandEnd::Code(i64::from(code))),
        PodStatus::Exited { signal: Some(signal), .. } => Ok(CommandEnd::Signal(i64::from(signal))),
        PodStatus::Exited { code: None, signal: None } => Err(Unable("its sandbox was torn down".to_owned())),
        PodStatus::Running => {
            pod.kill();
            match pod.wait_timeout(END_LIMIT) {
                PodStatus::Exited { .. } => Ok(CommandEnd::OutOfTime),
                PodStatus::Running => Err(Unable("its sandbox can't be ended".to_owned())),
            }
        }
    }
}

/// The end of the log, from the older half too where the newer one has just begun.
fn output(log: &Path) -> io::Result<String> {
    let mut bytes = end_of(&log.with_extension("log.1"))?;
    bytes.extend(end_of(log)?);
    let text = String::from_utf8_lossy(&bytes);
    Ok(tail(text.trim_end(), CHECK_OUTPUT_BYTES_MAX).to_owned())
}

fn end_of(log: &Path) -> io::Result<Vec<u8>> {
    let mut file = match std::fs::File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    // More than is kept, so that what is kept can begin with a line.
    let wanted = 2 * CHECK_OUTPUT_BYTES_MAX as u64;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(wanted)))?;
    let mut bytes = Vec::new();
    file.take(wanted).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A folder that can't be removed is a nuisance, not a reason to doubt what was found.
fn remove(home: &Path, log: &Path) {
    let older = log.with_extension("log.1");
    let removed = [mi_pods::remove_tree(home), std::fs::remove_file(log), std::fs::remove_file(older)];
    for error in removed.into_iter().filter_map(Result::err) {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::warn!(%error, "something of a check stays behind");
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unable> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Unable(format!("the check broke off: {error}")))
}
