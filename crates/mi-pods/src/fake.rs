//! Pods without processes: tests look at what was asked for and decide how it went.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::driver::{Backend, Driver, Pod, PodStatus, Readiness};
use crate::fault::PodError;
use crate::finding::Finding;
use crate::spec::PodSpec;

#[derive(Default)]
pub struct FakeDriver {
    desk: Mutex<Desk>,
    changed: Condvar,
}

#[derive(Default)]
struct Desk {
    started: VecDeque<Started>,
    failures: VecDeque<PodError>,
    living: Vec<Arc<FakePod>>,
}

/// One start that a test has not looked at yet, ticket included.
#[derive(Debug)]
pub struct Started {
    pub spec: PodSpec,
    pub pod: Arc<FakePod>,
}

#[derive(Debug)]
pub struct FakePod {
    state: Mutex<FakeState>,
    changed: Condvar,
}

#[derive(Debug)]
struct FakeState {
    status: PodStatus,
    terminations: u32,
    verdict: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeDriver {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The starts since the last call, oldest first.
    pub fn drain(&self) -> Vec<Started> {
        lock(&self.desk).started.drain(..).collect()
    }

    /// Takes the next start, waiting at most so long for it.
    pub fn next_started(&self, limit: Duration) -> Option<Started> {
        let desk = lock(&self.desk);
        let waited = self.changed.wait_timeout_while(desk, limit, |desk| desk.started.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.started.pop_front()
    }

    /// The next start that comes fails like this.
    pub fn fail_next(&self, error: PodError) {
        lock(&self.desk).failures.push_back(error);
    }

    /// How many pods run; a test house ends with none.
    pub fn running(&self) -> usize {
        lock(&self.desk).living.iter().filter(|pod| pod.status() == PodStatus::Running).count()
    }
}

impl Driver for FakeDriver {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn readiness(&self) -> Readiness {
        Readiness { backend: Backend::None, findings: Vec::new() }
    }

    fn start(&self, spec: PodSpec) -> Result<Arc<dyn Pod>, PodError> {
        let mut desk = lock(&self.desk);
        if let Some(error) = desk.failures.pop_front() {
            return Err(error);
        }
        let state = FakeState { status: PodStatus::Running, terminations: 0, verdict: None };
        let pod = Arc::new(FakePod { state: Mutex::new(state), changed: Condvar::new() });
        desk.living.retain(|pod| pod.status() == PodStatus::Running);
        desk.living.push(Arc::clone(&pod));
        desk.started.push_back(Started { spec, pod: Arc::clone(&pod) });
        self.changed.notify_all();
        Ok(pod)
    }

    fn sweep_orphans(&self) -> Result<usize, PodError> {
        Ok(0)
    }
}

impl FakePod {
    /// The pod's program ends by itself.
    pub fn exit(&self, code: i32) {
        self.end(PodStatus::Exited { code: Some(code), signal: None });
    }

    /// The driver ends it, and says why.
    pub fn condemn(&self, why: &str) {
        lock(&self.state).verdict = Some(why.to_owned());
        self.kill();
    }

    /// How often the pod was asked to end; it doesn't by itself.
    pub fn terminations(&self) -> u32 {
        lock(&self.state).terminations
    }

    fn end(&self, status: PodStatus) {
        let mut state = lock(&self.state);
        if state.status == PodStatus::Running {
            state.status = status;
        }
        self.changed.notify_all();
    }
}

impl Pod for FakePod {
    fn pid(&self) -> Option<u32> {
        None
    }

    fn status(&self) -> PodStatus {
        lock(&self.state).status
    }

    fn terminate(&self) {
        lock(&self.state).terminations += 1;
        self.changed.notify_all();
    }

    fn kill(&self) {
        self.end(PodStatus::Exited { code: None, signal: Some(nix::sys::signal::Signal::SIGKILL as i32) });
    }

    fn wait_timeout(&self, limit: Duration) -> PodStatus {
        let running = |state: &mut FakeState| state.status == PodStatus::Running;
        let waited = self.changed.wait_timeout_while(lock(&self.state), limit, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.status
    }

    fn verdict(&self) -> Option<String> {
        lock(&self.state).verdict.clone()
    }

    fn degraded(&self) -> Vec<Finding> {
        Vec::new()
    }
}
