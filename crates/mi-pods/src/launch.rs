//! From a spec to a running pod: the part that the local and the process driver share.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use nix::unistd::geteuid;

use crate::cgroup::{Cgroups, Group};
use crate::disk::Accountant;
use crate::driver::Pod;
use crate::fault::PodError;
use crate::finding::{Finding, FindingState};
use crate::log::BoundedLog;
use crate::orphans::{self, Marked};
use crate::pod::{HostPod, Parts, Reach};
use crate::spawner;
use crate::spec::{PodSpec, Room};
use crate::wire::{EnterSpec, MARKER, Sources, TICKET_FD, Wall};

/// Raising the walls takes some 20 ms; on a machine in trouble seconds.
const START_LIMIT: Duration = Duration::from_secs(20);
/// A pod that failed to start is killed; its end is a matter of milliseconds.
const END_LIMIT: Duration = Duration::from_secs(5);

pub(crate) struct Launcher {
    enter_program: PathBuf,
    enter_args: Vec<String>,
    /// Tells this server's pods from another's on the same machine, across restarts.
    instance: String,
    cgroups: Cgroups,
    accountant: Accountant,
    /// By pod id; `None` while it is being started.
    living: Mutex<HashMap<String, Option<Weak<HostPod>>>>,
}

/// What differs between the drivers.
pub(crate) struct Manner {
    pub wall: Wall,
    pub uid: Option<u32>,
    /// The program's place on the host, when it isn't the spec's.
    pub program: Option<PathBuf>,
    pub env: BTreeMap<String, String>,
}

impl Launcher {
    pub(crate) fn new(runtime_dir: &Path, enter_program: PathBuf, enter_args: Vec<String>) -> Self {
        let instance = instance_of(runtime_dir);
        Self {
            enter_program,
            enter_args,
            instance,
            cgroups: Cgroups::detect(),
            accountant: Accountant::default(),
            living: Mutex::default(),
        }
    }

    pub(crate) fn enter_program(&self) -> (&Path, &[String]) {
        (&self.enter_program, &self.enter_args)
    }

    pub(crate) fn launch(&self, spec: PodSpec, manner: Manner) -> Result<Arc<HostPod>, PodError> {
        spec.check()?;
        let id = self.pod_id(&spec);
        self.reserve(&id)?;
        let outcome = self.launch_reserved(&spec, manner);
        match &outcome {
            Ok(pod) => self.lock().insert(id, Some(Arc::downgrade(pod))),
            Err(_) => self.lock().remove(&id),
        };
        outcome
    }

    fn launch_reserved(&self, spec: &PodSpec, manner: Manner) -> Result<Arc<HostPod>, PodError> {
        self.accountant.admit(&spec.quotas)?;
        let group = self.cgroups.create(&group_name(&self.pod_id(spec)), &spec.limits)?;
        let enter = self.enter_spec(spec, manner, &group).inspect_err(|_| group.remove())?;
        let pod = self.begin(spec, &enter, group)?;
        pod.wait_up(START_LIMIT).inspect_err(|_| {
            pod.kill();
            pod.wait_cleared(END_LIMIT);
        })?;
        self.accountant.watch(&pod, &spec.quotas).inspect_err(|_| pod.kill())?;
        Ok(pod)
    }

    /// Takes the pod's place, so that a sweep leaves it alone and a second start is refused.
    fn reserve(&self, id: &str) -> Result<(), PodError> {
        let mut living = self.lock();
        living.retain(|_, pod| pod.as_ref().is_none_or(|pod| pod.upgrade().is_some_and(|pod| pod.runs())));
        if living.contains_key(id) {
            return Err(PodError::spec("this pod already runs"));
        }
        living.insert(id.to_owned(), None);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<Weak<HostPod>>>> {
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pod_id(&self, spec: &PodSpec) -> String {
        format!("{}/{}/{}/{}", self.instance, spec.office, spec.agent, spec.epoch)
    }

    pub(crate) fn limit_findings(&self) -> Vec<Finding> {
        let disk =
            Finding::limit("disk", FindingState::Raised, "measured every two seconds; a pod that keeps more is ended");
        let mut findings = self.cgroups.findings(&format!("mi-{}-trial", self.instance));
        findings.push(disk);
        findings
    }

    pub(crate) fn sweep(&self) -> Result<usize, PodError> {
        let ids: Vec<String> = self.lock().keys().cloned().collect();
        let groups: Vec<String> = ids.iter().map(|id| group_name(id)).collect();
        let prefix = format!("{}/", self.instance);
        let killed = orphans::kill(Marked::Instance { prefix: &prefix, living: &ids });
        let killed = killed.map_err(PodError::io("end the pods that an earlier server left"))?;
        self.cgroups.sweep(&group_name(&prefix), &groups);
        Ok(killed)
    }

    /// Starts the outer process, puts it into its groups and only then tells it what to become.
    fn begin(&self, spec: &PodSpec, enter: &EnterSpec, group: Group) -> Result<Arc<HostPod>, PodError> {
        let id = self.pod_id(spec);
        let frame = serde_json::to_vec(enter).map_err(PodError::io("write the pod's spec"))?;
        let prepared = self.open_channels(spec, &id);
        let (command, control, output, log) = prepared.inspect_err(|_| group.remove())?;
        let child = spawner::spawn(command).inspect_err(|_| group.remove())?;
        let joined = group.join(child.id());
        let reach = match enter.wall {
            Wall::None => Reach::Tree,
            Wall::Bwrap { .. } | Wall::Namespaces => Reach::Namespace,
        };
        let pod = HostPod::watch(Parts { id, reach, child, control, output, log, group })?;
        let told = joined.and_then(|()| pod.send_frame(&frame)).and_then(|()| pod.send_frame(spec.ticket.as_bytes()));
        told.map_err(PodError::io("hand the pod its spec")).inspect_err(|_| pod.kill())?;
        Ok(pod)
    }

    #[allow(clippy::type_complexity, reason = "four ends of three channels, taken apart at once by the one caller")]
    fn open_channels(
        &self,
        spec: &PodSpec,
        id: &str,
    ) -> Result<(Command, UnixStream, std::io::PipeReader, BoundedLog), PodError> {
        let log = BoundedLog::open(&spec.log).map_err(PodError::io("open the pod's log"))?;
        let (control, pod_end) = UnixStream::pair().map_err(PodError::io("open the pod's control socket"))?;
        let (output, writer) = std::io::pipe().map_err(PodError::io("open the pod's output"))?;
        let second = writer.try_clone().map_err(PodError::io("open the pod's output"))?;
        let mut command = Command::new(&self.enter_program);
        command.args(&self.enter_args).env_clear().env(MARKER, id).current_dir("/");
        // Its own group: an interrupt typed at the server's terminal is for the server, which then drains its pods.
        command.process_group(0).stdin(OwnedFd::from(pod_end)).stdout(writer).stderr(second);
        Ok((command, control, output, log))
    }

    fn enter_spec(&self, spec: &PodSpec, manner: Manner, group: &Group) -> Result<EnterSpec, PodError> {
        let real = |path: &Path| path.canonicalize().map_err(PodError::io("resolve the pod's paths"));
        let harness = |root: &crate::spec::HarnessRoot| Ok((root.name.clone(), real(&root.root)?));
        let shown = spec.harnesses.iter().filter(|root| !root.is_everywhere());
        let sources = Sources {
            workspace: real(&spec.workspace)?,
            drive: real(&spec.drive)?,
            socket_dir: spec.socket_dir.as_deref().map(real).transpose()?,
            program: manner.program.map_or_else(|| real(&spec.program), Ok)?,
            enter_program: real(&self.enter_program)?,
            harnesses: shown.map(harness).collect::<Result<_, PodError>>()?,
        };
        let mut env = manner.env;
        env.extend(spec.env.iter().cloned());
        env.insert(MARKER.to_owned(), self.pod_id(spec));
        match spec.room {
            Room::Agent => env.insert("MI_TICKET_FD".to_owned(), TICKET_FD.to_string()),
            Room::Check => None,
        };
        Ok(EnterSpec {
            server_pid: std::process::id(),
            hostname: spec.agent.clone(),
            room: spec.room,
            wall: manner.wall,
            uid: manner.uid,
            sources,
            enter_args: self.enter_args.clone(),
            args: spec.args.clone(),
            env: env.into_iter().collect(),
            rlimits: group.rlimits.clone(),
        })
    }
}

/// The uid that a pod gets: the office's when the server is root, else (`None`) the server's own.
pub(crate) fn pod_uid(spec: &PodSpec) -> Result<Option<u32>, PodError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    match spec.host_uid {
        Some(0) => Err(PodError::spec("a pod never runs as root: its office needs an unprivileged uid")),
        uid => Ok(uid),
    }
}

/// What every pod finds in its environment, sandboxed or not.
pub(crate) fn common_env(spec: &PodSpec) -> BTreeMap<String, String> {
    let pairs = [
        ("USER", spec.agent.as_str()),
        ("LOGNAME", spec.agent.as_str()),
        ("SHELL", "/bin/sh"),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/tmp"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn group_name(pod_id: &str) -> String {
    format!("mi-{}", pod_id.replace('/', "-"))
}

/// A short stable name for the runtime directory (FNV-1a, 64 bit), so that no path of the host shows inside a pod.
fn instance_of(runtime_dir: &Path) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let real = runtime_dir.canonicalize().unwrap_or_else(|_| runtime_dir.to_owned());
    let hash = real.as_os_str().as_encoded_bytes().iter();
    let hash = hash.fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}
